//! What the head of a request says of its body, and how much a head may hold.

use crate::kernel::http::ErrorFormat;
use memchr::memchr;

/// The longest target of a request, in bytes.
pub(crate) const MAX_TARGET_BYTES: usize = 8 * 1024;
/// The longest line of a header, in bytes: longer than any user or token that is believed.
pub(crate) const MAX_LINE_BYTES: usize = 16 * 1024;
/// The largest head, in bytes. actix takes 128 KiB.
pub(crate) const MAX_HEAD_BYTES: usize = 48 * 1024;
/// The most headers of a request. actix takes 96.
pub(crate) const MAX_HEADERS: usize = 64;

/// What a gateway adds to the requests of its clients. It has a measure of its own, so that whatever
/// a gateway lets in is let in by the service behind it.
const WRITTEN_BY_GATEWAYS: [&[u8]; 6] = [
    b"traceparent",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-request-id",
    b"x-user-id",
];
const MAX_WRITTEN_HEADERS: usize = 16;
const MAX_WRITTEN_BYTES: usize = 16 * 1024;

/// A method and a version, with the spaces between and the end of the line.
const AROUND_TARGET_BYTES: usize = 64;

/// Why a head is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    TargetTooLong,
    HeadTooLarge,
    /// The part of a reference that is for the client alone.
    Fragment,
}

/// The body that a head announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    None,
    /// So many bytes.
    Sized(u64),
    Chunked,
    /// No end can be told.
    Unclear,
}

/// What is known of a head.
#[derive(Default)]
pub(super) struct Head {
    has_request_line: bool,
    bytes: usize,
    headers: usize,
    written_bytes: usize,
    written_headers: usize,
    length: Option<u64>,
    is_chunked: bool,
    /// Whether no end of the body can be told from it.
    is_unclear: bool,
    /// What it says of how a failure is told.
    accept: Vec<u8>,
}

impl Head {
    /// Takes a line without its line feed; says whether the head ends with it.
    pub(super) fn read_line(&mut self, line: &[u8]) -> Result<bool, Refused> {
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
    pub(super) fn check_line(&self, line: &[u8]) -> Result<(), Refused> {
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
        } else if name.eq_ignore_ascii_case(b"accept") {
            self.accept.extend_from_slice(value);
            self.accept.push(b',');
        }
    }

    /// How a failure is told to whoever sent what has come of this head.
    pub(super) fn error_format(&self) -> ErrorFormat {
        let accept = std::str::from_utf8(&self.accept).ok();
        accept.map_or(ErrorFormat::default(), ErrorFormat::of_accept)
    }

    /// What comes behind this head.
    pub(super) fn body(self) -> Body {
        match (self.is_unclear, self.is_chunked, self.length) {
            (true, ..) | (_, true, Some(_)) => Body::Unclear,
            (_, true, None) => Body::Chunked,
            (_, false, Some(length)) if length > 0 => Body::Sized(length),
            (_, false, _) => Body::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Body, Head};

    #[test]
    fn a_head_says_what_comes_behind_it() {
        let table: [(&str, &[&str], Body); 10] = [
            ("GET / HTTP/1.1", &[], Body::None),
            ("GET / HTTP/1.1", &["Content-Length: 0"], Body::None),
            ("POST / HTTP/1.1", &["content-LENGTH:  12 "], Body::Sized(12)),
            ("POST / HTTP/1.1", &["Transfer-Encoding: Chunked"], Body::Chunked),
            ("POST / HTTP/1.1", &["Content-Length: twelve"], Body::Unclear),
            ("POST / HTTP/1.1", &["Content-Length: 1", "Content-Length: 1"], Body::Unclear),
            (
                "POST / HTTP/1.1",
                &["Content-Length: 1", "Transfer-Encoding: chunked"],
                Body::Unclear,
            ),
            ("POST / HTTP/1.1", &["Transfer-Encoding: gzip, chunked"], Body::Unclear),
            ("GET / HTTP/1.1", &["Upgrade: WebSocket"], Body::Unclear),
            ("CONNECT a:1 HTTP/1.1", &[], Body::Unclear),
        ];
        for (request_line, headers, expected) in table {
            let mut head = Head::default();
            for line in [&[request_line], headers].concat() {
                assert_eq!(head.read_line(format!("{line}\r").as_bytes()), Ok(false), "{line}");
            }
            assert_eq!(head.read_line(b"\r"), Ok(true));
            assert_eq!(head.body(), expected, "{request_line}, {headers:?}");
        }
    }
}
