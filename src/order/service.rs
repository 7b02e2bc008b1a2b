//! The use cases around orders: rules and transactions.

use super::error::OrderError;
use super::model::{NewOrder, Order, OrderFilter, OrderStatus};
use super::store;
use crate::customer;
use crate::kernel::auth::Actor;
use crate::kernel::db::{Db, Tx, fill_page};
use crate::kernel::page::{PageWriter, WrittenPage};
use crate::product::stock::{self, Items};

/// The orders; clones share the database.
#[derive(Clone)]
pub struct Orders {
    db: Db,
}

impl Orders {
    pub fn new(db: &Db) -> Orders {
        Orders { db: db.clone() }
    }

    /// Fills a page with the orders of a customer, who must be there.
    pub async fn list(
        &self,
        filter: OrderFilter,
        mut page: PageWriter<Order>,
    ) -> Result<WrittenPage, OrderError> {
        self.db
            .list("order.list_of_customer", move |conn| {
                customer::require(conn, &filter.customer_id)?;
                Ok(fill_page(conn, &filter, &mut page)?)
            })
            .await
    }
}

/// Adds an order of a data file, under its own id or one that the database makes, and to what its
/// customer has spent; a pending one has a claim to its pieces. [`store::number_from_the_highest`] follows the last order that has an id of its
/// own, before the first that has none.
pub fn insert_record(tx: &mut Tx<'_>, order: &NewOrder, actor: &Actor) -> Result<(), OrderError> {
    let id = store::insert(tx.conn(), order)?;
    if order.status.counts_as_spent() {
        customer::add_spent(tx, &order.customer_id, order.total_amount)?;
    }
    if order.status == OrderStatus::Pending {
        let lines = order.items.iter().map(|item| (item.product_id.clone(), item.quantity));
        // More pieces of a product than can be counted are no claim to any.
        let items = Items::summed(lines).unwrap_or_default();
        stock::claim_loaded(tx, id, &order.customer_id, &items, actor)?;
    }
    Ok(())
}
