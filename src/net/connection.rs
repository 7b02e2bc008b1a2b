//! A connection of a listener: a socket that knows how long it may wait for its client.
//!
//! actix times the head of a connection's first request, and nothing else. So the socket itself is
//! ours (docs/adr/0006): it tells from what is read and written, and from what its requests say, what
//! it is waiting for, and ends a connection whose client takes too long. It also hands actix one
//! request at a time, and none whose head is too large (`incoming.rs`), and sends the headers of each
//! answer in one order (`outgoing.rs`).

use super::framing::{MAX_HEAD_BYTES, MAX_HEADERS, MAX_LINE_BYTES, MAX_TARGET_BYTES, Refused};
use super::incoming::Incoming;
use super::outgoing::Outgoing;
use super::registry::{Registration, Registry};
use super::state::ConnectionState;
use super::timeouts::{HEAD_TIMEOUT, SILENCE_TIMEOUT};
use crate::kernel::http::{
    Code, ConnectionEvents, ConnectionHandle, Failure, Recipient, RequestObserver, UNMATCHED,
    closing_response,
};
use crate::kernel::telemetry::{Answered, Current, RequestId, RequestOrigin, Trace};
use socket2::SockRef;
use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// The longest that a timer sleeps. It is set again only when it has run off, and not for each
/// request; so it must never sleep past the shortest deadline.
const LONGEST_SLEEP: Duration = HEAD_TIMEOUT;

pub(super) struct Connection {
    stream: TcpStream,
    state: Rc<ConnectionState>,
    incoming: Incoming,
    outgoing: Outgoing,
    /// Whether the client was told that nothing more is read for it.
    is_refused: bool,
    timer: Pin<Box<Sleep>>,
    _registration: Registration,
    requests: Rc<RequestObserver>,
}

impl Connection {
    /// Takes in a connection that was accepted.
    pub(super) fn new(
        stream: TcpStream,
        registry: &Registry,
        requests: &Rc<RequestObserver>,
    ) -> Connection {
        let (state, registration) = registry.register();
        let socket = SockRef::from(&stream);
        // Each only makes something better that goes without it, too.
        let _without_delay = socket.set_tcp_nodelay(true);
        let _bounded_silence = socket.set_tcp_user_timeout(Some(SILENCE_TIMEOUT));
        let timer = Box::pin(sleep_until(Instant::now() + LONGEST_SLEEP));
        Connection {
            stream,
            state,
            incoming: Incoming::default(),
            outgoing: Outgoing::default(),
            is_refused: false,
            timer,
            _registration: registration,
            requests: Rc::clone(requests),
        }
    }

    /// What its requests need of it.
    pub(super) fn handle(&self) -> ConnectionHandle {
        ConnectionHandle::of(Rc::<ConnectionState>::clone(&self.state))
    }

    /// Whether the deadline has passed. If not, the task is woken when it has, or earlier; also
    /// without a deadline, since the next one may begin where nothing is polled.
    fn has_passed(&mut self, deadline: Option<Instant>, context: &mut Context<'_>) -> bool {
        let is_late = |timer: &Sleep| deadline.is_some_and(|deadline| timer.deadline() > deadline);
        while is_late(&self.timer) || self.timer.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            let longest = now + LONGEST_SLEEP;
            match deadline {
                Some(deadline) if now >= deadline => return true,
                Some(deadline) => self.timer.as_mut().reset(deadline.min(longest)),
                None => self.timer.as_mut().reset(longest),
            }
        }
        false
    }

    /// Answers in the place of actix, for the last time. Nothing else is being written: no request is
    /// being answered.
    fn refuse(&mut self, failure: &Failure, after: Duration) {
        let id = RequestId::fresh();
        let current = Current { request_id: id.clone(), trace: Trace::fresh() };
        let origin = RequestOrigin::of_peer(self.stream.peer_addr().ok().map(|peer| peer.ip()));
        let status = failure.status().as_u16();
        // Nothing of it was read that would have a name.
        let answered = Answered { method: "-", path: "-", status, took: after };
        self.requests.answered(&answered, UNMATCHED.to_owned(), &origin, &current);
        // The client may be gone, or take nothing: the connection ends with or without this.
        let format = self.incoming.error_format();
        let recipient = Recipient { format, request_id: &id, path: "" };
        let _told = self.stream.try_write(&closing_response(failure, &recipient));
        let _said_all = SockRef::from(&self.stream).shutdown(Shutdown::Write);
        self.state.answered_finally();
        self.incoming.discard();
        self.is_refused = true;
    }

    /// Reads away what the client still sends: a connection that is closed at once would take the
    /// refusal with it.
    fn poll_discard(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        loop {
            if self.has_passed(self.state.read_deadline(), context) {
                return Poll::Ready(Ok(()));
            }
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
            let read = buffer.filled().len() - before;
            buffer.set_filled(before);
            if read == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

fn to_failure(refused: Refused) -> Failure {
    match refused {
        Refused::TargetTooLong => Failure::new(Code::UriTooLong)
            .message(format!("The target of a request may have at most {MAX_TARGET_BYTES} bytes")),
        Refused::HeadTooLarge => Failure::new(Code::HeadersTooLarge).message(format!(
            "A request may have at most {MAX_HEADERS} headers, {MAX_LINE_BYTES} bytes in each, \
                 and {MAX_HEAD_BYTES} bytes in all"
        )),
        Refused::Fragment => Failure::new(Code::BadRequest)
            .message("The target of a request must not have a fragment (#)"),
    }
}

impl AsyncRead for Connection {
    /// A client whose time is up has said all that it will: its end of the connection is closed.
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.is_refused {
            return this.poll_discard(context, buffer);
        }
        if this.state.is_held() {
            this.state.listen(context.waker());
            return Poll::Pending;
        }
        if this.state.has_read_enough() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match this.incoming.poll_read(Pin::new(&mut this.stream), context, buffer) {
            Poll::Ready(Ok(Ok(handed_on))) => {
                if handed_on > 0 {
                    this.state.received(handed_on);
                }
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(Ok(Err(refused))) => {
                this.refuse(&to_failure(refused), Duration::ZERO);
                return this.poll_discard(context, buffer);
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => {}
        }
        this.state.read_all();
        if this.state.is_idle() {
            this.state.listen(context.waker());
        }
        if !this.has_passed(this.state.read_deadline(), context) {
            return Poll::Pending;
        }
        if this.state.is_within_head() && this.incoming.is_within_head() {
            let failure =
                Failure::new(Code::RequestTimeout).message("The head of the request took too long");
            this.refuse(&failure, HEAD_TIMEOUT);
        }
        this.state.answered_finally();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = this.outgoing.poll_write(Pin::new(&mut this.stream), context, bytes);
        if outcome.is_ready() {
            this.state.write_progressed();
            return outcome;
        }
        if this.has_passed(this.state.write_blocked(), context) {
            // What the kernel still holds for the client is given up, too.
            let _reset = SockRef::from(&this.stream).set_linger(Some(Duration::ZERO));
            log::debug!("a client took nothing of its answer in time");
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_flush(context);
        if outcome.is_ready() && this.state.flushed() {
            this.outgoing.answered();
            if this.incoming.answered() {
                context.waker().wake_by_ref();
            }
        }
        outcome
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
