//! Services that fail again and again, and requests that are sent once more.

use super::wire::{Connection, Gateway, Message, SUCCESS, Upstream, close, write};
use crate::app::Combination;
use crate::cases;
use crate::kit::until;
use std::collections::HashMap;
use std::io::Read;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

cases![
    Once:
        after_five_failures_a_service_is_not_asked_until_it_answers_a_probe,
        a_silent_service_is_not_waited_for_again_and_again,
        a_slow_route_closes_no_other,
        what_a_live_service_answers_is_no_failure,
        what_one_request_provokes_is_its_own_failure,
        a_silence_that_one_request_provokes_is_its_own_failure,
        a_read_is_sent_once_more_where_the_connection_broke,
        nonsense_is_not_asked_for_twice,
        a_service_that_keeps_too_many_waiting_is_503_and_takes_no_other_with_it;
];

/// Reads and discards what comes, until the other side ends the connection.
fn wait_for_end(stream: &mut TcpStream) {
    let mut part = [0; 4096];
    while matches!(stream.read(&mut part), Ok(length) if length > 0) {}
}

fn post(gateway: &Gateway, target: &str) -> Message {
    gateway.send("POST", target, "", "{}")
}

/// Answered by the gateway alone: says when to come back, and names nothing.
#[track_caller]
fn expect_not_asked(answer: &Message, status: u16, error: &str) {
    answer.expect_failure(status, error);
    assert_eq!(answer.header("retry-after"), Some("1"), "{answer:?}");
    assert!(!answer.text().contains("127.0.0.1"), "{answer:?}");
}

/// F14: five failures open the breaker, probes go on each second, and one that is answered closes it.
fn after_five_failures_a_service_is_not_asked_until_it_answers_a_probe(_: &Combination) {
    let is_well = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&is_well);
    let upstream = Upstream::start(move |_, stream| match told.load(Ordering::Relaxed) {
        // Any answer will do: an older service knows no probes.
        true => write(stream, SUCCESS.replace("200 OK", "404 Not Found")),
        false => close(stream),
    });
    let customers = Upstream::answering(SUCCESS);
    let customers_url = customers.url();
    let gateway =
        Gateway::with(&upstream.url(), &[("CUSTOMER_SERVICE_URL", customers_url.as_str())]);
    for _ in 0..5 {
        let answer = post(&gateway, "/products");
        answer.expect_failure(502, "Bad Gateway");
        assert_eq!(answer.header("retry-after"), None, "{answer:?}");
        // And a probe, which fails alike.
        let sent = upstream.other_requests();
        assert_eq!(sent.iter().map(Message::method).collect::<Vec<_>>(), ["POST"]);
    }
    for method in ["POST", "GET", "DELETE"] {
        expect_not_asked(&gateway.send(method, "/products", "", ""), 502, "Bad Gateway");
    }
    assert_eq!(gateway.get("/customers").status(), 200);
    for _ in 0..2 {
        let probe = upstream.request_or_probe();
        assert_eq!(probe.line, "GET /livez HTTP/1.1");
        assert!(probe.all("authorization").is_empty(), "{probe:?}");
        expect_not_asked(&post(&gateway, "/products"), 502, "Bad Gateway");
    }
    assert!(upstream.other_requests().is_empty());
    is_well.store(true, Ordering::Relaxed);
    until("the service is asked again", || gateway.get("/products/back").status() == 404);
    let log = gateway.process.log();
    assert_eq!(log.matches("5 times in a row").count(), 1, "{log}");
    assert_eq!(log.matches("answers again").count(), 1, "{log}");
    // Each 502 says there which service it was: five times asked, and five times not.
    let named = log.lines().filter(|line| line.contains(" dependency=product-service request_id="));
    assert!(named.count() >= 10, "{log}");
    assert!(!log.contains("dependency=customer-service"), "{log}");
}

/// F12: those that come after five time-outs do not wait for a sixth.
fn a_silent_service_is_not_waited_for_again_and_again(_: &Combination) {
    let upstream = Upstream::start(|_, stream| wait_for_end(stream));
    let gateway = Gateway::before(&upstream);
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| post(&gateway, "/products").expect_failure(504, "Gateway Timeout"));
        }
    });
    assert_eq!(upstream.other_requests().len(), 5);
    for method in ["POST", "GET"] {
        let answer = gateway.send(method, "/products", "", "");
        expect_not_asked(&answer, 504, "Gateway Timeout");
    }
    assert!(upstream.other_requests().is_empty());
}

fn a_slow_route_closes_no_other(_: &Combination) {
    let upstream = Upstream::start(|request, stream| match request.target() {
        "/products/slow" => wait_for_end(stream),
        _ => write(stream, SUCCESS),
    });
    let gateway = Gateway::before(&upstream);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| post(&gateway, "/products/slow").expect_failure(504, "Gateway Timeout"));
        }
        for _ in 0..8 {
            assert_eq!(upstream.request().target(), "/products/slow");
        }
        // One answer while they wait shows that the service lives.
        assert_eq!(gateway.get("/products").status(), 200);
    });
    assert_eq!(gateway.get("/products").status(), 200);
    assert!(!gateway.process.log().contains("in a row"));
}

fn what_a_live_service_answers_is_no_failure(_: &Combination) {
    let upstream = Upstream::start(|request, stream| {
        let status = request.target().rsplit('/').next().expect("a status");
        write(stream, SUCCESS.replace("200", status));
    });
    let gateway = Gateway::before(&upstream);
    for status in [500, 502, 503, 504, 404, 429] {
        for _ in 0..6 {
            assert_eq!(post(&gateway, &format!("/products/{status}")).status(), status);
        }
    }
    assert_eq!(upstream.other_requests().len(), 36);
}

/// F27: no request of one client makes a service look ill to the others.
fn what_one_request_provokes_is_its_own_failure(_: &Combination) {
    let upstream = Upstream::start(|request, stream| match request.target() {
        "/products/nonsense" => {
            write(stream, "SSH-2.0-OpenSSH_9.6\r\n");
            close(stream);
        }
        "/products/large" => {
            let long = "x".repeat(64 * 1024);
            write(
                stream,
                SUCCESS.replace("Content-Type", &format!("X-Long: {long}\r\nContent-Type")),
            );
        }
        "/products/cut" => {
            write(stream, "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n");
            close(stream);
        }
        "/products/close" => close(stream),
        _ => write(stream, SUCCESS),
    });
    let gateway = Gateway::before(&upstream);
    for target in ["/products/nonsense", "/products/large", "/products/cut", "/products/close"] {
        for _ in 0..8 {
            post(&gateway, target).expect_failure(502, "Bad Gateway");
            gateway.get(target).expect_failure(502, "Bad Gateway");
        }
        assert_eq!(gateway.get("/products").status(), 200, "after {target}");
    }
    assert!(!gateway.process.log().contains("in a row"));
}

/// F27: a service that is busy with one request, and with no other, is not silent to everybody.
fn a_silence_that_one_request_provokes_is_its_own_failure(_: &Combination) {
    let upstream = Upstream::start(|request, stream| match request.target() {
        "/products/slow" => wait_for_end(stream),
        _ => write(stream, SUCCESS),
    });
    let gateway = Gateway::before(&upstream);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| post(&gateway, "/products/slow").expect_failure(504, "Gateway Timeout"));
        }
    });
    assert_eq!(gateway.get("/products").status(), 200);
    assert!(!gateway.process.log().contains("in a row"));
}

/// F13: a read may arrive twice; anything else is sent once, whatever became of it.
fn a_read_is_sent_once_more_where_the_connection_broke(_: &Combination) {
    let seen = Mutex::new(HashMap::new());
    let upstream = Upstream::start(move |request, stream| {
        let mut seen = seen.lock().expect("no panic");
        let times: &mut u32 = seen.entry(request.line.clone()).or_default();
        *times += 1;
        let breaks = *times == 1;
        match request.target().rsplit('/').next() {
            Some("close") if breaks => close(stream),
            Some("begin") if breaks => {
                write(stream, "HTTP/1.1 200 OK\r\nContent-Le");
                close(stream);
            }
            Some("head") if breaks && request.method() != "HEAD" => {
                write(stream, "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n");
                close(stream);
            }
            _ if request.method() == "HEAD" => {
                write(stream, SUCCESS.split_inclusive("\r\n\r\n").next().expect("a head"));
            }
            _ => write(stream, SUCCESS),
        }
    });
    let gateway = Gateway::before(&upstream);
    for target in ["/products/close", "/products/begin", "/products/head"] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
            let body = if method == "GET" { "" } else { "{}" };
            let answer = gateway.send(method, target, "", body);
            let requests = upstream.other_requests();
            if method == "GET" {
                assert_eq!((answer.status(), requests.len()), (200, 2), "{target}: {answer:?}");
            } else {
                answer.expect_failure(502, "Bad Gateway");
                assert_eq!(requests.len(), 1, "{method} {target}");
            }
            assert_eq!(gateway.get("/products").status(), 200);
            assert_eq!(upstream.other_requests().len(), 1);
        }
    }
    let head = gateway.request("HEAD", "/products/close", "", "");
    assert_eq!(gateway.open().send(head).answer_to_head().status(), 200);
    assert_eq!(upstream.other_requests().len(), 2);
}

fn nonsense_is_not_asked_for_twice(_: &Combination) {
    let upstream = Upstream::start(|_, stream| {
        write(stream, "SSH-2.0-OpenSSH_9.6\r\n");
        close(stream);
    });
    let gateway = Gateway::before(&upstream);
    gateway.get("/products").expect_failure(502, "Bad Gateway");
    assert_eq!(upstream.other_requests().len(), 1);
}

/// Who waits for one service takes no place from those of another.
fn a_service_that_keeps_too_many_waiting_is_503_and_takes_no_other_with_it(_: &Combination) {
    let upstream = Upstream::start(|_, stream| write(stream, SUCCESS));
    let customers = Upstream::answering(SUCCESS);
    let customers_url = customers.url();
    let gateway =
        Gateway::with(&upstream.url(), &[("CUSTOMER_SERVICE_URL", customers_url.as_str())]);
    // Each keeps its place for as long as the client has not said everything.
    let half = gateway.request("PUT", "/products/one", "Content-Length: 2\r\n", "");
    let mut waiting: Vec<Connection> = Vec::new();
    let mut add = |count| {
        for _ in 0..count {
            let mut connection = gateway.open();
            connection.send(&half);
            waiting.push(connection);
        }
    };
    add(512);
    until("the service has no place left", || {
        let answer = post(&gateway, "/products");
        if answer.status() == 200 {
            // A busy machine may have broken some of them off.
            add(32);
            return false;
        }
        answer.expect_failure(503, "Service temporarily unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"), "{answer:?}");
        true
    });
    // Slow writers hold up no reader.
    assert_eq!(gateway.get("/products").status(), 200);
    assert_eq!(gateway.get("/customers").status(), 200);
    let health = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(gateway.open().send(health).answer().status(), 200);
    // And they are served.
    let mut served = 0;
    for connection in &mut waiting {
        served += usize::from(connection.send("{}").answer().status() == 200);
    }
    assert!(served > 256, "{served} of {}", waiting.len());
    assert_eq!(post(&gateway, "/products").status(), 200);
}
