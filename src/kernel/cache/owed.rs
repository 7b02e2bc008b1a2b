//! Invalidations that are not known to have arrived.

use std::collections::HashMap;

/// How many are remembered one by one; past that, everything has to be forgotten.
const MAX_OWED: usize = 10_000;

/// Invalidations that have not reached Redis, or are on their way.
#[derive(Clone, Default)]
pub struct Owed {
    pub versions: HashMap<String, i64>,
    pub everything: bool,
}

impl Owed {
    pub fn add(&mut self, name: String, version: i64) {
        if self.versions.len() >= MAX_OWED && !self.versions.contains_key(&name) {
            self.everything = true;
            self.versions.clear();
        }
        if !self.everything {
            let owed = self.versions.entry(name).or_insert(version);
            *owed = version.max(*owed);
        }
    }

    pub fn pay(&mut self, name: &str, version: i64) {
        if self.versions.get(name).is_some_and(|owed| *owed <= version) {
            self.versions.remove(name);
        }
    }

    pub fn is_empty(&self) -> bool {
        !self.everything && self.versions.is_empty()
    }
}
