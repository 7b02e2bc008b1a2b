//! What is told of the places at the database.

use super::Db;
use super::pool_lane::PoolLane;
use crate::kernel::metrics::{Collector, DescriptorEncoder, EncodeLabelSet, Levels, Metrics};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a job does not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// Too many wait already.
    QueueFull,
    NoPlaceInTime,
    /// The database is away.
    NoConnection,
}

/// How many jobs of a lane did not begin.
#[derive(Default)]
pub(super) struct Refusals {
    queue_full: AtomicU64,
    no_place_in_time: AtomicU64,
    no_connection: AtomicU64,
}

impl Refusals {
    pub(super) fn count(&self, reason: Reason) {
        self.of(reason).fetch_add(1, Ordering::Relaxed);
    }

    fn counted(&self) -> [(&'static str, u64); 3] {
        let reasons = [
            ("queue_full", Reason::QueueFull),
            ("no_place_in_time", Reason::NoPlaceInTime),
            ("no_connection", Reason::NoConnection),
        ];
        reasons.map(|(word, reason)| (word, self.of(reason).load(Ordering::Relaxed)))
    }

    fn of(&self, reason: Reason) -> &AtomicU64 {
        match reason {
            Reason::QueueFull => &self.queue_full,
            Reason::NoPlaceInTime => &self.no_place_in_time,
            Reason::NoConnection => &self.no_connection,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfLane {
    lane: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRefusal {
    lane: &'static str,
    reason: &'static str,
}

impl Db {
    /// Has `metrics` tell of the places.
    pub fn observe(&self, metrics: &Metrics) {
        metrics.collect(Places(self.clone()));
    }

    /// The lanes, each with the one that queues apart for the same places.
    fn lanes(&self) -> [(&'static str, &PoolLane, Option<&PoolLane>); 3] {
        let db = &*self.0;
        [
            ("reads", &db.reads, None),
            ("writes", &db.writes, None),
            ("lists", &db.lists, Some(&db.few_lists)),
        ]
    }
}

struct Places(Db);

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Places")
    }
}

impl Collector for Places {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut levels = Levels::of(encoder);
        let lanes = self.0.lanes();
        levels.gauges(
            "chronos_database_places",
            "Places at the database. Lists hold one of the reads, too; on PostgreSQL, so do writes",
            lanes.iter().map(|(lane, places, _)| (OfLane { lane }, places.places())),
        )?;
        levels.gauges(
            "chronos_database_places_in_use",
            "Places that are taken",
            lanes.iter().map(|(lane, places, _)| (OfLane { lane }, places.places_in_use())),
        )?;
        let waiting = |lane: &PoolLane, beside: &Option<&PoolLane>| {
            lane.waiting() + beside.map_or(0, PoolLane::waiting)
        };
        levels.gauges(
            "chronos_database_waiting",
            "Jobs that wait for a place, or for the row that they write",
            lanes.iter().map(|(lane, own, beside)| (OfLane { lane }, waiting(own, beside))),
        )?;
        let refused = lanes.iter().flat_map(|(lane, own, beside)| {
            let beside =
                beside.map_or([0; 3], |lane| lane.refusals().counted().map(|(_, count)| count));
            let own = own.refusals().counted();
            own.into_iter()
                .zip(beside)
                .map(move |((reason, own), beside)| (OfRefusal { lane, reason }, own + beside))
        });
        levels.counters("chronos_database_refused", "Jobs that never began", refused)
    }
}
