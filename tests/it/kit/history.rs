//! What was asked, what was answered, and how long it took.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Read,
    List,
    Take,
    Update,
    Create,
    Delete,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    Status(u16),
    /// No connection: nothing can have happened.
    NotSent,
    /// No answer: anything can have happened.
    Lost,
}

#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub at: Instant,
    pub took: Duration,
    pub kind: Kind,
    pub end: End,
}

/// Everything that was recorded in one run.
pub struct History {
    pub seed: u64,
    pub samples: Vec<Sample>,
    /// What must never happen, and did.
    pub violations: Vec<String>,
}

impl History {
    pub fn count(&self, is_counted: impl Fn(&Sample) -> bool) -> usize {
        self.samples.iter().filter(|sample| is_counted(sample)).count()
    }

    /// How many requests ended in which way.
    pub fn ends(&self) -> BTreeMap<End, usize> {
        let mut ends = BTreeMap::new();
        for sample in &self.samples {
            *ends.entry(sample.end).or_default() += 1;
        }
        ends
    }

    pub fn latencies(&self, is_counted: impl Fn(&Sample) -> bool) -> Latencies {
        let counted = self.samples.iter().filter(|sample| is_counted(sample));
        Latencies::of(counted.map(|sample| sample.took).collect())
    }

    /// From `instant` to the end of the first success that began later.
    pub fn first_success_after(
        &self,
        instant: Instant,
        is_counted: impl Fn(&Sample) -> bool,
    ) -> Option<Duration> {
        let later = self.samples.iter().filter(|sample| sample.at >= instant && is_counted(sample));
        let good = later.filter(|sample| matches!(sample.end, End::Status(200..=299)));
        good.map(|sample| sample.at + sample.took - instant).min()
    }

    /// Fails the test over what must never happen.
    #[track_caller]
    pub fn expect_no_violation(&self) {
        let count = self.violations.len();
        let shown = &self.violations[..count.min(20)];
        assert!(shown.is_empty(), "{count} violations; {self}:\n{}", shown.join("\n"));
    }

    /// Fails the test unless every request ended in one of these ways.
    #[track_caller]
    pub fn expect_ends(&self, allowed: &[End]) {
        let ends = self.ends();
        assert!(ends.keys().all(|end| allowed.contains(end)), "{self}, allowed {allowed:?}");
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read = |sample: &Sample| matches!(sample.kind, Kind::Read | Kind::List);
        write!(
            f,
            "TEST_SEED={}, ends {:?}, reads {}, writes {}",
            self.seed,
            self.ends(),
            self.latencies(read),
            self.latencies(|sample| !read(sample))
        )
    }
}

/// Durations, in order.
pub struct Latencies(Vec<Duration>);

impl Latencies {
    pub fn of(mut durations: Vec<Duration>) -> Latencies {
        durations.sort_unstable();
        Latencies(durations)
    }

    /// The duration that `percent` of all do not exceed; zero where there is none.
    pub fn percentile(&self, percent: usize) -> Duration {
        let last = self.0.len().saturating_sub(1);
        self.0.get((self.0.len() * percent / 100).min(last)).copied().unwrap_or_default()
    }

    pub fn max(&self) -> Duration {
        self.percentile(100)
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (half, most) = (self.percentile(50), self.percentile(99));
        write!(f, "p50 {half:.1?} p99 {most:.1?} max {:.1?} of {}", self.max(), self.0.len())
    }
}

impl fmt::Debug for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where the clients of a run write down what they saw.
#[derive(Default)]
pub struct Notes {
    samples: Mutex<Vec<Sample>>,
    violations: Mutex<Vec<String>>,
}

impl Notes {
    pub fn add(&self, samples: Vec<Sample>) {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).extend(samples);
    }

    pub fn violation(&self, text: String) {
        let mut violations = self.violations.lock().unwrap_or_else(PoisonError::into_inner);
        // One fault can show in every request that follows.
        if violations.len() < 1_000 {
            violations.push(text);
        }
    }

    pub fn into_history(self, seed: u64) -> History {
        let mut samples = self.samples.into_inner().unwrap_or_else(PoisonError::into_inner);
        samples.sort_unstable_by_key(|sample| sample.at);
        let violations = self.violations.into_inner().unwrap_or_else(PoisonError::into_inner);
        History { seed, samples, violations }
    }
}
