//! Bodies: their size and their kind.

use super::{exchange, head, quiet, unchanged, whole, writes};
use crate::app::{App, Combination};
use crate::cases;
use crate::client::Answer;
use serde_json::{Value, json};

cases![
    Everywhere:
        a_body_of_one_mebibyte_is_read,
        a_larger_body_is_refused_by_its_declared_length,
        a_larger_body_in_chunks_is_refused,
        a_body_that_breaks_off_is_refused,
        a_body_must_be_declared_as_json;
];

fn a_body_of_one_mebibyte_is_read(combination: &Combination) {
    let app = combination.start();
    for (method, path, body) in writes(combination) {
        let body = padded(&body, MEBIBYTE);
        assert_eq!(body.len(), MEBIBYTE);
        let answer = app.send_bytes(method, path, Some(body.as_bytes()));
        assert!((200..=201).contains(&answer.status), "{method} {path}: {}", answer.text);
    }
    // What matters is the length, however it is sent.
    let (method, path, body) = ("PUT", "/products/prod_002", json!({ "stock": 7 }));
    let body = padded(&body, MEBIBYTE);
    let answer = exchange(&app, path, &chunked(&app, method, path, body.as_bytes()));
    assert_eq!(answer.expect(200).json["data"]["stock"], 7);
}

fn a_larger_body_is_refused_by_its_declared_length(combination: &Combination) {
    let app = combination.start();
    for (method, path, body) in writes(combination) {
        let body = padded(&body, MEBIBYTE + 1);
        too_large(exchange(&app, path, &whole(&app, method, path, body.as_bytes())));
        // The length is enough, whether or not the bytes ever come.
        for length in [MEBIBYTE + 1, 100 << 20, usize::MAX >> 1] {
            let more = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
            too_large(exchange(&app, path, head(&app, method, path, &more).as_bytes()));
        }
    }
    let more = format!("Content-Length: {}\r\n", MEBIBYTE + 1);
    too_large(exchange(&app, "/products", head(&app, "GET", "/products", &more).as_bytes()));
    unchanged(&app);
}

fn a_larger_body_in_chunks_is_refused(combination: &Combination) {
    let app = combination.start();
    for (method, path, body) in writes(combination) {
        let body = padded(&body, MEBIBYTE + 1);
        too_large(exchange(&app, path, &chunked(&app, method, path, body.as_bytes())));
    }
    let body = padded(&json!({ "stock": 5 }), 8 * MEBIBYTE);
    let request = chunked(&app, "PUT", "/products/prod_001", body.as_bytes());
    too_large(exchange(&app, "/products", &request));
    // Nor is one that no route would read.
    for (method, path) in [("GET", "/products"), ("DELETE", "/customers/none")] {
        too_large(exchange(&app, path, &chunked(&app, method, path, body.as_bytes())));
    }
    unchanged(&app);
}

fn a_body_that_breaks_off_is_refused(combination: &Combination) {
    let app = combination.start();
    let unread = [("GET", "/products"), ("DELETE", "/products/none"), ("GET", "/customers/none")];
    let read = writes(combination).into_iter().map(|(method, path, _)| (method, path));
    for (method, path) in read.chain(unread) {
        for rest in
            ["zz\r\n{}\r\n0\r\n\r\n", "-2\r\n{}\r\n0\r\n\r\n", "2\r\n{}0\r\n\r\n", "\r\n\r\n"]
        {
            let more = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
            let request = head(&app, method, path, more) + rest;
            let answer = exchange(&app, path, request.as_bytes());
            quiet(answer.expect_failure(400, "Bad Request"));
        }
    }
    unchanged(&app);
}

fn a_body_must_be_declared_as_json(combination: &Combination) {
    let app = combination.start();
    let bearer = format!("Bearer {}", app.token());
    let send = |method, path, kind: Option<&str>, body: &Value| {
        let mut headers = vec![("Authorization", bearer.as_str())];
        headers.extend(kind.map(|kind| ("Content-Type", kind)));
        app.client.send(method, &app.url(path), &headers, Some(body.to_string().as_bytes()))
    };
    for (method, path, body) in writes(combination) {
        for kind in [
            None,
            Some(""),
            Some("text/plain"),
            Some("text/json"),
            Some("json"),
            Some("application/jsonx"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=json"),
            Some("text/plain; application/json"),
        ] {
            let answer = send(method, path, kind, &body);
            quiet(answer.expect_failure(415, "Unsupported Media Type"));
        }
    }
    unchanged(&app);
    for kind in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
        "application/merge-patch+json",
    ] {
        send("PUT", "/products/prod_002", Some(kind), &json!({ "stock": 1 })).expect(200);
    }
}

const MEBIBYTE: usize = 1 << 20;

/// An object as JSON of this length, by a member that nothing reads.
fn padded(body: &Value, length: usize) -> String {
    let mut body = body.clone();
    body["unread"] = "".into();
    let missing = length - body.to_string().len();
    body["unread"] = "x".repeat(missing).into();
    body.to_string()
}

fn chunked(app: &App, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let more = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    let mut request = head(app, method, path, more).into_bytes();
    for chunk in body.chunks(60_000) {
        request.extend(format!("{:x}\r\n", chunk.len()).bytes());
        request.extend(chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    request
}

#[track_caller]
fn too_large(answer: Answer) {
    quiet(answer.expect_failure(413, "Payload Too Large"));
}
