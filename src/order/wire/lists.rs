//! Lists of orders, and how an order is named in a path.

use super::view::{ListedOrderView, OrderView};
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::http::{ListView, Query};
use crate::kernel::ids::Id;
use crate::kernel::money::Cents;
use crate::kernel::page::Place;
use crate::kernel::problems::Problems;
use crate::kernel::text;
use crate::kernel::wire::all;
use crate::order::model::{
    FulfilmentStatus, Order, OrderFilter, OrderRef, OrderStatus, PaymentStatus, order_id_at,
};
use serde::Serialize;

/// `GET /orders`.
pub(in crate::order) struct OrderList;

impl ListView for OrderList {
    const NAME: &'static str = "all_orders";
    type Filter = OrderFilter;
    type Row = Order;
    const DEFAULT_LIMIT: i64 = 100;
    const FILTERS: &'static [&'static str] = &[
        "status",
        "payment_status",
        "fulfilment_status",
        "customer_id",
        "product_id",
        "serial",
        "order_number",
        "reference",
        "from",
        "to",
        "minTotal",
        "maxTotal",
    ];
    const MEMBERS: &'static [&'static str] = &[
        "id",
        "order_number",
        "customer_id",
        "status",
        "payment_status",
        "fulfilment_status",
        "currency",
        "reference",
        "items",
        "items_amount",
        "discount",
        "shipping_amount",
        "tax",
        "original_amount",
        "taken_back_amount",
        "allowance_amount",
        "import_difference",
        "total_amount",
        "paid_amount",
        "refunded_amount",
        "due_amount",
        "refund_due_amount",
        "payment_method",
        "shipping_address",
        "notes",
        "placed_at",
        "valid_until",
        "pay_by",
        "completed_at",
        "cancelled_at",
        "cancel_reason",
        "created_at",
        "updated_at",
    ];
    const SHOWS_COUNT: bool = false;

    fn parse_filter(query: &Query, problems: &mut Problems) -> Option<OrderFilter> {
        let id = |name| query.get(name)?.map(|text| Id::parse(name, text)).transpose();
        let words = |name, most| {
            let text = query.get(name)?.map(str::to_owned);
            text.map(|text| text::required(name, text, most)).transpose()
        };
        let total = |name| query.get(name)?.map(|text| Cents::parse(name, text)).transpose();
        let status = problems.take(named(query, "status", OrderStatus::parse));
        let payment_status = named(query, "payment_status", PaymentStatus::parse);
        let payment_status = problems.take(payment_status);
        let fulfilment_status = named(query, "fulfilment_status", FulfilmentStatus::parse);
        let fulfilment_status = problems.take(fulfilment_status);
        let customer_id = problems.take(id("customer_id"));
        let product_id = problems.take(id("product_id"));
        let serial = problems.take(words("serial", 100));
        let order_number = problems.take(words("order_number", 50));
        let reference = problems.take(words("reference", 100));
        let from = problems.take(query.time("from"));
        let to = problems.take(query.time("to"));
        let min_total = problems.take(total("minTotal"));
        let max_total = problems.take(total("maxTotal"));
        let (min, max) = (min_total.flatten(), max_total.flatten());
        if min.zip(max).is_some_and(|(min, max)| min > max) {
            let reason = "must not be greater than maxTotal";
            problems.note(Invalid::new("minTotal", Rule::OutOfRange, reason));
        }
        if from.flatten().zip(to.flatten()).is_some_and(|(from, to)| from > to) {
            problems.note(Invalid::new("from", Rule::OutOfRange, "must not be later than to"));
        }
        all!(OrderFilter {
            status,
            payment_status,
            fulfilment_status,
            customer_id,
            product_id,
            serial,
            order_number,
            reference,
            from,
            to,
            min_total,
            max_total,
        })
    }

    fn has_place(place: &Place) -> bool {
        order_id_at(place).is_some()
    }

    fn view(order: &Order) -> impl Serialize {
        OrderView::from(order)
    }
}

fn named<T>(
    query: &Query,
    name: &'static str,
    parse: fn(&str) -> Result<T, Invalid>,
) -> Result<Option<T>, Invalid> {
    query.get(name)?.map(parse).transpose()
}

/// `GET /customers/{id}/orders`.
pub(in crate::order) struct OrdersOfCustomer;

impl ListView for OrdersOfCustomer {
    const NAME: &'static str = "orders";
    /// The path says whose orders; the query chooses none of them.
    type Filter = ();
    type Row = Order;
    const DEFAULT_LIMIT: i64 = 100;
    const FILTERS: &'static [&'static str] = &[];
    const MEMBERS: &'static [&'static str] = &[
        "id",
        "order_number",
        "customer_id",
        "items",
        "total_amount",
        "discount_amount",
        "shipping_amount",
        "tax_amount",
        "status",
        "payment_method",
        "shipping_address",
        "notes",
        "created_at",
        "updated_at",
    ];
    const HAS_TOTAL: bool = false;
    const SHOWS_COUNT: bool = true;

    fn parse_filter(_: &Query, _: &mut Problems) -> Option<()> {
        Some(())
    }

    fn has_place(place: &Place) -> bool {
        order_id_at(place).is_some()
    }

    fn view(order: &Order) -> impl Serialize {
        ListedOrderView::from(order)
    }
}

/// An id, or an order number, which is never digits alone.
///
/// # Errors
/// Names `id`.
pub(in crate::order) fn parse_order_ref(part: &str) -> Result<OrderRef, Invalid> {
    if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
        let id = part.parse().ok().filter(|id| *id > 0);
        return id.map(OrderRef::Id).ok_or_else(|| {
            Invalid::new(
                "id",
                Rule::OutOfRange,
                "must be a positive whole number, or a number of an order",
            )
        });
    }
    Ok(OrderRef::Number(text::required("id", part.to_owned(), 50)?))
}
