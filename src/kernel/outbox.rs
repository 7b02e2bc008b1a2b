//! What has happened, written by the transaction that made it happen: there is never the one without
//! the other. Owns the table `events`.
//!
//! Events are numbered for readers after their commit. The events of one subject are written under its
//! lock, so that their ids are in its order.

use super::auth::Actor;
use super::db::{DbConn, JsonObject};
use super::time;
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use serde_json::{Map, Value};

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamp};
    use crate::kernel::db::Json;

    events (id) {
        id -> BigInt,
        sequence -> Nullable<BigInt>,
        #[sql_name = "type"]
        kind -> Text,
        subject -> Text,
        subject_version -> BigInt,
        data -> Json,
        is_internal -> Bool,
        actor -> Text,
        request_id -> Nullable<Text>,
        created_at -> Timestamp,
    }
}

/// Something that has happened to a subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<'a> {
    /// Such as `order.placed`.
    pub kind: &'static str,
    /// Such as `order:121`.
    pub subject: &'a str,
    /// That of the subject after it.
    pub subject_version: i64,
    /// Ids, states and amounts; no names, addresses or texts, unless it is internal.
    pub data: Map<String, Value>,
    /// For the subject's own history alone.
    pub is_internal: bool,
}

/// An event as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    pub id: i64,
    pub kind: String,
    pub subject_version: i64,
    pub data: Map<String, Value>,
    pub is_internal: bool,
    pub actor: String,
    pub created_at: DateTime<Utc>,
}

#[derive(Insertable)]
#[diesel(table_name = events)]
struct NewRow<'a> {
    kind: &'static str,
    subject: &'a str,
    subject_version: i64,
    data: JsonObject,
    is_internal: bool,
    actor: &'a str,
    request_id: Option<&'a str>,
    created_at: NaiveDateTime,
}

/// Writes an event in the transaction of what it tells.
pub fn publish(conn: &mut DbConn, event: Event<'_>, actor: &Actor) -> QueryResult<()> {
    let row = NewRow {
        kind: event.kind,
        subject: event.subject,
        subject_version: event.subject_version,
        data: JsonObject(event.data),
        is_internal: event.is_internal,
        actor: actor.name(),
        request_id: actor.request_id(),
        created_at: time::now().naive_utc(),
    };
    diesel::insert_into(events::table).values(row).execute(conn).map(drop)
}

/// The events of a subject, oldest first: at most `limit` behind the one with the id `after`.
pub fn events_of(
    conn: &mut DbConn,
    subject: &str,
    after: i64,
    limit: i64,
) -> QueryResult<Vec<Published>> {
    type Row = (i64, String, i64, JsonObject, bool, String, NaiveDateTime);
    let rows: Vec<Row> = events::table
        .filter(events::subject.eq(subject).and(events::id.gt(after)))
        .order(events::id)
        .limit(limit)
        .select((
            events::id,
            events::kind,
            events::subject_version,
            events::data,
            events::is_internal,
            events::actor,
            events::created_at,
        ))
        .load(conn)?;
    let published = |(id, kind, subject_version, data, is_internal, actor, at): Row| Published {
        id,
        kind,
        subject_version,
        data: data.0,
        is_internal,
        actor,
        created_at: at.and_utc(),
    };
    Ok(rows.into_iter().map(published).collect())
}

/// Forgets what has happened, before a store is loaded anew.
pub fn delete_all(conn: &mut DbConn) -> QueryResult<usize> {
    diesel::delete(events::table).execute(conn)
}
