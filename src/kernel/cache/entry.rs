//! What the cache and its stores say to each other: rows, reservations, and how long they stand.

use crate::kernel::ids::Id;
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;
use std::time::Duration;

/// A row that can be cached.
pub trait Cacheable: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The first part of its keys: `product`.
    const KIND: &'static str;

    fn id(&self) -> &Id;

    /// About how many bytes it holds in memory.
    fn weight(&self) -> usize;
}

/// Whether the cache answered, or the database had to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Cache,
    Database,
}

/// How long at most the cache says that there is no such row.
pub(super) const ABSENCE_LIFETIME: Duration = Duration::from_secs(5);
/// How long a reservation stands. A load that takes longer is not cached; nothing else depends on
/// this.
pub(super) const RESERVATION_LIFETIME: Duration = Duration::from_secs(10);

/// What a lookup found.
pub(super) enum Lookup<V> {
    Row(Arc<V>),
    /// There is no such row.
    Absent,
    Miss,
    /// The cache is away.
    Away,
}

/// What became of a reservation.
pub(super) enum Reserved<V> {
    /// Somebody has filled the entry meanwhile.
    Row(Arc<V>),
    Absent,
    /// A fill with this ticket is taken until the row is invalidated or the cache emptied.
    For(Ticket),
    /// The cache is away, or a write is about to replace the row: load, and leave the cache alone.
    Away,
}

/// Names one reservation, which several loads may share.
#[derive(Debug, Clone)]
pub(super) struct Ticket(pub String);

/// The key of a row in Redis.
pub(super) fn key(kind: &str, id: &Id) -> String {
    format!("chronos:{kind}:{id}")
}
