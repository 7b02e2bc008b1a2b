//! The order of a list: by which key, and in which direction.

use crate::kernel::error::{Invalid, Rule};
use std::fmt;

/// By what a list can be ordered. Rows of one value are ordered by their ids, in the same direction.
pub trait SortKey: Copy + Eq + fmt::Debug + Send + 'static {
    /// Each key, with its name in a query and the kind of its values. The first one, from its highest
    /// value down, is the order of a list that is asked for without one.
    const KEYS: &'static [(&'static str, Self, Kind)];
}

/// What the values of a key are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Time,
    Number,
    Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

impl Direction {
    pub fn reversed(self) -> Direction {
        match self {
            Direction::Ascending => Direction::Descending,
            Direction::Descending => Direction::Ascending,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort<K> {
    pub key: K,
    pub direction: Direction,
}

impl<K: SortKey> Default for Sort<K> {
    fn default() -> Sort<K> {
        Sort { key: K::KEYS[0].1, direction: Direction::Descending }
    }
}

impl<K: SortKey> Sort<K> {
    /// Reads the name of a key: `price`, or `-price` for the highest first.
    ///
    /// # Errors
    /// Names the keys.
    pub fn parse(text: &str) -> Result<Sort<K>, Invalid> {
        let (name, direction) = match text.strip_prefix('-') {
            Some(name) => (name, Direction::Descending),
            None => (text, Direction::Ascending),
        };
        let key = K::KEYS.iter().find(|(known, ..)| *known == name);
        let key = key.ok_or_else(|| {
            let names: Vec<&str> = K::KEYS.iter().map(|(name, ..)| *name).collect();
            let reason = format!(
                "must be one of {}, or one of them with '-' in front for the highest first",
                names.join(", ")
            );
            Invalid::new("sort", Rule::NotOneOf, reason)
        })?;
        Ok(Sort { key: key.1, direction })
    }

    pub fn kind(self) -> Kind {
        self.entry().2
    }

    fn entry(self) -> &'static (&'static str, K, Kind) {
        let entry = K::KEYS.iter().find(|(_, key, _)| *key == self.key);
        entry.expect("each key has its entry")
    }
}

/// As [`Sort::parse`] reads it.
impl<K: SortKey> fmt::Display for Sort<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.direction == Direction::Descending { "-" } else { "" };
        write!(f, "{sign}{}", self.entry().0)
    }
}
