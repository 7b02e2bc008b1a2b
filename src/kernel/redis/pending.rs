//! Invalidations that are not known to have arrived.

use std::collections::HashMap;

/// How many are remembered one by one; past that, everything has to be forgotten.
const MAX_PENDING: usize = 10_000;

/// Invalidations that have not reached Redis, or are on their way.
#[derive(Clone, Default)]
pub struct PendingInvalidations {
    /// The keys, each with the number of its last invalidation.
    pub keys: HashMap<String, u64>,
    pub everything: bool,
    last: u64,
}

impl PendingInvalidations {
    /// Notes an invalidation, and numbers it.
    pub fn add(&mut self, key: String) -> u64 {
        self.last += 1;
        if self.keys.len() >= MAX_PENDING && !self.keys.contains_key(&key) {
            self.everything = true;
            self.keys.clear();
        }
        if !self.everything {
            self.keys.insert(key, self.last);
        }
        self.last
    }

    /// This invalidation has arrived. A later one of the same key may not have.
    pub fn acknowledge(&mut self, key: &str, number: u64) {
        if self.keys.get(key).is_some_and(|pending| *pending <= number) {
            self.keys.remove(key);
        }
    }

    pub fn is_empty(&self) -> bool {
        !self.everything && self.keys.is_empty()
    }
}
