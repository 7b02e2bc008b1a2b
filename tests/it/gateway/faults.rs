//! Services that are away, break off, fall silent or talk nonsense.

use super::wire::{Gateway, Message, Peer, SUCCESS, Upstream, close, reserve, reserved_url, write};
use crate::app::Combination;
use crate::cases;
use crate::kit::{figure, timed};
use std::io::Read;
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

cases![
    Once:
        a_service_that_refuses_is_502_and_serves_again_when_it_is_back,
        a_service_that_closes_without_an_answer_is_502_and_a_change_is_sent_once,
        a_service_that_closed_an_idle_connection_is_no_failure,
        a_silent_service_is_504_and_never_looks_whole,
        an_answer_that_breaks_off_never_looks_whole,
        an_answer_that_is_no_http_is_502,
        what_follows_an_answer_is_not_the_next_one,
        an_answer_before_the_end_of_the_request_is_returned,
        a_request_that_breaks_off_never_looks_whole_to_a_service,
        a_broken_service_takes_no_other_with_it;
];

/// A failure of a service, which says nothing of where it is.
#[track_caller]
fn expect_gone(answer: &Message, status: u16, error: &str, upstream: &str) {
    answer.expect_failure(status, error);
    let shown = format!("{answer:?} {}", answer.text()).to_lowercase();
    let port = upstream.rsplit(':').next().expect("a port");
    for private in [port, "127.0.0.1", "localhost", "http://", "tcp", "hyper", "os error"] {
        assert!(!shown.contains(private), "{private} in {shown}");
    }
}

/// F11: at once.
fn a_service_that_refuses_is_502_and_serves_again_when_it_is_back(_: &Combination) {
    let socket = reserve();
    let url = reserved_url(&socket);
    let gateway = Gateway::with(&url, &[]);
    for method in ["GET", "POST", "DELETE"] {
        let body = if method == "POST" { "{}" } else { "" };
        let (answer, took) = timed(|| gateway.send(method, "/products/one", "", body));
        expect_gone(&answer, 502, "Bad Gateway", &url);
        figure("F11", "a service that refuses", took);
    }
    let upstream = Upstream::at(socket, |_, stream| write(stream, SUCCESS));
    assert_eq!(gateway.get("/products/two").status(), 200);
    // None of the others was kept for later.
    assert_eq!(upstream.request().target(), "/products/two");
    drop(upstream);
    let log = gateway.process.log();
    assert!(log.contains(url.trim_start_matches("http://")), "the log says where: {log}");
}

/// F13: what may have arrived is not sent again.
fn a_service_that_closes_without_an_answer_is_502_and_a_change_is_sent_once(_: &Combination) {
    let upstream = Upstream::start(|request, stream| match request.target() {
        "/products/close" => close(stream),
        "/products/begin" => {
            write(stream, "HTTP/1.1 200 OK\r\nContent-Le");
            close(stream);
        }
        _ => write(stream, SUCCESS),
    });
    let gateway = Gateway::before(&upstream);
    for target in ["/products/close", "/products/begin"] {
        for method in ["POST", "PUT", "PATCH", "DELETE", "GET"] {
            // On a connection that is new, and on one that carried a request before.
            let mut client = gateway.open();
            client.send(gateway.request("GET", "/products/warm", "", ""));
            assert_eq!(client.answer().status(), 200);
            assert_eq!(upstream.request().target(), "/products/warm");
            let body = if method == "GET" { "" } else { "{}" };
            client.send(gateway.request(method, target, "", body));
            expect_gone(&client.answer(), 502, "Bad Gateway", &upstream.url());
            let times = if method == "GET" { 2 } else { 1 };
            for _ in 0..times {
                assert_eq!(upstream.request().line, format!("{method} {target} HTTP/1.1"));
            }
            // The client's connection lives on, and the service is asked again only for this one.
            client.send(gateway.request("GET", "/products/next", "", ""));
            assert_eq!(client.answer().status(), 200);
            assert_eq!(upstream.request().target(), "/products/next");
        }
    }
}

fn a_service_that_closed_an_idle_connection_is_no_failure(_: &Combination) {
    let (closed, ends) = channel();
    let upstream = Upstream::start(move |_, stream| {
        write(stream, SUCCESS);
        close(stream);
        closed.send(()).expect("the test waits");
    });
    let gateway = Gateway::before(&upstream);
    let mut client = gateway.open();
    // Each answer comes without a word that the connection ends with it.
    let statuses: Vec<u16> = (0..5)
        .map(|_| {
            let post = gateway.request("POST", "/products", "", "{}");
            let status = client.send(post).answer().status();
            ends.recv_timeout(Duration::from_secs(30)).expect("the service closes");
            // What the gateway answers after that, it answers knowing of the end.
            let health = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n";
            assert_eq!(client.send(health).answer().status(), 200);
            status
        })
        .collect();
    assert_eq!(statuses, [200; 5]);
}

/// Reads and discards what comes, until the other side ends the connection.
fn wait_for_end(stream: &mut TcpStream) {
    let mut part = [0; 4096];
    while matches!(stream.read(&mut part), Ok(length) if length > 0) {}
}

/// F12: whatever it has begun.
fn a_silent_service_is_504_and_never_looks_whole(_: &Combination) {
    let gone = |answer: Message, upstream: &Upstream| {
        expect_gone(&answer, 504, "Gateway Timeout", &upstream.url());
    };
    let started = Instant::now();
    // They all take as long as the gateway waits, so they wait together.
    let took = std::thread::scope(|scope| {
        let silent = scope.spawn(|| {
            let upstream = Upstream::start(|_, stream| wait_for_end(stream));
            let gateway = Gateway::before(&upstream);
            let (answer, took) = timed(|| gateway.get("/products"));
            gone(answer, &upstream);
            assert_eq!(upstream.request().target(), "/products");
            took
        });
        scope.spawn(|| {
            let upstream = Upstream::start(|_, stream| {
                write(stream, "HTTP/1.1 200 OK\r\nX-A: ");
                wait_for_end(stream);
            });
            gone(Gateway::before(&upstream).send("POST", "/products", "", "{}"), &upstream);
        });
        scope.spawn(|| {
            // Accepts, and reads nothing: more than what waits in between never leaves.
            let (keep, kept) = channel();
            let upstream = Upstream::raw(move |stream| {
                let _test_is_over = keep.send(stream);
            });
            let gateway = Gateway::before(&upstream);
            let body = "x".repeat(1 << 20);
            gone(gateway.send("PUT", "/products/one", "", &body), &upstream);
            drop(kept);
        });
        for begin in
            ["Content-Length: 9\r\n\r\nbegin", "Transfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n"]
        {
            scope.spawn(move || {
                let upstream = Upstream::start(move |_, stream| {
                    write(stream, format!("HTTP/1.1 200 OK\r\n{begin}"));
                    wait_for_end(stream);
                });
                let answer = Gateway::before(&upstream).get("/products");
                assert_eq!(answer.status(), 200);
                assert_eq!(answer.text(), "begin");
                assert!(!answer.whole, "{answer:?}");
            });
        }
        silent.join().expect("the client is answered")
    });
    figure("F12", "a silent service", took);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

fn an_answer_that_breaks_off_never_looks_whole(_: &Combination) {
    let cut = [
        "Content-Length: 100\r\n\r\n{\"success\":true}",
        "Content-Length: 17\r\n\r\n{\"success\":true}",
        "Content-Length: 16\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n10\r\n{\"success\":true}\r\n",
        "Transfer-Encoding: chunked\r\n\r\n10\r\n{\"success\":true}",
        "Transfer-Encoding: chunked\r\n\r\n20\r\n{\"success\":true}",
        "Transfer-Encoding: chunked\r\n\r\n10\r\n{\"success\":true}\r\n0",
        "Transfer-Encoding: chunked\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n10\r\n{\"success\":true}\r\nzz\r\n",
    ];
    for rest in cut {
        let upstream = Upstream::answering_once(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{rest}"
        ));
        let gateway = Gateway::before(&upstream);
        let mut client = gateway.open();
        client.send(gateway.request("POST", "/products", "", "{}"));
        if rest.ends_with("\r\n\r\n") {
            // Nothing of it has reached the client, who can still be told.
            expect_gone(&client.answer(), 502, "Bad Gateway", &upstream.url());
        } else {
            let bytes = client.rest();
            assert!(!looks_whole(&bytes), "{rest}: {}", bytes.escape_ascii());
        }
        assert_eq!(upstream.request().method(), "POST");
        // It was sent once.
        let mut next = gateway.open();
        next.send(gateway.request("GET", "/products", "", ""));
        assert_eq!(upstream.request().method(), "GET");
    }
}

/// Whether a client would take these bytes for a complete answer.
fn looks_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    match length {
        Some(length) => body.len() >= length.parse::<usize>().expect("a length"),
        None if head.contains("transfer-encoding: chunked") => body.ends_with("0\r\n\r\n"),
        None => true,
    }
}

fn an_answer_that_is_no_http_is_502(_: &Combination) {
    let nonsense = [
        "",
        "\r\n\r\n",
        "SSH-2.0-OpenSSH_9.6\r\n",
        "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 OK\r\n\r\n",
        "HTTP/1.1 99999 OK\r\n\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 4\r\n\r\n{}{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nX-A: b\0c\r\nContent-Length: 2\r\n\r\n{}",
    ];
    let upstream = Upstream::start(move |request, stream| {
        let number = request.target().rsplit('/').next().and_then(|last| last.parse().ok());
        match number.and_then(|number: usize| nonsense.get(number)) {
            Some(bytes) => {
                write(stream, bytes);
                close(stream);
            }
            None => write(stream, SUCCESS),
        }
    });
    let gateway = Gateway::before(&upstream);
    for (number, bytes) in nonsense.iter().enumerate() {
        let answer = gateway.send("POST", &format!("/products/{number}"), "", "{}");
        assert_eq!(answer.status(), 502, "{bytes:?}: {answer:?}");
        expect_gone(&answer, 502, "Bad Gateway", &upstream.url());
        // Each was asked for: a service that fails only now and then goes on being asked.
        assert_eq!(answer.header("retry-after"), None, "{bytes:?}");
        assert_eq!(gateway.get("/products").status(), 200);
    }
}

fn what_follows_an_answer_is_not_the_next_one(_: &Combination) {
    let upstream = Upstream::start(|request, stream| match request.target() {
        "/products/more" => {
            let poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
            write(stream, format!("{SUCCESS}{poison}"));
        }
        target => {
            let length = target.len();
            write(stream, format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{target}"));
        }
    });
    let gateway = Gateway::before(&upstream);
    let mut client = gateway.open();
    for number in 0..5 {
        let answer = client.send(gateway.request("GET", "/products/more", "", "")).answer();
        assert_eq!(answer.text(), "{\"success\":true}");
        let target = format!("/products/{number}");
        let answer = client.send(gateway.request("GET", &target, "", "")).answer();
        assert_eq!((answer.status(), answer.text()), (200, target));
    }
}

fn an_answer_before_the_end_of_the_request_is_returned(_: &Combination) {
    let (ended, ends) = channel();
    let upstream = Upstream::raw(move |stream| {
        let mut peer = Peer::new(stream);
        peer.read_until("{\"quantity\":1}");
        peer.write(
            "HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\n\
             Content-Length: 17\r\n\r\n{\"success\":false}",
        );
        peer.read_to_end();
        ended.send(peer.seen).expect("the test waits");
    });
    let gateway = Gateway::before(&upstream);
    let encoding = "Transfer-Encoding: chunked\r\n";
    let head = gateway.request("PATCH", "/products/one/inventory", encoding, "");
    let mut client = gateway.open();
    let answer = client.send(format!("{head}e\r\n{{\"quantity\":1}}\r\n")).answer();
    assert_eq!((answer.status(), answer.text().as_str()), (409, "{\"success\":false}"));
    // The end never comes, and the service is not told that it did.
    drop(client);
    let seen = ends.recv_timeout(Duration::from_secs(30)).expect("the gateway breaks off, too");
    assert!(!seen.ends_with("0\r\n\r\n"), "{seen}");
}

fn a_request_that_breaks_off_never_looks_whole_to_a_service(_: &Combination) {
    let (begun, begins) = channel();
    let (ended, ends) = channel();
    let upstream = Upstream::raw(move |stream| {
        let mut peer = Peer::new(stream);
        peer.read_until("{\"quantity\":1}");
        begun.send(()).expect("the test waits");
        peer.read_to_end();
        ended.send(peer.seen).expect("the test waits");
    });
    let gateway = Gateway::before(&upstream);
    let timeout = Duration::from_secs(30);
    let breaks = [
        ("Content-Length: 100\r\n", "{\"quantity\":1}", ""),
        ("Transfer-Encoding: chunked\r\n", "e\r\n{\"quantity\":1}\r\n", ""),
        ("Transfer-Encoding: chunked\r\n", "20\r\n{\"quantity\":1}", ""),
        ("Transfer-Encoding: chunked\r\n", "e\r\n{\"quantity\":1}\r\n", "zz\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "e\r\n{\"quantity\":1}\r\n", "0\r\nX"),
    ];
    for (framing, body, end) in breaks {
        let head = gateway.request("PATCH", "/products/one/inventory", framing, "");
        let mut client = gateway.open();
        client.send(format!("{head}{body}"));
        begins.recv_timeout(timeout).expect("the beginning arrives");
        client.send(end);
        drop(client);
        let seen = ends.recv_timeout(timeout).expect("the gateway breaks off, too");
        let (_, body) = seen.split_once("\r\n\r\n").expect("a head");
        let is_whole = body.len() >= 100 || body.ends_with("0\r\n\r\n");
        assert!(!is_whole, "{framing}{end}: {seen}");
    }
}

fn a_broken_service_takes_no_other_with_it(_: &Combination) {
    let socket = reserve();
    let url = reserved_url(&socket);
    let customers = Upstream::answering(SUCCESS);
    let customers_url = customers.url();
    let gateway = Gateway::with(&url, &[("CUSTOMER_SERVICE_URL", customers_url.as_str())]);
    let mut client = gateway.open();
    for _ in 0..3 {
        client.send(gateway.request("GET", "/products", "", ""));
        assert_eq!(client.answer().status(), 502);
        client.send(gateway.request("GET", "/customers", "", ""));
        assert_eq!(client.answer().status(), 200);
        client.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().status(), 200);
    }
}
