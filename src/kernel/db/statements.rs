//! How long statements take, by their names.
//!
//! A name stands for what a use case asks of the database in one go: `product.find` is one statement,
//! `product.take_stock` a transaction of several. It is written where the use case is, and is never
//! made of what a client sends.

use crate::kernel::telemetry::Current;
use std::time::{Duration, Instant};

/// Watches over the statements of a database; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Statements {
    slow_after: Option<Duration>,
}

impl Statements {
    /// Warns of statements that take so long; of none where that is `None`.
    pub fn watched(slow_after: Option<Duration>) -> Statements {
        Statements { slow_after }
    }

    /// Runs what `name` stands for, on the connection that it has got.
    pub(super) fn time<T>(&self, name: &'static str, job: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let done = job();
        let took = began.elapsed();
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
