//! The cache in the process: bounded by bytes, emptied by age.

use super::{Cacheable, Lookup, Ticket};
use crate::kernel::ids::Id;
use moka::ops::compute::Op;
use moka::policy::EvictionPolicy;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What the cache may hold, in bytes.
const CAPACITY_BYTES: u64 = 64 * 1024 * 1024;
/// About what an entry costs besides its row.
const ENTRY_OVERHEAD_BYTES: usize = 256;

pub struct Local<V> {
    entries: moka::sync::Cache<Id, Entry<V>>,
    epoch: AtomicU64,
}

struct Entry<V> {
    epoch: u64,
    version: i64,
    /// `None` is a tombstone.
    value: Option<Arc<V>>,
}

impl<V> Clone for Entry<V> {
    fn clone(&self) -> Self {
        Entry { epoch: self.epoch, version: self.version, value: self.value.clone() }
    }
}

impl<V: Cacheable> Local<V> {
    pub fn new(ttl: Duration) -> Local<V> {
        let weigh = |_: &Id, entry: &Entry<V>| {
            let row = entry.value.as_ref().map_or(0, |value| value.weight());
            u32::try_from(row + ENTRY_OVERHEAD_BYTES).unwrap_or(u32::MAX)
        };
        let entries = moka::sync::Cache::builder()
            .max_capacity(CAPACITY_BYTES)
            .weigher(weigh)
            // The default policy may refuse a new key when the cache is full; a tombstone that is
            // refused would let a slow reader put the old row back.
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(ttl)
            .build();
        Local { entries, epoch: AtomicU64::new(0) }
    }

    pub fn lookup(&self, id: &Id) -> Lookup<V> {
        let epoch = self.epoch.load(Ordering::Acquire);
        match self.entries.get(id) {
            Some(Entry { value: Some(value), epoch: of_entry, .. }) if of_entry == epoch => {
                Lookup::Hit(value)
            }
            _ => Lookup::Miss(Ticket(epoch.to_string())),
        }
    }

    pub fn fill(&self, ticket: &Ticket, value: &Arc<V>) {
        let epoch = self.epoch.load(Ordering::Acquire);
        if ticket.0 == epoch.to_string() {
            let entry = Entry { epoch, version: value.version(), value: Some(Arc::clone(value)) };
            self.put(value.id(), entry);
        }
    }

    pub fn bury(&self, id: &Id, version: i64) {
        let epoch = self.epoch.load(Ordering::Acquire);
        self.put(id, Entry { epoch, version, value: None });
    }

    /// Forgets everything; a fill from before is refused, or ignored when it slips in.
    pub fn clear(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.entries.invalidate_all();
    }

    fn put(&self, id: &Id, entry: Entry<V>) {
        self.entries.entry_by_ref(id).and_compute_with(|current| {
            let newer_is_there = current.is_some_and(|current| {
                let current = current.value();
                current.epoch == entry.epoch && current.version > entry.version
            });
            if newer_is_there { Op::Nop } else { Op::Put(entry) }
        });
    }
}
