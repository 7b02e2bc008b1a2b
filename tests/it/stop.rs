//! SIGTERM under load: not ready at once, and no client sees a connection break.

use crate::app::{App, Combination};
use crate::cases;
use crate::kit::figure;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

cases![
    BothBackends:
        sigterm_breaks_no_request;
    OnSqlite:
        a_process_that_is_told_to_stop_is_not_ready,
        an_idle_connection_does_not_hold_up_a_stop,
        a_request_that_never_ends_is_given_up;
];

/// F19: from the signal on `/readyz` is 503, and says that its connection ends.
fn a_process_that_is_told_to_stop_is_not_ready(combination: &Combination) {
    let mut app = combination.start();
    let ready = app.gateway_url("/readyz");
    let ask = || app.client.try_send("GET", &ready, &[], None);
    assert_eq!(ask().expect("an answer").status, 200);
    app.processes[0].signal("TERM");
    let mut draining = 0;
    // The signal takes a moment to arrive; then nobody accepts any more.
    while let Ok(answer) = ask() {
        match answer.status {
            200 => assert_eq!(draining, 0, "it was not ready before"),
            _ => {
                assert_eq!(answer.json["status"], "draining", "{}", answer.text);
                assert_eq!(answer.header("connection"), Some("close"));
                draining += 1;
            }
        }
    }
    assert!(draining > 0);
    assert_eq!(app.processes[0].wait(), Some(0));
}

/// What one client saw of the end.
#[derive(Debug, Default)]
struct Seen {
    answered: u32,
    failures: Vec<String>,
}

/// A well-behaved client: uses a connection until it is told that it ends, then makes another one,
/// and stops when nobody accepts it any more.
fn be_a_client(address: &str, request: &str, one_each: bool) -> Seen {
    let mut seen = Seen::default();
    'connections: loop {
        let stream = match TcpStream::connect(address) {
            Ok(stream) => stream,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return seen,
            Err(error) => {
                seen.failures.push(format!("connecting: {error}"));
                return seen;
            }
        };
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("not zero");
        let mut reader = BufReader::new(stream);
        for number in 1.. {
            if let Err(error) = reader.get_mut().write_all(request.as_bytes()) {
                seen.failures.push(format!("writing request {number}: {error}"));
                continue 'connections;
            }
            match read_answer(&mut reader) {
                Ok((200, is_last)) => {
                    seen.answered += 1;
                    if is_last || one_each {
                        continue 'connections;
                    }
                }
                Ok((status, _)) => seen.failures.push(format!("status {status} of {number}")),
                Err(error) => {
                    seen.failures.push(format!("reading answer {number}: {error}"));
                    continue 'connections;
                }
            }
        }
    }
}

/// The status, and whether the connection ends with this answer.
fn read_answer(reader: &mut BufReader<TcpStream>) -> std::io::Result<(u16, bool)> {
    let (mut status, mut length, mut is_last) = (0, 0, false);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end().to_lowercase();
        if let Some(rest) = line.strip_prefix("http/1.1 ") {
            status = rest[..3].parse().expect("a status");
        } else if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().expect("a length");
        } else if line == "connection: close" {
            is_last = true;
        } else if line.is_empty() {
            break;
        }
    }
    std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
    Ok((status, is_last))
}

/// F19: under load, with connections that are kept and with new ones, no request fails.
fn sigterm_breaks_no_request(combination: &Combination) {
    let mut app = combination.start();
    let address = app.address("/products");
    let token = app.token().to_owned();
    let get = |path: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n")
    };
    let requests =
        [get("/products/prod_001"), get("/products?limit=5"), get("/customers/cust_001")];
    let signalled = thread::scope(|scope| {
        let clients: Vec<_> = (0..24)
            .map(|number| {
                let (address, request) = (&address, &requests[number % requests.len()]);
                scope.spawn(move || be_a_client(address, request, number % 2 == 0))
            })
            .collect();
        // The load is there when everybody has been served for a while.
        for _ in 0..50 {
            app.get("/products/prod_002").expect(200);
        }
        app.processes[0].signal("TERM");
        let signalled = Instant::now();
        for client in clients {
            let seen = client.join().expect("no panic");
            assert!(seen.answered > 0 && seen.failures.is_empty(), "{seen:?}");
            figure("F19", "requests that failed", seen.failures.len());
        }
        signalled
    });
    assert_eq!(app.processes[0].wait(), Some(0));
    figure("F19", "from the signal to the end", signalled.elapsed());
    assert!(!app.processes[0].log().contains("in flight: their time is over"));
}

fn open(app: &App) -> TcpStream {
    let stream = TcpStream::connect(app.address("/products")).expect("accepted");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("not zero");
    stream
}

fn an_idle_connection_does_not_hold_up_a_stop(combination: &Combination) {
    let mut app = combination.start_with(&[("SHUTDOWN_TIMEOUT_SECONDS", "3600")]);
    // One that was used, and one that never was.
    let mut used = BufReader::new(open(&app));
    used.get_mut().write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").expect("written");
    assert_eq!(read_answer(&mut used).expect("an answer"), (200, false));
    let mut unused = open(&app);
    app.processes[0].signal("TERM");
    let mut nothing = Vec::new();
    assert_eq!(used.read_to_end(&mut nothing).expect("a clean end"), 0);
    assert_eq!(unused.read_to_end(&mut nothing).expect("a clean end"), 0);
    assert_eq!(app.processes[0].wait(), Some(0));
}

/// F19: the end comes within the bound, whatever is in flight.
fn a_request_that_never_ends_is_given_up(combination: &Combination) {
    let mut app = combination.start_with(&[("SHUTDOWN_TIMEOUT_SECONDS", "1")]);
    let mut stream = open(&app);
    let token = app.token();
    let head = format!(
        "POST /products HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("written");
    let mut go_ahead = [0; 25];
    stream.read_exact(&mut go_ahead).expect("100 Continue");
    app.processes[0].signal("TERM");
    assert_eq!(app.processes[0].wait(), Some(0));
    let log = app.processes[0].log();
    assert!(log.contains("with requests in flight"), "{log}");
}
