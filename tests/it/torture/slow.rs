//! Clients that take their time.

use super::driver::{Line, drive, request};
use super::steady::{descriptors_of, seconds};
use crate::app::{BINARY, Combination, Process, Storage, program};
use crate::cases;
use crate::kit::history::End;
use crate::kit::{Percent, figure, size, timed, until};
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

cases![
    OnSqlite:
        slow_clients_do_not_slow_the_others,
        more_connections_than_descriptors_do_not_end_it;
];

const SETTLE: Duration = Duration::from_secs(5);
/// How often it is looked whether the server has ended one, and every how many times each of them
/// sends its next byte.
const POLL: Duration = Duration::from_millis(100);
const POLLS_OF_A_BYTE: usize = 10;
/// They are looked at in turns, a part at a time: all at once, the looking itself would be a load
/// that the normal client feels.
const PARTS: usize = 20;
const ALONE: Duration = Duration::from_secs(8);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slowness {
    /// A byte of the head now and then.
    Head,
    /// A byte of the body now and then.
    Body,
    /// Asks for much and reads nothing.
    Reader,
}

/// L4: 500 of each kind at once, all the time, beside one client that is not slow.
fn slow_clients_do_not_slow_the_others(combination: &Combination) {
    let many = size("TEST_SLOW", 500);
    let settings = [("RUST_LOG", "warn"), ("RATE_LIMIT_PER_MINUTE", "0")];
    let app = combination.start_with(&settings);
    // More than the buffers of both sides hold, and little work: what those hold who do not read is
    // what is measured.
    app.storage.enlarge("prod_002", 500_000);
    let address = app.address("/products");
    let read = request(app.token(), "GET", "/products/prod_001", "");
    let normal = |time| drive(&address, 1, 1, time, |_| read.clone());
    let before = normal(ALONE);
    let over = AtomicBool::new(false);
    let (beside, ended) = thread::scope(|scope| {
        let kinds = [Slowness::Head, Slowness::Body, Slowness::Reader];
        let slow = kinds.map(|kind| {
            let chosen = std::env::var("TEST_SLOW_KINDS").unwrap_or_default();
            let many =
                if chosen.is_empty() || chosen.contains(&format!("{kind:?}")) { many } else { 0 };
            let (address, over, token) = (&address, &over, app.token());
            scope.spawn(move || (kind, be_slow(kind, many, address, token, over)))
        });
        // All that they ask for is work, too: it is what they hold afterwards that must not matter.
        thread::sleep(SETTLE);
        let beside = normal(seconds("TEST_SLOW_SECONDS", 40)).latencies();
        over.store(true, Ordering::SeqCst);
        (beside, slow.map(|slow| slow.join().expect("it only sends")))
    });
    // Before and after: what else the machine does should not look like an effect.
    let alone = before.and(normal(ALONE)).latencies();
    figure("L4", "a read with nobody else", &alone);
    figure("L4", "a read beside the slow ones", &beside);
    let (alone, beside) = (alone.percentile(99), beside.percentile(99));
    figure(
        "L4",
        "p99 beside them, of that alone",
        Percent({
            let percent = (beside.as_micros() * 100).div_ceil(alone.as_micros().max(1));
            usize::try_from(percent).expect("a small number")
        }),
    );
    for (kind, mut lifetimes) in ended {
        lifetimes.sort_unstable();
        let of = format!("{kind:?}").to_lowercase();
        figure("L4", &format!("slow {of}: ended by the server"), lifetimes.len());
        let longest = lifetimes.last().copied().unwrap_or_default();
        figure("L4", &format!("slow {of}: the longest life"), longest);
    }
}

/// L5: 5 000 connections that say nothing, and a process that may open 2 048 files.
fn more_connections_than_descriptors_do_not_end_it(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let folder = storage.folder.path();
    let mut few_files = program("bash", folder);
    few_files.args(["-c", "ulimit -n 2048; exec \"$0\" \"$@\"", &BINARY]);
    let settings = [("DATABASE_URL", storage.database_url.as_str()), ("RUST_LOG", "warn")];
    let process = Process::start_as(few_files, folder, "all", &settings);
    let address = process.url("gateway").replace("http://", "");
    let health = request("none", "GET", "/health", "");
    let idle: Vec<Socket> = (0..5_000).map(|_| begin_to_connect(&address)).collect();
    let (_, took) = timed(|| {
        until("a client is served", || {
            let mut line = Line::new(&address, [127, 5, 0, 1]);
            line.exchange(&health) == End::Status(200)
        });
    });
    figure("L5", "until a client is served beside them", took);
    figure("L5", "descriptors that are open meanwhile", descriptors_of(process.id()));
    drop(idle);
    let (_, took) = timed(|| {
        until("a client is served", || {
            Line::new(&address, [127, 5, 0, 1]).exchange(&health) == End::Status(200)
        });
    });
    figure("L5", "until a client is served after them", took);
}

/// A connection whose beginning nobody waits for: the queue of the listener may be full.
fn begin_to_connect(address: &str) -> Socket {
    let address: SocketAddr = address.parse().expect("an address and a port");
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_nonblocking(true).expect("a socket");
    // "In progress" is no error here.
    let _begun = socket.connect(&SockAddr::from(address));
    socket
}

/// Opens so many connections, another one for each that the server ends; returns how long those
/// have lived.
fn be_slow(
    kind: Slowness,
    many: usize,
    address: &str,
    token: &str,
    over: &AtomicBool,
) -> Vec<Duration> {
    let first = match kind {
        Slowness::Head => "GET /products HTTP/1.1\r\nHost: sto".to_owned(),
        Slowness::Body => format!(
            "POST /products HTTP/1.1\r\nHost: store\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: 4096\r\n\r\n{{"
        ),
        Slowness::Reader => {
            let read = request(token, "GET", "/products/prod_002", "");
            String::from_utf8(read).expect("ASCII")
        }
    };
    let open_one = || {
        let mut stream = connect(address);
        // The server may end it at any time.
        let _some = stream.write(first.as_bytes());
        (stream, Instant::now())
    };
    let mut open: Vec<(TcpStream, Instant)> = (0..many).map(|_| open_one()).collect();
    let mut lifetimes = Vec::new();
    for turn in 0.. {
        if over.load(Ordering::SeqCst) {
            break;
        }
        let poll = turn / PARTS;
        for (number, (stream, since)) in
            open.iter_mut().enumerate().skip(turn % PARTS).step_by(PARTS)
        {
            let sends = (poll + number / PARTS).is_multiple_of(POLLS_OF_A_BYTE);
            if has_ended(kind, stream, sends) {
                lifetimes.push(since.elapsed());
                (*stream, *since) = open_one();
            }
        }
        thread::sleep(POLL / u32::try_from(PARTS).expect("a small number"));
    }
    lifetimes
}

fn connect(address: &str) -> TcpStream {
    let address: SocketAddr = address.parse().expect("an address and a port");
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a size");
    socket.connect(&SockAddr::from(address)).expect("the server listens");
    socket.set_nonblocking(true).expect("a socket");
    socket.into()
}

/// Whether the server has answered or closed; `sends` the next byte before.
fn has_ended(kind: Slowness, stream: &mut TcpStream, sends: bool) -> bool {
    let would_block = |error: std::io::Error| error.kind() == ErrorKind::WouldBlock;
    let is_gone = sends && stream.write(b"x").is_err_and(|error| !would_block(error));
    match kind {
        Slowness::Head | Slowness::Body => {
            let is_silent = stream.read(&mut [0; 64]).is_err_and(would_block);
            is_gone || !is_silent
        }
        // Reading would be what it does not do: an error that is waiting tells of the reset.
        Slowness::Reader => {
            let has_error = stream.take_error().expect("a socket").is_some();
            has_error || is_gone
        }
    }
}
