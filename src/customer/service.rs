//! The use cases around customers: rules and transactions.

use super::error::CustomerError;
use super::model::{Customer, CustomerChanges, CustomerFilter, CustomerId, NewCustomer};
use super::store;
use crate::kernel::db::{Db, DbConn, Tx, fill_page};
use crate::kernel::idempotency::Changes;
use crate::kernel::money::Cents;
use crate::kernel::page::{PageWriter, WrittenPage};
use crate::kernel::precondition::Precondition;
use diesel::QueryResult;
use diesel::result::{DatabaseErrorKind, Error};

/// The customers; clones share the database.
#[derive(Clone)]
pub struct Customers {
    db: Db,
    /// Runs the use cases that write.
    pub changes: Changes,
}

impl Customers {
    pub fn new(db: &Db) -> Customers {
        Customers { db: db.clone(), changes: Changes::new(db) }
    }

    pub async fn get(&self, id: CustomerId) -> Result<Customer, CustomerError> {
        self.db.read("customer.find", move |conn| require(conn, &id)).await
    }

    /// Fills a page with the customers that the filter lets through.
    pub async fn list(
        &self,
        filter: CustomerFilter,
        mut page: PageWriter<Customer>,
    ) -> Result<WrittenPage, CustomerError> {
        self.db.list("customer.list", move |conn| Ok(fill_page(conn, &filter, &mut page)?)).await
    }
}

/// The customer, who must be there.
pub fn require(conn: &mut DbConn, id: &CustomerId) -> Result<Customer, CustomerError> {
    store::find(conn, id)?.ok_or(CustomerError::NotFound)
}

// Customers are not cached: nothing follows a commit.

pub(super) fn create(tx: &mut Tx<'_>, customer: &NewCustomer) -> Result<Customer, CustomerError> {
    store::insert(tx.conn(), customer).map_err(already_exists)
}

pub(super) fn update(
    tx: &mut Tx<'_>,
    id: &CustomerId,
    changes: &CustomerChanges,
    condition: &Precondition<Customer>,
) -> Result<Customer, CustomerError> {
    check(tx, id, condition)?;
    let updated = store::update(tx.conn(), id, changes.clone()).map_err(email_in_use)?;
    updated.ok_or(CustomerError::NotFound)
}

pub(super) fn delete(
    tx: &mut Tx<'_>,
    id: &CustomerId,
    condition: &Precondition<Customer>,
) -> Result<Customer, CustomerError> {
    check(tx, id, condition)?;
    store::delete(tx.conn(), id).map_err(has_orders)?.ok_or(CustomerError::NotFound)
}

/// The customer.
///
/// # Errors
/// [`CustomerError::NotFound`].
pub fn find(conn: &mut DbConn, id: &CustomerId) -> Result<Customer, CustomerError> {
    store::find(conn, id)?.ok_or(CustomerError::NotFound)
}

/// The customer, whom nobody else changes until the transaction ends.
///
/// # Errors
/// [`CustomerError::NotFound`].
pub fn lock(tx: &mut Tx<'_>, id: &CustomerId) -> Result<Customer, CustomerError> {
    store::find_and_lock(tx.conn(), id)?.ok_or(CustomerError::NotFound)
}

/// Adds to what a customer has spent: an order counts from now on, or, where `amount` is negative, no
/// more.
pub fn add_spent(tx: &mut Tx<'_>, id: &CustomerId, amount: Cents) -> QueryResult<()> {
    store::add_spent(tx.conn(), id, amount)
}

/// Holds the row until the transaction ends, so that what was seen of it is what is changed.
fn check(
    tx: &mut Tx<'_>,
    id: &CustomerId,
    condition: &Precondition<Customer>,
) -> Result<(), CustomerError> {
    let Some(is_met) = condition else {
        return Ok(());
    };
    let customer = store::find_and_lock(tx.conn(), id)?.ok_or(CustomerError::NotFound)?;
    Ok(is_met(&customer)?)
}

/// The name of one customer among the rows that are written.
pub fn row(id: &CustomerId) -> String {
    format!("customer:{id}")
}

fn already_exists(error: Error) -> CustomerError {
    match error {
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => CustomerError::AlreadyExists,
        error => error.into(),
    }
}

/// An update leaves the id alone, so that only the e-mail address can collide.
fn email_in_use(error: Error) -> CustomerError {
    match error {
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => CustomerError::EmailInUse,
        error => error.into(),
    }
}

/// Only orders refer to a customer.
fn has_orders(error: Error) -> CustomerError {
    match error {
        Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => CustomerError::HasOrders,
        error => error.into(),
    }
}
