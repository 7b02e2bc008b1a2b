//! Failures: as RFC 9457 tells them for whoever asks for it, with all that is wrong at once, and with
//! a page for each code.

use crate::app::{App, Combination, Door};
use crate::cases;
use crate::client::{Answer, Client};
use crate::gateway::wire::{Connection, Gateway, Upstream, exchange, reserve, reserved_url, write};
use chronos::kernel::error::Rule;
use chronos::kernel::http::Code;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

cases![
    Everywhere:
        a_failure_is_told_as_rfc_9457_to_whoever_asks_for_it,
        the_qualities_of_an_accept_decide,
        what_is_refused_before_its_route_is_told_so_too,
        all_that_is_wrong_with_a_body_is_told_at_once,
        all_that_is_wrong_with_a_query_is_told_at_once,
        a_quantity_says_which_rule_it_breaks,
        each_code_has_a_page_on_each_listener_without_a_token;
    BothGateways:
        a_gateway_tells_its_own_refusals_so_too;
    Once:
        a_gateway_tells_so_what_becomes_of_its_services,
        a_head_that_is_refused_is_told_as_its_accept_says,
        the_page_of_errors_has_each_code_and_each_rule;
];

const PROBLEM: &str = "application/problem+json";

/// A request of the tests, with an `Accept`.
#[track_caller]
fn ask(app: &App, accept: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let bearer = format!("Bearer {}", app.token());
    let body = body.map(Value::to_string);
    let mut headers = vec![("Authorization", bearer.as_str()), ("Accept", accept)];
    headers.extend(body.as_ref().map(|_| ("Content-Type", "application/json")));
    app.client.send(method, &app.url(path), &headers, body.as_deref().map(str::as_bytes))
}

/// Fails the test unless this is a failure as RFC 9457 tells it, with the members of the envelope.
#[track_caller]
fn expect_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some(PROBLEM), "{answer:?}");
    let json = &answer.json;
    assert_eq!(json["type"], format!("/docs/errors/{code}"), "{json}");
    assert_eq!(json["status"], status, "{json}");
    let known = Code::ALL.iter().find(|known| known.as_str() == code).expect("a code");
    assert_eq!(json["title"], known.sentence(), "{json}");
    let detail = if json["message"].is_null() { &json["error"] } else { &json["message"] };
    assert_eq!(&json["detail"], detail, "{json}");
    let id = answer.header("x-request-id").expect("an id");
    let instance = json["instance"].as_str().expect("a reference");
    assert!(instance.ends_with(&format!("#{id}")), "{json}");
    assert_eq!(json["success"], false, "{json}");
    assert_eq!(json["code"], code, "{json}");
    assert_eq!(json["request_id"], id, "{json}");
}

/// What failures of one kind have in common, whoever asked.
fn members(answer: &Answer) -> Map<String, Value> {
    let mut members = answer.json.as_object().expect("an object").clone();
    for own in ["request_id", "type", "title", "status", "detail", "instance"] {
        members.remove(own);
    }
    members
}

fn a_failure_is_told_as_rfc_9457_to_whoever_asks_for_it(combination: &Combination) {
    let app = combination.start();
    let product = json!({
        "id": "prod_001", "name": "N", "brand": "B", "price": 1, "stock": 1, "category": "c",
    });
    let nothing = json!({});
    let quantity = json!({ "quantity": 2_000_000_000 });
    for (method, path, body, status, code) in [
        ("GET", "/products/none", None, 404, "PRODUCT_NOT_FOUND"),
        ("GET", "/products?limit=0", None, 400, "VALIDATION_FAILED"),
        ("GET", "/products/a%20b", None, 400, "VALIDATION_FAILED"),
        ("GET", "/products//x", None, 400, "INVALID_PATH"),
        ("GET", "/nothing", None, 404, "NOT_FOUND"),
        ("POST", "/products/prod_001", Some(&nothing), 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/products", Some(&nothing), 400, "MISSING_FIELDS"),
        ("POST", "/products", Some(&product), 409, "PRODUCT_EXISTS"),
        ("POST", "/products", None, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("PUT", "/customers/cust_001", Some(&nothing), 400, "NO_FIELDS"),
        ("PATCH", "/products/prod_001/inventory", Some(&quantity), 400, "INSUFFICIENT_STOCK"),
        ("DELETE", "/customers/cust_001", None, 409, "CUSTOMER_HAS_ORDERS"),
        ("GET", "/customers/none/orders", None, 404, "CUSTOMER_NOT_FOUND"),
    ] {
        let problem = ask(&app, PROBLEM, method, path, body);
        expect_problem(&problem, status, code);
        let id = problem.header("x-request-id").expect("an id");
        let shown = path.split('?').next().unwrap_or_default();
        let instance = match shown {
            // No reference may begin so: it would name a host.
            _ if shown.starts_with("//") => format!("#{id}"),
            _ => format!("{shown}#{id}"),
        };
        assert_eq!(problem.json["instance"], instance);
        // Nothing changes for whoever does not ask, and nothing is missing for whoever does.
        let envelope = ask(&app, "*/*", method, path, body);
        assert_eq!(envelope.header("content-type"), Some("application/json"), "{envelope:?}");
        assert_eq!(members(&problem), members(&envelope), "{method} {path}");
        assert_eq!(problem.header("allow"), envelope.header("allow"));
        assert_eq!(problem.header("cache-control"), Some("no-store"));
    }
    let head = ask(&app, PROBLEM, "HEAD", "/products/none", None);
    assert_eq!((head.status, head.header("content-type")), (404, Some(PROBLEM)));
    // A success has one form only.
    let found = ask(&app, PROBLEM, "GET", "/products/prod_001", None).expect(200);
    assert_eq!(found.header("content-type"), Some("application/json"));
}

fn the_qualities_of_an_accept_decide(combination: &Combination) {
    let app = combination.start();
    for (accept, expected) in [
        ("application/problem+json", PROBLEM),
        ("APPLICATION/PROBLEM+JSON;charset=utf-8", PROBLEM),
        ("application/json, application/problem+json", PROBLEM),
        ("text/html, application/problem+json;q=0.1, application/json;q=0.05", PROBLEM),
        ("application/json, application/problem+json;q=0.9", "application/json"),
        ("application/problem+json;q=0.2, */*;q=0.3", "application/json"),
        ("application/problem+json;q=0", "application/json"),
        ("application/*", "application/json"),
        ("*/*", "application/json"),
        ("text/html", "application/json"),
        (";;,q=1", "application/json"),
    ] {
        let answer = ask(&app, accept, "GET", "/products/none", None).expect(404);
        assert_eq!(answer.header("content-type"), Some(expected), "{accept}");
    }
    // Several headers are one list.
    let bearer = format!("Bearer {}", app.token());
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Accept", "application/problem+json;q=0.5"),
        ("Accept", "application/json"),
    ];
    let answer = app.client.send("GET", &app.url("/products/none"), &headers, None).expect(404);
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

fn what_is_refused_before_its_route_is_told_so_too(combination: &Combination) {
    let app = combination.start();
    let address = app.address("/products");
    let token = app.token();
    for (request, status, code) in [
        ("GET /products/a;b HTTP/1.1\r\nHost: chronos", 400, "INVALID_PATH"),
        ("GET /products HTTP/1.1\r\nHost: a b", 400, "BAD_REQUEST"),
        ("GET /products HTTP/1.1\r\nHost: other.example", 421, "MISDIRECTED_REQUEST"),
        (
            "POST /products HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999",
            413,
            "PAYLOAD_TOO_LARGE",
        ),
    ] {
        let request = format!(
            "{request}\r\nAuthorization: Bearer {token}\r\nAccept: {PROBLEM}\r\n\
             Connection: close\r\n\r\n"
        );
        let answers = exchange(&address, request);
        let json: Value = serde_json::from_str(&answers[0].text()).expect("JSON");
        assert_eq!(answers[0].header("content-type"), Some(PROBLEM), "{answers:?}");
        assert_eq!((answers[0].status(), json["code"].as_str()), (status, Some(code)), "{json}");
        assert_eq!(json["status"], status, "{json}");
    }
}

/// `errors` as pairs of field and code.
fn told(answer: &Answer) -> Vec<(String, String)> {
    let errors = answer.json["errors"].as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    errors
        .map(|error| {
            assert!(!text(&error["detail"]).is_empty(), "{error}");
            (text(&error["field"]), text(&error["code"]))
        })
        .collect()
}

#[track_caller]
fn expect_told(answer: &Answer, code: &str, expected: &[(&str, &str)]) {
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert_eq!(answer.json["code"], code, "{}", answer.text);
    let told = told(answer);
    let told: Vec<(&str, &str)> = told.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(told, expected, "{}", answer.text);
    let details = &answer.json["details"];
    if code == "VALIDATION_FAILED" {
        assert_eq!(details["field"], expected[0].0, "{details}");
        assert_eq!(details["reason"], answer.json["errors"][0]["detail"], "{details}");
    }
    if code == "MISSING_FIELDS" {
        let missing = expected.iter().filter(|(_, code)| *code == "REQUIRED");
        assert_eq!(details["missing"], json!(missing.map(|(field, _)| field).collect::<Vec<_>>()));
    }
}

fn all_that_is_wrong_with_a_body_is_told_at_once(combination: &Combination) {
    let app = combination.start();
    let long = "x".repeat(300);
    let body = json!({
        "id": "a b", "name": " ", "brand": long, "price": "1,50", "stock": -1, "category": "c",
        "metadata": { "text": "x".repeat(17_000) },
    });
    let all = [
        ("id", "BAD_CHARACTER"),
        ("name", "EMPTY"),
        ("brand", "TOO_LONG"),
        ("price", "NOT_MONEY"),
        ("stock", "OUT_OF_RANGE"),
        ("metadata", "TOO_LONG"),
    ];
    let answer = app.post("/products", &body);
    expect_told(&answer, "VALIDATION_FAILED", &all);
    let message = answer.json["message"].as_str().expect("a text");
    for (field, _) in all {
        assert!(message.contains(&format!("{field} must ")), "{message}");
    }
    expect_told(&app.put("/products/prod_001", &body), "VALIDATION_FAILED", &all[1..]);
    let body = json!({ "name": null, "stock": null, "price": 100_000_000 });
    let expected =
        [("name", "NULL_NOT_ALLOWED"), ("price", "OUT_OF_RANGE"), ("stock", "NULL_NOT_ALLOWED")];
    expect_told(&app.put("/products/prod_001", &body), "VALIDATION_FAILED", &expected);
    // What is missing is told beside what is wrong.
    let body = json!({ "id": "", "email": "nobody", "tier": "Gold", "phone": "" });
    let expected = [
        ("id", "EMPTY"),
        ("email", "NOT_AN_EMAIL"),
        ("name", "REQUIRED"),
        ("tier", "NOT_ONE_OF"),
        ("phone", "EMPTY"),
    ];
    let answer = app.post("/customers", &body);
    expect_told(&answer, "MISSING_FIELDS", &expected);
    assert_eq!(answer.json["error"], "Missing required fields (id, email, name, tier)");
    let body = json!({ "email": "é@x", "name": "", "tier": null });
    let expected = [("email", "BAD_CHARACTER"), ("name", "EMPTY"), ("tier", "NULL_NOT_ALLOWED")];
    expect_told(&app.put("/customers/cust_001", &body), "VALIDATION_FAILED", &expected);
    // Nothing of it was done.
    let row = app.get("/products/prod_001").expect(200).json["data"].clone();
    assert_eq!(row["created_at"], row["updated_at"]);
}

fn all_that_is_wrong_with_a_query_is_told_at_once(combination: &Combination) {
    let app = combination.start();
    let query = "brand=a&brand=b&minPrice=x&maxprice=3&limit=0&offset=-1&after=nonsense";
    let expected = [
        ("brand", "REPEATED"),
        ("minPrice", "NOT_MONEY"),
        ("maxPrice", "MISSPELT"),
        ("limit", "OUT_OF_RANGE"),
        ("offset", "NOT_A_NUMBER"),
        ("after", "NOT_A_CURSOR"),
    ];
    expect_told(&app.get(&format!("/products?{query}")), "VALIDATION_FAILED", &expected);
    let expected = [("minPrice", "OUT_OF_RANGE"), ("limit", "OUT_OF_RANGE")];
    let answer = app.get("/products?minPrice=2&maxPrice=1&limit=1001");
    expect_told(&answer, "VALIDATION_FAILED", &expected);
    let long = "x".repeat(256);
    let expected = [("tier", "NOT_ONE_OF"), ("email", "TOO_LONG"), ("offset", "NOT_A_NUMBER")];
    let answer = app.get(&format!("/customers?tier=none&email={long}&offset=x"));
    expect_told(&answer, "VALIDATION_FAILED", &expected);
    let expected = [("limit", "NOT_A_NUMBER"), ("after", "NOT_A_CURSOR")];
    let answer = app.get("/customers/cust_001/orders?limit=ten&after=1");
    expect_told(&answer, "VALIDATION_FAILED", &expected);
    expect_told(&app.get("/products?x=%00"), "VALIDATION_FAILED", &[("query", "NUL")]);
    expect_told(&app.get("/products?x=%ff"), "VALIDATION_FAILED", &[("query", "NOT_UTF8")]);
}

fn a_quantity_says_which_rule_it_breaks(combination: &Combination) {
    let app = combination.start();
    for (body, rule) in [
        (json!({}), "REQUIRED"),
        (json!({ "quantity": null }), "REQUIRED"),
        (json!({ "quantity": "2" }), "NOT_A_NUMBER"),
        (json!({ "quantity": 0 }), "OUT_OF_RANGE"),
        (json!({ "quantity": 1.5 }), "OUT_OF_RANGE"),
    ] {
        let answer = app.patch("/products/prod_001/inventory", &body);
        let answer = answer.expect_failure(400, "Quantity must be a positive number");
        expect_told(&answer, "INVALID_QUANTITY", &[("quantity", rule)]);
    }
}

fn each_code_has_a_page_on_each_listener_without_a_token(combination: &Combination) {
    let app = combination.start();
    let client = Client::new();
    let get = |url: &str, accept: &str| client.send("GET", url, &[("Accept", accept)], None);
    for code in Code::ALL {
        let url = app.url(&format!("/docs/errors/{}", code.as_str()));
        let text = get(&url, "*/*").expect(200);
        assert_eq!(text.header("content-type"), Some("text/plain; charset=utf-8"), "{text:?}");
        assert!(text.text.contains(&format!("`{}`", code.as_str())), "{}", text.text);
        assert!(text.text.contains("\nMeans: "), "{}", text.text);
        assert!(text.text.contains("\nWhat to do: "), "{}", text.text);
        assert_eq!(text.text.matches("What to do: ").count(), 1, "{}", text.text);
    }
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let mut bases = vec![app.product_url(""), app.customer_url(""), app.service_url("order", "")];
    if combination.door != Door::Direct {
        bases.push(app.gateway_url(""));
    }
    for base in bases {
        let page = get(&format!("{base}/docs/errors/PRODUCT_NOT_FOUND"), browser).expect(200);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{page:?}");
        assert_eq!(page.header("vary"), Some("Accept"), "{page:?}");
        assert!(page.text.starts_with("<!DOCTYPE html>"), "{}", page.text);
        assert!(page.text.contains("<code>PRODUCT_NOT_FOUND</code>"), "{}", page.text);
        let all = get(&format!("{base}/docs/errors"), "*/*").expect(200);
        assert_eq!(all.text, include_str!("../../docs/ERRORS.md"));
        for none in ["NONE", "product_not_found", "PRODUCT_NOT_FOUND%60", "Codes"] {
            let answer = get(&format!("{base}/docs/errors/{none}"), "*/*");
            answer.expect_failure(404, "Not Found");
        }
        let posted = client.send("POST", &format!("{base}/docs/errors"), &[], Some(b"{}"));
        posted.expect_failure(405, "Method Not Allowed");
    }
    // Where the `type` of a failure leads.
    let problem = ask(&app, PROBLEM, "GET", "/customers/none", None);
    let link = problem.json["type"].as_str().expect("a reference").to_owned();
    get(&app.url(&link), "*/*").expect(200);
}

fn a_gateway_tells_its_own_refusals_so_too(combination: &Combination) {
    let app = combination.start_with(&[("RATE_LIMIT_PER_MINUTE", "3")]);
    let send = |method: &str, path: &str| {
        let url = app.gateway_url(path);
        app.client.send(method, &url, &[("Accept", PROBLEM)], None)
    };
    let refused = send("GET", "/products/prod_001");
    expect_problem(&refused, 401, "UNAUTHORIZED");
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    expect_problem(&send("POST", "/auth/token"), 415, "UNSUPPORTED_MEDIA_TYPE");
    send("GET", "/docs/errors/RATE_LIMITED").expect(200);
    let refused = send("GET", "/products/prod_001");
    expect_problem(&refused, 429, "RATE_LIMITED");
    assert_eq!(refused.json["statusCode"], 429);
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
}

fn a_gateway_tells_so_what_becomes_of_its_services(_: &Combination) {
    let accept = format!("Accept: {PROBLEM}\r\n");
    let expect = |gateway: &Gateway, accept: &str, status: u16, kind: &str, code: &str| {
        let answer = gateway.send("GET", "/products/x", accept, "");
        assert_eq!(answer.status(), status, "{answer:?}");
        assert_eq!(answer.header("content-type"), Some(kind), "{answer:?}");
        let json: Value = serde_json::from_str(&answer.text()).expect("JSON");
        assert_eq!(json["code"], code, "{json}");
        assert_eq!(json["status"].is_null(), kind != PROBLEM, "{json}");
    };
    let socket = reserve();
    let away = Gateway::with(&reserved_url(&socket), &[]);
    expect(&away, &accept, 502, PROBLEM, "UPSTREAM_UNAVAILABLE");
    expect(&away, "", 502, "application/json", "UPSTREAM_UNAVAILABLE");
    // Another server in between, which knows nothing of the envelope.
    let foreign = |kind: &str, body: &str| {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 404 Not Found\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        Upstream::start(move |_, stream| write(stream, &answer))
    };
    let html = foreign("text/html", "<p>gone");
    let gateway = Gateway::with(&html.url(), &[]);
    expect(&gateway, &accept, 404, PROBLEM, "NOT_FOUND");
    expect(&gateway, "", 404, "application/json", "NOT_FOUND");
    // What was not asked for is told as ever.
    let problem = foreign(PROBLEM, r#"{"type":"about:blank","status":404,"code":"FOREIGN"}"#);
    let gateway = Gateway::with(&problem.url(), &[]);
    expect(&gateway, &accept, 404, PROBLEM, "FOREIGN");
    expect(&gateway, "", 404, "application/json", "NOT_FOUND");
}

fn a_head_that_is_refused_is_told_as_its_accept_says(combination: &Combination) {
    let app = combination.start();
    let address = app.address("/products");
    let many: String = (0..70).map(|n| format!("X-{n}: n\r\n")).collect();
    for (before, behind, expected) in [
        (format!("Accept: {PROBLEM}\r\n"), "", PROBLEM),
        (String::new(), "", "application/json"),
        // What comes behind the bound is not read.
        (String::new(), "Accept: application/problem+json\r\n", "application/json"),
    ] {
        let request = format!("GET / HTTP/1.1\r\nHost: chronos\r\n{before}{many}{behind}\r\n");
        let answers = exchange(&address, request);
        assert_eq!(answers[0].status(), 431, "{answers:?}");
        assert_eq!(answers[0].header("content-type"), Some(expected), "{answers:?}");
    }
    let slow = format!("GET / HTTP/1.1\r\nHost: chronos\r\nAccept: {PROBLEM}\r\nX-");
    let answer = Connection::open(&address).send(slow).answer();
    assert_eq!(answer.status(), 408, "{answer:?}");
    let json: Value = serde_json::from_str(&answer.text()).expect("JSON");
    assert_eq!(json["type"], "/docs/errors/REQUEST_TIMEOUT", "{json}");
    assert_eq!(json["instance"], format!("#{}", json["request_id"].as_str().expect("an id")));
}

fn the_page_of_errors_has_each_code_and_each_rule(_: &Combination) {
    let page = include_str!("../../docs/ERRORS.md");
    let (codes, rules) = page.split_once("\n## Rules\n").expect("two parts");
    let quoted = |line: &str| line.split('`').nth(1).unwrap_or_default().to_owned();
    let headings = codes.lines().filter(|line| line.starts_with("### `")).map(quoted);
    let documented: Vec<String> = headings.collect();
    let known: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(documented, known, "each code once, in the order of the list");
    for (code, section) in Code::ALL.iter().zip(codes.split("\n### ").skip(1)) {
        let status = match code {
            Code::RequestRefused => "4xx".to_owned(),
            _ => code.status().as_str().to_owned(),
        };
        let line = format!("\n\n{status} {}\n", code.sentence());
        assert!(section.contains(&line), "{section}");
        assert_eq!(section.matches("\nMeans: ").count(), 1, "{section}");
        assert_eq!(section.matches("\nWhat to do: ").count(), 1, "{section}");
    }
    let listed: Vec<String> =
        rules.lines().filter(|line| line.starts_with("- `")).map(quoted).collect();
    let known: Vec<&str> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    assert_eq!(listed, known, "each rule once, in the order of the list");
    assert_eq!(BTreeSet::from_iter(known).len(), Rule::ALL.len());
}
