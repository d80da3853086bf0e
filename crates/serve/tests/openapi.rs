//! The server takes and gives what openapi.json says of requests and answers.

mod client;

use std::time::Duration;

use adder_serve::Limits;
use client::{Reply, Running, pixels};
use jsonschema::Validator;
use serde_json::{Value, json};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// The document that the server gives.
struct Document(Value);

impl Document {
    fn of(server: &Running) -> Self {
        Self(server.send("GET", "/openapi.json", &[], b"").json())
    }

    /// A schema somewhere in the document, with the parts that it refers to.
    fn schema(&self, pointer: &str) -> Validator {
        let schema = self.0.pointer(pointer).unwrap_or_else(|| panic!("no schema at {pointer}"));
        let with_parts = json!({ "allOf": [schema], "components": self.0["components"] });
        jsonschema::draft202012::new(&with_parts).unwrap_or_else(|error| panic!("{pointer}: {error}"))
    }

    fn of_answer(&self, path: &str, method: &str, status: u16) -> Validator {
        let path = path.replace('/', "~1");
        self.schema(&format!("/paths/{path}/{method}/responses/{status}/content/application~1json/schema"))
    }

    fn of_request(&self) -> Validator {
        self.schema("/paths/~1v1~1predict/post/requestBody/content/application~1json/schema")
    }

    /// The names that a part may have.
    fn names(&self, part: &str) -> Vec<&String> {
        let properties = &self.0["components"]["schemas"][part]["properties"];
        properties.as_object().unwrap_or_else(|| panic!("{part}")).keys().collect()
    }
}

#[track_caller]
fn holds(schema: &Validator, value: &Value) {
    let errors: Vec<String> =
        schema.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{value}");
}

#[test]
fn answers_are_as_documented() {
    let server = Running::start(Limits::default());
    let document = Document::of(&server);
    let (request, answer) = (document.of_request(), document.of_answer("/v1/predict", "post", 200));
    let one = json!({ "pixels": pixels(1), "addend": 3, "seen": true });
    let all = json!({ "pixels": pixels(2), "raw": true, "seen": true });
    for body in [&one, &all, &json!({ "inputs": [one, all] })] {
        holds(&request, body);
        let reply = server.post(body);
        assert_eq!(reply.status, 200, "{}", reply.body);
        holds(&answer, &reply.json());
    }
    let drawn =
        json!({ "image": client::drawing(&[(40, 50)]), "each": true, "seen": true, "feature_maps": true });
    holds(&request, &drawn);
    let parts = server.post(&drawn).json();
    holds(&answer, &parts);
    for (reply, part) in [
        (server.post(&one).json(), "Answer"),
        (server.post(&all).json(), "AllAnswers"),
        (parts["parts"][0].clone(), "AllAnswers"),
    ] {
        holds(&document.schema(&format!("/components/schemas/{part}")), &reply);
        // Everything that is said is documented, and what is documented is said.
        for name in reply.as_object().unwrap().keys().filter(|name| *name != "status") {
            assert!(document.names(part).contains(&name), "{part} does not document {name}");
        }
    }
    let blank = server.post(&json!({ "image": client::drawing(&[]) })).json();
    holds(&answer, &blank);
    holds(&document.schema("/components/schemas/Nothing"), &blank);
    holds(&document.of_answer("/v1/model", "get", 200), &server.send("GET", "/v1/model", &[], b"").json());
}

#[test]
fn the_schemas_are_not_satisfied_by_anything() {
    let server = Running::start(Limits::default());
    let document = Document::of(&server);
    let answer = document.of_answer("/v1/predict", "post", 200);
    let good = server.post(&json!({ "pixels": pixels(1), "addend": 3 })).json();
    for name in ["status", "digit", "sum", "addend", "digit_probabilities", "sum_probabilities", "warnings"] {
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove(name);
        assert!(!answer.is_valid(&without), "an answer without {name}");
    }
    for (name, value) in [
        ("status", json!("nothing")),
        ("digit", json!(10)),
        ("sum", json!("7")),
        ("sum_probabilities", json!([1.0])),
    ] {
        let mut other = good.clone();
        other[name] = value;
        assert!(!answer.is_valid(&other), "an answer with another {name}");
    }
}

#[test]
fn what_is_refused_for_its_form_is_not_in_the_schema_either() {
    let server = Running::start(Limits::default());
    let document = Document::of(&server);
    let (request, error) = (document.of_request(), document.of_answer("/v1/predict", "post", 400));
    for body in [
        json!({}),
        json!([]),
        json!({ "inputs": [] }),
        json!({ "addend": 1 }),
        json!({ "pixels": [1, 2] }),
        json!({ "pixels": vec![256; 784] }),
        json!({ "pixels": pixels(0), "image": "AAAA" }),
        json!({ "pixels": pixels(0), "addend": 10 }),
        json!({ "pixels": pixels(0), "adend": 1 }),
        json!({ "inputs": [{ "pixels": pixels(0) }], "more": 1 }),
    ] {
        let reply = server.post(&body);
        assert_eq!(reply.status, 400, "{body}");
        holds(&error, &reply.json());
        assert!(!request.is_valid(&body), "{body}");
    }
}

#[test]
fn every_refusal_is_as_documented() {
    let limits =
        Limits { body: 8_000, images: 1, in_flight: 1, time: Duration::from_secs(2), ..Limits::default() };
    let server = Running::start(limits);
    let document = Document::of(&server);
    let check = |status: u16, reply: &Reply| {
        assert_eq!(reply.status, status, "{}", reply.body);
        holds(&document.of_answer("/v1/predict", "post", status), &reply.json());
    };
    check(413, &server.send("POST", "/v1/predict", &JSON, &[b' '; 9_000]));
    check(415, &server.send("POST", "/v1/predict", &[("content-type", "text/plain")], b"7"));
    // A request whose body never comes holds the only place, and runs out of time.
    let mut slow = server.connect();
    let head = b"POST /v1/predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n";
    std::io::Write::write_all(&mut slow, head).unwrap();
    server.wait_until_in_work();
    check(429, &server.post(&json!({})));
    check(408, &client::read_reply(&mut slow));
}
