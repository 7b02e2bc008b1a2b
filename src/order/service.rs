//! The use cases around orders: rules and transactions.

use super::error::OrderError;
use super::model::Order;
use super::store;
use super::wire::OrderRecord;
use crate::customer::{self, CustomerId};
use crate::kernel::db::{Db, Tx};
use crate::kernel::http::{Listing, Rendered};
use diesel::QueryResult;

/// The orders; clones share the database.
#[derive(Clone)]
pub struct Orders {
    db: Db,
}

impl Orders {
    pub fn new(db: &Db) -> Orders {
        Orders { db: db.clone() }
    }

    /// A page of the customer's orders, rendered.
    pub async fn list_of(
        &self,
        id: CustomerId,
        mut listing: Listing<Order>,
    ) -> Result<Rendered, OrderError> {
        self.db
            .list(move |conn| {
                customer::require(conn, &id)?;
                let part = store::PART;
                Ok(listing.fill(part, |page, show| store::list_of(conn, &id, page, show))?)
            })
            .await
    }
}

/// Adds an order of a data file, under its own id or one that the database makes, and to what its
/// customer has spent. [`store::number_from_the_highest`] follows the last order that has an id of its
/// own, before the first that has none.
pub fn insert_record(tx: &mut Tx<'_>, record: &OrderRecord) -> QueryResult<()> {
    store::insert(tx.conn(), record)?;
    let order = &record.order;
    if order.status.counts_as_spent() {
        customer::add_spent(tx, &order.customer_id, order.total_amount)?;
    }
    Ok(())
}
