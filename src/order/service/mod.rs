//! The use cases around orders: rules and transactions.
//!
//! Locks are taken in one order: the order, its customer, the hold, the products by their ids.

mod change;
mod checkout;
mod drafts;
mod money;
mod pieces;
mod proof;

pub(super) use change::{add_note, change};
pub(super) use checkout::create;
pub(super) use drafts::{delete_draft, place};
pub(super) use money::{pay, refund};
pub(super) use pieces::{bring_back, cancel, fulfil};
pub use proof::prove;

use super::error::OrderError;
use super::model::{
    NewOrder, Order, OrderDetail, OrderFilter, OrderRef, OrderStatus, SaleRules, TierReport,
};
use super::store;
use crate::customer::{self, CustomerId};
use crate::kernel::auth::Actor;
use crate::kernel::db::{Db, Tx, fill_page};
use crate::kernel::idempotency::Changes;
use crate::kernel::outbox::{self, Published};
use crate::kernel::page::{PageWriter, WrittenPage};
use crate::product::stock::{self, Items, StockChanges};
use std::sync::Arc;

/// How many events of an order one answer shows.
pub(super) const MOST_EVENTS: i64 = 1_000;
/// How many orders the explanation of a tier names.
pub(super) const MOST_TIER_ORDERS: i64 = 100;

/// The orders; clones share everything.
#[derive(Clone)]
pub struct Orders {
    db: Db,
    /// Runs the use cases that write.
    pub(super) changes: StockChanges,
    pub(super) rules: Arc<SaleRules>,
}

impl Orders {
    pub fn new(db: &Db, rules: SaleRules) -> Orders {
        let changes = StockChanges::new(db, &Changes::new(db));
        Orders { db: db.clone(), changes, rules: Arc::new(rules) }
    }

    /// Fills a page with the orders of a customer, who must be there.
    pub(super) async fn list_of_customer(
        &self,
        customer_id: CustomerId,
        mut page: PageWriter<Order>,
    ) -> Result<WrittenPage, OrderError> {
        self.db
            .list("order.list_of_customer", move |conn| {
                customer::require(conn, &customer_id)?;
                Ok(fill_page(conn, &store::OfCustomer::new(&customer_id), &mut page)?)
            })
            .await
    }

    pub(super) async fn list(
        &self,
        filter: OrderFilter,
        mut page: PageWriter<Order>,
    ) -> Result<WrittenPage, OrderError> {
        self.db.list("order.list", move |conn| Ok(fill_page(conn, &filter, &mut page)?)).await
    }

    /// The order with its books, as they are at one moment.
    pub(super) async fn detail(&self, order: OrderRef) -> Result<OrderDetail, OrderError> {
        self.db
            .read("order.find", move |conn| {
                let id = match &order {
                    OrderRef::Id(id) => Some(*id),
                    OrderRef::Number(number) => store::find_id(conn, number)?,
                };
                let order = id.map(|id| store::find(conn, id)).transpose()?.flatten();
                Ok(store::detail(conn, order.ok_or(OrderError::NotFound)?)?)
            })
            .await
    }

    /// What has happened to an order, oldest first: at most [`MOST_EVENTS`] behind the event `after`.
    pub(super) async fn timeline(
        &self,
        order: OrderRef,
        after: i64,
    ) -> Result<Vec<Published>, OrderError> {
        self.db
            .read("order.timeline", move |conn| {
                let id = match &order {
                    OrderRef::Id(id) => store::find(conn, *id)?.map(|order| order.id),
                    OrderRef::Number(number) => store::find_id(conn, number)?,
                };
                let subject = subject_of(id.ok_or(OrderError::NotFound)?);
                Ok(outbox::events_of(conn, &subject, after, MOST_EVENTS)?)
            })
            .await
    }

    pub(super) async fn tier(&self, id: CustomerId) -> Result<TierReport, OrderError> {
        self.db
            .read("order.tier", move |conn| {
                let customer = customer::find(conn, &id)?;
                let orders = store::tier_orders(conn, &id, MOST_TIER_ORDERS)?;
                Ok(TierReport { customer, orders })
            })
            .await
    }

    /// The next orders of an export, and those after them with `after`.
    pub(super) async fn export(
        &self,
        filter: OrderFilter,
        mut page: PageWriter<Order>,
    ) -> Result<WrittenPage, OrderError> {
        self.db.list("order.export", move |conn| Ok(fill_page(conn, &filter, &mut page)?)).await
    }
}

/// Adds an order of a data file, under its own id or one that the database makes, and to what its
/// customer has spent; what is open of a pending one has a claim to its pieces.
/// [`store::number_from_the_highest`] follows the last order that has an id of its own, before the first
/// that has none.
pub fn insert_record(tx: &mut Tx<'_>, record: &NewOrder, actor: &Actor) -> Result<(), OrderError> {
    let order = record.to_order();
    let id = store::insert(tx.conn(), record.id, &order)?;
    money::insert_loaded_payment(tx, id, &order, actor)?;
    if order.status.counts_as_spent() {
        customer::add_spent(tx, &order.customer_id, order.money.total)?;
    }
    if order.status == OrderStatus::Pending {
        let open = order.lines.iter().filter(|line| line.open() > 0);
        let lines = open.map(|line| (line.product_id.clone(), line.open()));
        // More pieces of a product than can be counted are no claim to any.
        let items = Items::summed(lines).unwrap_or_default();
        stock::claim_loaded(tx, id, &order.customer_id, &items, actor)?;
    }
    Ok(())
}

/// What events call an order.
pub(super) fn subject_of(order_id: i64) -> String {
    format!("order:{order_id}")
}
