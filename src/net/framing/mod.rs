//! Where one request of a connection ends and the next begins, and how much its head may hold: no
//! I/O, and nothing of actix.
//!
//! actix is given one request at a time. It would queue what comes behind, and forget what it has
//! read while its queue is full. And it is given no head that a hop behind would refuse: the bounds
//! are the same at the gateway and at a service.
//!
//! What is read here decides only which bytes wait and which heads are refused. actix reads the same
//! bytes again, strictly, and alone says what they mean: where it would refuse a request, everything
//! is passed on to it.

use memchr::memchr;
use std::mem;

/// The longest target of a request, in bytes.
pub const MAX_TARGET_BYTES: usize = 8 * 1024;
/// The longest line of a header, in bytes: longer than any user or token that is believed.
pub const MAX_LINE_BYTES: usize = 16 * 1024;
/// The largest head, in bytes. actix takes 128 KiB.
pub const MAX_HEAD_BYTES: usize = 48 * 1024;
/// The most headers of a request. actix takes 96.
pub const MAX_HEADERS: usize = 64;

/// What a gateway adds to the requests of its clients. It has a measure of its own, so that whatever
/// a gateway lets in is let in by the service behind it.
const WRITTEN_BY_GATEWAYS: [&[u8]; 5] =
    [b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-request-id", b"x-user-id"];
const MAX_WRITTEN_HEADERS: usize = 16;
const MAX_WRITTEN_BYTES: usize = 16 * 1024;

/// A method and a version, with the spaces between and the end of the line.
const AROUND_TARGET_BYTES: usize = 64;
/// More than the size of any chunk has digits.
const MAX_CHUNK_LINE_BYTES: usize = 32;

/// Why a head is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    TargetTooLong,
    HeadTooLarge,
    /// The part of a reference that is for the client alone.
    Fragment,
}

/// Follows the bytes of one connection.
#[derive(Default)]
pub struct Framing {
    part: Part,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    head: Head,
    /// Whether a whole head was passed on, and is not answered yet.
    is_busy: bool,
}

/// Of which part of a request the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Part {
    #[default]
    Head,
    /// A body, of which so many bytes are to come.
    Sized(u64),
    ChunkSize,
    /// A chunk, of which so many bytes are to come, with the end of its line.
    Chunk(u64),
    Trailer,
    /// Of which one cannot be told, and will not be.
    Unknown,
}

/// What is known of a head.
#[derive(Default)]
struct Head {
    has_request_line: bool,
    bytes: usize,
    headers: usize,
    written_bytes: usize,
    written_headers: usize,
    length: Option<u64>,
    is_chunked: bool,
    /// Whether no end of the body can be told from it.
    is_unclear: bool,
}

impl Framing {
    /// How many of these bytes may be passed on: not the ones of a request that comes behind one that
    /// is not answered.
    ///
    /// # Errors
    /// For a head that is not taken; nothing may be passed on any more.
    pub fn admit(&mut self, bytes: &[u8]) -> Result<usize, Refused> {
        let mut admitted = 0;
        while admitted < bytes.len() {
            let rest = &bytes[admitted..];
            admitted += match self.part {
                Part::Head if self.is_busy => break,
                Part::Head => self.read_head(rest)?,
                Part::Sized(left) => self.pass(rest, left, Part::Sized, Part::Head),
                Part::Chunk(left) => self.pass(rest, left, Part::Chunk, Part::ChunkSize),
                Part::ChunkSize | Part::Trailer => self.read_chunk_line(rest),
                Part::Unknown => rest.len(),
            };
        }
        Ok(admitted)
    }

    /// The request that was passed on is answered.
    pub fn answered(&mut self) {
        self.is_busy = false;
    }

    /// Whether the next bytes are of a head, and it is their turn.
    pub fn is_within_head(&self) -> bool {
        self.part == Part::Head && !self.is_busy
    }

    /// Passes what belongs to a part of known length.
    fn pass(&mut self, bytes: &[u8], left: u64, same: fn(u64) -> Part, next: Part) -> usize {
        let here = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if here < left {
            self.part = same(left - here);
            return bytes.len();
        }
        self.part = next;
        usize::try_from(left).unwrap_or(bytes.len())
    }

    /// Reads lines until the head, or what is here of it, ends.
    fn read_head(&mut self, bytes: &[u8]) -> Result<usize, Refused> {
        let mut read = 0;
        while let Some(end) = memchr(b'\n', &bytes[read..]) {
            let part = &bytes[read..read + end];
            read += end + 1;
            let is_end = if self.line.is_empty() {
                self.head.read_line(part)?
            } else {
                let line = [mem::take(&mut self.line).as_slice(), part].concat();
                self.head.read_line(&line)?
            };
            if is_end {
                self.part = mem::take(&mut self.head).part_behind();
                self.is_busy = true;
                return Ok(read);
            }
        }
        self.line.extend_from_slice(&bytes[read..]);
        self.head.check_line(&self.line)?;
        Ok(bytes.len())
    }

    /// Reads a line between two chunks, or one of the trailer.
    fn read_chunk_line(&mut self, bytes: &[u8]) -> usize {
        let end = memchr(b'\n', bytes);
        let part = &bytes[..end.unwrap_or(bytes.len())];
        let room = MAX_CHUNK_LINE_BYTES.saturating_sub(self.line.len());
        self.line.extend_from_slice(&part[..part.len().min(room)]);
        let Some(end) = end else {
            return bytes.len();
        };
        let line = mem::take(&mut self.line);
        self.part = match (self.part, line.as_slice()) {
            (Part::Trailer, b"" | b"\r") => Part::Head,
            (Part::Trailer, _) => Part::Trailer,
            (_, line) => behind_chunk_size(line),
        };
        end + 1
    }
}

/// What follows the line with the size of a chunk.
fn behind_chunk_size(line: &[u8]) -> Part {
    const LINE_END_BYTES: u64 = 2;
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let digits = std::str::from_utf8(&line[..digits]).unwrap_or_default();
    match u64::from_str_radix(digits, 16) {
        Ok(0) => Part::Trailer,
        Ok(size) => size.checked_add(LINE_END_BYTES).map_or(Part::Unknown, Part::Chunk),
        Err(_) => Part::Unknown,
    }
}

impl Head {
    /// Takes a line without its line feed; says whether the head ends with it.
    fn read_line(&mut self, line: &[u8]) -> Result<bool, Refused> {
        self.check_line(line)?;
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        let bytes = line.len() + 1;
        if text.is_empty() {
            self.bytes += bytes;
            // Empty lines may stand before a request.
            return Ok(self.has_request_line);
        }
        if !self.has_request_line {
            self.has_request_line = true;
            self.bytes += bytes;
            self.read_request_line(text)?;
            return Ok(false);
        }
        let colon = memchr(b':', text).unwrap_or(text.len());
        let (name, value) = (&text[..colon], text.get(colon + 1..).unwrap_or_default());
        if WRITTEN_BY_GATEWAYS.iter().any(|written| written.eq_ignore_ascii_case(name)) {
            self.written_headers += 1;
            self.written_bytes += bytes;
        } else {
            self.headers += 1;
            self.bytes += bytes;
            self.read_header(name, value.trim_ascii());
        }
        let is_too_large = self.headers > MAX_HEADERS
            || self.bytes > MAX_HEAD_BYTES
            || self.written_headers > MAX_WRITTEN_HEADERS
            || self.written_bytes > MAX_WRITTEN_BYTES;
        if is_too_large { Err(Refused::HeadTooLarge) } else { Ok(false) }
    }

    /// Refuses a line by its length, also before its end has come.
    fn check_line(&self, line: &[u8]) -> Result<(), Refused> {
        let is_request_line = !self.has_request_line;
        if is_request_line && line.len() > MAX_TARGET_BYTES + AROUND_TARGET_BYTES {
            return Err(Refused::TargetTooLong);
        }
        if line.len() > MAX_LINE_BYTES || self.bytes > MAX_HEAD_BYTES {
            return Err(Refused::HeadTooLarge);
        }
        Ok(())
    }

    fn read_request_line(&mut self, line: &[u8]) -> Result<(), Refused> {
        let mut words = line.split(|byte| *byte == b' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        self.is_unclear |= method == b"CONNECT";
        if target.len() > MAX_TARGET_BYTES {
            Err(Refused::TargetTooLong)
        } else if target.contains(&b'#') {
            Err(Refused::Fragment)
        } else {
            Ok(())
        }
    }

    fn read_header(&mut self, name: &[u8], value: &[u8]) {
        if name.eq_ignore_ascii_case(b"content-length") {
            let text = std::str::from_utf8(value).ok();
            let length = text.and_then(|text| text.parse().ok());
            self.is_unclear |= length.is_none() || self.length.is_some();
            self.length = length;
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.is_unclear |= self.is_chunked || !value.eq_ignore_ascii_case(b"chunked");
            self.is_chunked = true;
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            // Whatever follows is its body: see `is_endless`.
            self.is_unclear |= value.eq_ignore_ascii_case(b"websocket");
        }
    }

    /// What comes behind this head.
    fn part_behind(self) -> Part {
        match (self.is_unclear, self.is_chunked, self.length) {
            (true, ..) | (_, true, Some(_)) => Part::Unknown,
            (_, true, None) => Part::ChunkSize,
            (_, false, Some(length)) if length > 0 => Part::Sized(length),
            (_, false, _) => Part::Head,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Framing, MAX_HEADERS, MAX_LINE_BYTES, MAX_TARGET_BYTES, Refused};
    use proptest::collection::vec;
    use proptest::prelude::{Just, Strategy, any};
    use proptest::{prop_assert_eq, prop_oneof, proptest};

    fn request() -> impl Strategy<Value = Vec<u8>> {
        let body = vec(any::<u8>(), 0..40);
        prop_oneof![
            Just(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()),
            Just(b"\r\nGET /b?c HTTP/1.1\r\nhost: a\r\nX: y\r\n\r\n".to_vec()),
            Just(b"GET / HTTP/1.1\nHost: a\n\n".to_vec()),
            body.clone().prop_map(|body| {
                let head = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
                [head.as_bytes(), &body].concat()
            }),
            vec(body, 0..4).prop_map(|chunks| {
                let mut bytes = b"POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n".to_vec();
                for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
                    bytes.extend(format!("{:x};a=b\r\n", chunk.len()).into_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\nX-Trailer: 1\r\n\r\n");
                bytes
            }),
        ]
    }

    proptest! {
        /// However the bytes come in, each request is passed on alone, and whole.
        #[test]
        fn one_request_is_passed_on_at_a_time(
            requests in vec(request(), 1..6),
            sizes in vec(1_usize..50, 1..40),
        ) {
            let whole = requests.concat();
            let mut sizes = sizes.iter().cycle();
            let mut framing = Framing::default();
            let mut passed: Vec<Vec<u8>> = vec![Vec::new()];
            let mut at = 0;
            while at < whole.len() {
                let end = (at + sizes.next().expect("endless")).min(whole.len());
                let admitted = framing.admit(&whole[at..end]).expect("small");
                passed.last_mut().expect("not empty").extend_from_slice(&whole[at..at + admitted]);
                at += admitted;
                if admitted == 0 {
                    framing.answered();
                    passed.push(Vec::new());
                }
            }
            prop_assert_eq!(passed, requests);
        }

        #[test]
        fn a_bound_holds_however_the_bytes_come(size in 1_usize..5_000, over in any::<bool>()) {
            let more = usize::from(over);
            let target = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(MAX_TARGET_BYTES - 1 + more));
            let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(MAX_HEADERS + more));
            let line = format!("GET / HTTP/1.1\r\na:{}\r\n\r\n", "b".repeat(MAX_LINE_BYTES - 3 + more));
            for (head, refused) in [
                (target, Refused::TargetTooLong),
                (many, Refused::HeadTooLarge),
                (line, Refused::HeadTooLarge),
            ] {
                let mut framing = Framing::default();
                let outcome = head.as_bytes().chunks(size).try_for_each(|part| framing.admit(part).map(drop));
                prop_assert_eq!(outcome, if over { Err(refused) } else { Ok(()) });
            }
        }
    }
}
