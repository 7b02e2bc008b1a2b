//! All SQL of the customers.

use super::model::{
    Customer, CustomerChanges, CustomerFilter, CustomerId, CustomerKey, CustomerRecord, Email,
    NewCustomer, PHONE_SIGNS, Tier, VipTier,
};
use crate::kernel::db::{
    DbConn, JsonObject, ListSource, MultiBackend, PageOf, count_rows, folded_column, holds,
    in_order, is_postgres, pattern_of, show_rows, unreadable,
};
use crate::kernel::ids::Id;
use crate::kernel::money::Cents;
use crate::kernel::page::{Counting, Show, Total, folded};
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
            CustomerKey::Name => folded_column(is_postgres(conn), "customers.name"),
            CustomerKey::TotalSpent => "customers.total_spent".to_owned(),
        };
        let query = in_order!(
            filtered(self, is_postgres(conn)), page, key, "customers.id", place => Text = place.id.as_str()
        );
        let rows = query.load_iter::<CustomerRow, DefaultLoadingMode>(conn)?;
        show_rows(rows, CustomerRow::into_customer, show)
    }

    fn count(&self, conn: &mut DbConn, counting: Counting) -> QueryResult<Total> {
        let on_postgres = is_postgres(conn);
        count_rows!(conn, counting, filtered(self, on_postgres), customers::id)
    }
}

fn filtered(filter: &CustomerFilter, on_postgres: bool) -> customers::BoxedQuery<'_, MultiBackend> {
    let mut query = customers::table.into_boxed();
    if let Some(tier) = filter.tier {
        query = query.filter(customers::tier.eq(tier.as_str()));
    }
    // ASCII alone, as `lower` does: the Kelvin sign is not a K.
    if let Some(part) = &filter.email_part {
        query = query.filter(
            lower(customers::email).like(pattern_of(&part.to_ascii_lowercase())).escape('\\'),
        );
    }
    if let Some(part) = &filter.name_part {
        query = query.filter(holds(&folded_column(on_postgres, "customers.name"), &folded(part)));
    }
    if let Some(part) = &filter.phone_part {
        query = query.filter(holds(&plain_phone(), &part.to_ascii_lowercase()));
    }
    let (above, up_to) = filter.vip_tier.map(VipTier::spent).unwrap_or_default();
    if let Some(above) = above {
        query = query.filter(customers::total_spent.gt(above.get()));
    }
    if let Some(up_to) = up_to {
        query = query.filter(customers::total_spent.le(up_to.get()));
    }
    if let Some(min) = filter.min_spent {
        query = query.filter(customers::total_spent.ge(min.get()));
    }
    query
}

/// The telephone number without what stands between its digits.
fn plain_phone() -> String {
    PHONE_SIGNS.iter().fold("lower(customers.phone)".to_owned(), |sql, sign| {
        format!("replace({sql}, '{sign}', '')")
    })
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
