//! The cache in the process: bounded by bytes, emptied by age.

use super::entry::{ABSENCE_LIFETIME, Cacheable, Lookup, RESERVATION_LIFETIME, Reserved, Ticket};
use super::metrics::Filled;
use crate::kernel::ids::Id;
use moka::Expiry;
use moka::ops::compute::Op;
use moka::policy::EvictionPolicy;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the cache may hold, in bytes.
const CAPACITY_BYTES: u64 = 64 * 1024 * 1024;
/// About what an entry costs besides its row.
const ENTRY_OVERHEAD_BYTES: usize = 256;

pub(super) struct Local<V> {
    entries: moka::sync::Cache<Id, Entry<V>>,
    last_ticket: AtomicU64,
    /// What was reserved with this ticket, or an earlier one, is void.
    voided: AtomicU64,
}

/// A reservation, and what was filled in under it.
struct Entry<V> {
    ticket: u64,
    content: Content<V>,
}

enum Content<V> {
    Reserved,
    Absent,
    Row(Arc<V>),
}

impl<V> Clone for Entry<V> {
    fn clone(&self) -> Self {
        let content = match &self.content {
            Content::Reserved => Content::Reserved,
            Content::Absent => Content::Absent,
            Content::Row(row) => Content::Row(Arc::clone(row)),
        };
        Entry { ticket: self.ticket, content }
    }
}

impl<V: Cacheable> Local<V> {
    pub(super) fn new(ttl: Duration) -> Local<V> {
        let weigh = |_: &Id, entry: &Entry<V>| {
            let row = match &entry.content {
                Content::Row(row) => row.weight(),
                Content::Reserved | Content::Absent => 0,
            };
            u32::try_from(row + ENTRY_OVERHEAD_BYTES).unwrap_or(u32::MAX)
        };
        let entries = moka::sync::Cache::builder()
            .max_capacity(CAPACITY_BYTES)
            .weigher(weigh)
            // The default policy may refuse a new key when the cache is full, and with it the
            // reservation of a row that everybody wants.
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(Lifetimes { ttl })
            .build();
        Local { entries, last_ticket: AtomicU64::new(0), voided: AtomicU64::new(0) }
    }

    pub(super) fn lookup(&self, id: &Id) -> Lookup<V> {
        let voided = self.voided.load(Ordering::SeqCst);
        match self.entries.get(id).filter(|entry| entry.ticket > voided).map(|e| e.content) {
            Some(Content::Row(row)) => Lookup::Row(row),
            Some(Content::Absent) => Lookup::Absent,
            Some(Content::Reserved) | None => Lookup::Miss,
        }
    }

    pub(super) fn reserve(&self, id: &Id) -> Reserved<V> {
        let mut found = None;
        self.entries.entry_by_ref(id).and_compute_with(|current| {
            let voided = self.voided.load(Ordering::SeqCst);
            let current = current.map(moka::Entry::into_value);
            if let Some(current) = current.filter(|current| current.ticket > voided) {
                found = Some(current);
                return Op::Nop;
            }
            let ticket = self.last_ticket.fetch_add(1, Ordering::SeqCst) + 1;
            let reservation = Entry { ticket, content: Content::Reserved };
            found = Some(reservation.clone());
            Op::Put(reservation)
        });
        match found {
            Some(Entry { content: Content::Row(row), .. }) => Reserved::Row(row),
            Some(Entry { content: Content::Absent, .. }) => Reserved::Absent,
            Some(Entry { ticket, content: Content::Reserved }) => {
                Reserved::For(Ticket(ticket.to_string()))
            }
            None => Reserved::Away,
        }
    }

    pub(super) fn fill(&self, id: &Id, ticket: &Ticket, row: Option<&Arc<V>>) -> Filled {
        let mut filled = Filled::Refused;
        self.entries.entry_by_ref(id).and_compute_with(|current| {
            let current = current.map(moka::Entry::into_value);
            let Some(Entry { ticket: reserved, content: Content::Reserved }) = current else {
                return Op::Nop;
            };
            if ticket.0 != reserved.to_string() {
                return Op::Nop;
            }
            let content = row.map_or(Content::Absent, |row| Content::Row(Arc::clone(row)));
            filled = Filled::Taken;
            Op::Put(Entry { ticket: reserved, content })
        });
        filled
    }

    /// Forgets the row, and ends the reservation: who loads it now may have seen it as it was.
    pub(super) fn invalidate(&self, id: &Id) {
        // Not moka's `invalidate`: that may come between the two halves of a fill.
        self.entries.entry_by_ref(id).and_compute_with(|_| Op::Remove);
    }

    /// Forgets everything, and ends every reservation. A fill that is under way keeps its ticket,
    /// which is void.
    pub(super) fn clear(&self) {
        self.voided.fetch_max(self.last_ticket.load(Ordering::SeqCst), Ordering::SeqCst);
        self.entries.invalidate_all();
    }
}

struct Lifetimes {
    ttl: Duration,
}

impl Lifetimes {
    fn of<V>(&self, entry: &Entry<V>) -> Duration {
        match entry.content {
            Content::Reserved => RESERVATION_LIFETIME,
            Content::Absent => self.ttl.min(ABSENCE_LIFETIME),
            Content::Row(_) => self.ttl,
        }
    }
}

impl<V: Cacheable> Expiry<Id, Entry<V>> for Lifetimes {
    fn expire_after_create(&self, _: &Id, entry: &Entry<V>, _: Instant) -> Option<Duration> {
        Some(self.of(entry))
    }

    fn expire_after_update(
        &self,
        _: &Id,
        entry: &Entry<V>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(self.of(entry))
    }
}
