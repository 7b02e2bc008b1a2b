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

mod head;

pub(super) use head::{MAX_HEAD_BYTES, MAX_HEADERS, MAX_LINE_BYTES, MAX_TARGET_BYTES, Refused};

use crate::kernel::http::ErrorFormat;
use head::{Body, Head};
use memchr::memchr;
use std::mem;

/// More than the size of any chunk has digits.
const MAX_CHUNK_LINE_BYTES: usize = 32;

/// Follows the bytes of one connection.
#[derive(Default)]
pub(super) struct Framing {
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

impl Framing {
    /// How many of these bytes may be passed on: not the ones of a request that comes behind one that
    /// is not answered.
    ///
    /// # Errors
    /// For a head that is not taken; nothing may be passed on any more.
    pub(super) fn admit(&mut self, bytes: &[u8]) -> Result<usize, Refused> {
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
    pub(super) fn answered(&mut self) {
        self.is_busy = false;
    }

    /// Whether the next bytes are of a head, and it is their turn.
    pub(super) fn is_within_head(&self) -> bool {
        self.part == Part::Head && !self.is_busy
    }

    /// How a failure is told to whoever sends the head that has not ended.
    pub(super) fn error_format(&self) -> ErrorFormat {
        self.head.error_format()
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
                self.part = part_behind(mem::take(&mut self.head).body());
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

fn part_behind(body: Body) -> Part {
    match body {
        Body::None => Part::Head,
        Body::Sized(bytes) => Part::Sized(bytes),
        Body::Chunked => Part::ChunkSize,
        Body::Unclear => Part::Unknown,
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
