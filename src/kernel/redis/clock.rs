//! The clock of a link.

use super::timeouts::IN_USE;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counts from when the link was made, and begins with so much that whatever has not happened yet
/// happened long ago: nothing is fresh then, and nobody uses the link.
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Clock {
        Clock(Instant::now())
    }

    pub(super) fn now(&self) -> Duration {
        self.0.elapsed() + IN_USE
    }
}

/// A time of the clock, in whole milliseconds, that many may read and write.
#[derive(Default)]
pub(super) struct Moment(AtomicU64);

impl Moment {
    /// How long before `now` it was.
    pub(super) fn before(&self, now: Duration) -> Duration {
        Duration::from_millis(milliseconds(now).saturating_sub(self.0.load(Ordering::SeqCst)))
    }

    pub(super) fn set(&self, time: Duration) {
        self.0.store(milliseconds(time), Ordering::Relaxed);
    }

    /// Sets it, unless it is later already.
    pub(super) fn advance(&self, time: Duration) {
        self.0.fetch_max(milliseconds(time), Ordering::SeqCst);
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
