//! What a connection is doing, since when, and how long it may: no I/O, and nothing of actix.

use super::drain::Drain;
use crate::kernel::http::ConnectionEvents;
use std::cell::{Cell, RefCell};
use std::task::Waker;
use std::time::Duration;
use tokio::time::Instant;

/// From its first byte to the end of the head, for every request; and for that first byte, on a
/// connection that has carried none yet.
pub const HEAD_PATIENCE: Duration = Duration::from_millis(4_500);
/// Between an answer and the next request. Longer than the gateway keeps an idle connection, so
/// that it never sends a request into one that is being closed here.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// For which a client may make the process wait until it takes an answer, all in all.
const WRITE_PATIENCE: Duration = Duration::from_secs(28);
/// For which the rest of a request is read away behind an answer that ends the connection: one
/// that is closed at once would take the answer with it.
const LINGER: Duration = Duration::from_secs(2);
/// For a request on a connection that was just made when the process began to close.
const LAST_CALL: Duration = Duration::from_secs(1);

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
    /// When it is to go although its time is not up, if nothing has come by then.
    last_call: Cell<Option<Instant>>,
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
        let last_call = drain.is_closing().then(|| now + LAST_CALL);
        ConnectionState {
            phase: Cell::new(Phase::New),
            since: Cell::new(now),
            last_call: Cell::new(last_call),
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
            self.last_call.set(None);
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
        since + WRITE_PATIENCE.saturating_sub(self.blocked_before.get())
    }

    /// Until when the client may send nothing; `None` while it is not its turn.
    pub fn read_deadline(&self) -> Option<Instant> {
        let patience = match self.phase.get() {
            Phase::New | Phase::Head => HEAD_PATIENCE,
            Phase::Idle => KEEP_ALIVE,
            Phase::Ending => LINGER,
            Phase::Serving | Phase::Answered => return None,
        };
        let deadline = self.since.get() + patience;
        match self.last_call.get() {
            Some(last_call) if self.is_idle() => Some(deadline.min(last_call)),
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
        (self.is_idle() && self.last_call.get().is_none()).then(|| self.since.get())
    }

    /// Ends the connection if it is idle, and nothing has come that was not read yet.
    pub fn dismiss(&self) {
        self.go_at(Instant::now());
    }

    /// The process is closing: as [`ConnectionState::dismiss`], but a client that has just connected may send
    /// the request that it connected for.
    pub fn close(&self) {
        let now = Instant::now();
        self.go_at(if self.phase.get() == Phase::New { now + LAST_CALL } else { now });
    }

    fn go_at(&self, at: Instant) {
        self.last_call.set(Some(at));
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
