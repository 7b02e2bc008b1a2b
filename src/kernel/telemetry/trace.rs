//! The trace that a request is a part of, as W3C Trace Context writes it: `traceparent`.
//!
//! Chronos keeps no spans. It gives every request its place in the trace of its caller, so that the
//! log of each process on the way can be found by one id.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use std::fmt;

pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// What the systems of a trace tell each other, and Chronos only hands on.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The flag that a caller may have recorded the trace; no other one is known in version 00.
const SAMPLED: u8 = 0x01;
/// `00-` and an id of the trace, of the caller, and flags.
const LENGTH: usize = 55;

/// The place of one request in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    id: TraceId,
    /// This request's own, by which what it calls names it.
    span_id: u64,
    flags: u8,
    is_continued: bool,
}

/// Which trace; never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId(u128);

impl Trace {
    /// The trace that the caller names, or a new one where no caller does, or not as it must be.
    pub fn of(headers: &HeaderMap) -> Trace {
        let mut given = headers.get_all(TRACEPARENT);
        match (given.next(), given.next()) {
            (Some(value), None) => parse(value.as_bytes()).unwrap_or_else(Trace::fresh),
            _ => Trace::fresh(),
        }
    }

    /// One that nobody began before.
    pub fn fresh() -> Trace {
        let id = (u128::from(fastrand::u64(..)) << 64) | u128::from(fastrand::u64(1..));
        Trace { id: TraceId(id), span_id: fastrand::u64(1..), flags: 0, is_continued: false }
    }

    pub fn id(self) -> TraceId {
        self.id
    }

    /// Whether a caller began it: only then does its `tracestate` belong to it.
    pub fn is_continued(self) -> bool {
        self.is_continued
    }

    /// As what is called for this request is told of it.
    pub fn to_header(self) -> HeaderValue {
        let text = format!("00-{}-{:016x}-{:02x}", self.id, self.span_id, self.flags);
        HeaderValue::from_str(&text).expect("digits and dashes")
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The trace of a `traceparent`; `None` for one that is not well-formed, of version 00 or a later
/// one, which may go on behind its flags.
fn parse(value: &[u8]) -> Option<Trace> {
    let (known, rest) = value.split_at_checked(LENGTH)?;
    let fields: Vec<&[u8]> = known.split(|byte| *byte == b'-').collect();
    let [version, id, parent, flags] = fields[..] else {
        return None;
    };
    let version = u8::try_from(hex(version, 2)?).ok()?;
    let ends_well = if version == 0 { rest.is_empty() } else { matches!(rest, [] | [b'-', ..]) };
    let (id, parent) = (hex(id, 32)?, hex(parent, 16)?);
    let flags = u8::try_from(hex(flags, 2)?).ok()?;
    let is_valid = version != u8::MAX && ends_well && id != 0 && parent != 0;
    is_valid.then(|| Trace {
        id: TraceId(id),
        span_id: fastrand::u64(1..),
        flags: flags & SAMPLED,
        is_continued: true,
    })
}

/// A number in so many digits, the letters of which are small.
fn hex(text: &[u8], digits: usize) -> Option<u128> {
    let is_well_formed =
        text.len() == digits && text.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let text = std::str::from_utf8(text).ok().filter(|_| is_well_formed)?;
    u128::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::{Trace, parse};
    use proptest::collection::vec;
    use proptest::prelude::any;
    use proptest::{prop_assert, prop_assert_eq, proptest};

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    #[test]
    fn a_trace_is_believed_where_it_is_well_formed() {
        for (text, flags) in [
            (format!("00-{ID}-{PARENT}-01"), "01"),
            (format!("00-{ID}-{PARENT}-00"), "00"),
            // Flags that are not known are not passed on.
            (format!("00-{ID}-{PARENT}-ff"), "01"),
            (format!("cc-{ID}-{PARENT}-01"), "01"),
            (format!("cc-{ID}-{PARENT}-01-what-the-future-will-be-like"), "01"),
        ] {
            let trace = parse(text.as_bytes()).expect(&text);
            let passed_on = trace.to_header();
            let passed_on = passed_on.to_str().expect("ASCII");
            assert!(passed_on.starts_with(&format!("00-{ID}-")), "{passed_on}");
            assert!(passed_on.ends_with(&format!("-{flags}")), "{passed_on}");
            assert!(!passed_on.contains(PARENT), "each request has an id of its own");
        }
        for text in [
            String::new(),
            format!("ff-{ID}-{PARENT}-01"),
            format!("00-{ID}-{PARENT}-01-"),
            format!("00-{ID}-{PARENT}-01-more"),
            format!("cc-{ID}-{PARENT}-01.more"),
            format!("00-{ID}-{PARENT}-1"),
            format!("00-{ID}-{PARENT}"),
            format!("00-{}-{PARENT}-01", ID.to_uppercase()),
            format!("00-{}-{PARENT}-01", "0".repeat(32)),
            format!("00-{ID}-{}-01", "0".repeat(16)),
            format!("00-{ID}-{PARENT}-0g"),
            format!(" 00-{ID}-{PARENT}-01"),
            format!("00-+{}-{PARENT}-01", &ID[1..]),
            format!("00_{ID}_{PARENT}_01"),
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_passed_on_can_be_read(bytes in vec(any::<u8>(), 0..80)) {
            prop_assert!(parse(&bytes).is_none());
            let trace = Trace::fresh();
            let read = parse(trace.to_header().as_bytes());
            prop_assert_eq!(read.map(Trace::id), Some(trace.id()));
        }
    }
}
