//! What a connection sends: each answer with its headers in one order.
//!
//! actix keeps headers in a map that is seeded anew for each answer, and writes them in the order of
//! that map: two answers to one request would differ. Only their order is changed here, so that every
//! byte behind a head stays where it was.

use memchr::{memchr, memchr_iter};
use smallvec::SmallVec;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;

/// What actix writes to a client that waits to be asked for its body; the answer comes behind it.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
const LINE_END: &[u8] = b"\r\n";
/// How much of a body is sent together with its head.
const MAX_COPIED_BYTES: usize = 4 * 1024;
/// As many lines as most answers have: their places need no memory of their own.
const USUAL_LINES: usize = 24;

#[derive(Default)]
pub(super) struct Outgoing {
    stage: Stage,
    /// The beginning of the answer that is being sent, with its headers in order, and how much of
    /// that was taken. It is as long as what it replaces.
    staged: Vec<u8>,
    taken: usize,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// An answer begins with the next byte.
    #[default]
    Start,
    /// So many bytes of [`CONTINUE`] are still to be taken.
    Continue(usize),
    Staged,
    Body,
}

impl Outgoing {
    /// The answer is complete: another one may follow.
    pub(super) fn answered(&mut self) {
        self.stage = Stage::Start;
    }

    /// Sends the beginning of `bytes`, which is what was not taken yet of what actix has written.
    pub(super) fn poll_write(
        &mut self,
        stream: Pin<&mut impl AsyncWrite>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.stage == Stage::Start && bytes.starts_with(CONTINUE) {
            self.stage = Stage::Continue(CONTINUE.len());
        }
        if let Stage::Continue(left) = self.stage {
            let taken = ready!(stream.poll_write(context, &bytes[..left.min(bytes.len())]))?;
            self.stage = match left - taken {
                0 => Stage::Start,
                left => Stage::Continue(left),
            };
            return Poll::Ready(Ok(taken));
        }
        if self.stage == Stage::Start {
            self.begin(bytes);
        }
        if self.stage == Stage::Body {
            return stream.poll_write(context, bytes);
        }
        let left = &self.staged[self.taken..];
        let taken = if bytes.len() <= left.len() {
            ready!(stream.poll_write(context, left))?
        } else {
            let parts = [IoSlice::new(left), IoSlice::new(&bytes[left.len()..])];
            ready!(stream.poll_write_vectored(context, &parts))?
        };
        if taken >= left.len() {
            self.stage = Stage::Body;
        }
        self.taken += taken;
        Poll::Ready(Ok(taken))
    }

    /// actix writes a head in one piece.
    fn begin(&mut self, bytes: &[u8]) {
        self.staged.clear();
        self.taken = 0;
        self.stage = if bytes.starts_with(b"HTTP/1.") && put_in_order(bytes, &mut self.staged) {
            // One write of a copy takes less time than one of two pieces.
            let body = &bytes[self.staged.len()..];
            if body.len() <= MAX_COPIED_BYTES {
                self.staged.extend_from_slice(body);
            }
            Stage::Staged
        } else {
            // Nothing that could be put in order.
            Stage::Body
        };
    }
}

/// Writes the head that `bytes` begin with, its headers in the order of their names; those of one
/// name stay in theirs. Writes nothing, and says so, where the head has no end.
fn put_in_order(bytes: &[u8], ordered: &mut Vec<u8>) -> bool {
    let mut lines: SmallVec<[Line<'_>; USUAL_LINES]> = SmallVec::new();
    let mut start = 0;
    for end in memchr_iter(b'\n', bytes) {
        let text = &bytes[start..=end];
        if text != LINE_END {
            let name = &text[..memchr(b':', text).unwrap_or(text.len())];
            lines.push(Line { prefix: prefix_of(name), name, start, text });
            start = end + 1;
            continue;
        }
        // The first line is the status.
        if let Some(headers) = lines.get_mut(1..) {
            headers.sort_unstable();
        }
        ordered.reserve(end + MAX_COPIED_BYTES.min(bytes.len() - end));
        for line in lines {
            ordered.extend_from_slice(line.text);
        }
        ordered.extend_from_slice(LINE_END);
        return true;
    }
    false
}

/// A line of a head, by its name, then by its place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Line<'a> {
    /// Tells most names apart at once.
    prefix: u64,
    name: &'a [u8],
    start: usize,
    text: &'a [u8],
}

/// The first eight bytes of a name, such that two prefixes compare as their names do.
fn prefix_of(name: &[u8]) -> u64 {
    let mut prefix = [0; 8];
    let length = name.len().min(prefix.len());
    prefix[..length].copy_from_slice(&name[..length]);
    u64::from_be_bytes(prefix)
}

#[cfg(test)]
mod tests {
    use super::{CONTINUE, Outgoing};
    use proptest::collection::vec;
    use proptest::prelude::any;
    use proptest::{prop_assert_eq, proptest};
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};
    use tokio::io::AsyncWrite;

    /// A client that takes only so many bytes at once.
    struct Client {
        taken: Vec<u8>,
        at_once: Vec<usize>,
    }

    impl AsyncWrite for Client {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let most = self.at_once.pop().unwrap_or(usize::MAX).max(1).min(bytes.len());
            self.taken.extend_from_slice(&bytes[..most]);
            Poll::Ready(Ok(most))
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            context: &mut Context<'_>,
            parts: &[io::IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let bytes: Vec<u8> = parts.iter().flat_map(|part| part.to_vec()).collect();
            self.poll_write(context, &bytes)
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Sends what actix has written for one answer.
    fn send(outgoing: &mut Outgoing, client: &mut Client, mut bytes: &[u8]) {
        let mut context = Context::from_waker(Waker::noop());
        while !bytes.is_empty() {
            let sent = outgoing.poll_write(Pin::new(&mut *client), &mut context, bytes);
            let Poll::Ready(Ok(sent)) = sent else {
                panic!("the client takes something each time");
            };
            bytes = &bytes[sent..];
        }
        outgoing.answered();
    }

    proptest! {
        #[test]
        fn only_the_order_of_headers_changes(
            answers in vec((vec(("[a-z-]{1,9}", "[!-~]{0,9}"), 0..9), vec(any::<u8>(), 0..80), any::<bool>()), 1..5),
            at_once in vec(1_usize..70, 0..60),
        ) {
            let (mut outgoing, mut expected) = (Outgoing::default(), Vec::new());
            let mut client = Client { taken: Vec::new(), at_once };
            for (mut headers, body, is_asked_for) in answers {
                let write = |headers: &[(String, String)]| {
                    let lines: String = headers.iter().map(|(n, v)| format!("{n}: {v}\r\n")).collect();
                    let head = format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
                    let before = if is_asked_for { CONTINUE } else { &[] };
                    [before, head.as_bytes(), &body].concat()
                };
                send(&mut outgoing, &mut client, &write(&headers));
                headers.sort_by(|one, other| one.0.cmp(&other.0));
                expected.extend_from_slice(&write(&headers));
            }
            prop_assert_eq!(client.taken.escape_ascii().to_string(), expected.escape_ascii().to_string());
        }
    }
}
