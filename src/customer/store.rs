//! All SQL of the customers.

use super::model::{
    Customer, CustomerChanges, CustomerFilter, CustomerId, Email, NewCustomer, Tier,
};
use super::wire::CustomerRecord;
use crate::kernel::db::{DbConn, JsonObject, MultiBackend};
use crate::kernel::error::Invalid;
use crate::kernel::ids::Id;
use crate::kernel::money::Cents;
use crate::kernel::page::{Page, Show};
use crate::kernel::time;
use crate::schema::customers;
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::connection::DefaultLoadingMode;
use diesel::expression::functions::declare_sql_function;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::Text;

/// How many rows of a list are loaded at once: libpq has all of them in memory.
pub const PART: i64 = 64;

#[declare_sql_function]
extern "SQL" {
    /// Folds ASCII alone, in both databases: e-mail addresses are ASCII, and PostgreSQL compares
    /// the column by bytes.
    fn lower(text: Text) -> Text;
}

/// A row of `customers`, in the order of the table's columns.
#[derive(Queryable)]
struct CustomerRow {
    id: String,
    email: String,
    name: String,
    tier: String,
    phone: Option<String>,
    address: Option<JsonObject>,
    version: i64,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    total_spent: i64,
}

impl CustomerRow {
    fn into_customer(self) -> QueryResult<Customer> {
        Ok(Customer {
            id: Id::parse("id", self.id).map_err(unreadable)?,
            email: Email::parse(self.email).map_err(unreadable)?,
            name: self.name,
            tier: Tier::parse(&self.tier).map_err(unreadable)?,
            phone: self.phone,
            address: self.address.map(|object| object.0),
            version: self.version,
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
            total_spent: Cents::new(self.total_spent),
        })
    }
}

#[derive(Insertable)]
#[diesel(table_name = customers)]
struct NewCustomerRow<'a> {
    id: &'a str,
    email: &'a str,
    name: &'a str,
    tier: &'static str,
    phone: Option<&'a str>,
    address: Option<JsonObject>,
    version: i64,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

#[derive(AsChangeset)]
#[diesel(table_name = customers)]
struct ChangedColumns {
    email: Option<String>,
    name: Option<String>,
    tier: Option<&'static str>,
    phone: Option<Option<String>>,
    address: Option<Option<JsonObject>>,
}

/// What a row holds and the model does not allow: the CHECKs of the schema should have kept it out.
fn unreadable(invalid: Invalid) -> Error {
    Error::DeserializationError(invalid.into())
}

pub fn find(conn: &mut DbConn, id: &CustomerId) -> QueryResult<Option<Customer>> {
    let row: Option<CustomerRow> = customers::table.find(id.as_str()).first(conn).optional()?;
    row.map(CustomerRow::into_customer).transpose()
}

/// The rows of a page.
pub fn list(
    conn: &mut DbConn,
    filter: &CustomerFilter,
    page: &Page,
    show: Show<'_, Customer>,
) -> QueryResult<()> {
    let mut query = filtered(filter);
    if let Some(cursor) = &page.after {
        let at = cursor.created_at.naive_utc();
        // The first condition follows from the second; it is the one that an index can use.
        query = query.filter(customers::created_at.le(at)).filter(
            customers::created_at
                .lt(at)
                .or(customers::created_at.eq(at).and(customers::id.lt(cursor.id.as_str()))),
        );
    }
    let rows = query
        .order((customers::created_at.desc(), customers::id.desc()))
        .limit(page.limit)
        .offset(page.offset)
        .load_iter::<CustomerRow, DefaultLoadingMode>(conn)?;
    for row in rows {
        if show(row?.into_customer()?).is_break() {
            break;
        }
    }
    Ok(())
}

/// How many customers the filter lets through.
pub fn count(conn: &mut DbConn, filter: &CustomerFilter) -> QueryResult<i64> {
    filtered(filter).count().get_result(conn)
}

fn filtered(filter: &CustomerFilter) -> customers::BoxedQuery<'_, MultiBackend> {
    let mut query = customers::table.into_boxed();
    if let Some(tier) = filter.tier {
        query = query.filter(customers::tier.eq(tier.as_str()));
    }
    if let Some(part) = &filter.email_part {
        query = query.filter(lower(customers::email).like(pattern_of(part)).escape('\\'));
    }
    query
}

/// A pattern for whatever holds `part`, in which the signs of LIKE stand for themselves.
fn pattern_of(part: &str) -> String {
    // ASCII alone, as `lower` does: the Kelvin sign is not a K.
    let part = part.to_ascii_lowercase();
    let escaped = part.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{escaped}%")
}

/// Adds a customer that is made now.
pub fn insert(conn: &mut DbConn, customer: &NewCustomer) -> QueryResult<Customer> {
    let now = time::now();
    insert_at(conn, customer, now, now)
}

/// Adds a record of a data file, with its own times where it has them.
pub fn insert_record(conn: &mut DbConn, record: &CustomerRecord) -> QueryResult<Customer> {
    let created_at = record.created_at.unwrap_or_else(time::now);
    let updated_at = record.updated_at.unwrap_or(created_at);
    insert_at(conn, &record.customer, created_at, updated_at)
}

fn insert_at(
    conn: &mut DbConn,
    customer: &NewCustomer,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
) -> QueryResult<Customer> {
    let row = NewCustomerRow {
        id: customer.id.as_str(),
        email: customer.email.as_str(),
        name: &customer.name,
        tier: customer.tier.as_str(),
        phone: customer.phone.as_deref(),
        address: customer.address.clone().map(JsonObject),
        version: time::new_row_version(),
        created_at: created_at.naive_utc(),
        updated_at: updated_at.naive_utc(),
    };
    let row: CustomerRow = diesel::insert_into(customers::table)
        .values(row)
        .returning(customers::all_columns)
        .get_result(conn)?;
    row.into_customer()
}

/// Changes what is present; `None` where there is no such customer.
pub fn update(
    conn: &mut DbConn,
    id: &CustomerId,
    changes: CustomerChanges,
) -> QueryResult<Option<Customer>> {
    let columns = ChangedColumns {
        email: changes.email.map(Email::into_string),
        name: changes.name,
        tier: changes.tier.map(Tier::as_str),
        phone: changes.phone,
        address: changes.address.map(|address| address.map(JsonObject)),
    };
    let row: Option<CustomerRow> = diesel::update(customers::table.find(id.as_str()))
        .set((
            columns,
            customers::version.eq(customers::version + 1),
            customers::updated_at.eq(time::now().naive_utc()),
        ))
        .returning(customers::all_columns)
        .get_result(conn)
        .optional()?;
    row.map(CustomerRow::into_customer).transpose()
}

/// Deletes a customer and returns it; `None` where there is no such customer. The foreign key
/// refuses one that has orders.
pub fn delete(conn: &mut DbConn, id: &CustomerId) -> QueryResult<Option<Customer>> {
    let row: Option<CustomerRow> = diesel::delete(customers::table.find(id.as_str()))
        .returning(customers::all_columns)
        .get_result(conn)
        .optional()?;
    row.map(CustomerRow::into_customer).transpose()
}

/// Adds to what a customer has spent.
pub fn add_spent(conn: &mut DbConn, id: &CustomerId, amount: Cents) -> QueryResult<()> {
    diesel::update(customers::table.find(id.as_str()))
        .set((
            customers::total_spent.eq(customers::total_spent + amount.get()),
            customers::version.eq(customers::version + 1),
        ))
        .execute(conn)
        .map(drop)
}

pub fn is_empty(conn: &mut DbConn) -> QueryResult<bool> {
    let customer: Option<String> = customers::table.select(customers::id).first(conn).optional()?;
    Ok(customer.is_none())
}

pub fn delete_all(conn: &mut DbConn) -> QueryResult<usize> {
    diesel::delete(customers::table).execute(conn)
}
