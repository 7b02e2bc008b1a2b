//! Requests whose end two programs would see in different places: refused, and the connection
//! closed, so that nothing behind them is taken for a request.

use super::wire::{Connection, Gateway, Message, SUCCESS, Upstream, exchange};
use crate::app::Combination;
use crate::cases;

cases![
    BothGateways:
        a_request_of_unclear_length_is_refused_and_the_connection_closed,
        requests_in_a_row_are_answered_one_by_one;
    Once:
        a_smuggled_request_reaches_no_service,
        lines_that_end_in_a_bare_line_feed_hide_nothing,
        a_body_before_the_next_request_is_not_taken_for_one;
];

/// What a smuggler wants to be taken for a request of its own.
const SMUGGLED: &str = "GET /products/smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// A POST with a token: more header lines and what follows them, and then [`SMUGGLED`].
fn post(token: &str, rest: &str) -> String {
    format!(
        "POST /products HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\n{rest}{SMUGGLED}"
    )
}

/// Requests whose head is to be refused.
fn unclear_heads(token: &str) -> Vec<(&'static str, String)> {
    let post = |rest: &str| post(token, rest);
    let get = |rest: &str| format!("GET /products HTTP/1.1\r\n{rest}\r\n{SMUGGLED}");
    let length = |value: &str| post(&format!("Content-Length: {value}\r\n\r\n{{}}"));
    let encoding = |value: &str| post(&format!("Transfer-Encoding: {value}\r\n\r\n0\r\n\r\n"));
    vec![
        ("CL.TE", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
        ("TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n")),
        ("CL.TE, zero", post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
        ("two lengths", post("Content-Length: 2\r\nContent-Length: 4\r\n\r\n{}{}")),
        ("one length twice", post("Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}")),
        ("two lengths, one zero", post("Content-Length: 0\r\nContent-Length: 2\r\n\r\n{}")),
        ("a list of lengths", length("2, 2")),
        ("a negative length", length("-2")),
        ("a length with a sign", length("+2")),
        ("a length in hex", length("0x2")),
        ("a length with a point", length("2.0")),
        ("a length in quotes", length("\"2\"")),
        ("a length of two words", length("2 2")),
        ("no length", length("")),
        ("a length of a word", length("two")),
        ("a length above 64 bits", length("18446744073709551618")),
        ("a length of 40 digits", length(&"9".repeat(40))),
        ("xchunked", encoding("xchunked")),
        ("chunked in quotes", encoding("\"chunked\"")),
        ("chunked behind a control character", encoding("\u{b}chunked")),
        ("chunked, with a parameter", encoding("chunked;a=b")),
        ("chunked twice", encoding("chunked, chunked")),
        ("chunked, but not last", encoding("chunked, identity")),
        ("identity", encoding("identity")),
        ("no encoding", encoding("")),
        ("gzip", encoding("gzip")),
        ("two encodings", {
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n")
        }),
        ("two encodings, the wrong one first", {
            post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        }),
        ("an encoding for HTTP/1.0", {
            encoding("chunked").replace("/1.1\r\nHost", "/1.0\r\nConnection: keep-alive\r\nHost")
        }),
        ("a space before the colon", post("Content-Length : 2\r\n\r\n{}")),
        ("a space before the colon of an encoding", {
            post("Transfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\n{}")
        }),
        ("a tab before the colon", post("Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n")),
        ("a folded line", post("X-A: a\r\n b\r\nContent-Length: 2\r\n\r\n{}")),
        ("a folded length", post("Content-Length:\r\n 2\r\n\r\n{}")),
        ("a folded encoding", post("Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n")),
        ("a line that begins with a space", get(" Host: a\r\n")),
        ("a line without a colon", get("Host: a\r\nX-A\r\n")),
        ("a header without a name", get("Host: a\r\n: b\r\n")),
        ("a name with a space", get("Host: a\r\nX A: b\r\n")),
        ("a name with a NUL", get("Host: a\r\nX\0: b\r\n")),
        ("a value with a NUL", get("Host: a\r\nX-A: b\0c\r\n")),
        ("a bare carriage return", get("Host: a\rX-A: b\r\n")),
        ("a bare carriage return in a value", get("Host: a\r\nX-A: b\rContent-Length: 2\r\n")),
        ("no host", get("X-A: b\r\n")),
        ("two hosts", get("Host: a\r\nHost: b\r\n")),
        ("one host twice", get("Host: a\r\nHost: a\r\n")),
        ("HTTP/0.9", format!("GET /products\r\n\r\n{SMUGGLED}")),
        ("HTTP/1.2", format!("GET /products HTTP/1.2\r\nHost: a\r\n\r\n{SMUGGLED}")),
        ("HTTP/2.0", format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{SMUGGLED}")),
        ("no HTTP", format!("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0{SMUGGLED}")),
    ]
}

/// Requests whose body is to be refused.
fn unclear_chunks(token: &str) -> Vec<(&'static str, String)> {
    let chunks = |chunks: &str| post(token, &format!("Transfer-Encoding: chunked\r\n\r\n{chunks}"));
    vec![
        ("a chunk size in C", chunks("0x2\r\n{}\r\n0\r\n\r\n")),
        ("a chunk size with a sign", chunks("+2\r\n{}\r\n0\r\n\r\n")),
        ("a negative chunk size", chunks("-2\r\n{}\r\n0\r\n\r\n")),
        ("a space before a chunk size", chunks(" 2\r\n{}\r\n0\r\n\r\n")),
        ("a chunk size above 64 bits", chunks("10000000000000002\r\n{}\r\n0\r\n\r\n")),
        ("no chunk size", chunks("\r\n{}\r\n0\r\n\r\n")),
        ("a chunk size of a word", chunks("two\r\n{}\r\n0\r\n\r\n")),
        ("a chunk size and a bare line feed", chunks("2\n{}\r\n0\r\n\r\n")),
        ("a chunk extension and a bare line feed", chunks("2;a\n{}\r\n0\r\n\r\n")),
        ("a chunk that is longer than its size", chunks("2\r\n{}}\r\n0\r\n\r\n")),
        ("a chunk that ends in a bare line feed", chunks("2\r\n{}\n0\r\n\r\n")),
        ("a bare line feed at the end", chunks("2\r\n{}\r\n0\n\n")),
    ]
}

#[track_caller]
fn assert_refused(why: &str, answers: &[Message]) {
    assert_eq!(answers.len(), 1, "{why}: {answers:?}");
    assert_eq!(answers[0].status(), 400, "{why}: {answers:?}");
    assert!(answers[0].whole, "{why}: {answers:?}");
}

fn a_request_of_unclear_length_is_refused_and_the_connection_closed(combination: &Combination) {
    let app = combination.start();
    for (why, bytes) in unclear_heads(app.token()) {
        assert_refused(why, &exchange(&app.address("/products"), bytes));
    }
    for (why, bytes) in unclear_chunks(app.token()) {
        let answers = exchange(&app.address("/products"), bytes);
        assert_refused(why, &answers);
        answers[0].expect_failure(400, "Bad Request");
    }
    assert!(app.get("/products?limit=1").expect(200).json["success"] == true);
}

fn a_smuggled_request_reaches_no_service(_: &Combination) {
    let upstream = Upstream::answering(SUCCESS);
    let gateway = Gateway::before(&upstream);
    let smuggled_with_token = gateway.request("GET", "/products/smuggled", "", "");
    for (why, bytes) in [unclear_heads(&gateway.token), unclear_chunks(&gateway.token)].concat() {
        let bytes = bytes.replace(SMUGGLED, &smuggled_with_token);
        assert_refused(why, &exchange(&gateway.address, bytes));
    }
    assert_eq!(gateway.get("/products/last").status(), 200);
    loop {
        let request = upstream.request();
        assert!(!request.target().contains("smuggled"), "{request:?}");
        if request.target() == "/products/last" {
            break;
        }
        // Where a body breaks only after its head was forwarded, the service never sees its end.
        assert!(!request.whole, "{request:?}");
    }
}

fn lines_that_end_in_a_bare_line_feed_hide_nothing(_: &Combination) {
    let upstream = Upstream::answering(SUCCESS);
    let gateway = Gateway::before(&upstream);
    // Such a line end may be taken for one (RFC 9112, section 2.2), but then by everybody: the
    // service gets the request in the gateway's own words.
    let request = gateway.request("POST", "/products", "X-A: a\nX-B: b\n", "{}");
    let answers =
        exchange(&gateway.address, request.replacen("X-A", "Connection: close\r\nX-A", 1));
    assert_eq!(answers.len(), 1, "{answers:?}");
    if answers[0].status() != 400 {
        assert_eq!(answers[0].status(), 200);
        let request = upstream.request();
        assert_eq!((request.header("x-a"), request.header("x-b")), (Some("a"), Some("b")));
        assert_eq!(request.text(), "{}");
    }
    let extra = "Connection: close\r\nX-A: a\nTransfer-Encoding: chunked\r\n";
    let answers = exchange(&gateway.address, gateway.request("POST", "/products", extra, "{}"));
    assert_refused("a hidden encoding", &answers);
}

fn requests_in_a_row_are_answered_one_by_one(combination: &Combination) {
    let app = combination.start();
    let get = |path: &str, extra: &str| {
        let token = app.token();
        let head = format!("GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n");
        format!("{head}{extra}\r\n")
    };
    let paths = ["/products/prod_001", "/customers/cust_001", "/nothing", "/products/prod_002"];
    let mut bytes: String = paths.iter().map(|path| get(path, "")).collect();
    bytes.push_str(&get("/health", "Connection: close\r\n"));
    let answers = exchange(&app.address("/"), bytes);
    let statuses: Vec<u16> = answers.iter().map(Message::status).collect();
    assert_eq!(statuses, [200, 200, 404, 200, 200]);
    assert_eq!(answers[0].json()["data"]["id"], "prod_001");
    assert_eq!(answers[1].json()["data"]["id"], "cust_001");
    assert_eq!(answers[3].json()["data"]["id"], "prod_002");
    assert_eq!(answers[4].json()["service"], "gateway");
}

fn a_body_before_the_next_request_is_not_taken_for_one(_: &Combination) {
    let upstream = Upstream::answering(SUCCESS);
    let gateway = Gateway::before(&upstream);
    let hidden = gateway.request("GET", "/products/smuggled", "", "");
    let chunked = format!("{:x}\r\n{hidden}\r\n0\r\n\r\n", hidden.len());
    let encoding = "Transfer-Encoding: chunked\r\n";
    let mut connection = Connection::open(&gateway.address);
    for method in ["GET", "POST", "DELETE", "HEAD"] {
        let with_length = gateway.request(method, "/products/one", "", &hidden);
        let head = gateway.request(method, "/products/two", encoding, "");
        for bytes in [with_length, format!("{head}{chunked}")] {
            connection.send(bytes);
            let answer = match method {
                "HEAD" => connection.answer_to_head(),
                _ => connection.answer(),
            };
            assert_eq!(answer.status(), 200, "{method}");
            let request = upstream.request();
            assert_eq!(request.method(), method);
            assert_ne!(request.target(), "/products/smuggled", "{method}");
            // What is no body to the service stays behind, and becomes no request there.
            let arriving = if method == "POST" { hidden.as_str() } else { "" };
            assert_eq!(request.text(), arriving, "{method}");
        }
    }
    // A refused request does not leave its body behind either.
    let unknown = gateway.request("POST", "/nothing", "Connection: close\r\n", &hidden);
    let answers = exchange(&gateway.address, unknown);
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers[0].expect_failure(404, "Not Found");
}
