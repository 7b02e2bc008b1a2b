//! A database that holds the tables of another program is none for this one.

use super::connection::{DbConn, is_postgres};
use crate::kernel::config::DatabaseUrl;
use crate::kernel::error::Refusal;
use diesel::RunQueryDsl;
use diesel::sql_types::Text;

#[derive(diesel::QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Looks at the names alone, before anything is made.
///
/// # Errors
/// A [`Refusal`], which names a table that is in the way; those of the database.
pub(super) fn refuse_tables_of_another_program(
    conn: &mut DbConn,
    url: &DatabaseUrl,
) -> anyhow::Result<()> {
    const TABLES: [&str; 5] =
        ["products", "customers", "orders", "order_items", "idempotency_keys"];
    const MIGRATIONS: &str = "__diesel_schema_migrations";
    const FIRST_MIGRATION: &str = "20261122000001";

    let names = if is_postgres(conn) {
        "SELECT relname::text AS name FROM pg_class WHERE relnamespace = \
         (SELECT oid FROM pg_namespace WHERE nspname = current_schema())"
    } else {
        "SELECT name FROM sqlite_schema"
    };
    let names: Vec<Name> = diesel::sql_query(names).load(conn)?;
    let is_there = |wanted: &str| names.iter().any(|found| found.name == wanted);
    let Some(table) = TABLES.into_iter().find(|table| is_there(table)) else {
        return Ok(());
    };
    if is_there(MIGRATIONS) {
        let first =
            format!("SELECT version AS name FROM {MIGRATIONS} WHERE version = '{FIRST_MIGRATION}'");
        let made: Vec<Name> = diesel::sql_query(first).load(conn)?;
        if !made.is_empty() {
            return Ok(());
        }
    }
    let own = if is_postgres(conn) {
        "a database of its own: CREATE DATABASE chronos, and its name at the end of the URL"
    } else {
        "a file of its own"
    };
    Err(Refusal(format!(
        "DATABASE_URL: {url} holds a table {table} that Chronos did not make, and nothing was \
         changed; give Chronos {own}"
    ))
    .into())
}
