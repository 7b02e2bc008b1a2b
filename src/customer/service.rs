//! The use cases around customers: rules and transactions.

use super::error::CustomerError;
use super::model::{
    Customer, CustomerChanges, CustomerFilter, CustomerId, CustomerProfile, NewCustomer, Order,
    VipTier,
};
use super::store;
use crate::kernel::db::{Db, DbConn};
use crate::kernel::http::{Answer, Listing, Rendered};
use crate::kernel::idempotency::{Changes, Reply};
use diesel::result::{DatabaseErrorKind, Error};
use futures_util::future::{BoxFuture, FutureExt};

/// The customers; clones share the database.
#[derive(Clone)]
pub struct Customers {
    db: Db,
    changes: Changes,
}

impl Customers {
    pub fn new(db: &Db) -> Customers {
        Customers { db: db.clone(), changes: Changes::new(db) }
    }

    pub async fn get(&self, id: CustomerId) -> Result<CustomerProfile, CustomerError> {
        self.db
            .read(move |conn| {
                let customer = store::find(conn, &id)?.ok_or(CustomerError::NotFound)?;
                let total_spent = store::total_spent(conn, &id)?;
                let vip_tier = VipTier::of(total_spent);
                Ok(CustomerProfile { customer, total_spent, vip_tier })
            })
            .await
    }

    /// The page, rendered, and the number of all that the filter lets through.
    pub async fn list(
        &self,
        filter: CustomerFilter,
        mut listing: Listing<Customer>,
    ) -> Result<(Rendered, i64), CustomerError> {
        self.db
            .list(move |conn| {
                let total = store::count(conn, &filter)?;
                let part = store::PART;
                let rows =
                    listing.fill(part, |page, show| store::list(conn, &filter, page, show))?;
                Ok((rows, total))
            })
            .await
    }

    pub async fn create(
        &self,
        customer: NewCustomer,
        reply: Reply<Customer>,
    ) -> Result<Answer, CustomerError> {
        let row = row_of(&customer.id);
        let add = move |conn: &mut DbConn| store::insert(conn, &customer).map_err(already_exists);
        self.changes.make(row, reply, add, nothing_follows).await
    }

    pub async fn update(
        &self,
        id: CustomerId,
        changes: CustomerChanges,
        reply: Reply<Customer>,
    ) -> Result<Answer, CustomerError> {
        let row = row_of(&id);
        let change = move |conn: &mut DbConn| {
            store::update(conn, &id, changes.clone())
                .map_err(email_in_use)?
                .ok_or(CustomerError::NotFound)
        };
        self.changes.make(row, reply, change, nothing_follows).await
    }

    pub async fn delete(
        &self,
        id: CustomerId,
        reply: Reply<Customer>,
    ) -> Result<Answer, CustomerError> {
        let row = row_of(&id);
        let remove = move |conn: &mut DbConn| {
            store::delete(conn, &id).map_err(has_orders)?.ok_or(CustomerError::NotFound)
        };
        self.changes.make(row, reply, remove, nothing_follows).await
    }

    /// A page of the customer's orders, rendered.
    pub async fn orders(
        &self,
        id: CustomerId,
        mut listing: Listing<Order>,
    ) -> Result<Rendered, CustomerError> {
        self.db
            .list(move |conn| {
                store::find(conn, &id)?.ok_or(CustomerError::NotFound)?;
                let part = store::ORDERS_PART;
                Ok(listing.fill(part, |page, show| store::orders_of(conn, &id, page, show))?)
            })
            .await
    }
}

/// The name under which the database counts the writes of one customer.
fn row_of(id: &CustomerId) -> String {
    format!("customer:{id}")
}

/// Customers are not cached: a commit has nothing to invalidate.
fn nothing_follows(_: Option<&Customer>) -> BoxFuture<'static, ()> {
    std::future::ready(()).boxed()
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
