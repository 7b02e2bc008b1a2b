//! What the gateway answers itself: health, tokens, unknown routes, and the identity of a request.

use super::wire::{Connection, exchange, exchange_one};
use crate::app::{App, Combination, SECRET, command};
use crate::cases;
use crate::client::{Answer, Client};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use tempfile::TempDir;

cases![
    Everywhere: every_answer_tells_browsers_to_do_nothing_with_it;
    BothGateways:
        health_is_public_and_tells_the_time,
        health_answers_head_without_a_body,
        a_token_is_made_for_24_hours_and_opens_the_store,
        a_token_keeps_the_user_as_given,
        a_token_needs_a_user_and_an_email,
        a_token_is_never_longer_than_a_gateway_takes,
        a_token_request_that_is_no_json_is_refused_as_such,
        a_switched_off_token_endpoint_answers_403_whatever_the_body,
        an_unknown_route_is_404_and_needs_no_token,
        a_wrong_method_is_405_and_names_the_right_ones,
        a_well_formed_request_id_is_taken,
        any_other_request_id_is_replaced,
        the_log_holds_no_token_secret_or_email;
    Once:
        without_a_secret_tokens_are_handed_out_and_end_with_the_process,
        with_a_secret_tokens_are_not_handed_out_by_default;
];

const JSON: (&str, &str) = ("Content-Type", "application/json");

fn ask_for_token(app: &App, body: &str) -> Answer {
    Client::new().send("POST", &app.url("/auth/token"), &[JSON], Some(body.as_bytes()))
}

fn get_without_token(app: &App, path: &str) -> Answer {
    app.client.send("GET", &app.url(path), &[], None)
}

fn health_is_public_and_tells_the_time(combination: &Combination) {
    let app = combination.start();
    let answer = get_without_token(&app, "/health").expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let timestamp = answer.json["timestamp"].as_str().expect("a text");
    assert_eq!(
        answer.json,
        json!({ "status": "ok", "service": "gateway", "timestamp": timestamp })
    );
    assert_eq!("2026-01-31T12:00:00.000Z".len(), timestamp.len(), "{timestamp}");
    assert!(timestamp.ends_with('Z'), "{timestamp}");
    let time = DateTime::parse_from_rfc3339(timestamp).expect("RFC 3339");
    assert!((Utc::now() - time.to_utc()).num_seconds().abs() < 60, "{timestamp}");
}

fn health_answers_head_without_a_body(combination: &Combination) {
    let app = combination.start();
    let mut connection = Connection::open(&app.address("/health"));
    connection.send("HEAD /health HTTP/1.1\r\nHost: chronos\r\n\r\n");
    let head = connection.answer_to_head();
    assert_eq!(head.status(), 200);
    // What follows is the next answer, and no body.
    connection.send("GET /health HTTP/1.1\r\nHost: chronos\r\nConnection: close\r\n\r\n");
    let get = connection.answer();
    assert_eq!(get.status(), 200);
    assert_eq!(head.header("content-length"), get.header("content-length"));
    assert_eq!(connection.rest(), b"");
}

fn a_token_is_made_for_24_hours_and_opens_the_store(combination: &Combination) {
    let app = combination.start();
    let before = Utc::now().timestamp();
    let answer = ask_for_token(&app, r#"{"userId":"anna","email":"anna@example.com"}"#).expect(200);
    let after = Utc::now().timestamp();
    let token = answer.json["token"].as_str().expect("a text").to_owned();
    assert_eq!(answer.json, json!({ "token": token, "expiresIn": "24h" }));

    let claims = claims_of(&token);
    let iat = claims["iat"].as_i64().expect("a whole number");
    assert!((before..=after).contains(&iat), "{claims}");
    assert_eq!(
        claims,
        json!({ "userId": "anna", "email": "anna@example.com", "iat": iat, "exp": iat + 86_400 })
    );
    let bearer = format!("Bearer {token}");
    for path in ["/products", "/customers"] {
        app.client.send("GET", &app.url(path), &[("Authorization", &bearer)], None).expect(200);
    }
}

/// The claims of a token, after its signature is verified with the key of the tests.
fn claims_of(token: &str) -> Value {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};

    chronos::gateway::install_hs256();
    let key = DecodingKey::from_secret(SECRET.as_bytes());
    decode(token, &key, &Validation::new(Algorithm::HS256)).expect("a genuine token").claims
}

fn a_token_keeps_the_user_as_given(combination: &Combination) {
    let app = combination.start();
    let (user, email) = ("Zoë \"日本\" \\ 42", "zoë+watch@example.com");
    let body = json!({ "userId": user, "email": email, "exp": 1, "role": "admin" });
    let answer = ask_for_token(&app, &body.to_string()).expect(200);
    let claims = claims_of(answer.json["token"].as_str().expect("a text"));
    assert_eq!((&claims["userId"], &claims["email"]), (&json!(user), &json!(email)));
    assert_eq!(claims.as_object().map(|claims| claims.len()), Some(4), "{claims}");
}

fn a_token_needs_a_user_and_an_email(combination: &Combination) {
    let app = combination.start();
    let mut bodies = vec![json!({})];
    for (one, other) in [("userId", "email"), ("email", "userId")] {
        bodies.push(json!({ one: "a" }));
        for nothing in [json!(""), json!(" \t"), json!(null), json!(1), json!(true)] {
            bodies.push(json!({ one: nothing, other: "a" }));
        }
        for no_text in [json!(["a"]), json!({ "a": "a" })] {
            bodies.push(json!({ one: no_text, other: "a" }));
        }
    }
    for body in bodies {
        let answer = ask_for_token(&app, &body.to_string()).expect_failure(400, "Bad Request");
        assert_eq!(answer.json["message"], "userId and email are required", "{body}");
    }
}

fn a_token_is_never_longer_than_a_gateway_takes(combination: &Combination) {
    let app = combination.start();
    // Characters that JSON escapes, or UTF-8 writes in four bytes.
    for (character, status) in [("x", 200), ("\u{1}", 400), ("\u{1f512}", 200)] {
        let long = character.repeat(255);
        let body = json!({ "userId": long, "email": long }).to_string();
        let answer = ask_for_token(&app, &body).expect(status);
        if status == 200 {
            let bearer = format!("Bearer {}", answer.json["token"].as_str().expect("a text"));
            let headers = [("Authorization", bearer.as_str())];
            app.client.send("GET", &app.url("/products"), &headers, None).expect(200);
        }
    }
}

fn a_token_request_that_is_no_json_is_refused_as_such(combination: &Combination) {
    let app = combination.start();
    let url = app.url("/auth/token");
    let send = |headers: &[(&str, &str)], body: &str| {
        Client::new().send("POST", &url, headers, Some(body.as_bytes()))
    };
    let body = r#"{"userId":"a","email":"b"}"#;
    send(&[], body).expect_failure(415, "Unsupported Media Type");
    send(&[("Content-Type", "text/plain")], body).expect_failure(415, "Unsupported Media Type");
    for broken in ["", "{", "[]", "\"a\"", "{\"userId\":\"a\",\"email\":\"b\"}x"] {
        let answer = send(&[JSON], broken).expect(400);
        assert_eq!(answer.json["success"], false, "{broken}: {}", answer.text);
        assert!(answer.json["token"].is_null(), "{broken}: {}", answer.text);
    }
    send(&[JSON], &" ".repeat((1 << 20) + 1)).expect_failure(413, "Payload Too Large");
}

fn a_switched_off_token_endpoint_answers_403_whatever_the_body(combination: &Combination) {
    let app = combination.start_with(&[("AUTH_TOKEN_ENDPOINT", "off")]);
    for body in [r#"{"userId":"a","email":"b"}"#, "{}", "{", "", "null"] {
        let answer = ask_for_token(&app, body).expect_failure(403, "Forbidden");
        assert!(!answer.text.contains("eyJ"), "{body}: {}", answer.text);
    }
    let url = app.url("/auth/token");
    app.client.send("POST", &url, &[], None).expect_failure(403, "Forbidden");
    app.client.send("POST", &url, &[], Some(b"a=b")).expect_failure(403, "Forbidden");
    // Half of a large body is enough.
    let head = "POST /auth/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
                Content-Length: 1000000\r\n\r\n";
    let mut connection = Connection::open(&app.address("/"));
    connection.send(format!("{head}{}", " ".repeat(40_000)));
    connection.answer().expect_failure(403, "Forbidden");
    // Tokens from elsewhere are still believed.
    app.get("/products").expect(200);
}

fn an_unknown_route_is_404_and_needs_no_token(combination: &Combination) {
    let app = combination.start();
    let paths = ["/nothing", "/productsx", "/product", "/auth", "/auth/token/x", "/health/x"];
    for path in paths {
        get_without_token(&app, path).expect_failure(404, "Not Found");
        app.client.send("POST", &app.url(path), &[], Some(b"x")).expect_failure(404, "Not Found");
    }
}

fn a_wrong_method_is_405_and_names_the_right_ones(combination: &Combination) {
    let app = combination.start();
    let wrong = [
        ("/health", ["POST", "PUT", "DELETE", "OPTIONS"], &["GET", "HEAD"][..]),
        ("/auth/token", ["GET", "PUT", "DELETE", "PATCH"], &["POST"][..]),
    ];
    for (path, methods, right) in wrong {
        for method in methods {
            let answer = app.client.send(method, &app.url(path), &[], None);
            let answer = answer.expect_failure(405, "Method Not Allowed");
            let allow = answer.header("allow").expect("Allow");
            let mut allowed: Vec<&str> = allow.split(',').map(str::trim).collect();
            allowed.sort_unstable();
            assert_eq!(allowed, right, "{method} {path}");
        }
    }
}

fn a_well_formed_request_id_is_taken(combination: &Combination) {
    let app = combination.start();
    for id in ["a", "A.b_c-9", &"x".repeat(128)] {
        let headers = [("X-Request-Id", id)];
        let answer = app.client.send("GET", &app.url("/health"), &headers, None).expect(200);
        assert_eq!(answer.header("x-request-id"), Some(id));
        // The envelope of a failure repeats it, from the gateway and from the service.
        let bearer = format!("Bearer {}", app.token());
        for headers in [&[headers[0]][..], &[headers[0], ("Authorization", &bearer)]] {
            let answer = app.client.send("GET", &app.url("/products/none"), headers, None);
            assert!([401, 404].contains(&answer.status), "{answer:?}");
            assert_eq!(answer.json["request_id"], id);
            assert_eq!(answer.header("x-request-id"), Some(id));
        }
    }
}

fn any_other_request_id_is_replaced(combination: &Combination) {
    let app = combination.start();
    let too_long = format!("X-Request-Id: {}\r\n", "x".repeat(129));
    let given = [
        "",
        "X-Request-Id: \r\n",
        "X-Request-Id: a b\r\n",
        "X-Request-Id: a/b\r\n",
        "X-Request-Id: a\"b\r\n",
        "X-Request-Id: a,b\r\n",
        "X-Request-Id: a\tb\r\n",
        "X-Request-Id: \u{fc}\r\n",
        "X-Request-Id: one\r\nX-Request-Id: two\r\n",
        "X-Request-Id: same\r\nX-Request-Id: same\r\n",
        &too_long,
    ];
    let mut made = Vec::new();
    for header in given {
        let head = format!("GET /x HTTP/1.1\r\nHost: chronos\r\nConnection: close\r\n{header}\r\n");
        let answer = exchange_one(&app.address("/x"), &head);
        answer.expect_failure(404, "Not Found");
        let id = answer.header("x-request-id").expect("an identity").to_owned();
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        assert!((16..=128).contains(&id.len()) && id.chars().all(is_allowed), "{id}");
        assert!(!header.contains(&id), "{id} was taken from {header}");
        made.push(id);
    }
    made.sort();
    made.dedup();
    assert_eq!(made.len(), given.len(), "an identity was made twice");
}

/// A9: at no level, from no crate, wherever in a request they stand, and whatever becomes of it.
fn the_log_holds_no_token_secret_or_email(combination: &Combination) {
    let service_token = "b7d20a9be1f64c3c8a5d7e1f90c2b4a6";
    let app = combination.start_with(&[("RUST_LOG", "trace"), ("SERVICE_TOKEN", service_token)]);
    let email = "private.person@example.com";
    let body = json!({ "userId": "someone", "email": email }).to_string();
    let answer = ask_for_token(&app, &body).expect(200);
    let token = answer.json["token"].as_str().expect("a text").to_owned();
    let bearer = format!("Bearer {token}");
    for header in [bearer.clone(), format!("{bearer}x"), format!("Basic {token}")] {
        let url = app.url(&format!("/customers?email={email}&token={token}"));
        app.client.send("GET", &url, &[("Authorization", &header)], None);
    }
    // In bodies that are taken, that are refused by a rule, and that are no JSON.
    let new = json!({ "id": "log_1", "email": email, "name": email, "tier": "gold" });
    app.post("/customers", &new).expect(201);
    app.post("/customers", &new).expect(409);
    app.post("/customers", &json!({ "id": email, "email": token })).expect(400);
    app.put("/customers/log_1", &json!({ "tier": email })).expect(400);
    app.patch("/products/prod_001/inventory", &json!({ "quantity": email })).expect(400);
    let broken = format!("{{\"email\":\"{email}\",{token}");
    app.send_bytes("POST", "/customers", Some(broken.as_bytes())).expect(400);
    // In paths, and in the wrong headers.
    let odd = [
        format!("GET /customers/{email} HTTP/1.1\r\nAuthorization: {bearer}\r\n"),
        format!("GET /products/{token} HTTP/1.1\r\nAuthorization: {bearer}\r\n"),
        format!("GET /{email}/{token} HTTP/1.1\r\n"),
        format!("GET //{email} HTTP/1.1\r\n"),
        format!("GET /%zz{email} HTTP/1.1\r\n"),
        format!("GET /products HTTP/1.1\r\nX-Request-Id: {bearer}\r\n"),
        format!("GET /products HTTP/1.1\r\nX-User-Id: {email}\r\nCookie: a={token}\r\n"),
        format!("POST /products HTTP/1.1\r\nContent-Length: {bearer}\r\n"),
        format!("POST /products HTTP/1.1\r\nTransfer-Encoding: {token}\r\n"),
        format!("GET {bearer} {email}\r\n"),
        format!("{token} / HTTP/1.1\r\n"),
        format!("GET / HTTP/1.1\r\n{token}\r\n"),
    ];
    for address in [app.address("/"), app.product_url("").replace("http://", "")] {
        for head in &odd {
            let bytes = format!("{head}Host: chronos\r\nConnection: close\r\n\r\n");
            exchange(&address, bytes);
        }
        let wrong = format!("{service_token}x");
        for token in [service_token, wrong.as_str()] {
            let head = format!("GET /products HTTP/1.1\r\nAuthorization: Bearer {token}\r\n");
            exchange(&address, format!("{head}Host: chronos\r\nConnection: close\r\n\r\n"));
        }
    }
    let logs: String = app.processes.iter().map(|process| process.log()).collect();
    assert!(logs.contains("GET /customers 200"), "{logs}");
    assert!(logs.contains("GET /customers 401"), "{logs}");
    assert!(logs.contains("GET /customers/* 400"), "{logs}");
    assert!(logs.contains("DEBUG chronos"), "our own details are there: {logs}");
    for private in [token.as_str(), SECRET, service_token, email, "private.person"] {
        assert!(!logs.contains(private), "{private} is in the log:\n{logs}");
    }
    // Nor parts of a token, each of which says something.
    for part in token.split('.').skip(1) {
        assert!(!logs.contains(part), "{part} is in the log:\n{logs}");
    }
}

/// I13: and none of them names what made it.
fn every_answer_tells_browsers_to_do_nothing_with_it(combination: &Combination) {
    let app = combination.start();
    let json = json!({});
    let large = vec![b' '; (1 << 20) + 1];
    let answers = [
        (200, app.get("/health")),
        (200, app.get("/customers")),
        (400, app.post("/products", &json)),
        (400, app.get("/products//x")),
        (404, app.get("/nothing")),
        (405, app.delete("/customers")),
        (413, app.send_bytes("POST", "/products", Some(&large))),
        (415, app.client.send("POST", &app.product_url("/products"), &[], Some(b"{}"))),
        (401, app.client.send("GET", &app.gateway_url("/products"), &[], None)),
    ];
    let answers = answers.map(|(status, answer)| (status, "no-store", answer));
    // What its client may keep, and must look at again.
    let kept = ["/products/prod_001", "/customers/cust_001"];
    let kept = kept.map(|path| (200, "private, no-cache", app.get(path)));
    for (status, keeping, answer) in answers.into_iter().chain(kept) {
        let answer = answer.expect(status);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", keeping),
        ] {
            assert_eq!(answer.header(name), Some(value), "{status}: {name}");
        }
        for name in ["server", "via", "x-powered-by"] {
            assert_eq!(answer.header(name), None, "{status}: {name}");
        }
    }
}

/// A process whose environment leaves out what the harness sets.
struct Bare {
    child: Child,
    url: String,
    _folder: TempDir,
}

impl Bare {
    fn start(settings: &[(&str, &str)]) -> Bare {
        let folder = TempDir::new().expect("a temporary folder");
        let mut child = command(folder.path())
            .args(["serve", "--no-seed"])
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut lines = stdout.lines().map(|line| line.expect("the banner is text"));
        let line = lines.find(|line| line.trim().starts_with("gateway")).expect("a banner");
        let url = line.split_whitespace().nth(1).expect("a URL").to_owned();
        // To the end, so that the process never writes into a closed pipe.
        lines.find(|line| line.contains("Ctrl-C")).expect("the end of the banner");
        Bare { child, url, _folder: folder }
    }

    fn ask_for_token(&self) -> Answer {
        let body = br#"{"userId":"a","email":"b"}"#;
        let url = format!("{}/auth/token", self.url);
        Client::new().send("POST", &url, &[JSON], Some(body))
    }

    fn get_products(&self, token: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        let url = format!("{}/products", self.url);
        Client::new().send("GET", &url, &[("Authorization", &bearer)], None)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn without_a_secret_tokens_are_handed_out_and_end_with_the_process(_: &Combination) {
    let (one, other) = (Bare::start(&[]), Bare::start(&[]));
    let answer = one.ask_for_token().expect(200);
    let token = answer.json["token"].as_str().expect("a text");
    one.get_products(token).expect(200);
    other.get_products(token).expect_failure(401, "Unauthorized");
}

fn with_a_secret_tokens_are_not_handed_out_by_default(_: &Combination) {
    let bare = Bare::start(&[("JWT_SECRET", SECRET)]);
    bare.ask_for_token().expect_failure(403, "Forbidden");
    bare.get_products(&crate::app::make_token(60)).expect(200);
    // Said explicitly, either way, it is as said.
    let on = Bare::start(&[("JWT_SECRET", SECRET), ("AUTH_TOKEN_ENDPOINT", "on")]);
    on.ask_for_token().expect(200);
    let off = Bare::start(&[("AUTH_TOKEN_ENDPOINT", "off")]);
    off.ask_for_token().expect_failure(403, "Forbidden");
}
