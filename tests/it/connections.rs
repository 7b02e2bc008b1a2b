//! Clients that are slow, many, or gone: none of them holds up the others, or the process.

use crate::app::{App, BINARY, Combination, Process, program};
use crate::cases;
use crate::client::Client;
use crate::kit::{Mebibytes, figure, raise_descriptor_limit, until};
use serde_json::{Value, json};
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

cases![
    OnSqlite:
        a_slow_head_ends_its_connection,
        a_slow_reader_is_cut_and_nobody_else,
        no_more_is_done_for_who_does_not_read,
        many_slow_clients_hold_nobody_up;
    Everywhere:
        a_client_that_wants_another_protocol_is_answered_in_this_one;
    Once:
        idle_connections_beyond_the_descriptors_make_room;
    BothGateways:
        uploads_without_end_do_not_fill_the_memory,
        a_slow_body_is_refused_and_ends_its_connection;
];

/// How long a test waits for an end that is promised within half a minute.
const END_TIMEOUT: Duration = Duration::from_secs(90);

fn open(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server accepts connections");
    stream.set_read_timeout(Some(END_TIMEOUT)).expect("a time-out that is not zero");
    stream
}

fn addresses(app: &App) -> [String; 2] {
    [app.gateway_url(""), app.product_url("")].map(|url| url.replace("http://", ""))
}

/// Everything until the server ends the connection; fails the test where it does not.
#[track_caller]
fn rest(mut stream: &TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("still open: {error}"),
        _ => String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// Fails the test unless the last answer is a whole 408 in the envelope that ends the connection.
#[track_caller]
fn assert_timed_out(answers: &str) {
    let last = answers.rfind("HTTP/1.1 ").map(|start| &answers[start..]).unwrap_or_default();
    assert!(last.starts_with("HTTP/1.1 408 "), "{answers}");
    let (head, body) = last.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains("connection: close"), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
    let json: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{body}: {error}"));
    assert_eq!(json["success"], false, "{json}");
    assert_eq!(json["code"], "REQUEST_TIMEOUT", "{json}");
    let id = json["request_id"].as_str().expect("an id");
    assert!(head.contains(&format!("x-request-id: {id}")), "{head}");
}

/// Sends one byte now and then, until the server has had enough.
fn dribble(stream: &TcpStream, byte: &[u8]) {
    let mut stream = stream;
    while stream.write_all(byte).is_ok() {
        // The pause makes it slow; nothing depends on its length.
        thread::sleep(Duration::from_millis(100));
    }
}

const HEALTH: &str = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";

/// L4: the head of a request takes 5 seconds at most, of every request of a connection.
fn a_slow_head_ends_its_connection(combination: &Combination) {
    let app = combination.start();
    let addresses = addresses(&app);
    thread::scope(|scope| {
        for address in &addresses {
            scope.spawn(|| {
                assert_eq!(rest(&open(address)), "", "nothing was asked, nothing is answered");
            });
            for begin in ["G", "GET /livez HTTP/1.1\r\n", "GET /livez HTTP/1.1\r\nHost: a\r\n"] {
                scope.spawn(move || {
                    let mut stream = open(address);
                    stream.write_all(begin.as_bytes()).expect("written");
                    assert_timed_out(&rest(&stream));
                });
            }
            scope.spawn(|| {
                let mut stream = open(address);
                stream.write_all(b"GET /livez HTTP/1.1\r\nX-Slow: ").expect("written");
                let writer = stream.try_clone().expect("a second handle");
                thread::scope(|scope| {
                    scope.spawn(|| dribble(&writer, b"x"));
                    assert_timed_out(&rest(&stream));
                });
            });
            // The second head: after the first answer, and half of it already with the first.
            scope.spawn(|| {
                let mut stream = open(address);
                stream.write_all(HEALTH.as_bytes()).expect("written");
                let mut begin = [0; 15];
                stream.read_exact(&mut begin).expect("an answer");
                assert_eq!(&begin, b"HTTP/1.1 200 OK");
                stream.write_all(b"GET /livez HT").expect("written");
                assert_timed_out(&rest(&stream));
            });
            scope.spawn(|| {
                let mut stream = open(address);
                stream
                    .write_all(format!("{HEALTH}{HEALTH}GET /livez HT").as_bytes())
                    .expect("written");
                let answers = rest(&stream);
                assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
                assert_timed_out(&answers);
            });
        }
    });
}

/// I0: whatever follows such a request has no end, and is not waited for.
fn a_client_that_wants_another_protocol_is_answered_in_this_one(combination: &Combination) {
    let app = combination.start();
    let token = app.token();
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let with_a_body = "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n";
    let requests = [
        ("GET /products/prod_001", upgrade, "200"),
        ("GET /products/prod_001", with_a_body, "200"),
        ("PUT /products/prod_003", with_a_body, "400"),
        ("DELETE /products/prod_016", upgrade, "200"),
        ("PUT /products/prod_003", upgrade, "400"),
        ("CONNECT /products", "", "400"),
    ];
    for (line, headers, status) in requests {
        let mut stream = open(&app.address("/products"));
        let head = format!(
            "{line} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\n{headers}\r\n"
        );
        let body = if headers == with_a_body { "{}" } else { "" };
        stream.write_all(format!("{head}{body}").as_bytes()).expect("written");
        let answer = rest(&stream).to_lowercase();
        assert!(answer.starts_with(&format!("http/1.1 {status} ")), "{line}: {answer}");
        assert!(answer.contains("connection: close\r\n"), "{line}: {answer}");
    }
}

/// L4: a body takes 10 seconds at most, whoever reads it.
fn a_slow_body_is_refused_and_ends_its_connection(combination: &Combination) {
    let app = combination.start();
    let addresses = addresses(&app);
    let head = |method: &str, path: &str, framing: &str| {
        let token = app.token();
        format!(
            "{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\n{framing}\r\n"
        )
    };
    let (length, chunked) = ("Content-Length: 1000\r\n", "Transfer-Encoding: chunked\r\n");
    thread::scope(|scope| {
        for address in &addresses {
            for method in ["POST", "GET"] {
                for (framing, begin, more) in [
                    (length, "", "x"),
                    (length, "{\"id\":", "x"),
                    (chunked, "", "1\r\nx\r\n"),
                    (chunked, "6\r\n{\"id\":\r\n", "1\r\nx\r\n"),
                ] {
                    let request = head(method, "/products", framing) + begin;
                    scope.spawn(move || {
                        let mut stream = open(address);
                        stream.write_all(request.as_bytes()).expect("written");
                        let writer = stream.try_clone().expect("a second handle");
                        thread::scope(|scope| {
                            // One of the two waits, and the other one sends and sends.
                            if !begin.is_empty() {
                                scope.spawn(|| dribble(&writer, more.as_bytes()));
                            }
                            assert_timed_out(&rest(&stream));
                        });
                    });
                }
            }
            // Nobody reads this one: it is answered at once, and must not be sent for ever.
            let request = head("POST", "/nothing", chunked);
            scope.spawn(move || {
                let mut stream = open(address);
                stream.write_all(request.as_bytes()).expect("written");
                let writer = stream.try_clone().expect("a second handle");
                thread::scope(|scope| {
                    scope.spawn(|| dribble(&writer, b"1\r\nx\r\n"));
                    assert!(rest(&stream).starts_with("HTTP/1.1 404 "));
                });
            });
        }
    });
}

/// Makes a product whose answer fills the buffers of a connection when it is asked for often.
fn make_large_product(app: &App) {
    let body = json!({ "id": "large", "name": "N", "brand": "B", "price": "1.00", "stock": 1,
                       "category": "dive" });
    app.post("/products", &body).expect(201);
    app.storage.enlarge("large", 900_000);
}

/// A connection that has asked for much and reads nothing of it.
fn open_slow_reader(address: &str, path: &str, requests: usize) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a size");
    let address: SocketAddr = address.parse().expect("an address");
    socket.connect(&SockAddr::from(address)).expect("the server accepts connections");
    let mut stream = TcpStream::from(socket);
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").repeat(requests);
    stream.write_all(request.as_bytes()).expect("written");
    stream
}

/// Whether the server has reset the connection.
fn is_cut(mut stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a socket");
    match stream.write_all(b"G") {
        Ok(()) => false,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

/// L4: who takes nothing of an answer for 30 seconds is cut; the others are served meanwhile.
fn a_slow_reader_is_cut_and_nobody_else(combination: &Combination) {
    let app = combination.start();
    make_large_product(&app);
    let [_, product] = addresses(&app);
    let readers: Vec<TcpStream> =
        (0..8).map(|_| open_slow_reader(&product, "/products/large", 8)).collect();
    let give_up_at = Instant::now() + END_TIMEOUT;
    while !readers.iter().all(is_cut) {
        assert!(Instant::now() < give_up_at, "a slow reader holds its connection");
        app.get("/products/prod_001").expect(200);
        thread::sleep(Duration::from_millis(20));
    }
    app.get("/products/large").expect(200);
}

/// L4: what nobody takes fills no more than a small buffer, and the requests behind it wait.
fn no_more_is_done_for_who_does_not_read(combination: &Combination) {
    const REQUESTS: usize = 16;
    let app = combination.start();
    let [_, product] = addresses(&app);
    let reader = open_slow_reader(&product, "/products?limit=500", REQUESTS);
    let answered = || app.processes[0].log().matches("GET /products 200").count();
    until("an answer is made", || answered() > 0);
    // Time enough for all of them.
    for _ in 0..200 {
        app.get("/customers?limit=100").expect(200);
    }
    let made = answered();
    assert!((1..=6).contains(&made), "{made} of {REQUESTS} answers were made");
    drop(reader);
}

/// L4: 500 slow heads, 500 slow bodies and 100 slow readers at once; a normal client is answered.
fn many_slow_clients_hold_nobody_up(combination: &Combination) {
    const MANY: usize = 500;
    let app = combination.start();
    make_large_product(&app);
    let [_, product] = addresses(&app);
    let body = "POST /products HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
                Content-Length: 1000\r\n\r\n{";
    let slow = |begin: &str| {
        let mut stream = open(&product);
        stream.write_all(begin.as_bytes()).expect("written");
        stream
    };
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let normal = scope.spawn(|| {
            let mut served = 0;
            while !is_over.load(Ordering::SeqCst) {
                app.get("/products/prod_001").expect(200);
                let url = app.product_url("/customers/cust_001").replace("/customers", "/products");
                app.client.send("GET", &url, &[], None).expect(404);
                served += 1;
            }
            served
        });
        let readers: Vec<_> =
            (0..MANY / 5).map(|_| open_slow_reader(&product, "/products/large", 1)).collect();
        let heads: Vec<_> = (0..MANY).map(|_| slow("GET /pro")).collect();
        let bodies: Vec<_> = (0..MANY).map(|_| slow(body)).collect();
        for stream in heads.iter().chain(&bodies) {
            assert_timed_out(&rest(stream));
        }
        is_over.store(true, Ordering::SeqCst);
        assert!(normal.join().expect("always answered") > 0);
        drop(readers);
    });
    assert!(!app.processes[0].log().contains("panicked"));
}

/// L5: 5 000 idle connections where 2 048 descriptors are: the process lives, and accepts.
fn idle_connections_beyond_the_descriptors_make_room(_: &Combination) {
    // Beside what the other tests need.
    let many = raise_descriptor_limit().saturating_sub(1_000).min(5_000);
    let descriptors = (many / 2).min(2_048);
    let folder = TempDir::new().expect("a temporary folder");
    let mut shell = program("sh", folder.path());
    shell.args(["-c", &format!("ulimit -n {descriptors}; exec \"$0\" \"$@\""), &BINARY]);
    let settings = [("DATABASE_URL", "sqlite::memory:"), ("RATE_LIMIT_PER_MINUTE", "0")];
    let process = Process::start_as(shell, folder.path(), "all", &settings);
    let gateway = process.url("gateway");
    let address = gateway.strip_prefix("http://").expect("an http:// URL");
    let mut idle: Vec<TcpStream> = Vec::with_capacity(many);
    for number in 0..many {
        let mut stream = open(address);
        // Some have been used, and most have never said anything.
        if number % 10 == 0 {
            stream.write_all(HEALTH.as_bytes()).expect("written");
        }
        idle.push(stream);
        if number % 500 == 0 {
            Client::new().send("GET", &format!("{gateway}/livez"), &[], None).expect(200);
        }
    }
    for listener in ["gateway", "product", "customer", "order"] {
        let url = format!("{}/readyz", process.url(listener));
        Client::new().send("GET", &url, &[], None).expect(200);
    }
    assert_eq!(idle.len(), many);
    assert!(!process.log().contains("Error accepting"), "{}", process.log());
}

/// I1: a hundred uploads of 100 MB at once are refused, and leave the process at most 32 MB larger.
fn uploads_without_end_do_not_fill_the_memory(combination: &Combination) {
    const UPLOADS: usize = 100;
    let app = combination.start();
    app.get("/products/prod_001").expect(200);
    let resident = |what: &str, process: &Process| -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()));
        let status = status.expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix(what)).expect("a line");
        line.trim().trim_end_matches(" kB").parse().expect("kilobytes")
    };
    let before: Vec<usize> =
        app.processes.iter().map(|process| resident("VmRSS:", process)).collect();
    let address = app.address("/products");
    let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x1_0000], b"\r\n"].concat();
    let length = "Content-Length: 104857600\r\n";
    thread::scope(|scope| {
        for number in 0..UPLOADS {
            let framing = if number % 4 == 0 { length } else { "Transfer-Encoding: chunked\r\n" };
            let head = format!(
                "POST /products HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\
                 Content-Type: application/json\r\n{framing}\r\n",
                app.token()
            );
            let (address, chunk) = (&address, &chunk);
            scope.spawn(move || {
                let answer = upload(address, &head, chunk);
                // Some wait for their turn longer than a body may take, and some are reset while
                // they still send.
                let statuses = ["413", "408", "503", "504"];
                let is_refused = statuses
                    .iter()
                    .any(|status| answer.starts_with(&format!("HTTP/1.1 {status} ")));
                assert!(is_refused || answer.is_empty(), "{answer}");
            });
        }
    });
    for (process, before) in app.processes.iter().zip(before) {
        let growth = resident("VmRSS:", process).saturating_sub(before);
        figure("I1", "growth beside 100 uploads of 100 MB", Mebibytes(growth));
    }
    app.get("/products/prod_001").expect(200);
}

/// Sends an endless body until there is an answer, or no connection any more.
fn upload(address: &str, head: &str, chunk: &[u8]) -> String {
    const LONGEST: usize = 100 << 20;
    let mut stream = open(address);
    let reader = stream.try_clone().expect("a second handle");
    stream.set_write_timeout(Some(END_TIMEOUT)).expect("not zero");
    thread::scope(|scope| {
        let answer = scope.spawn(move || rest(&reader));
        let mut sent = 0;
        if stream.write_all(head.as_bytes()).is_ok() {
            while sent < LONGEST && stream.write_all(chunk).is_ok() {
                sent += chunk.len();
            }
        }
        // Whatever was still wanted does not come.
        let _closed = stream.shutdown(std::net::Shutdown::Write);
        answer.join().expect("an end")
    })
}
