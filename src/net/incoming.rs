//! What a connection receives: one request at a time is handed on, and what comes behind it is kept.

use super::framing::{Framing, Refused};
use crate::kernel::http::ErrorFormat;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// How much is read of what comes behind a request that is served.
const MAX_PIPELINED_BYTES: usize = 8 * 1024;

#[derive(Default)]
pub(super) struct Incoming {
    framing: Framing,
    /// What was read and is not handed on: it belongs to the next requests.
    pipelined: Vec<u8>,
}

impl Incoming {
    /// Hands on what belongs to the request whose turn it is, and keeps the rest. Says how many bytes
    /// were handed on: none at the end of what the client has to say.
    pub(super) fn poll_read(
        &mut self,
        mut stream: Pin<&mut impl AsyncRead>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Result<usize, Refused>>> {
        match self.hand_on_pipelined(buffer) {
            Ok(0) => {}
            outcome => return Poll::Ready(Ok(outcome)),
        }
        let before = buffer.filled().len();
        while self.pipelined.len() < MAX_PIPELINED_BYTES {
            ready!(stream.as_mut().poll_read(context, buffer))?;
            let read = &buffer.filled()[before..];
            let is_end = read.is_empty();
            let admitted = match self.pipelined.is_empty() {
                true => self.framing.admit(read),
                false => Ok(0),
            };
            let behind = &read[admitted.unwrap_or(read.len())..];
            self.pipelined.extend_from_slice(behind);
            buffer.set_filled(before + admitted.unwrap_or(0));
            match (admitted, is_end) {
                (Ok(0), false) => {}
                // The end comes behind what was kept.
                (Ok(0), true) if !self.pipelined.is_empty() => break,
                _ => return Poll::Ready(Ok(admitted)),
            }
        }
        // Woken when the request that is served is answered.
        Poll::Pending
    }

    fn hand_on_pipelined(&mut self, buffer: &mut ReadBuf<'_>) -> Result<usize, Refused> {
        let here = self.pipelined.len().min(buffer.remaining());
        let admitted = self.framing.admit(&self.pipelined[..here])?;
        buffer.put_slice(&self.pipelined[..admitted]);
        self.pipelined.drain(..admitted);
        if self.pipelined.is_empty() {
            self.pipelined = Vec::new();
        }
        Ok(admitted)
    }

    /// The request that was handed on is answered. Says whether more was read already.
    pub(super) fn answered(&mut self) -> bool {
        self.framing.answered();
        !self.pipelined.is_empty()
    }

    /// Whether the next bytes are of a head, and it is their turn.
    pub(super) fn is_within_head(&self) -> bool {
        self.framing.is_within_head()
    }

    /// How a failure is told to the client, as far as its head has come.
    pub(super) fn error_format(&self) -> ErrorFormat {
        self.framing.error_format()
    }

    /// Nothing more will be handed on.
    pub(super) fn discard(&mut self) {
        self.pipelined = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::{Incoming, MAX_PIPELINED_BYTES};
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};
    use tokio::io::ReadBuf;

    /// What a read hands on, as text; `None` while nothing is.
    fn read(incoming: &mut Incoming, sent: &mut &[u8]) -> Option<String> {
        let mut bytes = [0; 1024];
        let mut buffer = ReadBuf::new(&mut bytes);
        let mut context = Context::from_waker(Waker::noop());
        match incoming.poll_read(Pin::new(sent), &mut context, &mut buffer) {
            Poll::Ready(outcome) => {
                let count = outcome.expect("the reader never fails").expect("no head is refused");
                assert_eq!(count, buffer.filled().len());
                Some(String::from_utf8_lossy(buffer.filled()).into_owned())
            }
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_request_is_handed_on_when_the_one_before_is_answered() {
        let requests = ["GET /a HTTP/1.1\r\n\r\n", "GET /b HTTP/1.1\r\n\r\n"];
        let all = requests.concat();
        let (mut incoming, mut sent) = (Incoming::default(), all.as_bytes());
        assert_eq!(read(&mut incoming, &mut sent).as_deref(), Some(requests[0]));
        // The client has sent all that it will: its end waits behind the second request.
        assert_eq!(read(&mut incoming, &mut sent), None);
        assert!(incoming.answered());
        assert_eq!(read(&mut incoming, &mut sent).as_deref(), Some(requests[1]));
        assert!(!incoming.answered());
        assert_eq!(read(&mut incoming, &mut sent).as_deref(), Some(""));
    }

    #[test]
    fn what_comes_behind_a_request_is_read_up_to_a_bound() {
        let all = "GET /a HTTP/1.1\r\n\r\n".repeat(2_000);
        let (mut incoming, mut sent) = (Incoming::default(), all.as_bytes());
        assert!(read(&mut incoming, &mut sent).is_some());
        for _ in 0..3 {
            assert_eq!(read(&mut incoming, &mut sent), None);
        }
        let kept = incoming.pipelined.len();
        assert!((MAX_PIPELINED_BYTES..MAX_PIPELINED_BYTES + 1024).contains(&kept), "{kept}");
    }
}
