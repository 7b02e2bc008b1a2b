//! Closed-loop clients that do nothing but send and count: each waits for its answer before it
//! sends again.

use crate::kit::history::{End, Latencies};
use socket2::{Domain, SockAddr, Socket, Type};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Above any deadline of the product: an answer that takes longer counts as lost.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Small, because there are a thousand of them.
const STACK_BYTES: usize = 256 * 1024;

/// One connection, kept open as long as the server does.
pub struct Line {
    address: SocketAddr,
    source: [u8; 4],
    open: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Line {
    /// To `HOST:PORT`, from one of the addresses of this machine.
    pub fn new(address: &str, source: [u8; 4]) -> Line {
        let address = address.parse().expect("an address and a port");
        Line { address, source, open: None, buffer: Vec::new() }
    }

    /// Sends a request and reads its answer to the last byte.
    pub fn exchange(&mut self, request: &[u8]) -> End {
        // A connection that the server has closed between two requests is opened again; one that
        // it closes instead of an answer is not.
        for is_fresh in [self.open.is_none(), true] {
            let stream = match self.open.take() {
                Some(stream) => stream,
                None => match self.connect() {
                    Ok(stream) => stream,
                    Err(_) => return End::NotSent,
                },
            };
            self.buffer.clear();
            match self.ask(stream, request) {
                Ok(status) => return End::Status(status),
                Err(answered) if answered || is_fresh => return End::Lost,
                Err(_) => {}
            }
        }
        End::Lost
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SockAddr::from(SocketAddr::from((self.source, 0))))?;
        socket.connect_timeout(&SockAddr::from(self.address), ANSWER_TIMEOUT)?;
        socket.set_tcp_nodelay(true)?;
        socket.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        socket.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(socket.into())
    }

    /// The status; an error says whether a part of the answer came.
    fn ask(&mut self, mut stream: TcpStream, request: &[u8]) -> Result<u16, bool> {
        stream.write_all(request).map_err(|_| false)?;
        let mut part = [0; 16 * 1024];
        loop {
            if let Some((status, keeps_open)) = whole_answer(&self.buffer) {
                self.open = Some(stream).filter(|_| keeps_open);
                return Ok(status);
            }
            match stream.read(&mut part) {
                Ok(0) => return Err(!self.buffer.is_empty()),
                Ok(length) => self.buffer.extend(&part[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A server that is silent was asked; it must not be asked again.
                Err(error) => {
                    let is_silent =
                        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                    return Err(is_silent || !self.buffer.is_empty());
                }
            }
        }
    }
}

/// The status of an answer that is there to its last byte, and whether the connection stays open.
fn whole_answer(bytes: &[u8]) -> Option<(u16, bool)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?.to_ascii_lowercase();
    let status = head.get(9..12)?.parse().ok()?;
    let of = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let body = &bytes[end + 4..];
    let is_whole = match of("content-length") {
        Some(length) => body.len() >= length.parse::<usize>().ok()?,
        None => of("transfer-encoding").is_none() || body.ends_with(b"0\r\n\r\n"),
    };
    is_whole.then(|| (status, of("connection") != Some("close")))
}

/// How the requests of some clients ended.
pub struct Tally {
    pub ends: BTreeMap<End, usize>,
    pub elapsed: Duration,
    took: Vec<Duration>,
}

impl Tally {
    pub fn count(&self, is_counted: impl Fn(End) -> bool) -> usize {
        self.ends.iter().filter(|(end, _)| is_counted(**end)).map(|(_, count)| count).sum()
    }

    /// Answers of the 200s in a second.
    pub fn goodput(&self) -> usize {
        let good = self.count(|end| matches!(end, End::Status(200..=299)));
        let millis = usize::try_from(self.elapsed.as_millis()).expect("minutes");
        good * 1000 / millis.max(1)
    }

    /// Both together, one after the other.
    pub fn and(mut self, other: Tally) -> Tally {
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
        self.took.extend(other.took);
        self.elapsed += other.elapsed;
        self
    }

    pub fn latencies(self) -> Latencies {
        Latencies::of(self.took)
    }
}

/// Runs so many clients for so long; `request` makes the next request of one. Each client has an
/// address of its own, below `127.network`.
pub fn drive(
    address: &str,
    network: u8,
    clients: usize,
    duration: Duration,
    request: impl Fn(&mut fastrand::Rng) -> Vec<u8> + Sync,
) -> Tally {
    let all = Mutex::new((BTreeMap::new(), Vec::new()));
    let begin = Instant::now();
    thread::scope(|scope| {
        for client in 0..clients {
            let (all, request) = (&all, &request);
            let run = move || {
                let [.., high, low] = (client + 1).to_be_bytes();
                let mut line = Line::new(address, [127, network, high, low]);
                let mut random = fastrand::Rng::with_seed(u64::from(high) * 256 + u64::from(low));
                let (mut ends, mut took) = (BTreeMap::<End, usize>::new(), Vec::new());
                while begin.elapsed() < duration {
                    let at = Instant::now();
                    let end = line.exchange(&request(&mut random));
                    *ends.entry(end).or_default() += 1;
                    took.push(at.elapsed());
                    if !matches!(end, End::Status(..=499)) {
                        // A client that is refused at once would otherwise do nothing but ask.
                        thread::sleep(Duration::from_millis(20));
                    }
                }
                let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                for (end, count) in ends {
                    *all.0.entry(end).or_default() += count;
                }
                all.1.extend(took);
            };
            let builder = thread::Builder::new().stack_size(STACK_BYTES);
            builder.spawn_scoped(scope, run).expect("a thread");
        }
    });
    let (ends, took) = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    Tally { ends, took, elapsed: begin.elapsed() }
}

/// A request with the token of the tests; a body is JSON.
pub fn request(token: &str, method: &str, path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nHost: store\r\nAuthorization: Bearer {token}\r\n");
    if !body.is_empty() {
        head += &format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
    }
    format!("{head}\r\n{body}").into_bytes()
}
