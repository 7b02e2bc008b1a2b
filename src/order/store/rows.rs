//! The rows of `orders`.

use crate::customer::Tier;
use crate::kernel::db::{JsonObject, unreadable};
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::ids::Id;
use crate::kernel::money::Cents;
use crate::order::model::{
    BasisPoints, FulfilmentStatus, Line, Money, Order, OrderStatus, PaymentStatus, TaxMode, TaxRule,
};
use crate::schema::orders;
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

const IMPORT: &str = "import";
const API: &str = "api";

/// A row, in the order of the table's columns.
#[derive(Queryable)]
pub(super) struct Row {
    pub(super) id: i64,
    order_number: Option<String>,
    customer_id: String,
    total_amount: i64,
    status: String,
    payment_method: Option<String>,
    shipping_address: Option<JsonObject>,
    notes: Option<String>,
    version: i64,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    discount_amount: i64,
    shipping_amount: i64,
    tax_amount: i64,
    source: String,
    currency: Option<String>,
    reference: Option<String>,
    items_amount: i64,
    discount_tier: Option<String>,
    discount_rate: i32,
    tax_mode: String,
    tax_rate: i32,
    tax_exempt_reason: Option<String>,
    original_amount: i64,
    taken_back_amount: i64,
    allowance_amount: i64,
    import_difference: i64,
    paid_amount: i64,
    refunded_amount: i64,
    _pieces: i64,
    _pieces_cancelled: i64,
    _pieces_fulfilled: i64,
    _pieces_returned: i64,
    placed_at: Option<NaiveDateTime>,
    valid_until: Option<NaiveDateTime>,
    pay_by: Option<NaiveDateTime>,
    completed_at: Option<NaiveDateTime>,
    cancelled_at: Option<NaiveDateTime>,
    cancel_reason: Option<String>,
    payment_status: String,
    fulfilment_status: String,
}

impl Row {
    pub(super) fn into_order(self, lines: Vec<Line>) -> QueryResult<Order> {
        let utc = |at: Option<NaiveDateTime>| at.map(|at| at.and_utc());
        let tier = self.discount_tier.as_deref().map(Tier::parse).transpose();
        let mode = TaxMode::parse(&self.tax_mode).ok_or_else(|| out_of_range("tax_mode"));
        let tax = TaxRule {
            mode: mode.map_err(unreadable)?,
            rate: share("tax_rate", self.tax_rate).map_err(unreadable)?,
        };
        Ok(Order {
            id: self.id,
            order_number: self.order_number,
            customer_id: Id::parse("customer_id", self.customer_id).map_err(unreadable)?,
            status: OrderStatus::parse(&self.status).map_err(unreadable)?,
            payment_status: PaymentStatus::parse(&self.payment_status).map_err(unreadable)?,
            fulfilment_status: FulfilmentStatus::parse(&self.fulfilment_status)
                .map_err(unreadable)?,
            is_imported: self.source == IMPORT,
            currency: self.currency,
            reference: self.reference,
            lines,
            money: Money {
                items: Cents::new(self.items_amount),
                discount: Cents::new(self.discount_amount),
                shipping: Cents::new(self.shipping_amount),
                tax: Cents::new(self.tax_amount),
                original: Cents::new(self.original_amount),
                taken_back: Cents::new(self.taken_back_amount),
                allowance: Cents::new(self.allowance_amount),
                import_difference: Cents::new(self.import_difference),
                total: Cents::new(self.total_amount),
                paid: Cents::new(self.paid_amount),
                refunded: Cents::new(self.refunded_amount),
            },
            discount_tier: tier.map_err(unreadable)?,
            discount_rate: share("discount_rate", self.discount_rate).map_err(unreadable)?,
            tax,
            tax_exempt_reason: self.tax_exempt_reason,
            payment_method: self.payment_method,
            shipping_address: self.shipping_address.map(|object| object.0),
            notes: self.notes,
            placed_at: utc(self.placed_at),
            valid_until: utc(self.valid_until),
            pay_by: utc(self.pay_by),
            completed_at: utc(self.completed_at),
            cancelled_at: utc(self.cancelled_at),
            cancel_reason: self.cancel_reason,
            version: self.version,
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
        })
    }
}

fn share(column: &'static str, points: i32) -> Result<BasisPoints, Invalid> {
    BasisPoints::new(points).ok_or_else(|| out_of_range(column))
}

fn out_of_range(column: &'static str) -> Invalid {
    Invalid::new(column, Rule::OutOfRange, "is not what this version writes")
}

#[derive(Insertable)]
#[diesel(table_name = orders)]
pub(super) struct NewRow<'a> {
    pub(super) id: Option<i64>,
    pub(super) created_at: NaiveDateTime,
    #[diesel(embed)]
    pub(super) columns: Columns<'a>,
}

/// All columns that a change may write.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = orders, treat_none_as_null = true)]
pub(super) struct Columns<'a> {
    order_number: Option<&'a str>,
    customer_id: &'a str,
    total_amount: i64,
    status: &'static str,
    payment_method: Option<&'a str>,
    shipping_address: Option<JsonObject>,
    notes: Option<&'a str>,
    version: i64,
    updated_at: NaiveDateTime,
    discount_amount: i64,
    shipping_amount: i64,
    tax_amount: i64,
    source: &'static str,
    currency: Option<&'a str>,
    reference: Option<&'a str>,
    items_amount: i64,
    discount_tier: Option<&'static str>,
    discount_rate: i32,
    tax_mode: &'static str,
    tax_rate: i32,
    tax_exempt_reason: Option<&'a str>,
    original_amount: i64,
    taken_back_amount: i64,
    allowance_amount: i64,
    import_difference: i64,
    paid_amount: i64,
    refunded_amount: i64,
    pieces: i64,
    pieces_cancelled: i64,
    pieces_fulfilled: i64,
    pieces_returned: i64,
    placed_at: Option<NaiveDateTime>,
    valid_until: Option<NaiveDateTime>,
    pay_by: Option<NaiveDateTime>,
    completed_at: Option<NaiveDateTime>,
    cancelled_at: Option<NaiveDateTime>,
    cancel_reason: Option<&'a str>,
}

impl Columns<'_> {
    pub(super) fn of(order: &Order) -> Columns<'_> {
        let naive = |at: Option<DateTime<Utc>>| at.map(|at| at.naive_utc());
        let (money, pieces) = (&order.money, order.pieces());
        Columns {
            order_number: order.order_number.as_deref(),
            customer_id: order.customer_id.as_str(),
            total_amount: money.total.get(),
            status: order.status.as_str(),
            payment_method: order.payment_method.as_deref(),
            shipping_address: order.shipping_address.clone().map(JsonObject),
            notes: order.notes.as_deref(),
            version: order.version,
            updated_at: order.updated_at.naive_utc(),
            discount_amount: money.discount.get(),
            shipping_amount: money.shipping.get(),
            tax_amount: money.tax.get(),
            source: if order.is_imported { IMPORT } else { API },
            currency: order.currency.as_deref(),
            reference: order.reference.as_deref(),
            items_amount: money.items.get(),
            discount_tier: order.discount_tier.map(Tier::as_str),
            discount_rate: order.discount_rate.get(),
            tax_mode: order.tax.mode.as_str(),
            tax_rate: order.tax.rate.get(),
            tax_exempt_reason: order.tax_exempt_reason.as_deref(),
            original_amount: money.original.get(),
            taken_back_amount: money.taken_back.get(),
            allowance_amount: money.allowance.get(),
            import_difference: money.import_difference.get(),
            paid_amount: money.paid.get(),
            refunded_amount: money.refunded.get(),
            pieces: pieces.all,
            pieces_cancelled: pieces.cancelled,
            pieces_fulfilled: pieces.fulfilled,
            pieces_returned: pieces.returned,
            placed_at: naive(order.placed_at),
            valid_until: naive(order.valid_until),
            pay_by: naive(order.pay_by),
            completed_at: naive(order.completed_at),
            cancelled_at: naive(order.cancelled_at),
            cancel_reason: order.cancel_reason.as_deref(),
        }
    }
}
