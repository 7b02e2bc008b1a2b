//! Bad input: refused with a reason, wherever it comes in, and with nothing else to be learnt.

mod answers;
mod bodies;
mod json;
mod paths;
mod queries;
mod text;

use crate::Case;
use crate::app::{App, Combination, Door};
use crate::client::Answer;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

pub fn cases() -> Vec<Case> {
    let cases = [
        bodies::cases(),
        json::cases(),
        text::cases(),
        queries::cases(),
        paths::cases(),
        answers::cases(),
    ];
    cases.into_iter().flatten().collect()
}

/// Every route that reads a body, with one that it takes.
fn writes(combination: &Combination) -> Vec<(&'static str, &'static str, Value)> {
    let product = json!({
        "id": "new-product", "name": "Name", "brand": "Brand", "price": 1, "stock": 1,
        "category": "dive",
    });
    let customer =
        json!({ "id": "new-customer", "email": "new@example.com", "name": "A", "tier": "gold" });
    let mut writes = vec![
        ("POST", "/products", product),
        ("PUT", "/products/prod_001", json!({ "stock": 5 })),
        ("PATCH", "/products/prod_001/inventory", json!({ "quantity": 1 })),
        ("POST", "/customers", customer),
        ("PUT", "/customers/cust_001", json!({ "name": "A" })),
    ];
    if combination.door != Door::Direct {
        let user = json!({ "userId": "a", "email": "a@example.com" });
        writes.push(("POST", "/auth/token", user));
    }
    writes
}

/// Fails the test if any of [`writes`] has had an effect.
#[track_caller]
fn unchanged(app: &App) {
    app.get("/products/new-product").expect(404);
    app.get("/customers/new-customer").expect(404);
    for path in ["/products/prod_001", "/customers/cust_001"] {
        let row = app.get(path).expect(200).json["data"].clone();
        assert_eq!(row["created_at"], row["updated_at"], "{row}");
    }
}

fn encoded(bytes: &[u8]) -> String {
    percent_encode(bytes, NON_ALPHANUMERIC).to_string()
}

/// The head of a request with the token of the tests.
fn head(app: &App, method: &str, target: &str, more: &str) -> String {
    let token = app.token();
    format!(
        "{method} {target} HTTP/1.1\r\nHost: chronos\r\nAuthorization: Bearer {token}\r\n{more}\r\n"
    )
}

fn whole(app: &App, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let more = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
    [head(app, method, path, &more).as_bytes(), body].concat()
}

#[track_caller]
fn exchange(app: &App, path: &str, request: &[u8]) -> Answer {
    try_exchange(app, path, request).expect("the connection was dropped without an answer")
}

/// Sends bytes as they are and reads one answer, to its last byte and no further; `path` says
/// which listener. `None` when the connection is closed before the answer is whole.
fn try_exchange(app: &App, path: &str, request: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(app.address(path)).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("not zero");
    stream.set_write_timeout(Some(Duration::from_secs(30))).expect("not zero");
    // The answer may come, and the connection be closed, before all is sent.
    let _sent = stream.write_all(request);
    let mut bytes = Vec::new();
    let is_head = request.starts_with(b"HEAD ");
    let mut part = [0; 16 * 1024];
    loop {
        if let Some(answer) = parse_answer(&bytes, is_head) {
            return Some(answer);
        }
        match stream.read(&mut part) {
            Ok(0) | Err(_) => return None,
            Ok(length) => bytes.extend(&part[..length]),
        }
    }
}

fn parse_answer(bytes: &[u8], is_head: bool) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).expect("a head is text");
    let (status, headers) = head.split_once("\r\n").expect("an answer has headers");
    let status = status.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let split = |line: &str| line.split_once(": ").map(|(n, v)| (n.to_owned(), v.to_owned()));
    let headers: Vec<(String, String)> = headers.split("\r\n").filter_map(split).collect();
    let mut answer = Answer { status, headers, text: String::new(), json: Value::Null };
    if status == 100 {
        return parse_answer(&bytes[end + 4..], is_head);
    }
    if !is_head {
        let length = answer.header("content-length").expect("a length").parse().expect("a number");
        let body = bytes[end + 4..].get(..length)?;
        answer.text = String::from_utf8(body.to_vec()).expect("a body is text");
        answer.json = serde_json::from_str(&answer.text).unwrap_or(Value::Null);
    }
    Some(answer)
}

/// Fails the test if the answer names a part that Chronos is made of, or a place where it runs.
#[track_caller]
fn quiet(answer: Answer) -> Answer {
    const TELLING: &str = "actix|hyper|tokio|diesel|serde|sqlite|postgres|libpq|redis|r2d2|rust|\
                           struct|select |insert |update | where |constraint|column \"|relation|\
                           panicked|/src/|.rs|/tmp/|/home/|127.0.0.1|localhost|0.1.0";
    let said = format!("{:?} {}", answer.headers, answer.text).to_lowercase();
    for word in TELLING.split('|') {
        assert!(!said.contains(word), "{word:?} in {said}");
    }
    answer
}

/// Fails the test unless this refuses the body; returns what it says of it.
#[track_caller]
fn invalid_body(answer: Answer) -> String {
    let answer = quiet(answer.expect_failure(400, "Invalid request body"));
    answer.json["message"].as_str().expect("a message").to_owned()
}
