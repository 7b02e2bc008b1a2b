//! A whole store in files: each part read, checked and loaded in the order of the modules.

use super::mistakes::Report;
use super::part::{Ids, Part, Records};
use super::records::Source;
use crate::app::modules::MODULES;
use crate::kernel::db::{DbConn, Tx};
use crate::kernel::idempotency;
use anyhow::Context;
use std::path::Path;

/// A store as files describe it, every rule checked that needs no database.
pub(super) struct Store {
    parts: Vec<(&'static Part, Box<dyn Records>)>,
}

/// Whether the folder has one of the files.
pub(super) fn are_in(folder: &Path) -> bool {
    parts().any(|part| folder.join(part.file).exists())
}

/// Reads the files of a folder, and says what of them is not kept.
///
/// # Errors
/// The file that cannot be read. The store is there in spite of its mistakes, which are in the report.
pub(super) fn read(folder: &Path) -> anyhow::Result<(Store, Report)> {
    let source = |part: &'static Part| {
        let path = folder.join(part.file);
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{shown}: cannot be read; --data-dir names the folder"))?;
        anyhow::Ok((part, Source::new(shown, text)))
    };
    let sources = parts().map(source).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Store::parse(sources))
}

impl Store {
    /// The store of `data/`, compiled in, so that the binary works from any folder.
    ///
    /// # Errors
    /// None that the tests of the files let through.
    pub(super) fn embedded() -> anyhow::Result<Store> {
        let source = |part: &'static Part| {
            (part, Source::new(format!("data/{}", part.file), part.embedded.to_owned()))
        };
        let (store, report) = Store::parse(parts().map(source).collect());
        report.into_result()?;
        Ok(store)
    }

    fn parse(sources: Vec<(&'static Part, Source)>) -> (Store, Report) {
        let (mut report, mut ids) = (Report::default(), Ids::new());
        let parsed = sources
            .into_iter()
            .map(|(part, source)| (part, (part.parse)(&source, &mut ids, &mut report)));
        let store = Store { parts: parsed.collect() };
        (store, report)
    }

    /// Writes everything; the caller's transaction makes it all or nothing.
    ///
    /// # Errors
    /// The record, and what the database said.
    pub(super) fn load(&self, conn: &mut DbConn) -> anyhow::Result<()> {
        // What follows a commit is for the command: it empties the whole cache.
        let mut tx = Tx::on(conn);
        self.parts.iter().try_for_each(|(_, records)| records.load(&mut tx))
    }

    /// `Loaded 112 products, 40 customers, 120 orders`.
    pub(super) fn summary(&self) -> String {
        let count = |(part, records): &(&Part, Box<dyn Records>)| {
            format!("{} {}", records.len(), part.noun())
        };
        let counts: Vec<String> = self.parts.iter().map(count).collect();
        format!("Loaded {}", counts.join(", "))
    }
}

/// Whether the tables hold no row.
///
/// # Errors
/// Those of the database.
pub(super) fn is_empty(conn: &mut DbConn) -> anyhow::Result<bool> {
    for part in parts() {
        if !(part.is_empty)(conn)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// # Errors
/// Those of the database.
pub(super) fn delete_all(conn: &mut DbConn) -> anyhow::Result<()> {
    // First the rows that refer to others.
    for part in parts().collect::<Vec<_>>().into_iter().rev() {
        (part.delete_all)(conn)?;
    }
    // An answer that was kept would tell of rows that are gone.
    idempotency::delete_all(conn)?;
    Ok(())
}

/// The parts, in the order of the modules: none refers to one behind it.
fn parts() -> impl Iterator<Item = &'static Part> {
    MODULES.iter().filter_map(|module| module.seed)
}
