//! Pages of other origins: what CORS lets them send and read, and a page in a real browser.

use crate::app::{App, Combination};
use crate::cases;
use crate::client::{Answer, Client};
use crate::gateway::wire::{Connection, Message};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

cases![
    Everywhere:
        every_answer_may_be_read_by_a_page_of_an_allowed_origin,
        a_preflight_is_answered_before_token_and_route,
        a_refused_preflight_says_why,
        a_page_of_another_origin_may_read_nothing,
        without_the_setting_no_answer_speaks_of_origins;
    BothGateways:
        a_preflight_is_not_counted_and_a_refusal_by_the_limit_can_be_read;
    WithServers:
        a_page_in_a_browser_can_use_the_store;
    Once:
        an_origin_that_is_none_is_refused_at_the_start;
];

const SHOP: &str = "https://shop.example";
const SETTING: (&str, &str) =
    ("CORS_ALLOWED_ORIGINS", "https://shop.example, http://localhost:5173/");

/// What a page must be able to read beside what every page can.
const EXPOSED: [&str; 11] = [
    "etag",
    "idempotency-replayed",
    "link",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "www-authenticate",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-request-id",
];

fn send(app: &App, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let bearer = format!("Bearer {}", app.token());
    let mut all = headers.to_vec();
    if !headers.iter().any(|(name, _)| *name == "Authorization") {
        all.push(("Authorization", &bearer));
    }
    let body = (!body.is_empty()).then_some(body);
    Client::new().send(method, &app.url(path), &all, body)
}

fn preflight(app: &App, path: &str, headers: &[(&str, &str)]) -> Answer {
    Client::new().send("OPTIONS", &app.url(path), headers, None)
}

/// The names in a list of names, in lower case and in order.
fn names(value: Option<&str>) -> Vec<String> {
    let names = value.unwrap_or_default().split(',').map(|name| name.trim().to_ascii_lowercase());
    let mut names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
    names.sort();
    names
}

#[track_caller]
fn expect_readable(answer: &Answer) {
    assert_eq!(answer.header("access-control-allow-origin"), Some(SHOP), "{answer:?}");
    assert_eq!(names(answer.header("access-control-expose-headers")), EXPOSED, "{answer:?}");
    assert!(varies_by_origin(answer), "{answer:?}");
    // The token is in a header that the page sets: no cookie is ever sent.
    assert_eq!(answer.header("access-control-allow-credentials"), None, "{answer:?}");
}

fn varies_by_origin(answer: &Answer) -> bool {
    let lines = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("vary"));
    lines.flat_map(|(_, value)| names(Some(value))).any(|name| name == "origin")
}

fn of_origins(headers: &[(String, String)]) -> Vec<&(String, String)> {
    headers.iter().filter(|(name, _)| name.starts_with("access-control-")).collect()
}

fn every_answer_may_be_read_by_a_page_of_an_allowed_origin(combination: &Combination) {
    let app = combination.start_with(&[SETTING]);
    let origin = [("Origin", SHOP)];
    // The slow one takes ten seconds, so it begins first.
    let head = format!(
        "POST /products HTTP/1.1\r\nHost: chronos\r\nOrigin: {SHOP}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{{",
        app.token()
    );
    let mut slow = Connection::open(&app.address("/products"));
    slow.send(head);

    let found = send(&app, "GET", "/products/prod_001", &origin, b"").expect(200);
    expect_readable(&found);
    let tag = found.header("etag").expect("a tag").to_owned();
    let unchanged = [origin[0], ("If-None-Match", &tag)];
    expect_readable(&send(&app, "GET", "/products/prod_001", &unchanged, b"").expect(304));
    expect_readable(&send(&app, "HEAD", "/products", &origin, b"").expect(200));
    expect_readable(&send(&app, "GET", "/products?limit=2", &origin, b"").expect(200));
    expect_readable(&send(&app, "GET", "/", &origin, b"").expect(200));
    expect_readable(&send(&app, "GET", "/livez", &origin, b"").expect(200));
    expect_readable(&send(&app, "GET", "/openapi.json", &origin, b"").expect(200));

    expect_readable(&send(&app, "GET", "/products?limit=x", &origin, b"").expect(400));
    expect_readable(&send(&app, "GET", "/products/none", &origin, b"").expect(404));
    expect_readable(&send(&app, "GET", "/nothing/here", &origin, b"").expect(404));
    expect_readable(&send(&app, "DELETE", "/products", &origin, b"").expect(405));
    let stale = [origin[0], ("If-Match", "\"v0\""), ("Content-Type", "application/json")];
    let answer = send(&app, "PUT", "/products/prod_001", &stale, br#"{"stock":1}"#);
    expect_readable(&answer.expect(412));
    let json = [origin[0], ("Content-Type", "application/json")];
    let large = vec![b' '; 3 << 20];
    expect_readable(&send(&app, "POST", "/products", &json, &large).expect(413));
    let zipped = [origin[0], json[1], ("Content-Encoding", "gzip")];
    expect_readable(&send(&app, "POST", "/products", &zipped, b"{}").expect(415));

    let new = br#"{"id":"new","name":"N","brand":"B","price":1,"stock":1,"category":"c"}"#;
    let keyed = [origin[0], json[1], ("Idempotency-Key", "once")];
    for _ in 0..2 {
        let created = send(&app, "POST", "/products", &keyed, new).expect(201);
        expect_readable(&created);
        assert!(created.header("location").is_some(), "{created:?}");
    }

    let renamed = "ALTER TABLE customers RENAME TO customers_hidden";
    app.storage.execute(renamed).expect("the table is there");
    let failed = send(&app, "GET", "/customers", &origin, b"");
    assert!(failed.status >= 500, "{failed:?}");
    expect_readable(&failed);

    let timed_out = slow.answer();
    assert_eq!(timed_out.status(), 408, "{timed_out:?}");
    expect_readable_message(&timed_out);
}

#[track_caller]
fn expect_readable_message(message: &Message) {
    assert_eq!(message.header("access-control-allow-origin"), Some(SHOP), "{message:?}");
    let exposed = names(message.header("access-control-expose-headers"));
    assert_eq!(exposed, EXPOSED, "{message:?}");
    let varied = message.all("vary").into_iter().flat_map(|line| names(Some(line)));
    assert!(varied.into_iter().any(|name| name == "origin"), "{message:?}");
}

fn a_preflight_is_answered_before_token_and_route(combination: &Combination) {
    let app = combination.start_with(&[SETTING]);
    for (path, method) in [
        ("/products", "POST"),
        ("/products/prod_001", "DELETE"),
        ("/products/prod_001/inventory", "PATCH"),
        ("/customers/cust_001", "PUT"),
        ("/health", "GET"),
        ("/no/such/route", "POST"),
    ] {
        let answer = preflight(
            &app,
            path,
            &[
                ("Origin", "http://localhost:5173"),
                ("Access-Control-Request-Method", method),
                (
                    "Access-Control-Request-Headers",
                    "authorization,content-type,idempotency-key,if-match,if-none-match,\
                     x-request-id,traceparent",
                ),
            ],
        );
        let answer = answer.expect(200);
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed, Some("http://localhost:5173"), "{answer:?}");
        let methods = names(answer.header("access-control-allow-methods"));
        assert_eq!(methods, ["delete", "get", "head", "patch", "post", "put"], "{answer:?}");
        let headers = names(answer.header("access-control-allow-headers"));
        for name in ["authorization", "content-type", "idempotency-key", "if-match"] {
            assert!(headers.iter().any(|header| header == name), "{name}: {answer:?}");
        }
        assert_eq!(answer.header("access-control-max-age"), Some("600"), "{answer:?}");
        assert!(varies_by_origin(&answer), "{answer:?}");
        assert!(answer.header("x-request-id").is_some(), "{answer:?}");
        assert_eq!(answer.text, "");
    }
    // An OPTIONS that is no preflight is a request as any other.
    let plain = preflight(&app, "/products", &[("Origin", SHOP)]);
    assert!(plain.status >= 400, "{plain:?}");
    expect_readable(&plain);
}

fn a_refused_preflight_says_why(combination: &Combination) {
    let app = combination.start_with(&[SETTING]);
    let refused = |origin: &str, method: &str, header: &str| {
        let answer = preflight(
            &app,
            "/products",
            &[
                ("Origin", origin),
                ("Access-Control-Request-Method", method),
                ("Access-Control-Request-Headers", header),
            ],
        );
        let answer = answer.expect_failure(403, "Forbidden");
        assert_eq!(answer.json["code"], "FORBIDDEN", "{}", answer.text);
        answer.json["message"].as_str().expect("a message").to_owned()
    };
    for origin in [
        "https://other.example",
        "https://shop.example.other.example",
        "https://shop.example:8443",
        "http://shop.example",
        "https://sub.shop.example",
        "null",
    ] {
        let message = refused(origin, "GET", "authorization");
        assert!(message.contains("CORS_ALLOWED_ORIGINS"), "{origin}: {message}");
    }
    assert!(refused(SHOP, "TRACE", "authorization").contains("Access-Control-Request-Method"));
    assert!(refused(SHOP, "GET", "x-other").contains("Access-Control-Request-Headers"));
}

fn a_page_of_another_origin_may_read_nothing(combination: &Combination) {
    let app = combination.start_with(&[SETTING]);
    for origin in ["https://other.example", "null", "https://shop.example/", "é"] {
        for (path, status) in
            [("/products/prod_001", 200), ("/products/none", 404), ("/products?limit=x", 400)]
        {
            let answer = send(&app, "GET", path, &[("Origin", origin)], b"").expect(status);
            let allowed = answer.header("access-control-allow-origin");
            assert_eq!(allowed, None, "{origin}: {answer:?}");
        }
    }
    // A program sends no origin, and a cache must know that the answer hangs on it.
    let answer = send(&app, "GET", "/products/prod_001", &[], b"").expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), None, "{answer:?}");
    assert!(varies_by_origin(&answer), "{answer:?}");
}

fn without_the_setting_no_answer_speaks_of_origins(combination: &Combination) {
    let app = combination.start();
    for (method, path) in [("GET", "/products"), ("GET", "/nothing"), ("OPTIONS", "/products")] {
        let headers = [("Origin", SHOP), ("Access-Control-Request-Method", "GET")];
        let answer = send(&app, method, path, &headers, b"");
        assert!(of_origins(&answer.headers).is_empty(), "{answer:?}");
        assert!(!varies_by_origin(&answer), "{answer:?}");
    }
}

fn a_preflight_is_not_counted_and_a_refusal_by_the_limit_can_be_read(combination: &Combination) {
    let app = combination.start_with(&[SETTING, ("RATE_LIMIT_PER_MINUTE", "2")]);
    let asked = [("Origin", SHOP), ("Access-Control-Request-Method", "GET")];
    for _ in 0..10 {
        preflight(&app, "/products", &asked).expect(200);
    }
    let no_token = [asked[0], ("Authorization", "")];
    for _ in 0..2 {
        let unknown = send(&app, "GET", "/products", &no_token, b"").expect(401);
        expect_readable(&unknown);
        assert!(unknown.header("x-ratelimit-remaining").is_some(), "{unknown:?}");
    }
    let over = send(&app, "GET", "/products", &asked[..1], b"").expect(429);
    expect_readable(&over);
    assert!(over.header("retry-after").is_some(), "{over:?}");
    preflight(&app, "/products", &asked).expect(200);
}

fn an_origin_that_is_none_is_refused_at_the_start(_: &Combination) {
    for bad in ["*", "shop.example", "https://shop.example/path", "https://*.example"] {
        let folder = tempfile::tempdir().expect("a folder");
        let output = crate::app::command(folder.path())
            .args(["serve", "--cors-allowed-origins", bad])
            .output()
            .expect("the binary runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{bad}");
        assert!(text.contains(bad) && text.contains("--cors-allowed-origins"), "{bad}: {text}");
    }
}

// ------------------------------------------------------------------ a real browser

/// What the page does: each line of the answer is what it could read.
const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>A shop</title><script>
const store = new URLSearchParams(location.search).get('store');
const token = new URLSearchParams(location.search).get('token');
const ask = async (method, path, headers = {}, body) => {
  try {
    const answer = await fetch(store + path, {
      method, body: body && JSON.stringify(body),
      headers: { Authorization: 'Bearer ' + token, ...headers,
                 ...(body ? { 'Content-Type': 'application/json' } : {}) },
    });
    const text = await answer.text();
    return { status: answer.status, headers: Object.fromEntries(answer.headers),
             body: text && JSON.parse(text) };
  } catch (error) { return { error: error.name }; }
};
(async () => {
  const watch = { id: 'web', name: 'N', brand: 'B', price: '10.00', stock: 3, category: 'c' };
  const key = { 'Idempotency-Key': 'page' };
  const created = await ask('POST', '/products', key, watch);
  const tag = { 'If-Match': created.headers?.etag };
  const seen = {
    created,
    list: await ask('GET', '/products?limit=2&sort=price'),
    replayed: await ask('POST', '/products', key, watch),
    changed: await ask('PUT', '/products/web', tag, { stock: 1 }),
    stale: await ask('PUT', '/products/web', tag, { stock: 2 }),
    taken: await ask('PATCH', '/products/web/inventory', {}, { quantity: 1 }),
    sold_out: await ask('PATCH', '/products/web/inventory', {}, { quantity: 1 }),
    removed: await ask('DELETE', '/products/web'),
    unknown: await ask('GET', '/products/web'),
    nobody: await ask('GET', '/products', { Authorization: 'Bearer no' }),
  };
  await fetch('/seen', { method: 'POST', body: JSON.stringify(seen) });
})();
</script>"#;

fn a_page_in_a_browser_can_use_the_store(combination: &Combination) {
    let site = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = site.local_addr().expect("bound").port();
    let allowed = format!("http://127.0.0.1:{port}");
    let app = combination
        .start_with(&[("CORS_ALLOWED_ORIGINS", &allowed), ("RATE_LIMIT_PER_MINUTE", "1000")]);

    let seen = visit(&site, &allowed, &app);
    let status = |name: &str| seen[name]["status"].as_u64().unwrap_or_default();
    let header = |name: &str, header: &str| seen[name]["headers"][header].as_str().is_some();
    for (name, expected) in [
        ("list", 200),
        ("created", 201),
        ("replayed", 201),
        ("stale", 412),
        ("changed", 200),
        ("taken", 200),
        ("sold_out", 400),
        ("removed", 200),
        ("unknown", 404),
        ("nobody", 401),
    ] {
        assert_eq!(status(name), expected, "{name}: {seen:#}");
        assert!(header(name, "x-request-id"), "{name}: {seen:#}");
        assert!(header(name, "ratelimit"), "{name}: {seen:#}");
    }
    assert!(header("list", "link"), "{seen:#}");
    assert!(header("created", "location") && header("created", "etag"), "{seen:#}");
    assert!(header("replayed", "idempotency-replayed"), "{seen:#}");
    assert_eq!(seen["stale"]["body"]["code"], "VERSION_MISMATCH", "{seen:#}");
    assert_eq!(seen["nobody"]["body"]["success"], false, "{seen:#}");

    // The same page under a name that nobody has allowed.
    let seen = visit(&site, &format!("http://localhost:{port}"), &app);
    let all = seen.as_object().expect("what it saw");
    assert!(all.values().all(|answer| *answer == json!({ "error": "TypeError" })), "{seen:#}");
    // And nothing happened: the preflight was refused.
    app.get("/products/web").expect(404);
}

/// Opens the page of a site in a browser, and returns what it has seen.
fn visit(site: &TcpListener, origin: &str, app: &App) -> Value {
    let profile = tempfile::tempdir().expect("a folder");
    let url = format!("{origin}/?store={}&token={}", app.url(""), app.token());
    let browser = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--no-first-run", "--disable-background-networking", "--disable-component-update"])
        .args(["--disable-sync", "--disable-extensions", "--no-proxy-server"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(url)
        .env("HOME", profile.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _browser = Browser(browser.expect("chromium is installed: scripts/services install"));
    loop {
        let (stream, _) = site.accept().expect("the site listens");
        if let Some(seen) = answer_browser(&stream) {
            return seen;
        }
    }
}

struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// Answers one request of the browser to the site; what the page has seen, where it tells.
fn answer_browser(mut stream: &TcpStream) -> Option<Value> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).ok()? <= 2 {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let page = if line.starts_with("GET /?") { PAGE } else { "" };
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    stream.write_all(answer.as_bytes()).ok()?;
    line.starts_with("POST /seen").then(|| serde_json::from_slice(&body).expect("JSON"))
}
