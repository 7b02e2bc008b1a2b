//! Long answers are compressed for who takes gzip; what is cached or tagged is sent as it is.

use crate::app::{App, Combination};
use crate::cases;
use crate::client::Client;
use crate::gateway::wire::Message;
use crate::gateway::wire::exchange_one;
use flate2::read::GzDecoder;
use serde_json::json;
use std::io::Read;

cases![
    Everywhere:
        a_long_list_is_compressed_for_who_takes_gzip,
        who_does_not_want_gzip_gets_the_answer_as_it_is,
        what_is_short_or_tagged_is_sent_as_it_is;
];

/// More than a packet holds.
const LONG: &str = "/products?limit=100";

fn ask(app: &App, method: &str, path: &str, accepted: Option<&str>) -> Message {
    let accepted = accepted.map(|value| format!("Accept-Encoding: {value}\r\n"));
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: chronos\r\nAuthorization: Bearer {}\r\n{}Connection: close\r\n\r\n",
        app.token(),
        accepted.unwrap_or_default()
    );
    exchange_one(&app.address(path), request)
}

fn unzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).expect("a whole gzip stream");
    plain
}

fn varies(message: &Message) -> bool {
    let names = message.all("vary").into_iter().flat_map(|line| line.split(','));
    names.into_iter().any(|name| name.trim().eq_ignore_ascii_case("accept-encoding"))
}

fn a_long_list_is_compressed_for_who_takes_gzip(combination: &Combination) {
    let app = combination.start();
    let plain = ask(&app, "GET", LONG, None);
    assert_eq!((plain.status(), plain.header("content-encoding")), (200, None), "{plain:?}");
    assert!(varies(&plain), "a cache in between keeps both: {plain:?}");
    for accepted in ["gzip", "gzip, deflate, br, zstd", "br;q=1.0, gzip;q=0.8, *;q=0.1", "GZIP"] {
        let zipped = ask(&app, "GET", LONG, Some(accepted));
        assert_eq!(zipped.status(), 200, "{accepted}: {zipped:?}");
        assert_eq!(zipped.header("content-encoding"), Some("gzip"), "{accepted}: {zipped:?}");
        assert_eq!(zipped.header("content-type"), Some("application/json"), "{accepted}");
        assert!(varies(&zipped), "{accepted}: {zipped:?}");
        assert_eq!(unzip(&zipped.body), plain.body, "{accepted}");
        assert!(zipped.body.len() * 3 < plain.body.len(), "{accepted}");
        let shown = |message: &Message| {
            let names = ["link", "cache-control", "content-security-policy"];
            names.map(|name| message.header(name).map(str::to_owned))
        };
        assert_eq!(shown(&zipped), shown(&plain), "{accepted}");
    }
    let document = ask(&app, "GET", "/openapi.json", Some("gzip"));
    assert_eq!(document.header("content-encoding"), Some("gzip"), "{document:?}");
    serde_json::from_slice::<serde_json::Value>(&unzip(&document.body)).expect("JSON");
    // Its tag stays the same, and tells of a change however it was sent.
    let tag = document.header("etag").expect("a tag").to_owned();
    assert!(tag.starts_with("W/"), "{tag}");
    let again =
        Client::new().send("GET", &app.url("/openapi.json"), &[("If-None-Match", &tag)], None);
    again.expect(304);
}

fn who_does_not_want_gzip_gets_the_answer_as_it_is(combination: &Combination) {
    let app = combination.start();
    let plain = ask(&app, "GET", LONG, None);
    for accepted in ["identity", "br", "*", "gzip;q=0", "identity;q=1, gzip;q=0.5", "", "gzip;q=x"]
    {
        let answer = ask(&app, "GET", LONG, Some(accepted));
        assert_eq!(answer.status(), 200, "{accepted}: {answer:?}");
        assert_eq!(answer.header("content-encoding"), None, "{accepted}: {answer:?}");
        assert_eq!(answer.body, plain.body, "{accepted}");
    }
    let request = format!(
        "HEAD {LONG} HTTP/1.1\r\nHost: chronos\r\nAuthorization: Bearer {}\r\nAccept-Encoding: gzip\r\n\r\n",
        app.token()
    );
    let mut connection = crate::gateway::wire::Connection::open(&app.address(LONG));
    let head = connection.send(request).answer_to_head();
    assert_eq!(head.status(), 200, "{head:?}");
    assert!(varies(&head), "{head:?}");
}

fn what_is_short_or_tagged_is_sent_as_it_is(combination: &Combination) {
    let app = combination.start();
    app.put("/products/prod_001", &json!({ "metadata": { "story": "long ".repeat(2_000) } }))
        .expect(200);
    for path in ["/products?limit=1", "/products/none", "/livez", "/products/prod_002"] {
        let answer = ask(&app, "GET", path, Some("gzip"));
        assert_eq!(answer.header("content-encoding"), None, "{path}: {answer:?}");
    }
    // A strong tag names these very bytes.
    let tagged = ask(&app, "GET", "/products/prod_001", Some("gzip"));
    assert!(tagged.body.len() > 10_000, "{tagged:?}");
    assert!(tagged.header("etag").is_some_and(|tag| tag.starts_with('"')), "{tagged:?}");
    assert_eq!(tagged.header("content-encoding"), None, "{tagged:?}");
}
