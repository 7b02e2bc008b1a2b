//! All SQL of the idempotency keys.

use super::{IdempotencyKey, KeyError};
use crate::kernel::db::{DbConn, is_postgres};
use crate::kernel::http::StoredResponse;
use crate::kernel::time;
use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use std::thread;
use std::time::{Duration, Instant};

diesel::table! {
    idempotency_keys (key_digest) {
        key_digest -> Text,
        fingerprint -> Text,
        status -> Integer,
        location -> Nullable<Text>,
        body -> Text,
        created_at -> Timestamp,
        etag -> Nullable<Text>,
    }
}

/// How long an answer is kept.
const LIFETIME: TimeDelta = TimeDelta::hours(24);
/// Between two looks at a key that a request at another replica holds.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

#[derive(Queryable, Insertable)]
#[diesel(table_name = idempotency_keys)]
struct Row {
    key_digest: String,
    fingerprint: String,
    status: i32,
    location: Option<String>,
    body: String,
    created_at: NaiveDateTime,
    etag: Option<String>,
}

/// What is known of a key.
pub(super) enum Claim {
    /// Nothing: it is this transaction's now.
    Fresh,
    /// The answer of the request that used it.
    Kept(StoredResponse),
    Refused(KeyError),
}

/// Takes the key for this transaction, or says what became of it before.
pub(super) fn claim(
    conn: &mut DbConn,
    key: &IdempotencyKey,
    time_limit: Duration,
) -> QueryResult<Claim> {
    if !lock(conn, key, time_limit)? {
        return Ok(Claim::Refused(KeyError::InFlight));
    }
    let row: Option<Row> = idempotency_keys::table
        .find(&key.digest)
        .filter(idempotency_keys::created_at.gt(oldest()))
        .first(conn)
        .optional()?;
    Ok(match row {
        None => Claim::Fresh,
        Some(row) if row.fingerprint != key.fingerprint => Claim::Refused(KeyError::Reused),
        Some(row) => Claim::Kept(StoredResponse {
            status: u16::try_from(row.status)
                .map_err(|error| diesel::result::Error::DeserializationError(error.into()))?,
            location: row.location,
            tag: row.etag,
            body: row.body,
            is_replayed: true,
        }),
    })
}

/// Whether nobody else works under this key now. On SQLite a transaction that writes is alone
/// already; on PostgreSQL a lock of the transaction tells, without waiting inside the database for
/// another one to end.
fn lock(conn: &mut DbConn, key: &IdempotencyKey, time_limit: Duration) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Locked {
        #[diesel(sql_type = diesel::sql_types::Bool)]
        locked: bool,
    }
    if !is_postgres(conn) {
        return Ok(true);
    }
    let give_up_at = Instant::now() + time_limit;
    // The first 64 bits of the digest. Two keys that share them only wait for each other.
    let number = &key.digest[..16];
    let try_lock = format!("SELECT pg_try_advisory_xact_lock(x'{number}'::bigint) AS locked");
    loop {
        let row: Locked = diesel::sql_query(&try_lock).get_result(conn)?;
        if row.locked || Instant::now() >= give_up_at {
            return Ok(row.locked);
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// Keeps the answer of this transaction's change.
pub(super) fn keep(
    conn: &mut DbConn,
    key: &IdempotencyKey,
    answer: &StoredResponse,
) -> QueryResult<()> {
    // One that is too old to count may still be there.
    diesel::delete(idempotency_keys::table.find(&key.digest)).execute(conn)?;
    let row = Row {
        key_digest: key.digest.clone(),
        fingerprint: key.fingerprint.clone(),
        status: answer.status.into(),
        location: answer.location.clone(),
        body: answer.body.clone(),
        created_at: time::now().naive_utc(),
        etag: answer.tag.clone(),
    };
    diesel::insert_into(idempotency_keys::table).values(row).execute(conn)?;
    Ok(())
}

/// Deletes up to `limit` of the keys that are too old to count, the oldest first; returns how many.
pub(super) fn forget_old(conn: &mut DbConn, limit: i64) -> QueryResult<usize> {
    let old = idempotency_keys::table
        .filter(idempotency_keys::created_at.le(oldest()))
        .order((idempotency_keys::created_at, idempotency_keys::key_digest))
        .limit(limit)
        .select(idempotency_keys::key_digest);
    let delete = |keys: Vec<String>| {
        diesel::delete(idempotency_keys::table.filter(idempotency_keys::key_digest.eq_any(keys)))
    };
    match conn {
        // Those that another replica deletes now are left to it.
        #[cfg(feature = "postgres")]
        DbConn::Postgres(conn) => {
            let keys = old.for_update().skip_locked().load(conn)?;
            delete(keys).execute(conn)
        }
        #[cfg(feature = "sqlite")]
        DbConn::Sqlite(conn) => {
            let keys = old.load(conn)?;
            delete(keys).execute(conn)
        }
    }
}

pub fn delete_all(conn: &mut DbConn) -> QueryResult<usize> {
    diesel::delete(idempotency_keys::table).execute(conn)
}

fn oldest() -> NaiveDateTime {
    (time::now() - LIFETIME).naive_utc()
}
