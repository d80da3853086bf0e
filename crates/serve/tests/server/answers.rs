//! What is answered: pixels, pictures, lists, and every other endpoint.

use std::io::Cursor;
use std::time::Duration;

use adder_model::Predictor;
use adder_serve::Limits;
use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use serde_json::{Value, json};

use crate::PNG;
use crate::client::{Running, drawing, drawing_file, network, pixels};

#[test]
fn answers_are_the_predictors() {
    let server = Running::start(Limits::default());
    for seed in 0..5 {
        let addend = seed as u8;
        let reply = server.post(&json!({ "pixels": pixels(seed), "addend": addend }));
        assert_eq!(reply.status, 200, "{}", reply.body);
        let said = reply.json();
        let ours = Predictor::new(&network()).unwrap().predict(&pixels(seed), addend).unwrap();
        assert_eq!((&said["digit"], &said["sum"]), (&ours.digit.into(), &ours.sum.into()));
        let probability = said["sum_probabilities"][usize::from(ours.sum)].as_f64().unwrap();
        assert!((probability - f64::from(ours.sum_probabilities[usize::from(ours.sum)])).abs() < 1e-6);
    }
}

#[test]
fn a_list_is_answered_in_its_order_and_without_an_addend_all_ten_are() {
    let server = Running::start(Limits::default());
    let inputs: Vec<Value> =
        (0..70).map(|seed| json!({ "pixels": pixels(seed), "addend": seed % 10 })).collect();
    let list = server.post(&json!({ "inputs": inputs })).json();
    for (seed, answer) in list["answers"].as_array().unwrap().iter().enumerate() {
        assert_eq!(answer["addend"], seed % 10);
        assert_eq!(
            *answer,
            server.post(&json!({ "pixels": pixels(seed as u32), "addend": seed % 10 })).json()
        );
    }
    let all = server.post(&json!({ "pixels": pixels(3) })).json();
    let one = server.post(&json!({ "pixels": pixels(3), "addend": 4 })).json();
    assert_eq!(all["sums"].as_array().unwrap().len(), 10);
    assert_eq!(all["sums"][4]["sum_probabilities"], one["sum_probabilities"]);
}

#[test]
fn pictures_come_as_bodies_and_as_base64() {
    use base64::Engine;
    let server = Running::start(Limits::default());
    let body = server.send(
        "POST",
        "/v1/predict?addend=7&seen=true",
        &[("content-type", "image/png")],
        &drawing_file(&[(40, 50)]),
    );
    assert_eq!(body.status, 200, "{}", body.body);
    let said = body.json();
    assert_eq!((said["addend"].as_u64(), said["seen"].as_array().unwrap().len()), (Some(7), 784));
    assert!(said["seen"].as_array().unwrap().iter().any(|value| value.as_u64() > Some(200)));
    let text = base64::engine::general_purpose::STANDARD.encode(drawing_file(&[(40, 50)]));
    let encoded = server.post(&json!({ "image": &text, "addend": 7, "seen": true }));
    assert_eq!(encoded.json(), said);

    // Raw, the light page stays light; found, only the stroke is.
    let light = |answer: &Value| {
        let seen = answer["seen"].as_array().unwrap().iter();
        seen.filter(|value| value.as_u64() > Some(200)).count()
    };
    let path = "/v1/predict?addend=7&seen=true&raw=true";
    let raw = server.send("POST", path, &[("content-type", "image/png")], &drawing_file(&[(40, 50)])).json();
    assert!(light(&said) < 200 && light(&raw) > 400, "{} and {}", light(&said), light(&raw));
    let encoded = server.post(&json!({ "image": text, "addend": 7, "seen": true, "raw": true }));
    assert_eq!(encoded.json(), raw);
}

#[test]
fn base64_is_taken_as_programs_write_it() {
    let server = Running::start(Limits::default());
    let plain = drawing(&[(40, 50)]);
    let expected = server.post(&json!({ "image": &plain, "addend": 7 })).json();
    assert_eq!(expected["status"], "digit");
    let lines = plain.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap());
    let lines = lines.collect::<Vec<_>>().join("\r\n");
    let url_safe = plain.replace('+', "-").replace('/', "_");
    for text in [
        format!("data:image/png;base64,{plain}"),
        format!("\n {plain}\n"),
        lines,
        plain.trim_end_matches('=').to_owned(),
        url_safe.trim_end_matches('=').to_owned(),
    ] {
        let reply = server.post(&json!({ "image": &text, "addend": 7 }));
        assert_eq!((reply.status, reply.json()), (200, expected.clone()), "{text}");
    }
    let refusal = server.post(&json!({ "image": "https://example.org/three.png" }));
    assert_eq!(refusal.status, 400);
    assert!(refusal.body.contains("an address") && refusal.body.contains("data URL"), "{}", refusal.body);
    let gif = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, b"GIF89a\x01\0\x01\0");
    let refusal = server.post(&json!({ "inputs": [{ "image": gif }] }));
    assert_eq!(refusal.status, 400);
    assert!(
        refusal.body.contains("inputs[0]: image") && refusal.body.contains("a GIF file"),
        "{}",
        refusal.body
    );
}

#[test]
fn a_picture_of_nothing_gets_no_answer() {
    let server = Running::start(Limits::default());
    for path in ["/v1/predict", "/v1/predict?addend=7&each=true&seen=true"] {
        let reply = server.send("POST", path, &PNG, &drawing_file(&[]));
        let said = reply.json();
        assert_eq!((reply.status, &said["status"]), (200, &"nothing".into()), "{}", reply.body);
        assert!(said["reason"].as_str().unwrap().contains("no digit found"), "{said}");
        assert_eq!(said.as_object().unwrap().len(), 2, "{said}");
    }
    // In a list it costs its own answer.
    let list = json!({ "inputs": [
        { "image": drawing(&[]), "addend": 1 }, { "image": drawing(&[(40, 50)]), "addend": 1 }, { "pixels": pixels(1), "addend": 1 },
    ] });
    let said = server.post(&list).json();
    let statuses: Vec<&Value> =
        said["answers"].as_array().unwrap().iter().map(|answer| &answer["status"]).collect();
    assert_eq!(statuses, ["nothing", "digit", "digit"]);
    let alone = server.post(&json!({ "pixels": pixels(1), "addend": 1 })).json();
    assert_eq!(said["answers"][2], alone);
    // Where nothing is looked for, there is always something to say, without a place.
    let raw = server.send("POST", "/v1/predict?addend=7&raw=true", &PNG, &drawing_file(&[])).json();
    assert_eq!((&raw["status"], raw.get("box")), (&"digit".into(), None));
}

#[test]
fn a_digit_has_its_place_alone_and_among_parts() {
    let server = Running::start(Limits::default());
    let one = server.send("POST", "/v1/predict?addend=7&seen=true", &PNG, &drawing_file(&[(40, 50)])).json();
    assert_eq!(one["status"], "digit");
    for (side, about) in [("left", 40), ("top", 20), ("width", 10), ("height", 80)] {
        let found = one["box"][side].as_i64().unwrap();
        assert!((found - about).abs() <= 2, "{side}: {}", one["box"]);
    }
    let path = "/v1/predict?addend=7&seen=true&each=true";
    let each = server.send("POST", path, &PNG, &drawing_file(&[(40, 50)])).json();
    let mut part = one.clone();
    part.as_object_mut().unwrap().remove("status");
    assert_eq!(each, json!({ "status": "parts", "parts": [part] }));
}

#[test]
fn several_digits_are_answered_only_where_each_is_asked_for() {
    let server = Running::start(Limits::default());
    let image = drawing(&[(30, 40), (150, 160)]);
    let reply = server.post(&json!({ "image": &image, "addend": 7 }));
    let said = reply.json();
    assert_eq!((reply.status, &said["status"]), (200, &"several".into()), "{said}");
    assert_eq!(said["boxes"].as_array().unwrap().len(), 2, "{said}");
    assert!(said["reason"].as_str().unwrap().contains("2 digits found"), "{said}");
    assert!(said.get("digit").is_none() && said.get("sum").is_none(), "{said}");
    let each = server.post(&json!({ "image": image, "addend": 7, "each": true, "seen": true })).json();
    let parts = each["parts"].as_array().unwrap();
    let lefts: Vec<i64> = parts.iter().map(|part| part["box"]["left"].as_i64().unwrap()).collect();
    assert!(parts.len() == 2 && (lefts[0] - 30).abs() <= 2 && (lefts[1] - 150).abs() <= 2, "{lefts:?}");
    // Each has the answers of a picture of its own.
    let alone = server.post(&json!({ "image": drawing(&[(30, 40)]), "addend": 7, "seen": true })).json();
    assert_eq!(parts[0]["seen"], alone["seen"]);
    assert_eq!(parts[0]["sum_probabilities"], alone["sum_probabilities"]);
}

#[test]
fn photos_as_phones_take_them_are_within_the_limits() {
    let limits = Limits::default();
    // 50 megapixels of three bytes, and their file as base64.
    assert!(limits.picture >= 3 * 8192 * 6144 && limits.body >= 16 << 20);
    // Where nothing is optimized it takes its time.
    let server = Running::start(Limits { time: Duration::from_secs(120), ..limits });
    let page = GrayImage::from_fn(5712, 4284, |x, y| {
        Luma([if (2000..2300).contains(&x) && (1000..3500).contains(&y) { 30 } else { 220 }])
    });
    let mut file = Cursor::new(Vec::new());
    DynamicImage::from(page).to_rgb8().write_to(&mut file, ImageFormat::Png).unwrap();
    let reply = server.send("POST", "/v1/predict?addend=1", &PNG, file.get_ref());
    assert_eq!((reply.status, &reply.json()["status"]), (200, &"digit".into()), "{}", reply.body);
}

#[test]
fn feature_maps_are_the_networks_own() {
    let server = Running::start(Limits::default());
    let said = server.post(&json!({ "inputs": [
        { "pixels": pixels(1), "addend": 1, "feature_maps": true },
        { "pixels": pixels(2), "feature_maps": true },
        { "pixels": pixels(3), "addend": 1 },
    ] }));
    let said = said.json();
    let predictor = Predictor::new(&network()).unwrap();
    for (index, seed) in [(0, 1), (1, 2)] {
        let image: Vec<f32> =
            pixels(seed).iter().map(|&byte| adder_model::normalize(f32::from(byte))).collect();
        let ours = predictor.feature_maps(&image).unwrap();
        let theirs = said["answers"][index]["feature_maps"].as_array().unwrap();
        assert_eq!((ours.len(), theirs.len()), (6, 6));
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert_eq!(theirs["height"], ours.height);
            let shades: Vec<u64> =
                theirs["pixels"].as_array().unwrap().iter().map(|value| value.as_u64().unwrap()).collect();
            assert_eq!(shades.len(), ours.channels * ours.height * ours.width);
            let plane = ours.height * ours.width;
            let maps = ours.values.chunks(plane).zip(shades.chunks(plane));
            for (range, (values, shades)) in theirs["ranges"].as_array().unwrap().iter().zip(maps) {
                let [low, high] = [0, 1].map(|end| range[end].as_f64().unwrap());
                for (&value, &shade) in values.iter().zip(shades) {
                    let shown = low + (high - low) * shade as f64 / 255.0;
                    assert!((shown - f64::from(value)).abs() < (high - low) / 254.0 + 1e-6, "{value}");
                }
            }
        }
    }
    assert!(said["answers"][2].get("feature_maps").is_none());
    let body = server.send(
        "POST",
        "/v1/predict?feature_maps=true",
        &[("content-type", "image/png")],
        &drawing_file(&[(40, 50)]),
    );
    assert_eq!(body.json()["feature_maps"].as_array().unwrap().len(), 6);
}

#[test]
fn every_other_endpoint_answers() {
    let server = Running::start(Limits::default());
    server.post(&json!({ "pixels": pixels(1), "addend": 1 }));
    for (path, media, word) in [
        ("/healthz", "text/plain", "ok"),
        ("/v1/model", "application/json", "\"parameters\":13136"),
        ("/metrics", "text/plain", "adder_requests_total{route=\"/v1/predict\",status=\"200\"} 1"),
        ("/openapi.json", "application/json", "/v1/predict"),
        ("/", "text/html", "<canvas id=\"paper\""),
        ("/page.js", "text/javascript", "new Paper"),
        ("/paper.js", "text/javascript", "class Paper"),
        ("/view.js", "text/javascript", "class View"),
        ("/backend.js", "text/javascript", "v1/predict"),
        ("/page.css", "text/css", "prefers-color-scheme"),
    ] {
        let reply = server.send("GET", path, &[], b"");
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.header("content-type").starts_with(media), "{path}: {}", reply.head);
        assert!(reply.body.contains(word), "{path}: {}", reply.body);
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert!(reply.header("content-security-policy").contains("default-src 'none'"), "{path}");
    }
    let document = server.send("GET", "/openapi.json", &[], b"").json();
    for path in ["/v1/predict", "/v1/model", "/healthz", "/metrics"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
}
