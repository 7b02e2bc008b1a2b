//! HTTP below the level of a client: a connection that shows every byte, and an upstream that
//! records what reaches it and answers whatever a case needs.

use crate::app::{Process, make_token};
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// How long anything here waits for the other side before the test fails.
const OTHER_SIDE_TIMEOUT: Duration = Duration::from_secs(30);

/// An answer, or a request, as it stood on the wire.
#[derive(Debug, Clone)]
pub struct Message {
    /// The status line or the request line.
    pub line: String,
    /// A byte of a value is a character here.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the body came to the end that its head promised.
    pub whole: bool,
    /// Which connection of an [`Upstream`] it came on, from 0.
    pub connection: usize,
}

impl Message {
    pub fn status(&self) -> u16 {
        let status = self.line.split(' ').nth(1).and_then(|status| status.parse().ok());
        status.unwrap_or_else(|| panic!("not a status line: {:?}", self.line))
    }

    pub fn method(&self) -> &str {
        self.line.split(' ').next().unwrap_or_default()
    }

    pub fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        let of_name = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a header that occurs at most once.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let values = self.all(name);
        assert!(values.len() <= 1, "{name} occurs more than once in {self:?}");
        values.first().copied()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Fails the test unless this is a whole failure in the envelope.
    #[track_caller]
    pub fn expect_failure(&self, status: u16, error: &str) {
        assert_eq!(self.status(), status, "{self:?}");
        assert!(self.whole, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        let json = self.json();
        assert_eq!(json["success"], false, "{json}");
        assert_eq!(json["error"], error, "{json}");
        assert!(json["code"].is_string(), "{json}");
        assert_eq!(json["request_id"].as_str(), self.header("x-request-id"), "{json}");
    }
}

/// A connection of a client.
pub struct Connection {
    reader: BufReader<TcpStream>,
}

impl Connection {
    pub fn open(address: &str) -> Connection {
        Connection::of(TcpStream::connect(address).expect("the gateway accepts connections"))
    }

    /// From another address of this machine: the whole of 127.0.0.0/8 is.
    pub fn open_from(source: [u8; 4], address: &str) -> Connection {
        let address: SocketAddr = address.parse().expect("an address and a port");
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let source = SocketAddr::from((source, 0));
        socket.bind(&SockAddr::from(source)).expect("a loopback address");
        socket.connect(&SockAddr::from(address)).expect("the gateway accepts connections");
        Connection::of(socket.into())
    }

    fn of(stream: TcpStream) -> Connection {
        stream.set_read_timeout(Some(OTHER_SIDE_TIMEOUT)).expect("a time-out that is not zero");
        stream.set_nodelay(true).expect("a TCP socket");
        Connection { reader: BufReader::new(stream) }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Connection {
        // A server may refuse a request and close before it has read the whole of it.
        let _refused_early = self.reader.get_mut().write_all(bytes.as_ref());
        self
    }

    /// The next answer, to a request that is not HEAD.
    #[track_caller]
    pub fn answer(&mut self) -> Message {
        self.read(false).expect("an answer, and not the end of the connection")
    }

    /// The next answer, to a HEAD request.
    #[track_caller]
    pub fn answer_to_head(&mut self) -> Message {
        self.read(true).expect("an answer, and not the end of the connection")
    }

    /// The head of an answer, and the given number of bytes of its body.
    #[track_caller]
    pub fn answer_begins(&mut self, length: usize) -> (Message, Vec<u8>) {
        let head = read_head(&mut self.reader, 0).expect("the head of an answer");
        let mut begin = vec![0; length];
        self.reader.read_exact(&mut begin).expect("the beginning of the body");
        (head, begin)
    }

    /// Every byte until the server closes.
    pub fn rest(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        expect_close(self.reader.read_to_end(&mut rest));
        rest
    }

    /// Every answer until the server closes; fails the test when it does not close.
    #[track_caller]
    pub fn answers_until_close(mut self) -> Vec<Message> {
        std::iter::from_fn(|| self.read(false)).collect()
    }

    /// Says that no more requests come.
    pub fn finish_sending(&mut self) {
        self.reader.get_ref().shutdown(Shutdown::Write).expect("the connection is there");
    }

    fn read(&mut self, to_head: bool) -> Option<Message> {
        let mut message = read_head(&mut self.reader, 0)?;
        let has_body = !to_head && !matches!(message.status(), 100..=199 | 204 | 304);
        if has_body {
            read_body(&mut self.reader, &mut message, true);
        }
        Some(message)
    }
}

/// Sends bytes over a connection of their own, and returns every answer until the server closes.
#[track_caller]
pub fn exchange(address: &str, bytes: impl AsRef<[u8]>) -> Vec<Message> {
    let mut connection = Connection::open(address);
    connection.send(bytes);
    connection.answers_until_close()
}

/// As [`exchange`], for a request that must be answered once.
#[track_caller]
pub fn exchange_one(address: &str, bytes: impl AsRef<[u8]>) -> Message {
    let answers = exchange(address, &bytes);
    assert_eq!(answers.len(), 1, "{answers:?} to {}", bytes.as_ref().escape_ascii());
    answers.into_iter().next().expect("there is one")
}

/// `None` at the end of the connection, and when it ends within the head.
fn read_head(reader: &mut impl BufRead, connection: usize) -> Option<Message> {
    let line = read_line(reader)?;
    let mut headers = Vec::new();
    loop {
        let header = read_line(reader)?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').expect("a header has a colon");
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    Some(Message { line, headers, body: Vec::new(), whole: true, connection })
}

fn read_line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    expect_close(reader.read_until(b'\n', &mut line));
    let line = line.strip_suffix(b"\r\n")?;
    Some(line.iter().copied().map(char::from).collect())
}

fn read_body(reader: &mut impl BufRead, message: &mut Message, until_close: bool) {
    let chunked = message.all("transfer-encoding") == ["chunked"];
    let length = message.header("content-length").map(|n| n.parse().expect("a length"));
    if chunked {
        message.whole = read_chunks(reader, &mut message.body).is_some();
    } else if let Some(length) = length {
        expect_close(reader.take(length).read_to_end(&mut message.body));
        message.whole = u64::try_from(message.body.len()) == Ok(length);
    } else if until_close {
        expect_close(reader.read_to_end(&mut message.body));
    }
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> Option<()> {
    loop {
        let size = usize::from_str_radix(&read_line(reader)?, 16).expect("a size in hex");
        let before = body.len();
        expect_close(reader.take(u64::try_from(size).ok()?).read_to_end(body));
        if body.len() - before < size || !read_line(reader)?.is_empty() {
            return None;
        }
        if size == 0 {
            return Some(());
        }
    }
}

/// A reset after what was sent is an end, too; silence is not.
#[track_caller]
fn expect_close(read: std::io::Result<usize>) {
    match read {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("still open: {error}"),
        _ => {}
    }
}

/// A service that a test plays itself. It ends, with its connections, when it is dropped.
pub struct Upstream {
    pub address: SocketAddr,
    requests: Receiver<Message>,
    shared: Arc<Shared>,
}

struct Shared {
    ended: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

/// `{"success":true}`, as a service would send it.
pub const SUCCESS: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                           Content-Length: 16\r\n\r\n{\"success\":true}";

impl Upstream {
    /// Answers each request with these bytes.
    pub fn answering(answer: impl Into<Vec<u8>>) -> Upstream {
        let answer = answer.into();
        Upstream::start(move |_, stream| write(stream, &answer))
    }

    /// Answers each request with these bytes, and closes the connection.
    pub fn answering_once(answer: impl Into<Vec<u8>>) -> Upstream {
        let answer = answer.into();
        Upstream::start(move |_, stream| {
            write(stream, &answer);
            close(stream);
        })
    }

    /// Records each request, whole or cut, and has it answered when it is whole.
    pub fn start(answer: impl Fn(&Message, &mut TcpStream) + Send + Sync + 'static) -> Upstream {
        Upstream::at(reserve(), answer)
    }

    /// As [`Upstream::start`], at a port that [`reserve`] holds.
    pub fn at(
        socket: Socket,
        answer: impl Fn(&Message, &mut TcpStream) + Send + Sync + 'static,
    ) -> Upstream {
        let (sender, requests) = channel();
        let next = AtomicUsize::new(0);
        let serve = move |stream| {
            let connection = next.fetch_add(1, Ordering::Relaxed);
            record_and_answer(stream, connection, &sender, &answer);
        };
        Upstream::listen(socket, requests, serve)
    }

    /// Gives every connection to `serve` as it is, and records nothing.
    pub fn raw(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Upstream {
        Upstream::listen(reserve(), channel().1, serve)
    }

    fn listen(
        socket: Socket,
        requests: Receiver<Message>,
        serve: impl Fn(TcpStream) + Send + Sync + 'static,
    ) -> Upstream {
        socket.listen(1024).expect("the socket is bound");
        let listener = TcpListener::from(socket);
        let address = listener.local_addr().expect("it is bound");
        let connections = Mutex::new(Vec::new());
        let shared = Arc::new(Shared { ended: AtomicBool::new(false), connections });
        let (seen_by_listener, serve) = (Arc::clone(&shared), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.expect("a connection");
                if seen_by_listener.ended.load(Ordering::Relaxed) {
                    break;
                }
                let copy = stream.try_clone().expect("a second handle");
                seen_by_listener.connections.lock().expect("no panic").push(copy);
                let serve = Arc::clone(&serve);
                std::thread::spawn(move || serve(stream));
            }
        });
        Upstream { address, requests, shared }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next request that came here, apart from probes.
    #[track_caller]
    pub fn request(&self) -> Message {
        loop {
            let request = self.request_or_probe();
            if request.target() != "/livez" {
                return request;
            }
        }
    }

    /// The next request that came here, whatever it was.
    #[track_caller]
    pub fn request_or_probe(&self) -> Message {
        self.requests.recv_timeout(OTHER_SIDE_TIMEOUT).expect("a request reaches the upstream")
    }
}

impl Upstream {
    /// What else came here, apart from probes.
    pub fn other_requests(&self) -> Vec<Message> {
        self.requests.try_iter().filter(|request| request.target() != "/livez").collect()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _woken = TcpStream::connect(self.address);
        for connection in self.shared.connections.lock().expect("no panic").iter() {
            let _may_be_closed = connection.shutdown(Shutdown::Both);
        }
    }
}

/// A port that nobody else gets and that refuses connections, until it is listened at.
pub fn reserve() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any = SocketAddr::from((IpAddr::V4(Ipv4Addr::LOCALHOST), 0));
    socket.bind(&SockAddr::from(any)).expect("a free port");
    socket
}

pub fn reserved_url(socket: &Socket) -> String {
    let address = socket.local_addr().expect("it is bound").as_socket().expect("an IP address");
    format!("http://{address}")
}

fn record_and_answer(
    mut stream: TcpStream,
    connection: usize,
    requests: &Sender<Message>,
    answer: &impl Fn(&Message, &mut TcpStream),
) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    while let Some(mut request) = read_head(&mut reader, connection) {
        read_body(&mut reader, &mut request, false);
        // The test may be over.
        let _not_interested = requests.send(request.clone());
        if request.whole {
            answer(&request, &mut stream);
        }
    }
}

pub fn write(stream: &mut TcpStream, bytes: impl AsRef<[u8]>) {
    // The gateway may have given up.
    let _gone = stream.write_all(bytes.as_ref());
}

pub fn close(stream: &TcpStream) {
    // The other side may have been first.
    let _closed = stream.shutdown(Shutdown::Both);
}

/// The upstream's end of a connection, read as text.
pub struct Peer {
    stream: TcpStream,
    pub seen: String,
}

impl Peer {
    pub fn new(stream: TcpStream) -> Peer {
        Peer { stream, seen: String::new() }
    }

    /// Reads until the text has come, or the connection ends.
    pub fn read_until(&mut self, text: &str) {
        while !self.seen.contains(text) && self.read_more() {}
    }

    pub fn read_to_end(&mut self) {
        while self.read_more() {}
    }

    fn read_more(&mut self) -> bool {
        let mut part = [0; 4096];
        let length = self.stream.read(&mut part).unwrap_or(0);
        self.seen.push_str(&String::from_utf8_lossy(&part[..length]));
        length > 0
    }

    pub fn write(&mut self, text: &str) {
        write(&mut self.stream, text);
    }
}

/// A gateway in front of upstreams that a test plays.
pub struct Gateway {
    pub process: Process,
    pub address: String,
    pub token: String,
    _folder: TempDir,
}

impl Gateway {
    /// In front of one upstream for both services.
    #[track_caller]
    pub fn before(upstream: &Upstream) -> Gateway {
        Gateway::with(&upstream.url(), &[])
    }

    #[track_caller]
    pub fn with(upstream: &str, settings: &[(&str, &str)]) -> Gateway {
        let folder = TempDir::new().expect("a temporary folder");
        let urls = [("PRODUCT_SERVICE_URL", upstream), ("CUSTOMER_SERVICE_URL", upstream)];
        let settings = urls.iter().chain(settings);
        let settings: Vec<_> =
            settings.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let process = Process::start(folder.path(), "gateway", &settings);
        let url = process.url("gateway");
        let address = url.strip_prefix("http://").expect("an http:// URL").to_owned();
        Gateway { process, address, token: make_token(3600), _folder: folder }
    }

    pub fn open(&self) -> Connection {
        Connection::open(&self.address)
    }

    /// A request with a token, as raw bytes: `extra` are header lines, each with its line end.
    pub fn request(&self, method: &str, target: &str, extra: &str, body: &str) -> String {
        let length = match body {
            "" => String::new(),
            body => format!("Content-Length: {}\r\n", body.len()),
        };
        format!(
            "{method} {target} HTTP/1.1\r\nHost: store.example\r\nAuthorization: Bearer {}\r\n\
             {length}{extra}\r\n{body}",
            self.token
        )
    }

    /// Sends a request over a connection of its own and returns its one answer.
    #[track_caller]
    pub fn send(&self, method: &str, target: &str, extra: &str, body: &str) -> Message {
        self.open().send(self.request(method, target, extra, body)).answer()
    }

    #[track_caller]
    pub fn get(&self, target: &str) -> Message {
        self.send("GET", target, "", "")
    }
}
