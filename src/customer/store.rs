//! All SQL of the customers.

use super::model::{
    Customer, CustomerChanges, CustomerFilter, CustomerId, CustomerKey, CustomerRecord, Email,
    NewCustomer, Tier,
};
use crate::kernel::db::{
    DbConn, JsonObject, ListSource, MultiBackend, PageOf, folded_column, in_order, show_rows,
    unreadable,
};
use crate::kernel::ids::Id;
use crate::kernel::money::Cents;
use crate::kernel::page::Show;
use crate::kernel::time;
use crate::schema::customers;
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::connection::DefaultLoadingMode;
use diesel::expression::functions::declare_sql_function;
use diesel::prelude::*;
use diesel::sql_types::Text;

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

pub(super) fn find(conn: &mut DbConn, id: &CustomerId) -> QueryResult<Option<Customer>> {
    let row: Option<CustomerRow> = customers::table.find(id.as_str()).first(conn).optional()?;
    row.map(CustomerRow::into_customer).transpose()
}

/// As [`find`], for a row that this transaction changes: on PostgreSQL nobody else does until it ends,
/// and on SQLite a transaction that writes is alone.
pub(super) fn find_and_lock(conn: &mut DbConn, id: &CustomerId) -> QueryResult<Option<Customer>> {
    let query = customers::table.find(id.as_str());
    let row: Option<CustomerRow> = match conn {
        #[cfg(feature = "postgres")]
        DbConn::Postgres(conn) => query.for_update().first(conn).optional()?,
        #[cfg(feature = "sqlite")]
        DbConn::Sqlite(conn) => query.first(conn).optional()?,
    };
    row.map(CustomerRow::into_customer).transpose()
}

impl ListSource for CustomerFilter {
    type Row = Customer;
    /// libpq has all of them in memory.
    const PART_ROWS: i64 = 64;

    fn load(
        &self,
        conn: &mut DbConn,
        page: &PageOf<Customer>,
        show: Show<'_, Customer>,
    ) -> QueryResult<()> {
        let key = match page.sort.key {
            CustomerKey::CreatedAt => "customers.created_at".to_owned(),
            CustomerKey::Name => folded_column(conn, "customers.name"),
            CustomerKey::TotalSpent => "customers.total_spent".to_owned(),
        };
        let query = in_order!(
            filtered(self), page, key, "customers.id", place => Text = place.id.as_str()
        );
        let rows = query.load_iter::<CustomerRow, DefaultLoadingMode>(conn)?;
        show_rows(rows, CustomerRow::into_customer, show)
    }

    fn count(&self, conn: &mut DbConn) -> QueryResult<Option<i64>> {
        filtered(self).count().get_result(conn).map(Some)
    }
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
pub(super) fn insert(conn: &mut DbConn, customer: &NewCustomer) -> QueryResult<Customer> {
    let now = time::now();
    insert_at(conn, customer, (now, now))
}

/// Adds a record of a data file, with its own times where it has them.
pub fn insert_record(conn: &mut DbConn, record: &CustomerRecord) -> QueryResult<Customer> {
    insert_at(conn, &record.new, record.times())
}

fn insert_at(
    conn: &mut DbConn,
    customer: &NewCustomer,
    (created_at, updated_at): (DateTime<Utc>, DateTime<Utc>),
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
pub(super) fn update(
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
pub(super) fn delete(conn: &mut DbConn, id: &CustomerId) -> QueryResult<Option<Customer>> {
    let row: Option<CustomerRow> = diesel::delete(customers::table.find(id.as_str()))
        .returning(customers::all_columns)
        .get_result(conn)
        .optional()?;
    row.map(CustomerRow::into_customer).transpose()
}

/// Adds to what a customer has spent.
pub(super) fn add_spent(conn: &mut DbConn, id: &CustomerId, amount: Cents) -> QueryResult<()> {
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
