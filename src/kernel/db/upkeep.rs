//! What a process does with its database beside serving: the schema, a command, the file of SQLite.

use super::connection::Pooled;
#[cfg(feature = "sqlite")]
use super::file;
use super::{Db, DbConn, DbError, Load, PrepareError, Prepared, migrate};
use crate::kernel::config::DatabaseUrl;
use crate::kernel::error::Refusal;
use std::sync::atomic::Ordering;

impl Db {
    /// Whether another process has committed to the SQLite file since the last call; the first
    /// call, and a new connection, count as a change. Always false for other databases.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub async fn was_changed_elsewhere(&self) -> Result<bool, DbError> {
        if !matches!(self.0.url, DatabaseUrl::SqliteFile(_)) {
            return Ok(false);
        }
        self.refuse_before_migration()?;
        self.0.writes.run("database.look_for_changes", Pooled::was_changed_elsewhere).await
    }

    /// Writes what SQLite keeps beside its file into the file, so that after a stop the file alone
    /// is the whole store. Best effort: what is not written now is read at the next start.
    pub async fn settle(&self) {
        use diesel::connection::SimpleConnection;
        // A process that never used the database must not make its file now.
        let was_used = self.refuse_before_migration().is_ok();
        if was_used && matches!(self.0.url, DatabaseUrl::SqliteFile(_)) {
            let checkpoint = |pooled: &mut Pooled| {
                pooled.conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").map_err(DbError::from)
            };
            let settled: Result<(), DbError> =
                self.0.writes.run("database.settle", checkpoint).await;
            if let Err(error) = settled {
                log::debug!("settling the database file: {error}");
            }
        }
    }

    /// Brings the schema up to date, then lets queries through. In a new embedded database `load`
    /// runs in the same transaction: the file ends as a whole store or stays empty.
    ///
    /// Blocks; several processes may call it at once.
    ///
    /// # Errors
    /// [`PrepareError::Unavailable`] when trying again may help, else [`PrepareError::Failed`].
    pub fn prepare(&self, load: Option<Load>) -> Result<Prepared, PrepareError> {
        let prepared = migrate::prepare(&self.0.url, &self.0.writes, load)?;
        self.0.migrated.store(true, Ordering::Release);
        Ok(prepared)
    }

    /// Refuses a database that is not there or lacks a part of the schema, and changes nothing.
    ///
    /// # Errors
    /// What to do about it.
    pub fn refuse_older_schema(&self) -> anyhow::Result<()> {
        let url = &self.0.url;
        if let DatabaseUrl::SqliteFile(file) = url
            && !file.exists()
        {
            return Err(Refusal(format!("{url} is not there")).into());
        }
        let missing = self.read_command(|conn| Ok(migrate::count_missing(conn)?))?;
        if missing == 0 {
            return Ok(());
        }
        let reason = format!(
            "{url} is not of this version, whose schema has {missing} more migrations; chronos serve \
             makes them"
        );
        Err(Refusal(reason).into())
    }

    /// Runs a command's job, which only reads, without a deadline, on the calling thread. Writers are not
    /// held up: each statement sees a state of its own.
    ///
    /// # Errors
    /// The job's own, and those of the connection.
    pub fn read_command<T>(
        &self,
        job: impl FnOnce(&mut DbConn) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let mut pooled = self.0.reads.checkout()?;
        if matches!(self.0.url, DatabaseUrl::Postgres(_)) {
            return pooled.conn.transact(|conn| {
                conn.lift_time_limits()?;
                job(conn)
            });
        }
        job(&mut pooled.conn)
    }

    /// Runs a command's job in one transaction without a deadline, on the calling thread.
    ///
    /// # Errors
    /// The job's own, and those of the connection.
    pub fn run_command<T>(
        &self,
        job: impl FnOnce(&mut DbConn) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let mut pooled = self.0.writes.checkout()?;
        let done = pooled.conn.transact(|conn| {
            conn.lift_time_limits()?;
            job(conn)
        });
        #[cfg(feature = "sqlite")]
        let done = done.map_err(|error| match format!("{error:#}") {
            text if text.contains("readonly database") => file::unusable(&self.0.url, &error),
            _ => error,
        });
        done
    }
}
