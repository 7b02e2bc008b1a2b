//! Jobs whose connection hangs: a server that is frozen while its kernel answers keeps whoever
//! waits for it, since libpq waits without end. Such a job is given up: what it holds goes to
//! others, and its connection ends with it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A connection that has answered this shortly before another one was given up is not suspected:
/// the server answers, and only that one job is slow.
const ANSWERED_LATELY: Duration = Duration::from_secs(1);

/// The jobs of one pool that were given up and have not ended; clones share them.
#[derive(Debug, Clone)]
pub(super) struct Hanging(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    at_most: usize,
    given_up: AtomicUsize,
    suspected_until: Mutex<Option<Instant>>,
}

impl Hanging {
    /// Gives up so many jobs at a time: each keeps a thread and a connection.
    pub(super) fn at_most(at_most: usize) -> Hanging {
        let (given_up, suspected_until) = (AtomicUsize::new(0), Mutex::default());
        Hanging(Arc::new(Inner { at_most, given_up, suspected_until }))
    }

    /// Whether jobs are given up at all.
    pub(super) fn is_watched(&self) -> bool {
        self.0.at_most > 0
    }

    pub(super) fn is_any(&self) -> bool {
        self.0.given_up.load(Ordering::Acquire) > 0
    }

    /// A job that begins now and holds `held`.
    pub(super) fn begin<H>(&self, held: H) -> Arc<Running<H>> {
        let state = Mutex::new(State::Holds(held));
        Arc::new(Running { hanging: self.clone(), began: Instant::now(), state })
    }

    /// Whether a connection that answered last at this time may hang like the one that was given
    /// up. To ask it would take as long again.
    pub(super) fn suspects(&self, answered_at: Instant) -> bool {
        let until = *self.0.suspected_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| answered_at < until)
    }

    fn count_one_more(&self) -> Option<usize> {
        let more = |count| (count < self.0.at_most).then_some(count + 1);
        let count = self.0.given_up.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        *self.0.suspected_until.lock().unwrap_or_else(PoisonError::into_inner) =
            Instant::now().checked_sub(ANSWERED_LATELY);
        Some(count + 1)
    }
}

/// A job on its thread.
pub(super) struct Running<H> {
    hanging: Hanging,
    began: Instant,
    state: Mutex<State<H>>,
}

enum State<H> {
    Holds(H),
    GivenUp,
    Ended,
}

impl<H> Running<H> {
    /// How long it has run.
    pub(super) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn is_given_up(&self) -> bool {
        matches!(*self.lock(), State::GivenUp)
    }

    /// Takes from a job what it holds. Whether the matter is settled: not while too many are given
    /// up already.
    pub(super) fn give_up(&self) -> bool {
        let mut state = self.lock();
        if !matches!(*state, State::Holds(_)) {
            return true;
        }
        let Some(count) = self.hanging.count_one_more() else {
            return false;
        };
        *state = State::GivenUp;
        drop(state);
        log::warn!(
            "the database has not answered for {} ms: the connection is given up ({count} now, at \
             most {})",
            self.age().as_millis(),
            self.hanging.0.at_most
        );
        true
    }

    /// The job came to its end.
    pub(super) fn end(&self) {
        let before = std::mem::replace(&mut *self.lock(), State::Ended);
        if matches!(before, State::GivenUp) {
            let count = self.hanging.0.given_up.fetch_sub(1, Ordering::AcqRel) - 1;
            log::info!("a connection that was given up has ended ({count} have not)");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<H>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a job when its thread is done with it, also by a panic.
pub(super) struct EndOf<H>(pub Arc<Running<H>>);

impl<H> Drop for EndOf<H> {
    fn drop(&mut self) {
        self.0.end();
    }
}
