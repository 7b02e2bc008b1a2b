//! The schema before the first query: at once where the database is there, else as soon as it is.

use super::listeners::Shared;
use crate::cli::ServeArgs;

/// How the start went on.
pub enum Migration {
    /// The schema is there, or there is no database to have one.
    #[cfg_attr(not(feature = "database"), expect(dead_code, reason = "there is no database"))]
    Done { loaded: bool },
    /// The role has no database.
    None,
    /// The database is away; `finish` goes on trying.
    #[cfg(feature = "database")]
    Waiting(crate::kernel::db::Db),
}

/// Migrates, and loads the store into a new embedded database.
///
/// # Errors
/// When the schema cannot be brought up to date, however long one waits.
#[cfg(not(feature = "database"))]
pub async fn start(_: &ServeArgs, _: &Shared) -> anyhow::Result<Migration> {
    Ok(Migration::None)
}

/// Migrates, and loads the store into a new embedded database.
///
/// # Errors
/// When the schema cannot be brought up to date, however long one waits.
#[cfg(feature = "database")]
pub async fn start(args: &ServeArgs, shared: &Shared) -> anyhow::Result<Migration> {
    use crate::cli::Role;
    use crate::kernel::db::{PrepareError, Prepared};
    use crate::seed::load_embedded;

    if args.role == Role::Gateway {
        return Ok(Migration::None);
    }
    let (db, no_seed) = (shared.db.clone(), args.no_seed);
    let preparing =
        tokio::task::spawn_blocking(move || db.prepare((!no_seed).then_some(load_embedded)));
    match preparing.await? {
        Ok(prepared) => Ok(Migration::Done { loaded: prepared == Prepared::Loaded }),
        Err(PrepareError::Unavailable(reason)) => {
            log::warn!("the database is unavailable, answering 503 until it is there: {reason}");
            Ok(Migration::Waiting(shared.db.clone()))
        }
        Err(PrepareError::Failed(error)) => Err(error),
    }
}

impl Migration {
    /// Ends when the schema is there.
    ///
    /// # Errors
    /// When the schema cannot be brought up to date, however long one waits.
    #[cfg(not(feature = "database"))]
    pub async fn finish(self) -> anyhow::Result<()> {
        Ok(())
    }

    /// Ends when the schema is there.
    ///
    /// # Errors
    /// When the schema cannot be brought up to date, however long one waits.
    #[cfg(feature = "database")]
    pub async fn finish(self) -> anyhow::Result<()> {
        use crate::kernel::db::{DbConn, PrepareError};
        use std::time::Duration;

        const TRY_EVERY: Duration = Duration::from_millis(500);
        let Migration::Waiting(db) = self else {
            return Ok(());
        };
        loop {
            tokio::time::sleep(TRY_EVERY).await;
            let db = db.clone();
            let nothing_to_load = None::<fn(&mut DbConn) -> anyhow::Result<()>>;
            match tokio::task::spawn_blocking(move || db.prepare(nothing_to_load)).await? {
                Ok(_) => {
                    log::info!("the database is ready");
                    return Ok(());
                }
                Err(PrepareError::Unavailable(reason)) => log::debug!("still waiting: {reason}"),
                Err(PrepareError::Failed(error)) => return Err(error),
            }
        }
    }
}
