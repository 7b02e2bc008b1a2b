//! What a connection is doing, since when, and how long it may: no I/O, and nothing of actix.

use super::drain::Drain;
use super::timeouts::{
    CLOSING_TIMEOUT, HEAD_TIMEOUT, KEEP_ALIVE_TIMEOUT, LINGER_TIMEOUT, WRITE_TIMEOUT,
};
use crate::kernel::http::ConnectionEvents;
use std::cell::{Cell, RefCell};
use std::task::Waker;
use std::time::Duration;
use tokio::time::Instant;

/// How many bytes are read before they are looked at.
const MOST_IN_ONE_GO: usize = 8 * 1024;

/// What a connection is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The first byte of its first request.
    New,
    /// The first byte of another one.
    Idle,
    /// The rest of a head.
    Head,
    /// Chronos itself, or the body of the request.
    Serving,
    /// The client, to take the answer.
    Answered,
    /// The client, to take the last answer and to close.
    Ending,
}

/// The state of one connection. It belongs to one thread: cells cost nothing.
pub struct ConnectionState {
    phase: Cell<Phase>,
    since: Cell<Instant>,
    /// When it is to end although its time is not up, if nothing has come by then.
    dismissed_at: Cell<Option<Instant>>,
    /// Since when the client takes nothing of an answer, and for how long it took nothing before.
    blocked_since: Cell<Option<Instant>>,
    blocked_before: Cell<Duration>,
    ends_with_this_answer: Cell<bool>,
    /// Whether nothing is to be read for now, and how much was read in one go.
    is_held: Cell<bool>,
    in_one_go: Cell<usize>,
    waker: RefCell<Option<Waker>>,
    drain: Drain,
}

impl ConnectionState {
    pub fn new(drain: Drain) -> ConnectionState {
        let now = Instant::now();
        let dismissed_at = drain.is_closing().then(|| now + CLOSING_TIMEOUT);
        ConnectionState {
            phase: Cell::new(Phase::New),
            since: Cell::new(now),
            dismissed_at: Cell::new(dismissed_at),
            blocked_since: Cell::new(None),
            blocked_before: Cell::new(Duration::ZERO),
            ends_with_this_answer: Cell::new(false),
            is_held: Cell::new(false),
            in_one_go: Cell::new(0),
            waker: RefCell::new(None),
            drain,
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(Instant::now());
    }

    pub fn is_held(&self) -> bool {
        self.is_held.get()
    }

    /// Whether what was read should be looked at before more is: actix would go on up to 128 KiB,
    /// for each of however many clients.
    pub fn is_full(&self) -> bool {
        let is_full = self.in_one_go.get() >= MOST_IN_ONE_GO;
        if is_full {
            self.in_one_go.set(0);
        }
        is_full
    }

    /// Nothing more has come.
    pub fn drained(&self) {
        self.in_one_go.set(0);
    }

    /// So many bytes have come, and were handed on.
    pub fn read(&self, bytes: usize) {
        self.in_one_go.set(self.in_one_go.get() + bytes);
        if self.is_idle() {
            self.dismissed_at.set(None);
            self.enter(Phase::Head);
        }
    }

    /// Everything that was answered so far is with the client, or on its way. Says whether an answer
    /// was.
    pub fn flushed(&self) -> bool {
        self.taken();
        let is_answered = self.phase.get() == Phase::Answered;
        if is_answered {
            self.enter(Phase::Idle);
        }
        is_answered
    }

    /// The client took some of an answer.
    pub fn taken(&self) {
        if let Some(since) = self.blocked_since.take() {
            self.blocked_before.set(self.blocked_before.get() + since.elapsed());
        }
    }

    /// The client takes nothing more of an answer for now. Returns until when that may be so.
    pub fn blocked(&self) -> Instant {
        let since = self.blocked_since.get().unwrap_or_else(Instant::now);
        self.blocked_since.set(Some(since));
        since + WRITE_TIMEOUT.saturating_sub(self.blocked_before.get())
    }

    /// Until when the client may send nothing; `None` while it is not its turn.
    pub fn read_deadline(&self) -> Option<Instant> {
        let timeout = match self.phase.get() {
            Phase::New | Phase::Head => HEAD_TIMEOUT,
            Phase::Idle => KEEP_ALIVE_TIMEOUT,
            Phase::Ending => LINGER_TIMEOUT,
            Phase::Serving | Phase::Answered => return None,
        };
        let deadline = self.since.get() + timeout;
        match self.dismissed_at.get() {
            Some(dismissed_at) if self.is_idle() => Some(deadline.min(dismissed_at)),
            _ => Some(deadline),
        }
    }

    /// Whether it waits for the rest of a head, or of a body that nobody read.
    pub fn is_within_head(&self) -> bool {
        self.phase.get() == Phase::Head
    }

    pub fn is_idle(&self) -> bool {
        matches!(self.phase.get(), Phase::New | Phase::Idle)
    }

    /// Since when it is idle, unless it was told to go already.
    pub fn idle_since(&self) -> Option<Instant> {
        (self.is_idle() && self.dismissed_at.get().is_none()).then(|| self.since.get())
    }

    /// Ends the connection if it is idle, and nothing has come that was not read yet.
    pub fn dismiss(&self) {
        self.dismiss_at(Instant::now());
    }

    /// The process is closing: as [`ConnectionState::dismiss`], but a client that has just connected
    /// may send the request that it connected for.
    pub fn close(&self) {
        let now = Instant::now();
        self.dismiss_at(if self.phase.get() == Phase::New { now + CLOSING_TIMEOUT } else { now });
    }

    fn dismiss_at(&self, at: Instant) {
        self.dismissed_at.set(Some(at));
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// Whom to wake when it is to go, or to go on.
    pub fn listen(&self, waker: &Waker) {
        let mut known = self.waker.borrow_mut();
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
    }
}

impl ConnectionEvents for ConnectionState {
    fn head_arrived(&self) {
        self.phase.set(Phase::Serving);
        self.blocked_before.set(Duration::ZERO);
    }

    fn end_with_this_answer(&self) {
        self.ends_with_this_answer.set(true);
    }

    fn ends_with_this_answer(&self) -> bool {
        self.ends_with_this_answer.get()
    }

    fn is_draining(&self) -> bool {
        self.drain.has_begun()
    }

    fn hold(&self) {
        self.is_held.set(true);
    }

    fn release(&self) {
        self.is_held.set(false);
        self.wake();
    }

    fn answered(&self) {
        self.phase.set(Phase::Answered);
    }

    fn answered_finally(&self) {
        self.enter(Phase::Ending);
    }
}
