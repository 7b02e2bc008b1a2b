//! A client for load: one connection at a time, from an address of its own. It never sends a
//! request twice, and tells a request that never left from one whose answer was lost.

use serde_json::Value;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Above any deadline of the product: an answer that takes longer counts as lost.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// What came of a request.
#[derive(Debug, Clone)]
pub enum Outcome {
    Answer(u16, Value),
    /// There was no connection: nothing can have happened.
    NotSent,
    /// It may have arrived, and there is no answer.
    Lost,
}

pub struct Caller {
    source: [u8; 4],
    token: String,
    /// The server of the open connection, and the connection.
    open: Option<(String, BufReader<TcpStream>)>,
}

impl Caller {
    /// A client at one of the addresses of this machine: the whole of 127.0.0.0/8 is.
    pub fn new(source: [u8; 4], token: &str) -> Caller {
        Caller { source, token: token.to_owned(), open: None }
    }

    /// Sends a request to `HOST:PORT`; a body is JSON.
    pub fn send(
        &mut self,
        server: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Outcome {
        self.send_with(server, method, path, "", body)
    }

    /// As [`Caller::send`], with more header lines, each with its line end.
    pub fn send_with(
        &mut self,
        server: &str,
        method: &str,
        path: &str,
        headers: &str,
        body: Option<&Value>,
    ) -> Outcome {
        let open = self.open.take().filter(|(address, _)| address == server);
        let mut connection = match open {
            Some((_, connection)) => connection,
            None => match self.connect(server) {
                Ok(stream) => BufReader::new(stream),
                Err(_) => return Outcome::NotSent,
            },
        };
        if connection
            .get_mut()
            .write_all(self.request(method, path, headers, body).as_bytes())
            .is_err()
        {
            return Outcome::Lost;
        }
        match read_answer(&mut connection) {
            Some((status, json)) => {
                self.open = Some((server.to_owned(), connection));
                Outcome::Answer(status, json)
            }
            None => Outcome::Lost,
        }
    }

    /// Sends a request and goes away before there can be an answer.
    pub fn send_and_leave(&mut self, server: &str, method: &str, path: &str, body: &Value) {
        let mut stream = self.connect(server).expect("the server accepts connections");
        stream.write_all(self.request(method, path, "", Some(body)).as_bytes()).expect("it reads");
        // Otherwise the close is an orderly one, which a server may take for a client that has
        // nothing more to say.
        let socket = socket2::SockRef::from(&stream);
        socket.set_linger(Some(Duration::ZERO)).expect("a TCP socket");
    }

    fn connect(&self, server: &str) -> std::io::Result<TcpStream> {
        let address: SocketAddr = server.parse().expect("an address and a port");
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SockAddr::from(SocketAddr::from((self.source, 0))))?;
        socket.connect_timeout(&SockAddr::from(address), CONNECT_TIMEOUT)?;
        socket.set_tcp_nodelay(true)?;
        socket.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        socket.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(socket.into())
    }

    fn request(&self, method: &str, path: &str, headers: &str, body: Option<&Value>) -> String {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: store.example\r\nAuthorization: Bearer {}\r\n{headers}",
            self.token
        );
        match body {
            Some(body) => {
                let body = body.to_string();
                let length = body.len();
                format!(
                    "{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
                )
            }
            None => format!("{head}\r\n"),
        }
    }
}

/// The status and the body of a whole answer; `None` where it breaks off.
fn read_answer(reader: &mut impl BufRead) -> Option<(u16, Value)> {
    let line = read_line(reader)?;
    let status = line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let mut length = None;
    loop {
        let header = read_line(reader)?.to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok();
        }
    }
    let mut body = Vec::new();
    match length {
        Some(length) => {
            body.resize(length, 0);
            reader.read_exact(&mut body).ok()?;
        }
        None => loop {
            let size = usize::from_str_radix(&read_line(reader)?, 16).ok()?;
            let mut chunk = vec![0; size];
            reader.read_exact(&mut chunk).ok()?;
            body.append(&mut chunk);
            read_line(reader)?;
            if size == 0 {
                break;
            }
        },
    }
    Some((status, serde_json::from_slice(&body).unwrap_or_default()))
}

fn read_line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    line.strip_suffix("\r\n").map(str::to_owned)
}
