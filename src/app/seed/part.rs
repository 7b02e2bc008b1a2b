//! A part of a store: the file of one module, parsed, checked and loaded.

use super::mistakes::Report;
use super::records::{Place, Record, Source};
use crate::kernel::auth::Actor;
use crate::kernel::db::{DbConn, Tx};
use anyhow::Context;
use diesel::QueryResult;
use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fmt;
use std::io::{IsTerminal, Write};

/// What a module has in a store of files, and how it gets there.
#[derive(Debug)]
pub struct Part {
    /// The name of the file, which is also that of its records in sentences.
    pub file: &'static str,
    /// The file of `data/`, so that the binary works from any folder.
    pub embedded: &'static str,
    pub parse: Parse,
    pub is_empty: fn(&mut DbConn) -> QueryResult<bool>,
    pub delete_all: fn(&mut DbConn) -> QueryResult<usize>,
}

/// Reads a file; what is wrong is told to the report.
type Parse = fn(&Source, &mut Ids, &mut Report) -> Box<dyn Records>;

/// The ids in each file that was read, for the files that refer to them. A file that holds no list at
/// all is missing: then its references are not to blame.
pub(super) type Ids = HashMap<&'static str, HashSet<String>>;

/// The records of a file that have no mistake.
pub trait Records {
    fn len(&self) -> usize;

    /// Writes them; the caller's transaction makes it all or nothing.
    ///
    /// # Errors
    /// The record, and what the database said.
    fn load(&self, tx: &mut Tx<'_>) -> anyhow::Result<()>;
}

impl Part {
    /// `products`, of `products.json`.
    pub fn noun(&self) -> &'static str {
        self.file.trim_end_matches(".json")
    }
}

/// Who loads a store, as its books have it.
pub(super) fn loader() -> Actor {
    Actor::program("seed")
}

/// Records that are written one by one.
pub(super) struct OneByOne<T> {
    pub file: &'static str,
    pub records: Vec<(Place, T)>,
    pub insert: fn(&mut Tx<'_>, &T) -> QueryResult<()>,
}

impl<T> Records for OneByOne<T> {
    fn len(&self) -> usize {
        self.records.len()
    }

    fn load(&self, tx: &mut Tx<'_>) -> anyhow::Result<()> {
        insert_all(self.file, &self.records, |record| (self.insert)(tx, record))
    }
}

/// The records without a mistake.
pub(super) fn without_mistakes<T>(records: Vec<Record<T>>) -> Vec<(Place, T)> {
    let parsed = |record: Record<T>| record.parsed.ok().map(|value| (record.place, value));
    records.into_iter().filter_map(parsed).collect()
}

/// Writes records, and shows how far it has come where a person watches.
pub(super) fn insert_all<'a, T: 'a, E: Error + Send + Sync + 'static>(
    file: impl fmt::Display,
    records: impl IntoIterator<Item = &'a (Place, T), IntoIter: ExactSizeIterator>,
    mut insert: impl FnMut(&T) -> Result<(), E>,
) -> anyhow::Result<()> {
    const SHOW_EVERY: usize = 10_000;
    let records = records.into_iter();
    let all = records.len();
    let mut stderr = std::io::stderr();
    let is_watched = stderr.is_terminal() && all >= SHOW_EVERY;
    for (index, (place, value)) in records.enumerate() {
        insert(value).with_context(|| place.to_string())?;
        let done = index + 1;
        if is_watched && (done % SHOW_EVERY == 0 || done == all) {
            let end = if done == all { "\n" } else { "" };
            // Progress that cannot be shown is no reason to stop.
            let _closed = write!(stderr, "\r{file}: {done} of {all} records{end}");
        }
    }
    Ok(())
}
