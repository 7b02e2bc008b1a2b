//! The state of one connection, as its socket, its registry and its requests share it: no I/O, and
//! nothing of actix.

use super::drain::Drain;
use super::lifecycle::{Event, Lifecycle, Phase};
use crate::kernel::http::ConnectionEvents;
use std::cell::{Cell, RefCell};
use std::task::Waker;
use tokio::time::Instant;

/// How many bytes are read before they are looked at.
const MAX_UNSEEN_BYTES: usize = 8 * 1024;

/// The state of one connection. It belongs to one thread: cells cost nothing.
pub(super) struct ConnectionState {
    lifecycle: Cell<Lifecycle>,
    ends_with_this_answer: Cell<bool>,
    /// Whether nothing is to be read for now.
    is_held: Cell<bool>,
    /// How much was read since the socket was last found empty, or what was read was looked at.
    unseen_bytes: Cell<usize>,
    waker: RefCell<Option<Waker>>,
    drain: Drain,
}

impl ConnectionState {
    pub(super) fn new(drain: Drain) -> ConnectionState {
        let state = ConnectionState {
            lifecycle: Cell::new(Lifecycle::new(Instant::now())),
            ends_with_this_answer: Cell::new(false),
            is_held: Cell::new(false),
            unseen_bytes: Cell::new(0),
            waker: RefCell::new(None),
            drain,
        };
        if state.drain.is_closing() {
            state.apply(Event::ProcessClosing);
        }
        state
    }

    fn apply(&self, event: Event) {
        self.lifecycle.set(self.lifecycle.get().after(event, Instant::now));
    }

    pub(super) fn is_held(&self) -> bool {
        self.is_held.get()
    }

    /// Whether what was read should be looked at before more is: actix would go on up to 128 KiB,
    /// for each of however many clients.
    pub(super) fn has_read_enough(&self) -> bool {
        let is_enough = self.unseen_bytes.get() >= MAX_UNSEEN_BYTES;
        if is_enough {
            self.unseen_bytes.set(0);
        }
        is_enough
    }

    /// Nothing more has come.
    pub(super) fn read_all(&self) {
        self.unseen_bytes.set(0);
    }

    /// So many bytes have come, and were handed on.
    pub(super) fn received(&self, bytes: usize) {
        self.unseen_bytes.set(self.unseen_bytes.get() + bytes);
        self.apply(Event::Received);
    }

    /// Everything that was answered so far is with the client, or on its way. Says whether an answer
    /// was.
    pub(super) fn flushed(&self) -> bool {
        let is_answered = self.lifecycle.get().phase() == Phase::Answered;
        self.apply(Event::Flushed);
        is_answered
    }

    /// The client took some of an answer.
    pub(super) fn write_progressed(&self) {
        self.apply(Event::WriteProgressed);
    }

    /// The client takes nothing more of an answer for now. Returns until when that may be so.
    pub(super) fn write_blocked(&self) -> Option<Instant> {
        self.apply(Event::WriteBlocked);
        self.lifecycle.get().write_deadline()
    }

    /// Until when the client may send nothing; `None` while it is not its turn.
    pub(super) fn read_deadline(&self) -> Option<Instant> {
        self.lifecycle.get().read_deadline()
    }

    /// Whether it waits for the rest of a head, or of a body that nobody read.
    pub(super) fn is_within_head(&self) -> bool {
        self.lifecycle.get().phase() == Phase::Head
    }

    pub(super) fn is_idle(&self) -> bool {
        self.lifecycle.get().is_idle()
    }

    /// Since when the connection is idle, unless its end is set already.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.lifecycle.get().idle_since()
    }

    /// Ends an idle connection, unless something has come that was not read yet.
    pub(super) fn evict(&self) {
        self.apply(Event::Evicted);
        self.wake();
    }

    /// The process is closing: as [`ConnectionState::evict`], but a client that has just connected
    /// may send the request that it connected for.
    pub(super) fn close(&self) {
        self.apply(Event::ProcessClosing);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// Which task to wake when the connection is to end, or to read on.
    pub(super) fn listen(&self, waker: &Waker) {
        let mut known = self.waker.borrow_mut();
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
    }
}

impl ConnectionEvents for ConnectionState {
    fn head_arrived(&self) {
        self.apply(Event::HeadArrived);
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
        self.apply(Event::Answered);
    }

    fn answered_finally(&self) {
        self.apply(Event::AnsweredFinally);
    }
}

#[cfg(test)]
mod tests {
    use super::{ConnectionState, MAX_UNSEEN_BYTES};
    use crate::kernel::http::ConnectionEvents;
    use crate::net::Drain;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    type Step = fn(&ConnectionState);

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A state whose connection waits, and how often it was woken.
    fn listening() -> (ConnectionState, Arc<Wakes>) {
        let (state, wakes) = (ConnectionState::new(Drain::default()), Arc::<Wakes>::default());
        state.listen(&Waker::from(Arc::clone(&wakes)));
        (state, wakes)
    }

    #[test]
    fn what_ends_a_wait_wakes_the_task() {
        let table: [(&str, Step); 3] = [
            ("evicted", ConnectionState::evict),
            ("closing", ConnectionState::close),
            ("read on", ConnectionState::release),
        ];
        for (case, end) in table {
            let (state, wakes) = listening();
            state.hold();
            assert_eq!(wakes.0.load(Ordering::Relaxed), 0, "{case}");
            end(&state);
            assert_eq!(wakes.0.load(Ordering::Relaxed), 1, "{case}");
        }
    }

    #[test]
    fn a_connection_is_read_in_portions() {
        let (state, _) = listening();
        let table: [(&str, Step, bool); 5] = [
            ("nothing was read", |_| (), false),
            ("less than a portion", |state| state.received(MAX_UNSEEN_BYTES - 1), false),
            ("a portion", |state| state.received(1), true),
            ("the next one begins", |state| state.received(MAX_UNSEEN_BYTES - 1), false),
            (
                "all was read",
                |state| {
                    state.read_all();
                    state.received(1)
                },
                false,
            ),
        ];
        for (case, event, is_enough) in table {
            event(&state);
            assert_eq!(state.has_read_enough(), is_enough, "{case}");
        }
    }

    #[test]
    fn a_connection_that_is_accepted_late_has_no_longer_than_the_others() {
        let drain = Drain::default();
        let usual = ConnectionState::new(drain.clone());
        drain.close();
        let late = ConnectionState::new(drain);
        assert!(usual.idle_since().is_some() && late.idle_since().is_none());
        assert!(late.read_deadline() < usual.read_deadline());
        assert!(late.is_draining() && usual.is_draining());
    }
}
