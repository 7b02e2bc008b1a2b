//! What is counted of a cache.

use super::entry::Lookup;
use crate::kernel::metrics::{Counter, EncodeLabelSet, Metrics};

/// Counts for the rows of one kind.
pub(super) struct CacheMetrics {
    hits: Counter,
    absences: Counter,
    misses: Counter,
    unanswered: Counter,
    taken: Counter,
    refused: Counter,
    too_large: Counter,
    lost: Counter,
}

/// What became of a fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    Taken,
    /// Its reservation stands no more: a write came between, or it has ended.
    Refused,
    /// The row is larger than the cache takes.
    TooLarge,
    /// Redis did not answer.
    Lost,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfResult {
    kind: &'static str,
    result: &'static str,
}

impl CacheMetrics {
    pub(super) fn new(kind: &'static str, metrics: &Metrics) -> CacheMetrics {
        let lookups = metrics.counters(
            "chronos_cache_lookups",
            "Reads of the cache: hit, absent (known not to exist), miss, away (Redis gave no answer)",
        );
        let fills = metrics.counters(
            "chronos_cache_fills",
            "Rows that were loaded for the cache: taken, refused (a write came between), too_large, \
             lost (Redis gave no answer)",
        );
        let lookup = |result| lookups.get_or_create_owned(&OfResult { kind, result });
        let fill = |result| fills.get_or_create_owned(&OfResult { kind, result });
        CacheMetrics {
            hits: lookup("hit"),
            absences: lookup("absent"),
            misses: lookup("miss"),
            unanswered: lookup("away"),
            taken: fill("taken"),
            refused: fill("refused"),
            too_large: fill("too_large"),
            lost: fill("lost"),
        }
    }

    pub(super) fn count_lookup<V>(&self, found: &Lookup<V>) {
        let counter = match found {
            Lookup::Row(_) => &self.hits,
            Lookup::Absent => &self.absences,
            Lookup::Miss => &self.misses,
            Lookup::Away => &self.unanswered,
        };
        counter.inc();
    }

    pub(super) fn count_fill(&self, filled: Filled) {
        let counter = match filled {
            Filled::Taken => &self.taken,
            Filled::Refused => &self.refused,
            Filled::TooLarge => &self.too_large,
            Filled::Lost => &self.lost,
        };
        counter.inc();
    }
}
