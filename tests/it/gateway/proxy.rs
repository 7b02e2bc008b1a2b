//! What crosses a gateway in front of separate services, and what stays behind.

use super::wire::{Connection, Gateway, Message, Peer, SUCCESS, Upstream, write};
use crate::app::Combination;
use crate::cases;
use std::sync::mpsc::channel;
use std::time::Duration;

cases![
    Once:
        a_service_is_told_who_calls_and_under_which_identity,
        forged_forwarding_headers_are_replaced,
        what_a_trusted_proxy_says_is_handed_on,
        the_token_stays_at_the_gateway,
        headers_of_one_connection_do_not_cross,
        other_headers_cross_both_ways_as_they_are,
        a_header_of_an_answer_may_occur_twice,
        a_failure_that_is_no_json_becomes_the_envelope,
        a_redirect_is_returned_and_not_followed,
        a_service_cannot_write_the_headers_of_the_gateway,
        any_method_crosses,
        bodies_cross_byte_for_byte,
        a_body_of_1_mib_passes,
        a_larger_body_is_refused_and_no_service_sees_the_whole,
        a_body_is_not_held_until_it_is_complete,
        a_chunked_answer_passes,
        an_answer_to_head_has_the_length_and_no_body,
        answers_without_a_body_keep_the_connection_in_step,
        answers_before_the_final_one_are_left_out,
        connections_to_a_service_are_used_again,
        one_connection_of_a_client_reaches_both_services;
    BothGateways: head_tells_the_length_that_get_has;
];

fn a_service_is_told_who_calls_and_under_which_identity(_: &Combination) {
    let upstream = Upstream::answering(SUCCESS);
    let gateway = Gateway::before(&upstream);
    let mut connection = Connection::open_from([127, 0, 0, 5], &gateway.address);
    let given = gateway.request("GET", "/products", "X-Request-Id: my-id.1\r\n", "");
    let answer = connection.send(given).answer();
    assert_eq!(answer.header("x-request-id"), Some("my-id.1"));
    let request = upstream.request();
    assert_eq!(request.header("x-request-id"), Some("my-id.1"));
    assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.5"));
    assert_eq!(request.header("x-forwarded-proto"), Some("http"));
    assert_eq!(request.header("x-forwarded-host"), Some("store.example"));
    assert_eq!(request.header("host"), Some(upstream.address.to_string().as_str()));
    assert!(request.line.ends_with(" HTTP/1.1"), "{}", request.line);

    let answer = connection.send(gateway.request("GET", "/products", "", "")).answer();
    let made = upstream.request();
    assert_eq!(made.header("x-request-id"), answer.header("x-request-id"));
    assert!(made.header("x-request-id").is_some_and(|id| id.len() >= 16), "{made:?}");
}

const FORGED: &str = "X-Forwarded-For: 203.0.113.7\r\nx-forwarded-for: 203.0.113.8\r\n\
                      X-Forwarded-Host: bank.example\r\nX-Forwarded-Proto: https\r\n\
                      X-Forwarded-Port: 443\r\nX-Real-IP: 203.0.113.9\r\n\
                      Forwarded: for=203.0.113.10;host=bank.example;proto=https\r\n";

fn forged_forwarding_headers_are_replaced(_: &Combination) {
    let upstream = Upstream::answering(SUCCESS);
    let gateway = Gateway::with(&upstream.url(), &[("TRUSTED_PROXIES", "127.0.0.9")]);
    let two_ids = "X-Request-Id: mine\r\nX-Request-Id: other\r\n";
    // A header that is named here is of this connection; those that the gateway writes are not.
    let named = "Connection: x-forwarded-for, x-forwarded-proto, x-request-id, host\r\n";
    for extra in [FORGED.to_owned(), format!("{FORGED}{two_ids}"), format!("{FORGED}{named}")] {
        assert_eq!(gateway.send("GET", "/products", &extra, "").status(), 200);
        let request = upstream.request();
        assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.1"), "{request:?}");
        assert_eq!(request.header("x-forwarded-proto"), Some("http"), "{request:?}");
        assert_eq!(request.header("x-forwarded-host"), Some("store.example"), "{request:?}");
        assert!(request.header("x-request-id").is_some_and(|id| id.len() >= 16), "{request:?}");
        for name in ["forwarded", "x-real-ip", "x-forwarded-port"] {
            assert!(request.all(name).is_empty(), "{request:?}");
        }
        let shown = format!("{request:?}");
        assert!(!shown.contains("203.0.113") && !shown.contains("bank"), "{shown}");
    }
}

fn what_a_trusted_proxy_says_is_handed_on(_: &Combination) {
    let upstream = Upstream::answering(SUCCESS);
    let gateway = Gateway::with(&upstream.url(), &[("TRUSTED_PROXIES", "127.0.0.0/8")]);
    assert_eq!(gateway.send("GET", "/products", FORGED, "").status(), 200);
    let request = upstream.request();
    let chain = request.header("x-forwarded-for");
    assert_eq!(chain, Some("203.0.113.7, 203.0.113.8, 127.0.0.1"));
    assert_eq!(request.header("x-forwarded-proto"), Some("https"));
    assert_eq!(request.header("x-forwarded-host"), Some("bank.example"));
    // Bytes that are no text hide nothing of what stands beside them.
    let odd = "X-Forwarded-For: 203.0.113.7 , \u{fc}, 203.0.113.8\r\nX-Forwarded-Host: \u{fc}\r\n";
    assert_eq!(gateway.send("GET", "/products", odd, "").status(), 200);
    let request = upstream.request();
    let chain = request.header("x-forwarded-for");
    assert_eq!(chain, Some("203.0.113.7, unknown, 203.0.113.8, 127.0.0.1"));
    assert_eq!(request.header("x-forwarded-host"), Some("store.example"));
}

fn the_token_stays_at_the_gateway(_: &Combination) {
    let upstream = Upstream::answering(SUCCESS);
    let gateway = Gateway::before(&upstream);
    for (method, body) in [("GET", ""), ("POST", "{}")] {
        assert_eq!(gateway.send(method, "/customers", "", body).status(), 200);
        let request = upstream.request();
        assert!(request.all("authorization").is_empty(), "{request:?}");
        assert!(!format!("{request:?}").contains(&gateway.token), "{request:?}");
    }
    // Without one, a service is not asked at all.
    let answer = Connection::open(&gateway.address)
        .send("DELETE /products/one HTTP/1.1\r\nHost: a\r\n\r\n")
        .answer();
    assert_eq!(answer.status(), 401);
    assert_eq!(gateway.get("/products/last").status(), 200);
    assert_eq!(upstream.request().target(), "/products/last");
}

fn headers_of_one_connection_do_not_cross(_: &Combination) {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x-hop, X-Other-Hop\r\n\
         X-Hop: 1\r\nx-other-hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n\
         Proxy-Connection: keep-alive\r\nTrailer: X-T\r\nTE: trailers\r\nX-Stays: 1\r\n\r\n{}",
    );
    let gateway = Gateway::before(&upstream);
    let extra = "Connection: keep-alive, X-Hop\r\nConnection: x-other-hop\r\nX-HOP: 1\r\n\
                 X-Other-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authorization: Basic YTpi\r\n\
                 Proxy-Connection: keep-alive\r\nTE: trailers\r\nTrailer: X-T\r\n\
                 Upgrade: h2c\r\nX-Stays: 1\r\n";
    let answer = gateway.send("GET", "/products", extra, "");
    let request = upstream.request();
    let of_the_connection = [
        "x-hop",
        "x-other-hop",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "upgrade",
    ];
    for name in of_the_connection {
        assert!(request.all(name).is_empty(), "{name} reached the service: {request:?}");
        assert!(answer.all(name).is_empty(), "{name} reached the client: {answer:?}");
    }
    for message in [&request, &answer] {
        let connection = message.all("connection").join(", ").to_lowercase();
        assert!(!connection.contains("hop"), "{message:?}");
        assert_eq!(message.header("x-stays"), Some("1"), "{message:?}");
    }
}

fn other_headers_cross_both_ways_as_they_are(_: &Combination) {
    let odd = b"X-Empty:\r\nX-List: a, b,,c;q=0.1 , \"d,e\"\r\nX-Latin: caf\xe9\r\n\
                X-Colon: a:b::c\r\nX-Tab: a\tb\r\nX_Under.score~: 1\r\n";
    let mut bytes = b"HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nETag: W/\"1\"\r\n".to_vec();
    bytes.extend(odd);
    bytes.extend(b"Cache-Control: max-age=5\r\nContent-Type: text/x-odd; a=\"b\"\r\n\r\nab");
    let upstream = Upstream::answering(bytes);
    let gateway = Gateway::before(&upstream);
    let head = gateway.request("GET", "/products", "Accept: */*\r\nCookie: a=b; c=d\r\n", "");
    let mut head = head.into_bytes();
    head.truncate(head.len() - 2);
    head.extend(odd);
    head.extend(b"\r\n");
    let answer = gateway.open().send(head).answer();
    let request = upstream.request();
    for message in [&request, &answer] {
        assert_eq!(message.header("x-empty"), Some(""), "{message:?}");
        assert_eq!(message.header("x-list"), Some("a, b,,c;q=0.1 , \"d,e\""), "{message:?}");
        assert_eq!(message.header("x-latin"), Some("caf\u{e9}"), "{message:?}");
        assert_eq!(message.header("x-colon"), Some("a:b::c"), "{message:?}");
        assert_eq!(message.header("x-tab"), Some("a\tb"), "{message:?}");
        assert_eq!(message.header("x_under.score~"), Some("1"), "{message:?}");
    }
    assert_eq!(request.header("accept"), Some("*/*"));
    assert_eq!(request.header("cookie"), Some("a=b; c=d"));
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header("etag"), Some("W/\"1\""));
    assert_eq!(answer.header("cache-control"), Some("max-age=5"));
    assert_eq!(answer.header("content-type"), Some("text/x-odd; a=\"b\""));
    assert_eq!(answer.text(), "ab");
}

const TWICE: &str =
    "Set-Cookie: a=1; Path=/\r\nVary: Accept\r\nSet-Cookie: b=2\r\nVary: Origin\r\n";

fn a_header_of_an_answer_may_occur_twice(_: &Combination) {
    let upstream = Upstream::answering(format!(
        "HTTP/1.1 201 Created\r\n{TWICE}Content-Type: application/json\r\n\
         Content-Length: 2\r\n\r\n{{}}"
    ));
    let gateway = Gateway::before(&upstream);
    let answer = gateway.send("POST", "/products", "", "{}");
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.all("set-cookie"), ["a=1; Path=/", "b=2"]);
    assert_eq!(answer.all("vary"), ["Accept", "Origin"]);
}

fn a_failure_that_is_no_json_becomes_the_envelope(_: &Combination) {
    let upstream = Upstream::answering(format!(
        "HTTP/1.1 500 Oops\r\n{TWICE}Content-Type: text/html\r\nContent-Encoding: br\r\n\
         Content-Language: de\r\nContent-Length: 28\r\n\r\n<h1>panic at src/main.rs</h1>"
    ));
    let gateway = Gateway::before(&upstream);
    let answer = gateway.get("/products");
    answer.expect_failure(500, "Internal Server Error");
    assert!(!answer.text().contains("main.rs"), "{answer:?}");
    assert_eq!(answer.all("set-cookie"), ["a=1; Path=/", "b=2"]);
    // What describes the other body does not fit this one.
    assert!(answer.all("content-encoding").is_empty(), "{answer:?}");
    assert!(answer.all("content-language").is_empty(), "{answer:?}");
    // A failure that is JSON passes as it is.
    let json = Upstream::answering(
        "HTTP/1.1 418 Teapot\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n\
         {\"a\":1}",
    );
    let answer = Gateway::before(&json).get("/products");
    assert_eq!((answer.status(), answer.text().as_str()), (418, "{\"a\":1}"));
}

fn a_redirect_is_returned_and_not_followed(_: &Combination) {
    let upstream = Upstream::start(|request, stream| {
        let status = request.target().rsplit('/').next().expect("a status");
        write(
            stream,
            format!(
                "HTTP/1.1 {status} Elsewhere\r\nLocation: /products/200?a=%41\r\n\
                 Content-Length: 0\r\n\r\n"
            ),
        );
    });
    let gateway = Gateway::before(&upstream);
    for status in [301, 302, 303, 307, 308] {
        let target = format!("/products/{status}");
        let answer = gateway.send("POST", &target, "", "{}");
        assert_eq!(answer.status(), status);
        assert_eq!(answer.header("location"), Some("/products/200?a=%41"));
        assert_eq!(upstream.request().target(), target);
    }
    assert_eq!(gateway.get("/products/200").status(), 200);
    assert_eq!(upstream.request().method(), "GET");
}

fn a_service_cannot_write_the_headers_of_the_gateway(_: &Combination) {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Request-Id: theirs\r\nX-RateLimit-Limit: 1\r\n\
         X-RateLimit-Remaining: 77\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n{}",
    );
    let gateway = Gateway::with(&upstream.url(), &[("RATE_LIMIT_PER_MINUTE", "5")]);
    let answer = gateway.send("GET", "/products", "X-Request-Id: ours\r\n", "");
    assert_eq!(answer.header("x-request-id"), Some("ours"));
    assert_eq!(answer.header("x-ratelimit-limit"), Some("5"));
    assert_eq!(answer.header("x-ratelimit-remaining"), Some("4"));
    assert!(answer.header("date").is_some_and(|date| !date.contains("1970")), "{answer:?}");
}

fn any_method_crosses(_: &Combination) {
    let upstream = Upstream::answering(SUCCESS);
    let gateway = Gateway::before(&upstream);
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
        assert_eq!(gateway.send(method, "/products/one", "", "").status(), 200, "{method}");
        assert_eq!(upstream.request().line, format!("{method} /products/one HTTP/1.1"));
    }
}

fn bodies_cross_byte_for_byte(_: &Combination) {
    let bytes: Vec<u8> = (0..=255_u8).cycle().take(100_000).collect();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len());
    let upstream = Upstream::answering([head.as_bytes(), &bytes].concat());
    let gateway = Gateway::before(&upstream);
    let length = format!("Content-Length: {}\r\n", bytes.len());
    let head = gateway.request("POST", "/products", &length, "");
    let answer = gateway.open().send([head.as_bytes(), &bytes].concat()).answer();
    assert!(answer.whole && answer.body == bytes, "{} bytes came back", answer.body.len());
    let length = bytes.len().to_string();
    assert_eq!(answer.header("content-length"), Some(length.as_str()));
    let request = upstream.request();
    assert!(request.body == bytes, "{} bytes arrived", request.body.len());
    assert_eq!(request.header("content-length"), Some(length.as_str()));

    // In chunks; the body of a GET means nothing to a service, and stays behind.
    for (method, arriving) in [("PUT", &bytes[..]), ("GET", b"")] {
        let head = gateway.request(method, "/products", "Transfer-Encoding: chunked\r\n", "");
        let mut connection = gateway.open();
        connection.send(head);
        for part in bytes.chunks(30_001) {
            connection.send(format!("{:X};a=b\r\n", part.len())).send(part).send("\r\n");
        }
        let answer = connection.send("0\r\nX-Trailer: 1\r\n\r\n").answer();
        assert_eq!(answer.status(), 200);
        let request = upstream.request();
        assert!(request.whole && request.body == arriving, "{} bytes arrived", request.body.len());
    }
}

const MIB: usize = 1 << 20;

/// A POST with `length` bytes, with their number in its head or in chunks.
fn post_of(gateway: &Gateway, length: usize, chunked: bool) -> Vec<u8> {
    let body = vec![b'x'; length];
    let framing = match chunked {
        true => "Transfer-Encoding: chunked\r\n".to_owned(),
        false => format!("Content-Length: {length}\r\n"),
    };
    let mut bytes = gateway.request("POST", "/products/large", &framing, "").into_bytes();
    if chunked {
        for part in body.chunks(50_000) {
            bytes.extend(format!("{:x}\r\n", part.len()).bytes());
            bytes.extend(part);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
    } else {
        bytes.extend(body);
    }
    bytes
}

fn a_body_of_1_mib_passes(_: &Combination) {
    let upstream = Upstream::answering(SUCCESS);
    let gateway = Gateway::before(&upstream);
    for chunked in [false, true] {
        let answer = gateway.open().send(post_of(&gateway, MIB, chunked)).answer();
        assert_eq!(answer.status(), 200, "{answer:?}");
        let request = upstream.request();
        assert!(request.whole);
        assert_eq!(request.body.len(), MIB);
    }
}

fn a_larger_body_is_refused_and_no_service_sees_the_whole(_: &Combination) {
    let upstream = Upstream::answering(SUCCESS);
    let gateway = Gateway::before(&upstream);
    for (length, chunked) in [(MIB + 1, false), (MIB + 1, true), (4 * MIB, true)] {
        let answer = gateway.open().send(post_of(&gateway, length, chunked)).answer();
        answer.expect_failure(413, "Payload Too Large");
    }
    // By its declared length alone, before a byte of it is sent.
    for length in [MIB + 1, usize::MAX] {
        let extra = format!("Content-Length: {length}\r\n");
        let answer = gateway.send("POST", "/products/large", &extra, "");
        answer.expect_failure(413, "Payload Too Large");
    }
    assert_eq!(gateway.get("/products/last").status(), 200);
    loop {
        let request = upstream.request();
        if request.target() == "/products/last" {
            break;
        }
        assert!(!request.whole, "a service saw a whole request of {} bytes", request.body.len());
    }
}

fn a_body_is_not_held_until_it_is_complete(_: &Combination) {
    let (arrived, arrivals) = channel();
    let upstream = Upstream::raw(move |stream| {
        let mut connection = Peer::new(stream);
        connection.read_until("\"first\"");
        arrived.send(()).expect("the test waits");
        connection.read_until("\"second\"");
        // So it is with an answer.
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst");
        connection.read_until("GET /products/go ");
    });
    let gateway = Gateway::before(&upstream);
    let mut client = gateway.open();
    let length = "Content-Length: 16\r\n";
    client.send(gateway.request("POST", "/products", length, "")).send("\"first\"");
    arrivals.recv_timeout(Duration::from_secs(30)).expect("the first part arrives by itself");
    client.send("\"second\".");
    let (head, begin) = client.answer_begins(5);
    assert_eq!(head.status(), 200);
    assert_eq!(begin, b"first");
}

fn a_chunked_answer_passes(_: &Combination) {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
         8;a=b\r\n{\"data\":\r\n1\r\n1\r\n000001\r\n}\r\n0\r\nX-Trailer: 1\r\n\r\n",
    );
    let gateway = Gateway::before(&upstream);
    let mut connection = gateway.open();
    for _ in 0..2 {
        let answer = connection.send(gateway.request("GET", "/products", "", "")).answer();
        assert_eq!(answer.status(), 200);
        assert!(answer.whole, "{answer:?}");
        assert_eq!(answer.text(), "{\"data\":1}");
        assert!(answer.all("x-trailer").is_empty(), "{answer:?}");
    }
}

fn an_answer_to_head_has_the_length_and_no_body(_: &Combination) {
    let upstream =
        Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 426\r\nETag: \"1\"\r\n\r\n");
    let gateway = Gateway::before(&upstream);
    let mut connection = gateway.open();
    for _ in 0..2 {
        let head = gateway.request("HEAD", "/products/one", "", "");
        let answer = connection.send(head).answer_to_head();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.header("content-length"), Some("426"));
        assert_eq!(answer.header("etag"), Some("\"1\""));
        assert_eq!(upstream.request().line, "HEAD /products/one HTTP/1.1");
    }
    connection.finish_sending();
    assert_eq!(connection.rest().escape_ascii().to_string(), "");

    // What the service does not know, the gateway does not claim.
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nETag: \"1\"\r\n\r\n");
    let gateway = Gateway::before(&upstream);
    let mut connection = gateway.open();
    connection.send(gateway.request("HEAD", "/products/one", "", ""));
    assert_eq!(connection.answer_to_head().header("content-length"), None);
    connection.finish_sending();
    assert_eq!(connection.rest().escape_ascii().to_string(), "");
}

fn head_tells_the_length_that_get_has(combination: &Combination) {
    let app = combination.start();
    let paths =
        ["/products", "/products?limit=3", "/products/none", "/customers/cust_001", "/health"];
    for path in paths {
        let mut connection = Connection::open(&app.address(path));
        let request = |method: &str| {
            let token = app.token();
            format!("{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n")
        };
        let get = connection.send(request("GET")).answer();
        let head = connection.send(request("HEAD")).answer_to_head();
        // The next answer is in its place: HEAD had no body.
        let again = connection.send(request("GET")).answer();
        assert_eq!(head.status(), get.status(), "{path}");
        assert_eq!(again.status(), get.status(), "{path}");
        for name in ["content-length", "content-type"] {
            assert_eq!(head.header(name), get.header(name), "{path}");
        }
    }
}

fn answers_without_a_body_keep_the_connection_in_step(_: &Combination) {
    let upstream = Upstream::start(|request, stream| {
        let answer = match request.target() {
            "/products/204" => "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
            "/products/205" => "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\nX-A: 1\r\n\r\n",
            "/products/304" => "HTTP/1.1 304 Not Modified\r\nX-A: 1\r\nETag: \"1\"\r\n\r\n",
            "/products/304l" => {
                "HTTP/1.1 304 Not Modified\r\nX-A: 1\r\nContent-Length: 426\r\n\r\n"
            }
            _ => SUCCESS,
        };
        write(stream, answer);
    });
    let gateway = Gateway::before(&upstream);
    let mut connection = gateway.open();
    for (path, status) in [("204", 204), ("205", 205), ("304", 304), ("304l", 304)] {
        let target = format!("/products/{path}");
        let answer = connection.send(gateway.request("GET", &target, "", "")).answer();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.header("x-a"), Some("1"), "{path}");
        assert!(answer.all("transfer-encoding").is_empty(), "{answer:?}");
        if path == "204" {
            assert!(answer.all("content-length").is_empty(), "{answer:?}");
        }
        let answer = connection.send(gateway.request("GET", "/products/one", "", "")).answer();
        assert_eq!((answer.status(), answer.json()["success"].as_bool()), (200, Some(true)));
    }
}

fn answers_before_the_final_one_are_left_out(_: &Combination) {
    let upstream = Upstream::answering(format!(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{SUCCESS}"
    ));
    let gateway = Gateway::before(&upstream);
    let mut connection = gateway.open();
    for _ in 0..2 {
        let answer = connection.send(gateway.request("GET", "/products", "", "")).answer();
        assert_eq!(answer.status(), 200);
        assert!(answer.all("link").is_empty(), "{answer:?}");
    }
    // The service is asked whether it wants the body. This one waits for it without a word, and gets
    // it a moment later.
    let extra = "Expect: 100-continue\r\nContent-Length: 2\r\n";
    connection.send(gateway.request("POST", "/products", extra, ""));
    assert_eq!(connection.answer().status(), 100);
    assert_eq!(connection.send("{}").answer().status(), 200);
    let requests = [upstream.request(), upstream.request(), upstream.request()];
    assert_eq!(requests[2].text(), "{}");
    assert_eq!(requests[2].all("expect"), ["100-continue"], "{:?}", requests[2]);
}

fn connections_to_a_service_are_used_again(_: &Combination) {
    const REQUESTS: usize = 8;
    let upstream = Upstream::answering(SUCCESS);
    let gateway = Gateway::before(&upstream);
    let mut client = gateway.open();
    let requests: Vec<Message> = (0..REQUESTS)
        .map(|number| {
            let target = format!("/products/{number}");
            assert_eq!(client.send(gateway.request("GET", &target, "", "")).answer().status(), 200);
            upstream.request()
        })
        .collect();
    let last = requests.iter().map(|request| request.connection).max().expect("requests");
    assert!(last + 1 < REQUESTS, "each request had a connection of its own");
}

fn one_connection_of_a_client_reaches_both_services(_: &Combination) {
    let (products, customers) = (Upstream::answering(SUCCESS), Upstream::answering(SUCCESS));
    let customers_url = customers.url();
    let settings = [("CUSTOMER_SERVICE_URL", customers_url.as_str())];
    let gateway = Gateway::with(&products.url(), &settings);
    let mut client = gateway.open();
    for _ in 0..2 {
        for (target, upstream) in [("/products/one", &products), ("/customers/one", &customers)] {
            let answer = client.send(gateway.request("GET", target, "", "")).answer();
            assert_eq!(answer.status(), 200);
            assert_eq!(upstream.request().target(), target);
        }
    }
}
