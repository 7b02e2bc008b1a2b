//! The schema, compiled in, brought up to date by whichever process comes first.

use super::connection::DbConn;
use super::lane::Lane;
use crate::kernel::config::DatabaseUrl;
use anyhow::anyhow;
use diesel::connection::SimpleConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

#[cfg(feature = "postgres")]
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
#[cfg(feature = "sqlite")]
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Fills a new database.
pub type Load = fn(&mut DbConn) -> anyhow::Result<()>;

/// What `Db::prepare` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prepared {
    /// The database was there before.
    Existing,
    /// A new embedded database, empty.
    Created,
    /// A new embedded database, with the store loaded.
    Loaded,
}

#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

pub fn prepare(
    url: &DatabaseUrl,
    writes: &Lane,
    load: Option<Load>,
) -> Result<Prepared, PrepareError> {
    match url {
        #[cfg(feature = "postgres")]
        DatabaseUrl::Postgres(_) => prepare_postgres(url),
        #[cfg(feature = "sqlite")]
        DatabaseUrl::SqliteFile(_) | DatabaseUrl::SqliteMemory => {
            sqlite::prepare(url, writes, load)
        }
        #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
        _ => {
            let _unused = (writes, load);
            Err(PrepareError::Failed(anyhow!("{url}: this database is not compiled in")))
        }
    }
}

fn run_migrations(conn: &mut DbConn, url: &DatabaseUrl) -> anyhow::Result<()> {
    let done = match conn {
        #[cfg(feature = "postgres")]
        DbConn::Postgres(conn) => conn.run_pending_migrations(POSTGRES).map(drop),
        #[cfg(feature = "sqlite")]
        DbConn::Sqlite(conn) => conn.run_pending_migrations(SQLITE).map(drop),
    };
    done.map_err(|error| anyhow!("migrating {url}: {error}"))
}

/// diesel takes no lock: replicas that start at once would create the same tables.
#[cfg(feature = "postgres")]
fn prepare_postgres(url: &DatabaseUrl) -> Result<Prepared, PrepareError> {
    use diesel::r2d2::R2D2Connection;

    // Any number that no other program uses for a lock in this database.
    const LOCK: &str = "pg_advisory_lock(4843726154)";
    const UNLOCK: &str = "pg_advisory_unlock(4843726154)";
    let mut conn =
        DbConn::open(url).map_err(|error| PrepareError::Unavailable(error.to_string()))?;
    let migrated = (|| {
        conn.lift_time_limits()?;
        conn.batch_execute(&format!("SELECT {LOCK}"))?;
        run_migrations(&mut conn, url)?;
        Ok(conn.batch_execute(&format!("SELECT {UNLOCK}"))?)
    })();
    match migrated {
        Ok(()) => Ok(Prepared::Existing),
        Err(error) if conn.is_broken() => Err(PrepareError::Unavailable(format!("{error:#}"))),
        Err(error) => Err(PrepareError::Failed(error)),
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use super::{
        DatabaseUrl, DbConn, Lane, Load, PrepareError, Prepared, SimpleConnection, anyhow,
        run_migrations,
    };
    use anyhow::Context;
    use diesel::RunQueryDsl;
    use std::time::{Duration, Instant};

    pub fn prepare(
        url: &DatabaseUrl,
        writes: &Lane,
        load: Option<Load>,
    ) -> Result<Prepared, PrepareError> {
        // Opened once by hand for its error: the pool only says that it timed out.
        DbConn::open(url).map_err(|error| anyhow!("opening {url}: {error}"))?;
        // It can be opened, but not within the patience of the pool: the machine is busy.
        let mut pooled =
            writes.checkout().map_err(|error| PrepareError::Unavailable(error.to_string()))?;
        if matches!(url, DatabaseUrl::SqliteFile(_)) {
            switch_to_wal(&mut pooled.conn).with_context(|| format!("opening {url}"))?;
        }
        let prepared = pooled.conn.transact(|conn| -> anyhow::Result<Prepared> {
            let is_new = count_tables(conn)? == 0;
            run_migrations(conn, url)?;
            match load {
                Some(load) if is_new => {
                    load(conn)?;
                    Ok(Prepared::Loaded)
                }
                _ if is_new => Ok(Prepared::Created),
                _ => Ok(Prepared::Existing),
            }
        })?;
        // Nothing is cached yet: what changed before now is no news to the watch for other
        // writers, which would else forget the first products that were read.
        let _before = pooled.was_changed_elsewhere().map_err(anyhow::Error::from)?;
        Ok(prepared)
    }

    /// Readers then never wait for a writer. SQLite answers BUSY here without waiting when another
    /// process is doing the same, so the waiting is done by hand.
    fn switch_to_wal(conn: &mut DbConn) -> anyhow::Result<()> {
        let give_up_at = Instant::now() + Duration::from_secs(5);
        loop {
            match conn.batch_execute("PRAGMA journal_mode = WAL") {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() >= give_up_at => return Err(error.into()),
                Err(error) if error.to_string().contains("locked") => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn count_tables(conn: &mut DbConn) -> anyhow::Result<i64> {
        #[derive(diesel::QueryableByName)]
        struct Count {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            count: i64,
        }
        let row: Count =
            diesel::sql_query("SELECT count(*) AS count FROM sqlite_schema").get_result(conn)?;
        Ok(row.count)
    }
}
