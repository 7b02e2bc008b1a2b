//! An order as clients see it.

use crate::customer::{Address, Tier};
use crate::kernel::money::{Cents, JsonMoney};
use crate::kernel::time;
use crate::order::model::{
    FulfilledLine, Fulfilment, FulfilmentKind, FulfilmentStatus, Line, Order, OrderDetail,
    OrderStatus, Payment, PaymentStatus, TaxMode,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// An order as lists show it.
#[derive(Serialize, ToSchema)]
#[schema(as = Order)]
pub(in crate::order) struct OrderView<'a> {
    id: i64,
    /// `null` for a draft.
    #[schema(required = true)]
    order_number: Option<&'a str>,
    customer_id: &'a str,
    #[schema(value_type = OrderStatus)]
    status: &'static str,
    #[schema(value_type = PaymentStatus)]
    payment_status: &'static str,
    #[schema(value_type = FulfilmentStatus)]
    fulfilment_status: &'static str,
    /// `null` for an imported order, which is in the currency of the store.
    #[schema(required = true, pattern = "^[A-Z]{3}$")]
    currency: Option<&'a str>,
    /// What its client calls it.
    #[schema(required = true)]
    reference: Option<&'a str>,
    items: Vec<LineView<'a>>,
    /// All pieces at their prices.
    items_amount: JsonMoney,
    discount: DiscountView,
    shipping_amount: JsonMoney,
    tax: TaxView<'a>,
    /// What was to be paid as it was placed.
    original_amount: JsonMoney,
    /// What the pieces were worth that were cancelled or came back.
    taken_back_amount: JsonMoney,
    /// What was let go for goodwill.
    allowance_amount: JsonMoney,
    /// By how much the total of an imported order differs from its lines.
    #[schema(value_type = String, pattern = r"^-?[0-9]+\.[0-9]{2}$")]
    import_difference: JsonMoney,
    /// What is to be paid now.
    total_amount: JsonMoney,
    paid_amount: JsonMoney,
    refunded_amount: JsonMoney,
    /// What is still to be paid.
    due_amount: JsonMoney,
    /// What is to be given back.
    refund_due_amount: JsonMoney,
    #[schema(required = true)]
    payment_method: Option<&'a str>,
    #[schema(required = true, value_type = Option<Object>)]
    shipping_address: Option<&'a Address>,
    #[schema(required = true)]
    notes: Option<&'a str>,
    #[schema(required = true, format = DateTime)]
    placed_at: Option<String>,
    /// Until when a draft may be placed.
    #[schema(required = true, format = DateTime)]
    valid_until: Option<String>,
    #[schema(required = true, format = DateTime)]
    pay_by: Option<String>,
    #[schema(required = true, format = DateTime)]
    completed_at: Option<String>,
    #[schema(required = true, format = DateTime)]
    cancelled_at: Option<String>,
    #[schema(required = true)]
    cancel_reason: Option<&'a str>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// Amounts are those of all pieces of the line.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderLine)]
struct LineView<'a> {
    #[schema(minimum = 1)]
    line: i32,
    product_id: &'a str,
    product_name: &'a str,
    #[schema(minimum = 1)]
    quantity: i32,
    /// Of one piece.
    price: JsonMoney,
    discount_amount: JsonMoney,
    tax_amount: JsonMoney,
    total_amount: JsonMoney,
    #[schema(minimum = 0)]
    fulfilled: i32,
    #[schema(minimum = 0)]
    cancelled: i32,
    /// Of those that were fulfilled.
    #[schema(minimum = 0)]
    returned: i32,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OrderDiscount)]
struct DiscountView {
    /// The tier of the customer that gave it.
    #[schema(required = true, value_type = Option<Tier>)]
    tier: Option<&'static str>,
    /// In percent.
    rate: JsonMoney,
    amount: JsonMoney,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OrderTax)]
struct TaxView<'a> {
    #[schema(value_type = TaxMode)]
    mode: &'static str,
    /// In percent.
    rate: JsonMoney,
    /// That of the lines and of shipping.
    amount: JsonMoney,
    #[schema(required = true)]
    exempt_reason: Option<&'a str>,
}

/// An order with its books.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderDetail)]
pub(in crate::order) struct OrderDetailView<'a> {
    #[serde(flatten)]
    #[schema(inline)]
    order: OrderView<'a>,
    payments: Vec<PaymentView<'a>>,
    fulfilments: Vec<FulfilmentView<'a>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Payment)]
struct PaymentView<'a> {
    id: i64,
    /// `in`: from the customer; `out`: back.
    #[schema(pattern = "^(in|out)$")]
    direction: &'static str,
    amount: JsonMoney,
    method: &'a str,
    #[schema(required = true)]
    reference: Option<&'a str>,
    #[schema(required = true)]
    reason: Option<&'a str>,
    actor: &'a str,
    #[schema(format = DateTime)]
    received_at: String,
    #[schema(format = DateTime)]
    created_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Fulfilment)]
struct FulfilmentView<'a> {
    id: i64,
    #[schema(value_type = FulfilmentKind)]
    kind: &'static str,
    #[schema(required = true)]
    carrier: Option<&'a str>,
    #[schema(required = true)]
    tracking_number: Option<&'a str>,
    #[schema(required = true, value_type = Option<Object>)]
    papers: Option<&'a Address>,
    /// Whether pieces that came back can be sold again.
    restock: bool,
    #[schema(required = true)]
    reason: Option<&'a str>,
    actor: &'a str,
    lines: Vec<FulfilledLineView<'a>>,
    #[schema(format = DateTime)]
    created_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FulfilledLine)]
struct FulfilledLineView<'a> {
    line: i32,
    quantity: i32,
    serials: &'a [String],
}

/// An order as it has always stood in the list of a customer.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderOfCustomer)]
pub(in crate::order) struct ListedOrderView<'a> {
    id: i64,
    order_number: &'a str,
    customer_id: &'a str,
    items: Vec<OrderItemView<'a>>,
    total_amount: JsonMoney,
    /// The three amounts are there only where one of them is not 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    discount_amount: Option<JsonMoney>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    shipping_amount: Option<JsonMoney>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tax_amount: Option<JsonMoney>,
    #[schema(value_type = OrderStatus)]
    status: &'static str,
    #[schema(required = true)]
    payment_method: Option<&'a str>,
    #[schema(required = true, value_type = Option<Object>)]
    shipping_address: Option<&'a Address>,
    #[schema(required = true)]
    notes: Option<&'a str>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OrderItem)]
struct OrderItemView<'a> {
    product_id: &'a str,
    product_name: &'a str,
    quantity: i32,
    price: JsonMoney,
}

fn shown(at: Option<DateTime<Utc>>) -> Option<String> {
    at.map(time::rfc3339)
}

/// A share in percent, with two decimals.
fn percent(points: i32) -> JsonMoney {
    Cents::new(points.into()).into()
}

impl<'a> From<&'a Order> for OrderView<'a> {
    fn from(order: &'a Order) -> Self {
        let (money, due) = (&order.money, order.due());
        OrderView {
            id: order.id,
            order_number: order.order_number.as_deref(),
            customer_id: order.customer_id.as_str(),
            status: order.status.as_str(),
            payment_status: order.payment_status.as_str(),
            fulfilment_status: order.fulfilment_status.as_str(),
            currency: order.currency.as_deref(),
            reference: order.reference.as_deref(),
            items: order.lines.iter().map(Into::into).collect(),
            items_amount: money.items.into(),
            discount: DiscountView {
                tier: order.discount_tier.map(Tier::as_str),
                rate: percent(order.discount_rate.get()),
                amount: money.discount.into(),
            },
            shipping_amount: money.shipping.into(),
            tax: TaxView {
                mode: order.tax.mode.as_str(),
                rate: percent(order.tax.rate.get()),
                amount: money.tax.into(),
                exempt_reason: order.tax_exempt_reason.as_deref(),
            },
            original_amount: money.original.into(),
            taken_back_amount: money.taken_back.into(),
            allowance_amount: money.allowance.into(),
            import_difference: money.import_difference.into(),
            total_amount: money.total.into(),
            paid_amount: money.paid.into(),
            refunded_amount: money.refunded.into(),
            due_amount: Cents::new(due.max(0)).into(),
            refund_due_amount: Cents::new((-due).max(0)).into(),
            payment_method: order.payment_method.as_deref(),
            shipping_address: order.shipping_address.as_ref(),
            notes: order.notes.as_deref(),
            placed_at: shown(order.placed_at),
            valid_until: shown(order.valid_until),
            pay_by: shown(order.pay_by),
            completed_at: shown(order.completed_at),
            cancelled_at: shown(order.cancelled_at),
            cancel_reason: order.cancel_reason.as_deref(),
            created_at: time::rfc3339(order.created_at),
            updated_at: time::rfc3339(order.updated_at),
        }
    }
}

impl<'a> From<&'a Line> for LineView<'a> {
    fn from(line: &'a Line) -> Self {
        LineView {
            line: line.number,
            product_id: line.product_id.as_str(),
            product_name: &line.product_name,
            quantity: line.quantity,
            price: line.price.into(),
            discount_amount: line.discount.into(),
            tax_amount: line.tax.into(),
            total_amount: line.total.into(),
            fulfilled: line.fulfilled,
            cancelled: line.cancelled,
            returned: line.returned,
        }
    }
}

impl<'a> From<&'a OrderDetail> for OrderDetailView<'a> {
    fn from(detail: &'a OrderDetail) -> Self {
        OrderDetailView {
            order: (&detail.order).into(),
            payments: detail.payments.iter().map(Into::into).collect(),
            fulfilments: detail.fulfilments.iter().map(Into::into).collect(),
        }
    }
}

impl<'a> From<&'a Payment> for PaymentView<'a> {
    fn from(payment: &'a Payment) -> Self {
        PaymentView {
            id: payment.id,
            direction: if payment.is_refund { "out" } else { "in" },
            amount: payment.amount.into(),
            method: &payment.method,
            reference: payment.reference.as_deref(),
            reason: payment.reason.as_deref(),
            actor: &payment.actor,
            received_at: time::rfc3339(payment.received_at),
            created_at: time::rfc3339(payment.created_at),
        }
    }
}

impl<'a> From<&'a Fulfilment> for FulfilmentView<'a> {
    fn from(fulfilment: &'a Fulfilment) -> Self {
        FulfilmentView {
            id: fulfilment.id,
            kind: fulfilment.kind.as_str(),
            carrier: fulfilment.carrier.as_deref(),
            tracking_number: fulfilment.tracking_number.as_deref(),
            papers: fulfilment.papers.as_ref(),
            restock: fulfilment.restock,
            reason: fulfilment.reason.as_deref(),
            actor: &fulfilment.actor,
            lines: fulfilment.items.iter().map(Into::into).collect(),
            created_at: time::rfc3339(fulfilment.created_at),
        }
    }
}

impl<'a> From<&'a FulfilledLine> for FulfilledLineView<'a> {
    fn from(line: &'a FulfilledLine) -> Self {
        FulfilledLineView { line: line.line, quantity: line.quantity, serials: &line.serials }
    }
}

impl<'a> From<&'a Order> for ListedOrderView<'a> {
    fn from(order: &'a Order) -> Self {
        let money = &order.money;
        let amounts = [money.discount, money.shipping, money.tax];
        let if_any = |amount: Cents| {
            amounts.iter().any(|amount| *amount != Cents::ZERO).then(|| amount.into())
        };
        ListedOrderView {
            id: order.id,
            order_number: order.order_number.as_deref().unwrap_or_default(),
            customer_id: order.customer_id.as_str(),
            items: order.lines.iter().map(Into::into).collect(),
            total_amount: money.total.into(),
            discount_amount: if_any(money.discount),
            shipping_amount: if_any(money.shipping),
            tax_amount: if_any(money.tax),
            status: order.status.as_str(),
            payment_method: order.payment_method.as_deref(),
            shipping_address: order.shipping_address.as_ref(),
            notes: order.notes.as_deref(),
            created_at: time::rfc3339(order.created_at),
            updated_at: time::rfc3339(order.updated_at),
        }
    }
}

impl<'a> From<&'a Line> for OrderItemView<'a> {
    fn from(line: &'a Line) -> Self {
        OrderItemView {
            product_id: line.product_id.as_str(),
            product_name: &line.product_name,
            quantity: line.quantity,
            price: line.price.into(),
        }
    }
}
