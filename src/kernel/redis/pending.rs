//! Invalidations that are not known to have arrived.

use std::collections::HashMap;

/// How many are remembered one by one; past that, everything has to be forgotten.
const MAX_PENDING: usize = 10_000;

/// Invalidations that have not reached Redis, or are on their way.
#[derive(Clone, Default)]
pub(super) struct PendingInvalidations {
    /// The keys, each with the number of its last invalidation.
    pub keys: HashMap<String, u64>,
    pub everything: bool,
    last: u64,
}

impl PendingInvalidations {
    /// Notes an invalidation, and numbers it.
    pub(super) fn add(&mut self, key: String) -> u64 {
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
    pub(super) fn acknowledge(&mut self, key: &str, number: u64) {
        if self.keys.get(key).is_some_and(|pending| *pending <= number) {
            self.keys.remove(key);
        }
    }

    /// How many; where everything has to be forgotten, the most that are counted.
    pub(super) fn len(&self) -> usize {
        if self.everything { MAX_PENDING } else { self.keys.len() }
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.everything && self.keys.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_PENDING, PendingInvalidations};

    #[test]
    fn an_invalidation_is_pending_until_the_last_of_its_key_has_arrived() {
        let mut pending = PendingInvalidations::default();
        let [first, other, last] = ["a", "b", "a"].map(|key| pending.add(key.to_owned()));
        for (key, number, left) in
            [("a", first, 2), ("c", last, 2), ("b", other, 1), ("a", last, 0), ("a", first, 0)]
        {
            pending.acknowledge(key, number);
            assert_eq!(pending.keys.len(), left, "{key} {number}");
            assert_eq!(pending.is_empty(), left == 0, "{key} {number}");
        }
    }

    #[test]
    fn past_the_bound_everything_is_pending() {
        let mut pending = PendingInvalidations::default();
        for number in 0..MAX_PENDING {
            pending.add(number.to_string());
        }
        pending.add("0".to_owned());
        assert!(!pending.everything, "it was there already");
        let last = pending.add("one more".to_owned());
        assert!(pending.everything && pending.keys.is_empty());
        pending.acknowledge("one more", last);
        assert!(!pending.is_empty(), "one that has arrived does not stand for all");
    }
}
