//! What is refused: bodies that cannot be, and what is beyond a limit.

use std::io::{Cursor, Write};
use std::time::Duration;

use adder_serve::Limits;
use image::{GrayImage, ImageFormat};
use serde_json::json;

use crate::client::{Running, drawing_file, json_request, pixels};

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
    assert_eq!(crate::client::read_reply(&mut slow).status, 408);
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
    assert_eq!(crate::client::read_reply(&mut first).status, 200);
}

#[test]
fn what_json_leaves_open_is_refused() {
    let server = Running::start(Limits::default());
    let pixels = serde_json::to_string(&pixels(0)).unwrap();
    let one = format!("{{\"pixels\": {pixels}, \"addend\": 1}}");
    for (body, word) in [
        (format!("{{\"pixels\": {pixels}, \"addend\": 1, \"addend\": 2}}"), "duplicate field `addend`"),
        (format!("{{\"pixels\": {pixels}, \"pixels\": {pixels}}}"), "duplicate field `pixels`"),
        (
            format!("{{\"inputs\": [{{\"pixels\": {pixels}, \"each\": true, \"each\": true}}]}}"),
            "duplicate field `each`",
        ),
        (format!("{{\"inputs\": [{one}], \"inputs\": [{one}]}}"), "duplicate field `inputs`"),
        (format!("[null, null, {pixels}, 1]"), "sequence"),
        (format!("{{\"inputs\": [[null, null, {pixels}, 1]]}}"), "sequence"),
        (format!("{{\"inputs\": [{one}], \"addend\": 1}}"), "nothing beside"),
        (format!("{{\"inputs\": [{{\"inputs\": [{one}]}}]}}"), "list in a list"),
        (format!("{{\"inputs\": null, \"pixels\": {pixels}}}"), "null"),
        (format!("{{\"pixels\": {pixels}, \"each\": null}}"), "null"),
        (format!("{{\"pixels\": {pixels}, \"more\": null}}"), "more"),
        (format!("{one} {one}"), "trailing"),
        (format!("{one}\0"), "trailing"),
        (format!("{{\"pixels\": {pixels}, \"addend\": 1.0}}"), "1.0"),
        ("7".to_owned(), "an object"),
    ] {
        let reply =
            server.send("POST", "/v1/predict", &[("content-type", "application/json")], body.as_bytes());
        assert_eq!(reply.status, 400, "{body}: {}", reply.body);
        let said = reply.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn a_query_says_nothing_twice_and_nothing_beside_json() {
    let server = Running::start(Limits::default());
    let body = json!({ "pixels": pixels(0), "addend": 1 }).to_string();
    let json = [("content-type", "application/json")];
    for (query, word) in
        [("addend=7", "addend"), ("each=true", "each"), ("raw=false", "raw"), ("colour=red", "colour")]
    {
        let reply = server.send("POST", &format!("/v1/predict?{query}"), &json, body.as_bytes());
        assert_eq!(reply.status, 400, "{query}: {}", reply.body);
        assert!(reply.body.contains(word), "{query}: {}", reply.body);
    }
    assert_eq!(server.send("POST", "/v1/predict?", &json, body.as_bytes()).status, 200);
    for query in
        ["addend=1&addend=2", "addend=", "each=yes", "addend=1&colour=red", "addend=%31%32", "addend=-1"]
    {
        let reply =
            server.send("POST", &format!("/v1/predict?{query}"), &crate::PNG, &drawing_file(&[(40, 50)]));
        assert_eq!(reply.status, 400, "{query}: {}", reply.body);
    }
}

#[test]
fn too_many_inputs_are_counted_before_they_are_values() {
    let server = Running::start(Limits::default());
    let body = format!("{{\"inputs\": [{}{{}}]}}", "{},".repeat(1_000_000));
    let reply = server.send("POST", "/v1/predict", &[("content-type", "application/json")], body.as_bytes());
    assert_eq!(reply.status, 413, "{}", reply.body);
    assert!(reply.body.contains("1000001"), "{}", reply.body);
}

#[test]
fn a_picture_of_too_many_pixels_is_refused() {
    let server = Running::start(Limits { pixels: 200 * 120 - 1, ..Limits::default() });
    let reply = server.send("POST", "/v1/predict", &crate::PNG, &drawing_file(&[(40, 50)]));
    assert_eq!(reply.status, 413, "{}", reply.body);
    assert!(reply.body.contains("24000"), "{}", reply.body);
    let exact = Running::start(Limits { pixels: 200 * 120, ..Limits::default() });
    assert_eq!(exact.send("POST", "/v1/predict", &crate::PNG, &drawing_file(&[(40, 50)])).status, 200);
}
