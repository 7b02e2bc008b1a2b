//! How much of a request is taken, and how little of it comes back: the same behind every door.

use crate::app::{App, Combination};
use crate::cases;
use crate::gateway::wire::{Connection, Message, exchange};
use crate::kit::{figure, timed};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

cases![
    Everywhere:
        a_target_of_8_kib_is_taken_and_a_longer_one_is_414,
        sixty_four_headers_are_taken_and_one_more_is_431,
        a_header_of_16_kib_is_taken_and_a_longer_one_is_431,
        a_head_of_48_kib_is_taken_and_a_larger_one_is_431,
        whatever_is_far_above_a_bound_is_answered_too,
        a_refused_head_takes_no_other_request_with_it,
        a_fragment_in_the_target_is_400,
        what_the_parser_refuses_is_400_behind_every_door,
        a_burst_of_requests_is_answered_without_a_pause,
        a_link_holds_the_parameters_that_are_read_and_no_others;
];

const MAX_TARGET: usize = 8 * 1024;
const MAX_HEADERS: usize = 64;
const MAX_LINE: usize = 16 * 1024;
const MAX_HEAD: usize = 48 * 1024;

/// A request with a token that ends its connection, four headers of its own, and more.
fn head(app: &App, target: &str, more: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: chronos\r\nAuthorization: Bearer {}\r\n\
         Connection: close\r\nAccept: */*\r\n{more}\r\n",
        app.token()
    )
}

/// The one answer to a request, over a connection of its own.
#[track_caller]
fn ask(app: &App, bytes: impl AsRef<[u8]>) -> Message {
    let answers = exchange(&app.address("/products"), bytes);
    let [answer] = answers.as_slice() else { panic!("{answers:?}") };
    assert!(answer.whole, "{answer:?}");
    answer.clone()
}

#[track_caller]
fn expect_too_long(answer: &Message) {
    answer.expect_failure(414, "URI Too Long");
    assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
    assert!(answer.body.len() < 1_000, "{answer:?}");
}

#[track_caller]
fn expect_too_large(answer: &Message) {
    answer.expect_failure(431, "Request Header Fields Too Large");
    assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
}

/// I18: no hop behind the first one has a bound of its own to run into.
fn a_target_of_8_kib_is_taken_and_a_longer_one_is_414(combination: &Combination) {
    let app = combination.start();
    for path in ["/products?limit=1&x=", "/products/", "/nothing?"] {
        let target = |length: usize| format!("{path}{}", "x".repeat(length - path.len()));
        let taken = ask(&app, head(&app, &target(MAX_TARGET), ""));
        let expected = if path.contains("limit") { 200 } else { 400 };
        assert!([expected, 404].contains(&taken.status()), "{path}: {taken:?}");
        expect_too_long(&ask(&app, head(&app, &target(MAX_TARGET + 1), "")));
    }
}

fn sixty_four_headers_are_taken_and_one_more_is_431(combination: &Combination) {
    let app = combination.start();
    let many = |count: usize| -> String { (4..count).map(|n| format!("X-{n}: n\r\n")).collect() };
    for target in ["/products?limit=1", "/customers/cust_001"] {
        let address = app.address(target);
        let taken = exchange(&address, head(&app, target, &many(MAX_HEADERS)));
        assert_eq!(taken[0].status(), 200, "{taken:?}");
        expect_too_large(&exchange(&address, head(&app, target, &many(MAX_HEADERS + 1)))[0]);
    }
}

fn a_header_of_16_kib_is_taken_and_a_longer_one_is_431(combination: &Combination) {
    let app = combination.start();
    // The bound counts the carriage return of the line.
    let line = |length: usize| format!("X-Long: {}\r\n", "x".repeat(length - "X-Long: \r".len()));
    let taken = ask(&app, head(&app, "/products?limit=1", &line(MAX_LINE)));
    assert_eq!(taken.status(), 200, "{taken:?}");
    expect_too_large(&ask(&app, head(&app, "/products?limit=1", &line(MAX_LINE + 1))));
}

fn a_head_of_48_kib_is_taken_and_a_larger_one_is_431(combination: &Combination) {
    let app = combination.start();
    let sized = |length: usize| {
        let bare = head(&app, "/products?limit=1", "").len();
        let mut more = String::new();
        let mut left = length - bare;
        while left > 0 {
            let line = if left < 12_000 { left } else { 10_000 };
            more.push_str(&format!("X-A: {}\r\n", "x".repeat(line - "X-A: \r\n".len())));
            left -= line;
        }
        head(&app, "/products?limit=1", &more)
    };
    // The empty line at the end is not counted.
    let taken = ask(&app, sized(MAX_HEAD + 2));
    assert_eq!(taken.status(), 200, "{taken:?}");
    expect_too_large(&ask(&app, sized(MAX_HEAD + 3)));
}

/// Far beyond what the parser itself would take: its own refusals have no envelope.
fn whatever_is_far_above_a_bound_is_answered_too(combination: &Combination) {
    let app = combination.start();
    for length in [65_534, 65_535, 200_000, 3_000_000] {
        let target = format!("/products?x={}", "x".repeat(length));
        expect_too_long(&ask(&app, head(&app, &target, "")));
        // Also where it never ends.
        expect_too_long(&ask(&app, format!("GET {target}")));
        let long = format!("X-Long: {}\r\n", "x".repeat(length));
        expect_too_large(&ask(&app, head(&app, "/products", &long)));
    }
    for name in ["X-Many", "X-Forwarded-For", "X-Request-Id"] {
        let many = format!("{name}: a\r\n").repeat(5_000);
        expect_too_large(&ask(&app, head(&app, "/products", &many)));
    }
}

/// What came before is answered first, and nothing behind is taken for a request.
fn a_refused_head_takes_no_other_request_with_it(combination: &Combination) {
    let app = combination.start();
    let before =
        format!("{}{}", keep(&app, "/products/prod_001"), keep(&app, "/products/prod_002"));
    let refused = head(&app, &format!("/products?x={}", "x".repeat(9_000)), "");
    let behind = head(&app, "/products/prod_003", "");
    let answers = exchange(&app.address("/products"), format!("{before}{refused}{behind}"));
    let statuses: Vec<u16> = answers.iter().map(Message::status).collect();
    assert_eq!(statuses, [200, 200, 414], "{answers:?}");
    assert_eq!(answers[1].json()["data"]["id"], "prod_002");
}

/// As [`head`], on a connection that stays.
fn keep(app: &App, target: &str) -> String {
    head(app, target, "").replace("Connection: close\r\n", "")
}

fn a_fragment_in_the_target_is_400(combination: &Combination) {
    let app = combination.start();
    for target in ["/products#top", "/products?limit=1#top", "/products/prod_001#", "#"] {
        ask(&app, head(&app, target, "")).expect_failure(400, "Bad Request");
    }
    assert_eq!(ask(&app, head(&app, "/products?brand=%23", "")).status(), 200);
}

/// I0: one listener must not take for a request what the next one refuses.
fn what_the_parser_refuses_is_400_behind_every_door(combination: &Combination) {
    let app = combination.start();
    for byte in 0..=u8::MAX {
        // These end a word or a line, and are tried elsewhere.
        if [b' ', b'\r', b'\n', b'\t', b'#'].contains(&byte) {
            continue;
        }
        let is_visible = byte.is_ascii_graphic();
        let with_byte = |text: &str| -> Vec<u8> {
            let (before, after) = text.split_once('@').expect("a place for the byte");
            [before.as_bytes(), &[byte], after.as_bytes()].concat()
        };
        let in_query = head(&app, "/products?limit=1&x=@", "");
        let status = ask(&app, with_byte(&in_query)).status();
        let is_taken = is_visible && !b"<>\"\\^`{|}%".contains(&byte);
        let is_lenient = b"<>\"\\^`{|}%".contains(&byte) || byte >= 0x80;
        if is_taken {
            assert_eq!(status, 200, "{byte:#x} in the query");
        } else {
            assert!(status == 400 || is_lenient && status == 200, "{byte:#x}: {status}");
        }
        let status =
            ask(&app, with_byte(&head(&app, "/products?limit=1", "X-A: a@b\r\n"))).status();
        let is_taken = is_visible || byte >= 0x80;
        assert_eq!(status, if is_taken { 200 } else { 400 }, "{byte:#x} in a header");
    }
}

/// How long nothing may come before that counts as a pause: less than the time-out of a head, at
/// whose end a connection would go on by itself.
const PAUSE: Duration = Duration::from_secs(4);

/// Sends everything at once, and returns the statuses of so many answers, and the longest pause before
/// a part of them.
#[track_caller]
fn burst(address: &str, bytes: &[u8], count: usize) -> (Vec<String>, Duration) {
    let mut stream = TcpStream::connect(address).expect("the server accepts connections");
    stream.set_read_timeout(Some(PAUSE)).expect("not zero");
    let mut writer = stream.try_clone().expect("a second handle");
    std::thread::scope(|scope| {
        scope.spawn(move || writer.write_all(bytes).expect("the server reads"));
        let mut seen = String::new();
        let mut part = [0; 16 * 1024];
        let mut longest = Duration::ZERO;
        while seen.matches("HTTP/1.1 ").count() < count || !seen.ends_with('}') {
            let (read, pause) = timed(|| stream.read(&mut part));
            longest = longest.max(pause);
            match read {
                Ok(0) => panic!("closed after {} answers", seen.matches("HTTP/1.1 ").count()),
                Ok(length) => seen.push_str(&String::from_utf8_lossy(&part[..length])),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    panic!(
                        "a pause after {} of {count} answers",
                        seen.matches("HTTP/1.1 ").count()
                    );
                }
                Err(error) => panic!("{error}"),
            }
        }
        let statuses = seen.match_indices("HTTP/1.1 ");
        (statuses.map(|(at, _)| seen[at + 9..at + 12].to_owned()).collect(), longest)
    })
}

/// Requests that are sent in one go are answered in one go, however many and long they are.
fn a_burst_of_requests_is_answered_without_a_pause(combination: &Combination) {
    let app = combination.start();
    let address = app.address("/customers");
    let first = keep(&app, "/customers/cust_001");
    let padded = |length: usize| {
        let bare = "GET /livez HTTP/1.1\r\nHost: chronos\r\nX-Pad: \r\n\r\n".len();
        let pad = "x".repeat(length.saturating_sub(bare));
        format!("GET /livez HTTP/1.1\r\nHost: chronos\r\nX-Pad: {pad}\r\n\r\n")
    };
    let body = format!(
        "POST /customers HTTP/1.1\r\nHost: chronos\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
         2\r\n{{}}\r\n0\r\n\r\n",
        app.token()
    );
    let mut tried =
        vec![(first.clone() + &padded(350).repeat(40), 41), (padded(1_500).repeat(60), 60)];
    for count in (1..40).chain([60, 100, 200]) {
        let length = 60 + count * 97 % 1_500;
        tried.push((first.clone() + &padded(length).repeat(count), count + 1));
        tried.push((body.clone() + &padded(length).repeat(count), count + 1));
    }
    for (bytes, count) in tried {
        let (statuses, pause) = burst(&address, bytes.as_bytes(), count);
        figure("I19", "the longest pause", pause);
        let begins = if bytes.starts_with("POST") { "400" } else { "200" };
        assert_eq!(statuses.len(), count);
        assert_eq!(statuses[0], begins);
        assert!(statuses[1..].iter().all(|status| status == "200"), "{statuses:?}");
    }
    // And the connection is good for one more.
    let mut connection = Connection::open(&address);
    connection.send(first.repeat(40));
    for _ in 0..40 {
        assert_eq!(connection.answer().status(), 200);
    }
    assert_eq!(connection.send(&first).answer().status(), 200);
}

/// F27: what is ignored, however long it is, makes no answer longer.
fn a_link_holds_the_parameters_that_are_read_and_no_others(combination: &Combination) {
    let app = combination.start();
    let ignored = format!("x={}&offset=1&y&LIMIT2=2", "x".repeat(4_000));
    for (path, kept) in [
        ("/products", "limit=1&category=dive&minPrice=1&maxPrice=99999999"),
        ("/customers", "limit=1&tier=gold&email=example"),
    ] {
        let plain = app.get(&format!("{path}?{kept}&offset=1")).expect(200);
        let plain = plain.header("link").expect("more follow");
        assert!(plain.contains(kept) && !plain.contains("offset"), "{plain}");
        let padded = app.get(&format!("{path}?{ignored}&{kept}")).expect(200);
        assert_eq!(padded.header("link"), Some(plain));
    }
}
