//! PostgreSQL: one process migrates, under a lock that ends with its transaction.
//!
//! diesel takes no lock: replicas that start at once would create the same tables. A lock of the
//! session would stay with the connection of a pooler after an error, and hang every later start.

use super::{DatabaseUrl, DbConn, Difference, PrepareError, Prepared, Wait, run_migrations};
use anyhow::{anyhow, bail};
use diesel::connection::SimpleConnection;
use diesel::r2d2::R2D2Connection;
use diesel::sql_types::{Bool, Text};
use diesel::{QueryResult, RunQueryDsl};
use std::time::Duration;

/// Any number that no other program uses for a lock in this database.
const LOCK: i64 = 4_843_726_154;
/// Between two tries to get the lock.
const TRY_EVERY: Duration = Duration::from_millis(50);

/// What one try to migrate came to.
enum Try {
    Migrated,
    /// Another session has the lock: who it is.
    HeldBy(String),
    /// Nothing can be written here, as on a standby.
    OnlyReads,
}

/// Brings the schema up to date, where anything is missing.
///
/// # Errors
/// [`PrepareError::Unavailable`] for a server that is away, or that only reads and lacks a
/// migration, which reaches a standby from its primary.
pub(super) fn prepare(url: &DatabaseUrl) -> Result<Prepared, PrepareError> {
    let mut conn =
        DbConn::open(url).map_err(|error| PrepareError::Unavailable(error.to_string()))?;
    match bring_up_to_date(&mut conn, url) {
        Ok(Try::OnlyReads) => Err(PrepareError::Unavailable(
            "the server only reads, and its schema is older than this program: start once with \
             the primary, or with a role that may write"
                .into(),
        )),
        Ok(_) => {
            warn_of_slow_search(&mut conn, url);
            Ok(Prepared::Existing)
        }
        Err(error) if conn.is_broken() => Err(PrepareError::Unavailable(format!("{error:#}"))),
        Err(error) => Err(PrepareError::Failed(error)),
    }
}

/// Refuses a database whose encoding cannot hold every text: each name that it cannot write, and
/// each filter that it cannot read, would be a failure.
fn refuse_encoding(conn: &mut DbConn, url: &DatabaseUrl) -> anyhow::Result<()> {
    const NEEDED: &str = "UTF8";
    let encoding = tell(conn, "current_setting('server_encoding')")?;
    if encoding == NEEDED {
        return Ok(());
    }
    let name = tell(conn, "quote_ident(current_database() || '_utf8')")?;
    bail!(
        "{url}: the encoding of this database is {encoding}, which cannot hold every text; make \
         another one, and name that in DATABASE_URL: CREATE DATABASE {name} ENCODING 'UTF8' \
         LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    )
}

/// The migration makes the index where its role may. Everything is found without it, too.
fn warn_of_slow_search(conn: &mut DbConn, url: &DatabaseUrl) {
    const INDEX: &str = "products_by_search_text";
    if matches!(ask(conn, &format!("to_regclass('{INDEX}') IS NULL")), Ok(true)) {
        log::warn!(
            "{url} has no index {INDEX}, and a search (q) reads every product: a role that may \
             makes it with CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE INDEX {INDEX} ON \
             products USING gin (search_text gin_trgm_ops)"
        );
    }
}

fn bring_up_to_date(conn: &mut DbConn, url: &DatabaseUrl) -> anyhow::Result<Try> {
    refuse_encoding(conn, url)?;
    // In a transaction, since a pooler may send the two statements to two servers.
    let difference = conn.transact(Difference::of)?;
    difference.warn_of_newer_schema(url);
    if difference.missing == 0 {
        return Ok(Try::Migrated);
    }
    let mut wait = Wait::begin();
    loop {
        match try_to_migrate(conn, url)? {
            Try::HeldBy(holder) if wait.is_over("another migration", &holder) => bail!(
                "migrating {url}: another session has the lock of the migration: {holder}; wait \
                 until it is done, or end it with: SELECT pg_terminate_backend(PID)"
            ),
            Try::HeldBy(_) => std::thread::sleep(TRY_EVERY),
            done => return Ok(done),
        }
    }
}

fn try_to_migrate(conn: &mut DbConn, url: &DatabaseUrl) -> anyhow::Result<Try> {
    conn.transact(|conn| {
        conn.lift_time_limits()?;
        // A table that somebody else has locked is not waited for without end either.
        conn.batch_execute("SET LOCAL lock_timeout = '30s'")?;
        if ask(conn, "current_setting('transaction_read_only') = 'on'")? {
            return Ok(Try::OnlyReads);
        }
        if !ask(conn, &format!("pg_try_advisory_xact_lock({LOCK})"))? {
            return Ok(Try::HeldBy(holder(conn)?));
        }
        // Whoever had the lock may have made them all.
        if Difference::of(conn)?.missing == 0 {
            return Ok(Try::Migrated);
        }
        if !ask(conn, "coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)")? {
            return Err(anyhow!(
                "migrating {url}: its role may not create tables, and some are missing; start \
                 once with a role that may, or give it the right: GRANT CREATE ON SCHEMA public \
                 TO …"
            ));
        }
        run_migrations(conn, url)?;
        Ok(Try::Migrated)
    })
}

/// Who has the lock now, as far as the server tells this role.
fn holder(conn: &mut DbConn) -> QueryResult<String> {
    let (high, low) = (LOCK >> 32, LOCK & 0xffff_ffff);
    tell(
        conn,
        &format!(
            "coalesce((SELECT concat_ws(', ', 'pid ' || held.pid, 'application ' || nullif(who.application_name, ''), 'from ' || host(who.client_addr), \
             who.state) FROM pg_locks AS held LEFT JOIN pg_stat_activity AS who ON who.pid = held.pid \
             WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1 \
             AND held.classid = {high} AND held.objid = {low} AND held.database = \
             (SELECT oid FROM pg_database WHERE datname = current_database()) LIMIT 1), \
             'a session that has just ended')"
        ),
    )
}

fn ask(conn: &mut DbConn, expression: &str) -> QueryResult<bool> {
    #[derive(diesel::QueryableByName)]
    struct Answer {
        #[diesel(sql_type = Bool)]
        answer: bool,
    }
    let row: Answer =
        diesel::sql_query(format!("SELECT {expression} AS answer")).get_result(conn)?;
    Ok(row.answer)
}

fn tell(conn: &mut DbConn, expression: &str) -> QueryResult<String> {
    #[derive(diesel::QueryableByName)]
    struct Answer {
        #[diesel(sql_type = Text)]
        answer: String,
    }
    let row: Answer =
        diesel::sql_query(format!("SELECT {expression} AS answer")).get_result(conn)?;
    Ok(row.answer)
}
