//! What every answer has in common, whatever the request.

use super::{encoded, quiet, try_exchange, writes};
use crate::app::{App, Backend, Combination};
use crate::cases;
use crate::kit::{figure, size};
use serde_json::{Map, Value, json};
use std::thread;

cases![
    Everywhere:
        no_answer_tells_what_it_is_made_of,
        random_requests_get_an_answer_that_is_no_5xx;
    BothBackends:
        both_databases_give_the_same_answers;
];

fn no_answer_tells_what_it_is_made_of(combination: &Combination) {
    let app = combination.start();
    let paths = "/products/none /products/a.b /products?limit=x /customers/none /.env \
                 /chronos.db /customers/none/orders /customers?email=%00 /src/main.rs \
                 /.git/config";
    for path in paths.split(' ') {
        for method in ["GET", "HEAD", "POST", "DELETE", "X"] {
            let mut answer = app.send(method, path, None);
            // The path itself may come back.
            answer.text = answer.text.replace(path, "");
            quiet(answer);
        }
    }
    let odd =
        [json!(null), json!(-1), json!(1e300), json!("\u{7f}"), json!([[]]), json!({ "a": 1 })];
    for (method, path, body) in writes(combination) {
        let members = body.as_object().expect("an object").keys().map(String::as_str);
        for member in members.chain(["metadata", "address", "phone"]) {
            for value in &odd {
                let mut body = body.clone();
                body[member] = value.clone();
                quiet(app.send(method, path, Some(&body)));
            }
        }
    }
    quiet(app.delete("/customers/cust_001").expect(409));
    quiet(app.post("/products", &json!({ "id": "prod_001" })).expect(400));
}

/// I0: structured at random, nearly right or not at all; `TEST_REQUESTS` says how many, and
/// `TEST_SEED` which.
fn random_requests_get_an_answer_that_is_no_5xx(combination: &Combination) {
    const THREADS: usize = 4;
    let seed = size("TEST_SEED", 20_261_122);
    let each = size("TEST_REQUESTS", 2_000) / THREADS;
    let app = combination.start_with(&[("RUST_LOG", "warn")]);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let app = &app;
            scope.spawn(move || {
                let seed = u64::try_from(seed + thread).expect("64 bits");
                let mut random = fastrand::Rng::with_seed(seed);
                for number in 0..each {
                    let (path, request) = random_request(&mut random, app);
                    expect_any_answer(app, path, &request, &format!("seed {seed}, {number}"));
                }
            });
        }
    });
    app.get("/products").expect(200);
    app.get("/customers").expect(200);
    figure("I0", &format!("requests answered, {}", combination.name()), each * THREADS);
}

/// Fails the test unless this is answered, by no 5xx, and with the envelope where it is HTTP.
#[track_caller]
fn expect_any_answer(app: &App, path: &str, request: &[u8], which: &str) {
    let shown = String::from_utf8_lossy(request).replace(app.token(), "TOKEN");
    let said = format!("{which}: {shown:?}");
    let answer = try_exchange(app, path, request);
    let answer = answer.unwrap_or_else(|| panic!("no answer; {said}"));
    assert!((200..500).contains(&answer.status), "{} {}; {said}", answer.status, answer.text);
    let is_head = request.starts_with(b"HEAD ");
    if answer.status >= 400 && !is_head && !answer.text.is_empty() {
        let error = answer.json["error"].as_str().unwrap_or_default().to_owned();
        assert!(!error.is_empty(), "{}; {said}", answer.text);
        let status = answer.status;
        answer.expect_failure(status, &error);
    } else if answer.status >= 400 && !is_head {
        // Only what is not HTTP goes without the envelope.
        assert!([400, 431].contains(&answer.status), "{}; {said}", answer.status);
        assert_eq!(answer.header("x-request-id"), None, "{said}");
    }
}

fn both_databases_give_the_same_answers(combination: &Combination) {
    let other = Combination { backend: Backend::Sqlite, door: combination.door };
    let (here, there) = (combination.start(), other.start());
    let long = "x".repeat(256);
    let texts = ["", " ", "\u{3000}", "é", "\\", "%", "'", &long];
    let mut requests: Vec<(&str, String, Option<Value>)> = Vec::new();
    for text in texts {
        let text_in_query = encoded(text.as_bytes());
        requests.push(("GET", format!("/products?brand={text_in_query}"), None));
        requests.push(("GET", format!("/customers?email={text_in_query}"), None));
        for member in ["name", "brand", "category"] {
            let body = json!({ (member): text });
            requests.push(("PUT", "/products/prod_003".to_owned(), Some(body)));
        }
        for member in ["name", "phone", "email"] {
            let body = json!({ (member): text });
            requests.push(("PUT", "/customers/cust_003".to_owned(), Some(body)));
        }
    }
    for path in ["/products?limit=500", "/customers?limit=500", "/customers/cust_001/orders"] {
        requests.push(("GET", path.to_owned(), None));
    }
    for (method, path, body) in writes(combination) {
        requests.push((method, path.to_owned(), Some(body.clone())));
        requests.push((method, path.to_owned(), Some(body)));
    }
    for path in ["/products/prod_001", "/customers/cust_001", "/customers/new-customer"] {
        requests.push(("GET", path.to_owned(), None));
        requests.push(("DELETE", path.to_owned(), None));
        requests.push(("GET", path.to_owned(), None));
    }
    requests.retain(|(_, path, _)| path != "/auth/token");
    for (method, path, body) in &requests {
        let [one, two] = [&here, &there].map(|app| app.send(method, path, body.as_ref()));
        assert_eq!(one.status, two.status, "{method} {path} {body:?}");
        assert_eq!(timeless(&one.json), timeless(&two.json), "{method} {path} {body:?}");
    }
}

/// An answer without what differs from one run to the next.
fn timeless(json: &Value) -> Value {
    const CHANGING: [&str; 5] = ["created_at", "updated_at", "request_id", "cached", "token"];
    match json {
        Value::Array(items) => items.iter().map(timeless).collect(),
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| !CHANGING.contains(&name.as_str()));
            kept.map(|(name, value)| (name.clone(), timeless(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// A path, which says the listener, and a request that is nearly right, or not at all.
fn random_request(random: &mut fastrand::Rng, app: &App) -> (&'static str, Vec<u8>) {
    const PRODUCT: &str = r#"{"id":"w1","name":"N","brand":"B","price":"1.00","stock":5,
        "category":"dive","metadata":{"a":[1,2.5,"x"]}}"#;
    const CUSTOMER: &str = r#"{"id":"c1","email":"a@b.example","name":"Genève","tier":"gold",
        "phone":"1","address":{"city":"Genève"}}"#;
    const SHAPES: [(&str, &str, &str); 16] = [
        ("GET", "/products?limit=5&offset=2", ""),
        ("GET", "/products?minPrice=1&maxPrice=2.50&brand=Rolex&category=dive", ""),
        ("GET", "/products?after=1700000000000.prod_001&limit=3", ""),
        ("GET", "/products/prod_001", ""),
        ("HEAD", "/products/prod_001", ""),
        ("POST", "/products", PRODUCT),
        ("PUT", "/products/prod_001", PRODUCT),
        ("PATCH", "/products/prod_001/inventory", r#"{"quantity":2}"#),
        ("DELETE", "/products/w1", ""),
        ("GET", "/customers?tier=gold&email=example&limit=3", ""),
        ("GET", "/customers/cust_001", ""),
        ("GET", "/customers/cust_001/orders", ""),
        ("POST", "/customers", CUSTOMER),
        ("PUT", "/customers/cust_001", CUSTOMER),
        ("DELETE", "/customers/c1", ""),
        ("POST", "/auth/token", r#"{"userId":"u","email":"e@example.com"}"#),
    ];
    let (mut method, path, body) = random.choice(SHAPES).expect("there are some");
    let (mut target, mut body) = (path.as_bytes().to_vec(), body.as_bytes().to_vec());
    if body.is_empty() || random.u8(0..4) == 0 {
        mutate(random, &mut target);
        // A space or the end of a line would make it another request.
        target.retain(|byte| !b" \r\n".contains(byte));
    }
    for _ in 0..random.usize(0..4) {
        mutate(random, &mut body);
    }
    let one_in = |random: &mut fastrand::Rng, many| random.u8(0..many) == 0;
    if one_in(random, 20) {
        method = random.choice(["PROPFIND", "OPTIONS", "POST", "PUT"]).expect("there are some");
    }
    let kind = if one_in(random, 20) { "application/\u{e9}" } else { "application/json" };
    let token = if one_in(random, 20) { "x.y.z" } else { app.token() };
    let length = format!("\r\nContent-Length: {}\r\n\r\n", body.len());
    let head = format!(
        " HTTP/1.1\r\nHost: chronos\r\nAuthorization: Bearer {token}\r\nContent-Type: {kind}{length}"
    );
    let mut head = [method.as_bytes(), b" ", &target, head.as_bytes()].concat();
    if one_in(random, 8) {
        // No more than what stands before the length: the server would wait for bytes that are
        // not sent.
        let rest = head.split_off(head.len() - length.len());
        mutate(random, &mut head);
        head.extend(rest);
    }
    (path, [head, body].concat())
}

/// Puts something in, takes something out, or writes something twice.
fn mutate(random: &mut fastrand::Rng, bytes: &mut Vec<u8>) {
    const BYTES: [&[u8]; 4] = [b"\0", b"\xff", b"\xc3", b"\r\n"];
    const PIECES: &str = "é 😀 %00 %ff %2e %2f %5c % .. / \\ ; & = ? # \" ' { } [ ] , : \\u0000 \
                          \\ud800 -1 1e999 99999999999999999999 null true";
    let text = random.choice(PIECES.split(' ').collect::<Vec<_>>()).expect("there are some");
    let piece = match random.usize(0..12) {
        index @ 0..4 => BYTES[index],
        _ => text.as_bytes(),
    };
    let at = random.usize(0..=bytes.len());
    let end = random.usize(at..=bytes.len());
    match random.u8(0..5) {
        0 | 1 => {
            bytes.splice(at..at, piece.iter().copied());
        }
        2 => {
            bytes.splice(at..end, piece.iter().copied());
        }
        3 => drop(bytes.drain(at..end)),
        _ => bytes.extend_from_within(at..end),
    }
}
