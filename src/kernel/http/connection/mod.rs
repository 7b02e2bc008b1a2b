//! A connection of a listener: a socket that knows how long it may wait for its client.
//!
//! actix times the head of a connection's first request, and nothing else. So the socket itself is
//! ours (docs/adr/0006): it tells from what is read and written, and from what the edge says, what
//! it is waiting for, and ends a connection whose client takes too long.

mod pace;
mod roster;

pub use roster::Roster;

use super::Failure;
use super::edge::last_words;
use crate::kernel::telemetry::{RequestId, log_access};
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use pace::{HEAD_PATIENCE, Pace};
use roster::Place;
use socket2::SockRef;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// For which the network may swallow what is sent: the kernel then gives the client up.
const SILENCE_PATIENCE: Duration = Duration::from_secs(30);
/// The longest that a timer sleeps. It is set again only when it has run off, and not for each
/// request; so it must never sleep past the shortest deadline.
const LONGEST_NAP: Duration = HEAD_PATIENCE;

pub struct Connection {
    stream: TcpStream,
    pace: Rc<Pace>,
    timer: Pin<Box<Sleep>>,
    _place: Place,
}

impl Connection {
    fn new(stream: TcpStream, pace: Rc<Pace>, place: Place) -> Connection {
        let socket = SockRef::from(&stream);
        // Each only makes something better that goes without it, too.
        let _without_delay = socket.set_tcp_nodelay(true);
        let _bounded_silence = socket.set_tcp_user_timeout(Some(SILENCE_PATIENCE));
        let timer = Box::pin(sleep_until(Instant::now() + LONGEST_NAP));
        Connection { stream, pace, timer, _place: place }
    }

    /// What the edge needs of it.
    pub fn handle(&self) -> ConnectionHandle {
        ConnectionHandle(Rc::clone(&self.pace))
    }

    /// Whether the deadline has passed. If not, the task is woken when it has, or earlier; also
    /// without a deadline, since the next one may begin where nothing is polled.
    fn has_passed(&mut self, deadline: Option<Instant>, context: &mut Context<'_>) -> bool {
        let is_late = |timer: &Sleep| deadline.is_some_and(|deadline| timer.deadline() > deadline);
        while is_late(&self.timer) || self.timer.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            let longest = now + LONGEST_NAP;
            match deadline {
                Some(deadline) if now >= deadline => return true,
                Some(deadline) => self.timer.as_mut().reset(deadline.min(longest)),
                None => self.timer.as_mut().reset(longest),
            }
        }
        false
    }

    /// Says why the connection ends. Nothing else is being written: no request is being answered.
    fn refuse_slow_head(&self) {
        let id = RequestId::fresh();
        let failure = Failure::of_status(StatusCode::REQUEST_TIMEOUT)
            .message("The head of the request took too long");
        log_access("-", "-", failure.status().as_u16(), HEAD_PATIENCE.as_micros(), &id);
        // The client may be gone, or take nothing: the connection ends with or without this.
        let _told = self.stream.try_write(&last_words(&failure, &id));
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
        if this.pace.is_held() {
            this.pace.listen(context.waker());
            return Poll::Pending;
        }
        if this.pace.is_full() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut this.stream).poll_read(context, buffer);
        if outcome.is_ready() {
            let bytes = &buffer.filled()[before..];
            if !bytes.is_empty() {
                this.pace.read(bytes);
            }
            return outcome;
        }
        this.pace.drained();
        if this.pace.is_idle() {
            this.pace.listen(context.waker());
        }
        if !this.has_passed(this.pace.read_deadline(), context) {
            return Poll::Pending;
        }
        if this.pace.is_within_head() {
            this.refuse_slow_head();
        }
        this.pace.answered_finally();
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
        let outcome = Pin::new(&mut this.stream).poll_write(context, bytes);
        if outcome.is_ready() {
            this.pace.taken();
            return outcome;
        }
        let deadline = this.pace.blocked();
        if this.has_passed(Some(deadline), context) {
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
        if outcome.is_ready() {
            this.pace.flushed();
        }
        outcome
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// By which the edge says how far a request is.
#[derive(Clone)]
pub struct ConnectionHandle(Rc<Pace>);

impl ConnectionHandle {
    /// The head of a request is here; whether it announces a body.
    pub fn head_arrived(&self, is_bodyless: bool) {
        self.0.head_arrived(is_bodyless);
    }

    /// Nothing that follows can be told from the request that is here.
    pub fn end_with_this_answer(&self) {
        self.0.end_with_this_answer();
    }

    pub fn ends_with_this_answer(&self) -> bool {
        self.0.ends_with_this_answer()
    }

    /// Whether the answers of this time end their connections.
    pub fn is_draining(&self) -> bool {
        self.0.is_draining()
    }

    /// Reads nothing more while the guard lives: what the client sends stays with it.
    pub fn hold(&self) -> Hold {
        self.0.hold();
        Hold(Rc::clone(&self.0))
    }

    /// The answer is made, and ends the connection.
    pub fn answered_finally(&self) {
        self.0.answered_finally();
    }

    /// The answer is made. A body that is still to come is watched to its end.
    pub fn answered(self, body: BoxBody) -> BoxBody {
        if body.size() == BodySize::None {
            self.0.answered();
            return body;
        }
        match body.try_into_bytes() {
            Ok(bytes) => {
                self.0.answered();
                BoxBody::new(bytes)
            }
            Err(body) => BoxBody::new(WatchedBody { body, handle: self }),
        }
    }
}

/// See [`ConnectionHandle::hold`].
pub struct Hold(Rc<Pace>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// A body that comes from elsewhere, piece by piece.
struct WatchedBody {
    body: BoxBody,
    handle: ConnectionHandle,
}

impl MessageBody for WatchedBody {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        self.handle.0.answered();
    }
}
