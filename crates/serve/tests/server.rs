//! The server over real sockets: every endpoint, every limit, hostile bodies, many at once, and the end under load.

mod client;

use std::io::{Cursor, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use adder_model::Predictor;
use adder_serve::Limits;
use client::{Running, drawing, drawing_file, json_request, network, pixels};
use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use serde_json::{Value, json};

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

const PNG: [(&str, &str); 1] = [("content-type", "image/png")];

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
    assert!(limits.decoding >= 4 * limits.picture, "one picture has the memory that its decoder takes");
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
fn beyond_the_large_bodies_in_flight_it_says_busy() {
    let server = Running::start(Limits { large_bodies: 1, ..Limits::default() });
    let mut slow = server.connect();
    let head =
        b"POST /v1/predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ncontent-length: 2000000\r\n\r\n";
    slow.write_all(head).unwrap();
    server.wait_until_in_work();
    let large = [&drawing_file(&[(40, 50)])[..], &[0; 2_000_000]].concat();
    assert_eq!(server.send("POST", "/v1/predict?addend=1", &PNG, &large).status, 429);
    assert_eq!(server.send("POST", "/v1/predict?addend=1", &PNG, &drawing_file(&[(40, 50)])).status, 200);
    drop(slow);
    let begin = std::time::Instant::now();
    while server.send("POST", "/v1/predict?addend=1", &PNG, &large).status != 200 {
        assert!(begin.elapsed() < Duration::from_secs(30), "the place is not given back");
    }
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

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let server = Running::start(Limits::default());
    let json = [("content-type", "application/json")];
    let cases: [(&[u8], u16, &str); 12] = [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b"[]", 400, "expected"),
        (b"{\"inputs\": []}", 400, "at least one"),
        (b"{\"pixels\": [1, 2], \"addend\": 1}", 400, "784 bytes, found 2"),
        (b"{\"pixels\": [1, 256], \"addend\": 1}", 400, "256"),
        (b"{\"image\": \"???\", \"addend\": 1}", 400, "base64"),
        (b"{\"image\": \"AAAA\", \"addend\": 1}", 400, "PNG, JPEG"),
        (b"{\"addend\": 1}", 400, "either `image` or `pixels`"),
        (b"{\"pixles\": []}", 400, "pixles"),
        (b"{\"inputs\": [{\"image\": \"AAAA\"}]}", 400, "inputs[0]"),
        (b"\xff\xfe\x00", 400, "not JSON"),
    ];
    for (body, status, word) in cases {
        let reply = server.send("POST", "/v1/predict", &json, body);
        assert_eq!(reply.status, status, "{body:?}: {}", reply.body);
        assert!(
            reply.json()["error"]["message"].as_str().unwrap().contains(word),
            "{body:?}: {}",
            reply.body
        );
    }
    let deep = "[".repeat(100_000);
    assert_eq!(server.send("POST", "/v1/predict", &json, deep.as_bytes()).status, 400);
    let ten = server.post(&json!({ "pixels": pixels(0), "addend": 10 }));
    assert_eq!((ten.status, ten.json()["error"]["code"].as_str()), (400, Some("bad_request")));
    for (method, path, media, status) in [
        ("POST", "/v1/predict?addend=x", "image/png", 400),
        ("POST", "/v1/predict?colour=red", "image/png", 400),
        ("POST", "/v1/predict?addend=1", "text/plain", 415),
        ("GET", "/v1/predict", "image/png", 405),
        ("GET", "/nothing", "image/png", 404),
        ("GET", "/../Cargo.toml", "image/png", 404),
    ] {
        let reply = server.send(method, path, &[("content-type", media)], b"");
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.body);
        assert!(reply.json()["error"]["code"].is_string(), "{method} {path}");
    }
    assert_eq!(server.post(&json!({ "pixels": pixels(0), "addend": 1 })).status, 200, "it goes on");
}

#[test]
fn more_than_the_limits_is_refused() {
    let limits = Limits { body: 20_000, images: 2, time: Duration::from_millis(300), ..Limits::default() };
    let server = Running::start(limits);
    let long = server.send("POST", "/v1/predict?addend=1", &[("content-type", "image/png")], &[0; 20_001]);
    assert_eq!((long.status, long.json()["error"]["code"].as_str()), (413, Some("too_large")));
    let many =
        json!({ "inputs": [{ "pixels": pixels(0) }, { "pixels": pixels(0) }, { "pixels": pixels(0) }] });
    let many = server.post(&many);
    assert_eq!(many.status, 413, "{}", many.body);
    // A body that never comes.
    let mut slow = server.connect();
    slow.write_all(b"POST /v1/predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{").unwrap();
    assert_eq!(client::read_reply(&mut slow).status, 408);
}

#[test]
fn a_picture_that_unpacks_beyond_its_limit_is_refused() {
    let server = Running::start(Limits { picture: 1 << 20, ..Limits::default() });
    let mut file = Cursor::new(Vec::new());
    GrayImage::new(2000, 2000).write_to(&mut file, ImageFormat::Png).unwrap();
    let reply = server.send("POST", "/v1/predict?addend=1", &[("content-type", "image/png")], file.get_ref());
    assert_eq!(reply.status, 400, "{}", reply.body);
}

#[test]
fn beyond_the_requests_in_flight_it_says_busy() {
    let server = Running::start(Limits { in_flight: 1, time: Duration::from_secs(5), ..Limits::default() });
    let mut first = server.connect();
    let whole = json_request(&json!({ "pixels": pixels(0), "addend": 1 }));
    first.write_all(&whole[..whole.len() - 5]).unwrap();
    server.wait_until_in_work();
    let busy = server.post(&json!({ "pixels": pixels(0) }));
    assert_eq!(busy.status, 429, "the first request holds the only place: {}", busy.body);
    assert_eq!((busy.header("retry-after"), busy.json()["error"]["code"].as_str()), ("1", Some("busy")));
    first.write_all(&whole[whole.len() - 5..]).unwrap();
    assert_eq!(client::read_reply(&mut first).status, 200);
}

#[test]
fn a_thousand_at_once_are_all_answered() {
    let server = Running::start(Limits::default());
    let mut connections: Vec<TcpStream> = (0..1000).map(|_| server.connect()).collect();
    for (seed, connection) in connections.iter_mut().enumerate() {
        connection
            .write_all(&json_request(&json!({ "pixels": pixels(seed as u32 % 7), "addend": seed % 10 })))
            .unwrap();
    }
    for (seed, connection) in connections.iter_mut().enumerate() {
        let reply = client::read_reply(connection);
        assert_eq!((reply.status, reply.json()["addend"].as_u64()), (200, Some(seed as u64 % 10)));
    }
    let metrics = server.send("GET", "/metrics", &[], b"").body;
    assert!(metrics.contains("adder_images_total 1000"), "{metrics}");
    // So many cannot all have found the predictor idle.
    let batches = metrics.lines().find_map(|line| line.strip_prefix("adder_batches_total ")).unwrap();
    assert!(batches.parse::<u32>().unwrap() < 1000, "none was answered together with another");
}

#[test]
fn garbage_on_the_socket_harms_nobody() {
    let server = Running::start(Limits::default());
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        &[0; 70_000],
        b"POST /v1/predict HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    ] {
        let mut socket = server.connect();
        let _ = socket.write_all(garbage);
        let _ = socket.shutdown(std::net::Shutdown::Write);
        let _ = socket.read_to_end(&mut Vec::new());
    }
    assert_eq!(server.send("GET", "/healthz", &[], b"").status, 200);
}

#[test]
fn connections_that_say_nothing_are_closed() {
    let server = Running::start(Limits { head: Duration::from_millis(200), ..Limits::default() });
    let silent = server.connect();
    let mut half = server.connect();
    half.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-more").unwrap();
    let mut idle = server.connect();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert_eq!(client::read_reply(&mut idle).status, 200);
    for mut socket in [silent, half, idle] {
        // Whatever is still said, the connection ends; reading fails after 30 seconds where it does not.
        let mut last_words = Vec::new();
        socket.read_to_end(&mut last_words).expect("the connection is closed");
        assert!(!last_words.starts_with(b"HTTP/1.1 200"));
    }
    // A byte now and then does not help.
    let mut slow = server.connect();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nx: ").unwrap();
    slow.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let begin = std::time::Instant::now();
    loop {
        let closed = slow.write_all(b"y").is_err() || matches!(slow.read(&mut [0; 64]), Ok(0));
        if closed {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "a slow head holds its connection");
    }
    assert_eq!(server.send("GET", "/healthz", &[], b"").status, 200);
}

#[test]
fn a_client_that_asks_and_never_reads_is_closed() {
    let limits = Limits { connections: 1, unread: Duration::from_millis(200), ..Limits::default() };
    let server = Running::start(limits);
    let mut deaf = server.connect();
    deaf.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let questions = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1000);
    // Until the buffers of both ends are full, or the server has had enough.
    while deaf.write_all(&questions).is_ok() {}
    assert_eq!(server.send("GET", "/healthz", &[], b"").status, 200, "the deaf client holds the only place");
}

#[test]
fn a_body_may_take_longer_than_a_head() {
    let server = Running::start(Limits { head: Duration::from_millis(100), ..Limits::default() });
    let mut socket = server.connect();
    let whole = json_request(&json!({ "pixels": pixels(0), "addend": 1 }));
    socket.write_all(&whole[..whole.len() - 5]).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    socket.write_all(&whole[whole.len() - 5..]).unwrap();
    assert_eq!(client::read_reply(&mut socket).status, 200);
}

#[test]
fn connections_beyond_the_limit_wait_for_a_place() {
    let server = Running::start(Limits { connections: 1, ..Limits::default() });
    let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut first = server.connect();
    first.write_all(request).unwrap();
    assert_eq!(client::read_reply(&mut first).status, 200);
    let mut second = server.connect();
    second.write_all(request).unwrap();
    second.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(second.peek(&mut [0]).is_err(), "two were served at once");
    drop(first);
    second.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    assert_eq!(client::read_reply(&mut second).status, 200);
}

#[test]
fn stopping_under_load_loses_nothing_that_was_accepted() {
    let server = Running::start(Limits::default());
    let (stopped, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let request = json_request(&json!({ "pixels": pixels(1), "addend": 1 }));
                // An answer that begins must end: only a connection that was not accepted or was idle may be closed.
                while let Ok(mut socket) = TcpStream::connect(server.addr) {
                    if socket.write_all(&request).is_err() {
                        break;
                    }
                    match client::try_read_reply(&mut socket) {
                        Some(reply) => assert_eq!(reply.status, 200),
                        None => {
                            assert!(stopped.load(Ordering::SeqCst), "lost before the end");
                            break;
                        }
                    }
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        // One request that is accepted, and whose body is half there when the end comes.
        let mut half = server.connect();
        let whole = json_request(&json!({ "pixels": pixels(2), "addend": 2 }));
        half.write_all(&whole[..whole.len() / 2]).unwrap();
        while answered.load(Ordering::SeqCst) < 50 {
            std::thread::yield_now();
        }
        stopped.store(true, Ordering::SeqCst);
        server.stop.shutdown();
        half.write_all(&whole[whole.len() / 2..]).unwrap();
        assert_eq!(client::read_reply(&mut half).status, 200);
    });
}
