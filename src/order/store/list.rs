//! The SQL of lists of orders: one filter for their rows and their number.

use super::lines::lines_of;
use super::rows::Row;
use crate::customer::CustomerId;
use crate::kernel::db::{
    DbConn, ListSource, MultiBackend, PageOf, count_rows, in_order, show_rows, unreadable,
};
use crate::kernel::money::Cents;
use crate::kernel::page::{Counting, Place, Show, Total};
use crate::order::model::{Order, OrderFilter, OrderKey, OrderStatus, order_id_at};
use crate::schema::{order_items, order_serials, orders};
use diesel::prelude::*;
use diesel::sql_types::BigInt;

impl ListSource for OrderFilter {
    type Row = Order;
    /// All of them are in memory, with their lines.
    const PART_ROWS: i64 = 16;

    fn load(
        &self,
        conn: &mut DbConn,
        page: &PageOf<Order>,
        show: Show<'_, Order>,
    ) -> QueryResult<()> {
        let key = match page.sort.key {
            OrderKey::CreatedAt => "orders.created_at",
            OrderKey::TotalAmount => "orders.total_amount",
        };
        let query = in_order!(
            filtered(self), page, key, "orders.id",
            place => BigInt = order_id_at(place).ok_or_else(|| unreadable(Place::invalid("after")))?
        );
        let rows: Vec<Row> = query.load(conn)?;
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let mut lines = lines_of(conn, &ids)?;
        let with_lines = |row: Row| {
            let lines = lines.remove(&row.id).unwrap_or_default();
            row.into_order(lines)
        };
        show_rows(rows.into_iter().map(Ok), with_lines, show)
    }

    fn count(&self, conn: &mut DbConn, counting: Counting) -> QueryResult<Total> {
        count_rows!(conn, counting, filtered(self), orders::id)
    }
}

/// The orders of a customer, whose number is told nowhere.
pub(in crate::order) struct OfCustomer(OrderFilter);

impl OfCustomer {
    pub(in crate::order) fn new(id: &CustomerId) -> OfCustomer {
        OfCustomer(OrderFilter { customer_id: Some(id.clone()), ..OrderFilter::default() })
    }
}

impl ListSource for OfCustomer {
    type Row = Order;
    const PART_ROWS: i64 = OrderFilter::PART_ROWS;

    fn load(
        &self,
        conn: &mut DbConn,
        page: &PageOf<Order>,
        show: Show<'_, Order>,
    ) -> QueryResult<()> {
        self.0.load(conn, page, show)
    }

    fn count(&self, _: &mut DbConn, _: Counting) -> QueryResult<Total> {
        Ok(Total::NotSaid)
    }
}

fn filtered(filter: &OrderFilter) -> orders::BoxedQuery<'_, MultiBackend> {
    let mut query = orders::table.into_boxed();
    query = match filter.status {
        Some(status) => query.filter(orders::status.eq(status.as_str())),
        None => query.filter(orders::status.ne(OrderStatus::Draft.as_str())),
    };
    if let Some(status) = filter.payment_status {
        query = query.filter(orders::payment_status.eq(status.as_str()));
    }
    if let Some(status) = filter.fulfilment_status {
        query = query.filter(orders::fulfilment_status.eq(status.as_str()));
    }
    if let Some(id) = &filter.customer_id {
        query = query.filter(orders::customer_id.eq(id.as_str()));
    }
    if let Some(id) = &filter.product_id {
        let with_it = order_items::table.filter(order_items::product_id.eq(id.as_str()));
        query = query.filter(orders::id.eq_any(with_it.select(order_items::order_id)));
    }
    if let Some(serial) = &filter.serial {
        let with_it = order_serials::table.filter(order_serials::serial.eq(serial));
        query = query.filter(orders::id.eq_any(with_it.select(order_serials::order_id)));
    }
    if let Some(number) = &filter.order_number {
        query = query.filter(orders::order_number.eq(number));
    }
    if let Some(reference) = &filter.reference {
        query = query.filter(orders::reference.eq(reference));
    }
    if let Some(from) = filter.from {
        query = query.filter(orders::created_at.ge(from.naive_utc()));
    }
    if let Some(to) = filter.to {
        query = query.filter(orders::created_at.lt(to.naive_utc()));
    }
    if let Some(least) = filter.min_total {
        query = query.filter(orders::total_amount.ge(least.get()));
    }
    if let Some(most) = filter.max_total {
        query = query.filter(orders::total_amount.le(most.get()));
    }
    query
}

/// The orders that count for the tier of a customer, newest first: at most `limit` of them.
pub(in crate::order) fn tier_orders(
    conn: &mut DbConn,
    customer_id: &CustomerId,
    limit: i64,
) -> QueryResult<Vec<(i64, Option<String>, Cents)>> {
    let counting = [OrderStatus::Pending.as_str(), OrderStatus::Completed.as_str()];
    let rows: Vec<(i64, Option<String>, i64)> = orders::table
        .filter(orders::customer_id.eq(customer_id.as_str()))
        .filter(orders::status.eq_any(counting))
        .order((orders::created_at.desc(), orders::id.desc()))
        .limit(limit)
        .select((orders::id, orders::order_number, orders::total_amount))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, number, total)| (id, number, Cents::new(total))).collect())
}
