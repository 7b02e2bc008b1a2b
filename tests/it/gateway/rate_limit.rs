//! The rate limit: a bucket for each client, counted before anything else.
//!
//! Most cases use a limit of a few requests a minute: its bucket gets the next one back only after
//! many seconds, so that what is left of it can be told exactly.

use super::wire::{Connection, Gateway, Message};
use crate::app::{App, Combination};
use crate::cases;
use crate::client::{Answer, Client};
use crate::kit::{Mebibytes, figure};
use std::sync::Barrier;
use std::time::{Duration, Instant};

cases![
    BothGateways:
        of_200_requests_at_once_100_pass,
        a_refused_request_is_told_when_to_come_back,
        every_answer_tells_what_is_left,
        requests_without_a_token_use_up_the_bucket,
        a_forged_forwarding_header_changes_nothing,
        other_addresses_have_buckets_of_their_own,
        probes_are_neither_counted_nor_refused,
        an_answer_has_no_other_headers_of_a_limit,
        zero_turns_the_limit_off;
    Once:
        fifty_thousand_clients_take_little_room_and_are_forgotten,
        behind_trusted_proxies_the_rightmost_other_address_counts,
        an_address_counts_in_every_form_that_a_proxy_writes,
        a_hop_without_an_address_is_counted_for_the_proxy_that_names_it,
        two_headers_that_name_two_clients_are_not_believed,
        only_a_trusted_peer_is_believed,
        ipv6_clients_are_counted_by_their_network,
        clients_of_an_ipv6_listener_over_ipv4_are_told_apart;
];

const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: chronos\r\n";

fn limited(combination: &Combination, limit: &str) -> App {
    combination.start_with(&[("RATE_LIMIT_PER_MINUTE", limit)])
}

/// `GET /health` with more header lines, from the usual address.
#[track_caller]
fn health(app: &App, headers: &str) -> Message {
    Connection::open(&app.address("/")).send(format!("{HEALTH}{headers}\r\n")).answer()
}

#[track_caller]
fn left(answer: &Message) -> u32 {
    let left = answer.header("x-ratelimit-remaining").and_then(|left| left.parse().ok());
    left.unwrap_or_else(|| panic!("nothing is said of what is left: {answer:?}"))
}

fn of_200_requests_at_once_100_pass(combination: &Combination) {
    let app = limited(combination, "100");
    let address = app.address("/health");
    let gate = Barrier::new(200);
    let started = Instant::now();
    let answers: Vec<Message> = std::thread::scope(|scope| {
        let one = || {
            gate.wait();
            Connection::open(&address).send(format!("{HEALTH}\r\n")).answer()
        };
        let threads: Vec<_> = (0..200).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    // The bucket gets one back every 600 ms.
    let elapsed = u32::try_from(started.elapsed().as_millis()).expect("less than a month");
    let came_back = usize::try_from(elapsed / 600).expect("a small number") + 1;
    let (passed, refused): (Vec<&Message>, Vec<&Message>) =
        answers.iter().partition(|answer| answer.status() == 200);
    for answer in refused {
        assert_eq!(answer.status(), 429);
        // Rounded up: a client that comes back when told is not refused again.
        assert_eq!(answer.header("retry-after"), Some("1"), "{answer:?}");
    }
    let passed = passed.len();
    assert!(passed >= 100, "{passed} passed in {elapsed} ms");
    figure("L3", "requests beyond 100, of 200 at once", passed.saturating_sub(100 + came_back));
}

fn a_refused_request_is_told_when_to_come_back(combination: &Combination) {
    let app = limited(combination, "2");
    for path in ["/health", "/products"] {
        app.get(path).expect(200);
    }
    for path in ["/health", "/products", "/products/prod_001", "/nothing", "/products//x"] {
        let answer = app.get(path).expect_failure(429, "Too Many Requests");
        assert_eq!(answer.json["statusCode"], 429);
        let seconds = answer.header("retry-after").expect("Retry-After");
        let number: u64 = seconds.parse().expect("whole seconds");
        assert!((1..=30).contains(&number), "{seconds}: the bucket gets one back every 30 s");
        let message = format!("Rate limit exceeded, retry in {seconds} seconds");
        assert_eq!(answer.json["message"], message);
        assert_eq!(answer.header("x-ratelimit-limit"), Some("2"));
        assert_eq!(answer.header("x-ratelimit-remaining"), Some("0"));
    }
}

fn every_answer_tells_what_is_left(combination: &Combination) {
    let app = limited(combination, "9");
    let url = |path: &str| app.url(path);
    let json = [("Content-Type", "application/json")];
    let large = vec![b' '; (1 << 20) + 1];
    let answers: Vec<(u16, Answer)> = vec![
        (200, app.get("/health")),
        (200, app.get("/products")),
        (400, app.client.send("POST", &url("/auth/token"), &json, Some(b"{}"))),
        (400, app.get("/products//x")),
        (401, app.client.send("GET", &url("/products"), &[], None)),
        (404, app.get("/nothing")),
        (404, app.get("/customers/none")),
        (405, app.client.send("DELETE", &url("/health"), &[], None)),
        (413, Client::new().send("POST", &url("/auth/token"), &json, Some(&large))),
        (429, app.get("/health")),
        (429, app.client.send("POST", &url("/auth/token"), &json, Some(b"{}"))),
    ];
    for (count, (status, answer)) in (1..).zip(answers) {
        let answer = answer.expect(status);
        assert_eq!(answer.header("x-ratelimit-limit"), Some("9"), "{answer:?}");
        let left = 9_u32.saturating_sub(count).to_string();
        assert_eq!(answer.header("x-ratelimit-remaining"), Some(left.as_str()), "{answer:?}");
        assert_eq!(answer.header("ratelimit-policy"), Some("\"default\";q=9;w=60"), "{answer:?}");
        // One comes back every 6.7 s; who is refused is told the same in two places.
        let next = answer.header("retry-after").unwrap_or("7");
        let now = format!("\"default\";r={left};t={next}");
        assert_eq!(answer.header("ratelimit"), Some(now.as_str()), "{answer:?}");
    }
}

fn requests_without_a_token_use_up_the_bucket(combination: &Combination) {
    let app = limited(combination, "3");
    for header in [None, Some("Bearer x"), Some("Basic YTpi")] {
        let headers: Vec<_> = header.iter().map(|value| ("Authorization", *value)).collect();
        app.client.send("GET", &app.url("/products"), &headers, None).expect(401);
    }
    app.get("/products").expect(429);
    app.client.send("GET", &app.url("/products"), &[], None).expect(429);
}

fn a_forged_forwarding_header_changes_nothing(combination: &Combination) {
    let app = limited(combination, "5");
    let forged = [
        "X-Forwarded-For: 203.0.113.7\r\n",
        "X-Forwarded-For: 203.0.113.8, 203.0.113.9\r\nX-Forwarded-For: 203.0.113.10\r\n",
        "Forwarded: for=203.0.113.11\r\n",
        "X-Real-IP: 203.0.113.12\r\nTrue-Client-IP: 203.0.113.13\r\n",
        "X-Forwarded-For: garbage\r\nCF-Connecting-IP: 203.0.113.14\r\n",
    ];
    for (used, headers) in (1..).zip(forged) {
        assert_eq!(left(&health(&app, headers)), 5 - used, "{headers}");
    }
    for headers in forged {
        assert_eq!(health(&app, headers).status(), 429, "{headers}");
    }
}

fn other_addresses_have_buckets_of_their_own(combination: &Combination) {
    let app = limited(combination, "2");
    let from = |source| {
        let mut connection = Connection::open_from(source, &app.address("/health"));
        connection.send(format!("{HEALTH}\r\n")).answer().status()
    };
    for source in [[127, 0, 0, 1], [127, 0, 0, 2], [127, 0, 1, 1]] {
        assert_eq!([from(source), from(source), from(source)], [200, 200, 429], "{source:?}");
    }
    assert_eq!(from([127, 0, 0, 3]), 200);
}

fn probes_are_neither_counted_nor_refused(combination: &Combination) {
    let app = limited(combination, "1");
    for round in 0..3 {
        for path in ["/livez", "/readyz"] {
            let head = format!("GET {path} HTTP/1.1\r\nHost: chronos\r\n\r\n");
            let answer = Connection::open(&app.address("/")).send(head).answer();
            assert_eq!(answer.status(), 200, "{path}");
            assert_eq!(answer.header("x-ratelimit-limit"), None, "{path}");
        }
        assert_eq!(health(&app, "").status(), if round == 0 { 200 } else { 429 });
    }
    // Nothing that only looks like one.
    for path in ["/livez/", "/readyz/x", "//livez", "/livezz", "/LIVEZ", "/%6civez"] {
        let head = format!("GET {path} HTTP/1.1\r\nHost: chronos\r\n\r\n");
        let answer = Connection::open(&app.address("/")).send(head).answer();
        assert_eq!(answer.status(), 429, "{path}");
    }
}

fn zero_turns_the_limit_off(combination: &Combination) {
    let app = limited(combination, "0");
    let mut connection = Connection::open(&app.address("/health"));
    for _ in 0..300 {
        let answer = connection.send(format!("{HEALTH}\r\n")).answer();
        assert_eq!(answer.status(), 200);
        assert!(answer.headers.iter().all(|(name, _)| !name.contains("ratelimit")), "{answer:?}");
    }
}

/// Asserts which bucket a request with these headers is counted in: the one of `client`, which a
/// request with that address alone has been counted in before.
#[track_caller]
fn assert_counted_for(app: &App, client: &str, headers: &str) {
    let before = left(&health(app, &format!("X-Forwarded-For: {client}\r\n")));
    let after = left(&health(app, headers));
    assert_eq!(after + 1, before, "{headers} is not counted for {client}");
}

fn behind_trusted_proxies_the_rightmost_other_address_counts(combination: &Combination) {
    let app = combination.start_with(&[
        ("RATE_LIMIT_PER_MINUTE", "4"),
        ("TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8, 2001:db8:ffff::/48, ::ffff:192.0.2.0/120"),
    ]);
    let headers = [
        ("203.0.113.1", "X-Forwarded-For: 198.51.100.1, 203.0.113.1\r\n"),
        ("203.0.113.2", "X-Forwarded-For: 203.0.113.2, 10.1.2.3\r\n"),
        ("203.0.113.3", "X-Forwarded-For: 198.51.100.1,203.0.113.3,10.1.2.3,10.4.5.6\r\n"),
        // Lines are one list, in their order.
        ("203.0.113.4", "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.4\r\n"),
        ("203.0.113.5", "X-Forwarded-For: 203.0.113.5\r\nX-Forwarded-For: 10.1.2.3, 10.1.2.4\r\n"),
        (
            "203.0.113.6",
            "X-Forwarded-For: 203.0.113.6\r\nX-Other: 1\r\nX-FORWARDED-FOR: 10.9.9.9\r\n",
        ),
        ("203.0.113.7", "X-Forwarded-For:  203.0.113.7  ,\t10.1.2.3 \r\n"),
        ("203.0.113.8", "X-Forwarded-For: ::ffff:203.0.113.8\r\n"),
        ("203.0.113.9", "X-Forwarded-For: 203.0.113.9, ::ffff:10.0.0.1\r\n"),
        ("203.0.113.10", "X-Forwarded-For: 203.0.113.10, 2001:db8:ffff:1::1\r\n"),
        ("203.0.113.15", "X-Forwarded-For: 203.0.113.15, 192.0.2.7\r\n"),
        // What stands left of the client is never looked at.
        ("203.0.113.11", "X-Forwarded-For: garbage, 203.0.113.11\r\n"),
        ("203.0.113.12", "X-Forwarded-For: garbage\r\nX-Forwarded-For: 203.0.113.12\r\n"),
        ("203.0.113.13", "X-Forwarded-For: \u{fc}\r\nX-Forwarded-For: 203.0.113.13\r\n"),
        ("203.0.113.14", "X-Forwarded-For: 198.51.100.1, \u{fc}, 203.0.113.14\r\n"),
        // Garbage ends the walk at the proxy that passed it on.
        ("10.2.0.1", "X-Forwarded-For: 203.0.113.20, garbage, 10.2.0.1\r\n"),
        ("10.2.0.2", "X-Forwarded-For: 203.0.113.20, 1.2, 10.2.0.2\r\n"),
        ("10.2.0.3", "X-Forwarded-For: 203.0.113.20:x, 10.2.0.3\r\n"),
        ("10.2.0.4", "X-Forwarded-For: 203.0.113.20\r\nX-Forwarded-For: unknown, 10.2.0.4\r\n"),
        (
            "10.2.0.5",
            "X-Forwarded-For: 203.0.113.20\r\nX-Forwarded-For: \u{fc}\r\n\
             X-Forwarded-For: 10.2.0.5\r\n",
        ),
        // Only proxies: the first of them is the client.
        ("10.3.0.1", "X-Forwarded-For: 10.3.0.1, 10.3.0.2\r\n"),
    ];
    for (client, headers) in headers {
        assert_counted_for(&app, client, headers);
    }
    // Without a header, and behind garbage alone, the peer counts.
    for (used, headers) in
        (1..).zip(["", "X-Forwarded-For: garbage\r\n", "X-Forwarded-For: 203.0.113.20, \u{fc}\r\n"])
    {
        assert_eq!(left(&health(&app, headers)), 4 - used, "{headers}");
    }
}

/// A gateway that believes its peer, and 10.0.0.0/8.
fn behind_proxies(combination: &Combination, limit: &str) -> App {
    combination.start_with(&[
        ("RATE_LIMIT_PER_MINUTE", limit),
        ("TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8"),
    ])
}

/// L3: some write the port of the client, too, and some write the standard header.
fn an_address_counts_in_every_form_that_a_proxy_writes(combination: &Combination) {
    let app = behind_proxies(combination, "5");
    // A client of its own for each form: N is its number.
    for (number, form) in (1..).zip([
        "203.0.113.N",
        "203.0.113.N:51001",
        "\"203.0.113.N\"",
        "\"203.0.113.N:1\"",
        "203.0.113.N:_x",
        ", 203.0.113.N,",
        "::ffff:203.0.113.N",
        "[::ffff:203.0.113.N]:80",
        "2001:db8:N::1",
        "[2001:db8:N::1]",
        "[2001:db8:N::1]:443",
        "\"[2001:DB8:N::1]:443\"",
        "\"[2001:db8:N::1]\"",
        "[2001:db8:N:0::1]:_port",
        "2001:db8:N::1%eth0",
        "[2001:db8:N::1%1]:9",
    ]) {
        let is_v4 = form.contains("203.0.113");
        let client =
            if is_v4 { format!("203.0.113.{number}") } else { format!("2001:db8:{number}::1") };
        let form = form.replace('N', &number.to_string());
        for list in [form.clone(), format!("198.51.100.1, {form}, 10.1.1.1:80")] {
            assert_counted_for(&app, &client, &format!("X-Forwarded-For: {list}\r\n"));
        }
    }
    for (client, line) in [
        ("203.0.113.20", "for=203.0.113.20"),
        ("203.0.113.21", "For=\"203.0.113.21:47011\""),
        ("203.0.113.22", "for=203.0.113.22;proto=http;by=203.0.113.43"),
        ("203.0.113.23", "proto=https ; FOR=203.0.113.23 , for=10.1.1.1"),
        (
            "203.0.113.24",
            "for=198.51.100.1, for=203.0.113.24, for=\"10.1.1.1:80\";by=\"_x,;\\\"y\"",
        ),
        ("203.0.113.25", ", ;for=203.0.113.25; ,"),
        ("203.0.113.26", "for=\"203.0.113.26:_gazonk\""),
        (
            "203.0.113.27",
            "for=198.51.100.1\r\nForwarded: for=203.0.113.27\r\nForwarded: for=10.1.1.1",
        ),
        ("203.0.113.28", "for=203.0.113.28:80"),
        ("203.0.113.29", "for=\"\\203.0.113.29\""),
        ("2001:db8:2::1", "For=\"[2001:db8:2:0:1::cafe]:4711\""),
        ("2001:db8:3::1", "for=\"[2001:db8:3::1]\""),
        ("2001:db8:4::1", "for=[2001:db8:4::1]:80"),
        ("203.0.113.30", "for=\"[::ffff:203.0.113.30]\""),
    ] {
        assert_counted_for(&app, client, &format!("Forwarded: {line}\r\n"));
    }
}

/// What it hides, or what nobody can read, is one client to all who come through it.
fn a_hop_without_an_address_is_counted_for_the_proxy_that_names_it(combination: &Combination) {
    let app = behind_proxies(combination, "5");
    for (number, unnamed) in (1..).zip([
        "for=unknown",
        "for=\"_gazonk\"",
        "for=_hidden;by=10.0.0.1",
        "proto=https",
        "for=203.0.113.7:99999",
        "for=garbage",
        "for=203.0.113.7;for=203.0.113.8",
        "for=203.0.113.7 x",
        "for=",
        "=203.0.113.7",
        "for=\"203.0.113.7\"x",
        "for=203.0.113.7;by=\"",
    ]) {
        let proxy = format!("10.2.0.{number}");
        let lines = format!("Forwarded: for=203.0.113.7, {unnamed}\r\nForwarded: for={proxy}\r\n");
        assert_counted_for(&app, &proxy, &lines);
    }
}

/// A proxy writes one of them, and may pass on the other one as a client has sent it.
fn two_headers_that_name_two_clients_are_not_believed(combination: &Combination) {
    let app = behind_proxies(combination, "5");
    let both = |list: &str, standard: &str| {
        format!("X-Forwarded-For: {list}\r\nForwarded: for={standard}\r\n")
    };
    assert_counted_for(&app, "127.0.0.1", &both("203.0.113.1", "203.0.113.2"));
    assert_counted_for(&app, "203.0.113.1", &both("198.51.100.1, 203.0.113.1", "203.0.113.1"));
    // One that names only proxies says nothing against the other.
    assert_counted_for(&app, "203.0.113.3", &both("203.0.113.3", "10.1.1.1"));
    assert_counted_for(&app, "203.0.113.4", &both("10.1.1.1", "203.0.113.4"));
    assert_counted_for(&app, "203.0.113.5", &both("203.0.113.5", "unknown"));
}

/// Only those that docs/API.md names, whoever has counted.
fn an_answer_has_no_other_headers_of_a_limit(combination: &Combination) {
    let app = limited(combination, "2");
    for status in [200, 200, 429] {
        let answer = health(&app, "");
        assert_eq!(answer.status(), status);
        let names = answer.headers.iter().map(|(name, _)| name.to_lowercase());
        let mut names: Vec<String> = names.filter(|name| name.contains("ratelimit")).collect();
        names.sort();
        let all = ["ratelimit", "ratelimit-policy", "x-ratelimit-limit", "x-ratelimit-remaining"];
        assert_eq!(names, all, "{answer:?}");
    }
    let probe = "GET /livez HTTP/1.1\r\nHost: chronos\r\n\r\n";
    let probe = Connection::open(&app.address("/")).send(probe).answer();
    assert!(probe.headers.iter().all(|(name, _)| !name.contains("ratelimit")), "{probe:?}");
}

fn only_a_trusted_peer_is_believed(combination: &Combination) {
    let app =
        combination.start_with(&[("RATE_LIMIT_PER_MINUTE", "3"), ("TRUSTED_PROXIES", "127.0.0.1")]);
    let from = |source, client: &str| {
        let head = format!("{HEALTH}X-Forwarded-For: {client}\r\n\r\n");
        left(&Connection::open_from(source, &app.address("/")).send(head).answer())
    };
    let (proxy, other) = ([127, 0, 0, 1], [127, 0, 0, 2]);
    assert_eq!([from(proxy, "203.0.113.1"), from(proxy, "203.0.113.2")], [2, 2]);
    assert_eq!([from(other, "203.0.113.3"), from(other, "203.0.113.4")], [2, 1]);
    // The bucket of the peer is the one that a trusted proxy names, too.
    assert_eq!(from(proxy, "127.0.0.2"), 0);
}

fn ipv6_clients_are_counted_by_their_network(combination: &Combination) {
    let app =
        combination.start_with(&[("RATE_LIMIT_PER_MINUTE", "3"), ("TRUSTED_PROXIES", "127.0.0.1")]);
    let of = |client: &str| left(&health(&app, &format!("X-Forwarded-For: {client}\r\n")));
    assert_eq!([of("2001:db8::1"), of("2001:db8::2"), of("2001:db8::ffff:0:0:1")], [2, 1, 0]);
    assert_eq!(of("2001:db8:0:1::1"), 2);
    // IPv4 addresses that are written as IPv6 are not one network.
    assert_eq!([of("::ffff:203.0.113.1"), of("::ffff:203.0.113.2")], [2, 2]);
}

fn clients_of_an_ipv6_listener_over_ipv4_are_told_apart(combination: &Combination) {
    if std::net::TcpListener::bind("[::]:0").is_err() {
        eprintln!("this machine has no IPv6: nothing is shown");
        return;
    }
    let app = combination.start_with(&[
        ("HOST", "::"),
        ("RATE_LIMIT_PER_MINUTE", "2"),
        ("TRUSTED_PROXIES", "127.0.0.9"),
    ]);
    let address = app.address("/health");
    let (_, port) = address.rsplit_once(':').expect("a port");
    let address = format!("127.0.0.1:{port}");
    let from = |source, headers: &str| {
        let head = format!("{HEALTH}{headers}\r\n");
        Connection::open_from(source, &address).send(head).answer().status()
    };
    for source in [[127, 0, 0, 1], [127, 0, 0, 2]] {
        let forged = "X-Forwarded-For: 203.0.113.1\r\n";
        assert_eq!([from(source, ""), from(source, forged), from(source, "")], [200, 200, 429]);
    }
    // A proxy is known by its IPv4 address, too.
    for client in ["203.0.113.2", "203.0.113.3", "203.0.113.4"] {
        let headers = format!("X-Forwarded-For: {client}\r\n");
        assert_eq!(from([127, 0, 0, 9], &headers), 200, "{client}");
    }
}

/// The memory that a process holds, in KiB.
fn resident_kib(id: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// How many clients the process remembered, each time that it forgot the idle ones.
fn remembered(log: &str) -> Vec<usize> {
    let numbers = log.lines().filter_map(|line| line.split_once("the rate limit remembers "));
    let numbers = numbers.filter_map(|(_, rest)| rest.split(' ').next());
    numbers.map(|number| number.parse().expect("a number")).collect()
}

/// L3: 50 000 addresses take at most 20 MB, and are not kept.
fn fifty_thousand_clients_take_little_room_and_are_forgotten(_: &Combination) {
    let settings = [
        ("RATE_LIMIT_PER_MINUTE", "6"),
        ("TRUSTED_PROXIES", "127.0.0.1"),
        ("RUST_LOG", "off,chronos::gateway::rate_limit=debug"),
    ];
    let gateway = Gateway::with("http://127.0.0.1:9", &settings);
    let send = |connection: &mut Connection, clients: std::ops::Range<u32>| {
        let head = |n: u32| {
            let [_, a, b, c] = n.to_be_bytes();
            format!("{HEALTH}X-Forwarded-For: 203.{a}.{b}.{c}\r\n\r\n")
        };
        connection.send(clients.clone().map(head).collect::<String>());
        for _ in clients {
            assert_eq!(connection.answer().status(), 200);
        }
    };
    let mut connections: Vec<Connection> = (0..8).map(|_| gateway.open()).collect();
    // What connections and buffers take comes first.
    for (number, connection) in (0..).zip(&mut connections) {
        send(connection, number * 50 + 100_000..(number + 1) * 50 + 100_000);
    }
    let before = resident_kib(gateway.process.id());
    std::thread::scope(|scope| {
        for (number, connection) in (0..).zip(&mut connections) {
            scope.spawn(move || {
                for part in 0..125 {
                    let first = number * 6_250 + part * 50;
                    send(connection, first..first + 50);
                }
            });
        }
    });
    let grown = resident_kib(gateway.process.id()).saturating_sub(before);
    figure("L3", "memory of 50 000 clients", Mebibytes(grown));
    // A bucket is full again after 10 s, and every 10 s the full ones are forgotten.
    let give_up_at = Instant::now() + Duration::from_secs(120);
    let forgot = |log: &str| {
        let counts = remembered(log);
        counts.iter().any(|count| *count > 10_000) && counts.last() == Some(&0)
    };
    while !forgot(&gateway.process.log()) {
        assert!(Instant::now() < give_up_at, "{:?}", remembered(&gateway.process.log()));
        std::thread::sleep(Duration::from_millis(100));
    }
}
