//! How long statements take, by their names.
//!
//! A name stands for what a use case asks of the database in one go: `product.find` is one statement,
//! `product.take_stock` a transaction of several. It is written where the use case is, and is never
//! made of what a client sends.

use crate::kernel::metrics::{EncodeLabelSet, Family, Histogram, Metrics};
use crate::kernel::telemetry::Current;
use std::time::{Duration, Instant};

/// Watches over the statements of a database; clones are the same.
#[derive(Debug, Clone)]
pub struct Statements {
    slow_after: Option<Duration>,
    durations: Family<OfStatement, Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStatement {
    statement: &'static str,
}

impl Statements {
    /// Has `metrics` tell how long statements take, and warns of those that take so long; of none
    /// where that is `None`.
    pub fn watched(slow_after: Option<Duration>, metrics: &Metrics) -> Statements {
        let durations = metrics.durations(
            "chronos_database_statement_duration_seconds",
            "What a use case asks of the database in one go, once it has a connection",
        );
        Statements { slow_after, durations }
    }

    /// Runs what `name` stands for, on the connection that it has got.
    pub(super) fn time<T>(&self, name: &'static str, job: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let done = job();
        let took = began.elapsed();
        let seconds = took.as_secs_f64();
        self.durations.get_or_create(&OfStatement { statement: name }).observe(seconds);
        if self.slow_after.is_some_and(|limit| took >= limit) {
            warn_of(name, took);
        }
        done
    }
}

fn warn_of(statement: &'static str, took: Duration) {
    let current = Current::get();
    let request_id = current.as_ref().map_or("-", |current| current.request_id.as_str());
    let duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    log::warn!(
        statement, duration_us, request_id;
        "slow statement {statement}: {duration_us}us"
    );
}
