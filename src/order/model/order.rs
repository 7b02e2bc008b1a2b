//! The nouns around an order.

use super::pricing::{BasisPoints, TaxRule};
use crate::customer::{Address, Customer, CustomerId, Tier};
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::ids::Id;
use crate::kernel::money::Cents;
use crate::kernel::page::{Kind, Place, PlaceValue, Placed, SortKey};
use chrono::{DateTime, Utc};
use utoipa::ToSchema;

/// A sale, or a draft of one. The names and prices in it are those of its day, whatever becomes of the
/// products.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    pub id: i64,
    /// `None` for a draft.
    pub order_number: Option<String>,
    pub customer_id: CustomerId,
    pub status: OrderStatus,
    pub payment_status: PaymentStatus,
    pub fulfilment_status: FulfilmentStatus,
    pub is_imported: bool,
    /// `None` for an imported order: that of the store.
    pub currency: Option<String>,
    /// What its client calls it; no two orders of a customer have the same.
    pub reference: Option<String>,
    /// By number.
    pub lines: Vec<Line>,
    pub money: Money,
    /// The tier of its customer that gave the discount.
    pub discount_tier: Option<Tier>,
    pub discount_rate: BasisPoints,
    pub tax: TaxRule,
    pub tax_exempt_reason: Option<String>,
    pub payment_method: Option<String>,
    pub shipping_address: Option<Address>,
    pub notes: Option<String>,
    pub placed_at: Option<DateTime<Utc>>,
    /// Until when a draft may be placed.
    pub valid_until: Option<DateTime<Utc>>,
    pub pay_by: Option<DateTime<Utc>>,
    pub completed_at: Option<DateTime<Utc>>,
    pub cancelled_at: Option<DateTime<Utc>>,
    pub cancel_reason: Option<String>,
    /// +1 with every change.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The amounts of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    pub items: Cents,
    pub discount: Cents,
    pub shipping: Cents,
    pub tax: Cents,
    /// What was to be paid as it was placed.
    pub original: Cents,
    /// What the pieces were worth that were cancelled or came back.
    pub taken_back: Cents,
    /// What was let go for goodwill.
    pub allowance: Cents,
    /// By how much an imported total differs from its lines.
    pub import_difference: Cents,
    /// What is to be paid now: `original` without the two.
    pub total: Cents,
    pub paid: Cents,
    pub refunded: Cents,
}

impl Money {
    pub const NONE: Money = Money {
        items: Cents::ZERO,
        discount: Cents::ZERO,
        shipping: Cents::ZERO,
        tax: Cents::ZERO,
        original: Cents::ZERO,
        taken_back: Cents::ZERO,
        allowance: Cents::ZERO,
        import_difference: Cents::ZERO,
        total: Cents::ZERO,
        paid: Cents::ZERO,
        refunded: Cents::ZERO,
    };

    /// What came in and did not go out again.
    pub fn net(&self) -> i64 {
        self.paid.get() - self.refunded.get()
    }
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// From 1.
    pub number: i32,
    /// Of a product that may be gone by now.
    pub product_id: Id,
    pub product_name: String,
    /// At least one.
    pub quantity: i32,
    /// Of one piece.
    pub price: Cents,
    /// Of all pieces, as the next two.
    pub discount: Cents,
    pub tax: Cents,
    pub total: Cents,
    pub fulfilled: i32,
    pub cancelled: i32,
    /// Of those that were fulfilled.
    pub returned: i32,
}

impl Line {
    /// How many pieces are still to leave the house.
    pub fn open(&self) -> i32 {
        self.quantity - self.fulfilled - self.cancelled
    }

    /// How many pieces the customer has.
    pub fn out(&self) -> i32 {
        self.fulfilled - self.returned
    }

    /// How many pieces are paid for: those that are neither cancelled nor back.
    pub fn kept(&self) -> i32 {
        self.quantity - self.cancelled - self.returned
    }
}

/// How many pieces of an order there are, and what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pieces {
    pub all: i64,
    pub fulfilled: i64,
    pub cancelled: i64,
    pub returned: i64,
}

impl Order {
    pub fn pieces(&self) -> Pieces {
        let add = |of: fn(&Line) -> i32| self.lines.iter().map(|line| i64::from(of(line))).sum();
        Pieces {
            all: add(|line| line.quantity),
            fulfilled: add(|line| line.fulfilled),
            cancelled: add(|line| line.cancelled),
            returned: add(|line| line.returned),
        }
    }

    /// What counts in what the customer has spent.
    pub fn spent(&self) -> Cents {
        if self.status.counts_as_spent() { self.money.total } else { Cents::ZERO }
    }

    /// What is still to be paid; less than nothing where money is due back.
    pub fn due(&self) -> i64 {
        let owed = if self.status == OrderStatus::Cancelled { 0 } else { self.money.total.get() };
        owed - self.money.net()
    }
}

/// Declares a set of names that stand in a column and on the network.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident, $field:literal: $($variant:ident = $text:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
        #[schema(rename_all = "snake_case")]
        pub enum $name {
            $($variant),+
        }

        impl $name {
            pub(in crate::order) const ALL: [$name; [$($text),+].len()] = [$($name::$variant),+];
            pub(in crate::order) const NAMES: [&'static str; [$($text),+].len()] = [$($text),+];

            pub(in crate::order) fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $text),+
                }
            }

            /// # Errors
            /// Names all of them.
            pub(in crate::order) fn parse(text: &str) -> Result<$name, Invalid> {
                $name::ALL.into_iter().find(|it| it.as_str() == text).ok_or_else(|| {
                    let reason = format!("must be one of {}", $name::NAMES.join(", "));
                    Invalid::new($field, Rule::NotOneOf, reason)
                })
            }
        }
    };
}

names! {
    OrderStatus, "status":
    Draft = "draft", Pending = "pending", Completed = "completed", Cancelled = "cancelled",
}

names! {
    /// What the amounts of an order say of its payment.
    PaymentStatus, "payment_status":
    Unpaid = "unpaid", PartiallyPaid = "partially_paid", Paid = "paid", RefundDue = "refund_due",
    Refunded = "refunded", Void = "void",
}

names! {
    /// What the pieces of an order say of its delivery.
    FulfilmentStatus, "fulfilment_status":
    Unfulfilled = "unfulfilled", PartiallyFulfilled = "partially_fulfilled", Fulfilled = "fulfilled",
    PartiallyReturned = "partially_returned", Returned = "returned", None = "none",
}

impl OrderStatus {
    /// Whether an order of this status counts in what its customer has spent.
    pub(in crate::order) fn counts_as_spent(self) -> bool {
        matches!(self, OrderStatus::Pending | OrderStatus::Completed)
    }
}

/// By what orders can be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderKey {
    CreatedAt,
    TotalAmount,
}

impl SortKey for OrderKey {
    const KEYS: &'static [(&'static str, OrderKey, Kind)] = &[
        ("created_at", OrderKey::CreatedAt, Kind::Time),
        ("total_amount", OrderKey::TotalAmount, Kind::Number),
    ];
}

impl Placed for Order {
    type Key = OrderKey;

    fn place(&self, key: OrderKey) -> Place {
        let value = match key {
            OrderKey::CreatedAt => PlaceValue::Time(self.created_at),
            OrderKey::TotalAmount => PlaceValue::Number(self.money.total.get()),
        };
        Place { value, id: Id::parse("id", self.id.to_string()).expect("digits are an id") }
    }
}

/// The id of the order at this place of a list.
pub(in crate::order) fn order_id_at(place: &Place) -> Option<i64> {
    place.id.as_str().parse().ok()
}

/// Which orders to list; drafts only where their status is asked for.
#[derive(Debug, Clone, Default)]
pub(in crate::order) struct OrderFilter {
    pub status: Option<OrderStatus>,
    pub payment_status: Option<PaymentStatus>,
    pub fulfilment_status: Option<FulfilmentStatus>,
    pub customer_id: Option<CustomerId>,
    pub product_id: Option<Id>,
    pub serial: Option<String>,
    pub order_number: Option<String>,
    pub reference: Option<String>,
    /// Made at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Made before this time.
    pub to: Option<DateTime<Utc>>,
    pub min_total: Option<Cents>,
    pub max_total: Option<Cents>,
}

/// Money that came in or went out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::order) struct Payment {
    pub id: i64,
    pub is_refund: bool,
    pub amount: Cents,
    pub method: String,
    pub reference: Option<String>,
    pub reason: Option<String>,
    pub actor: String,
    pub received_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
}

names! {
    /// How pieces left, or that they came back.
    FulfilmentKind, "kind":
    Shipment = "shipment", Handover = "handover", Return = "return",
}

/// Pieces that left the house, or came back.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::order) struct Fulfilment {
    pub id: i64,
    pub kind: FulfilmentKind,
    pub carrier: Option<String>,
    pub tracking_number: Option<String>,
    /// Numbers of certificates and the like.
    pub papers: Option<Address>,
    /// Whether pieces that came back can be sold again.
    pub restock: bool,
    pub reason: Option<String>,
    pub actor: String,
    pub created_at: DateTime<Utc>,
    /// By line.
    pub items: Vec<FulfilledLine>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::order) struct FulfilledLine {
    pub line: i32,
    pub quantity: i32,
    /// As far as they were written down.
    pub serials: Vec<String>,
}

/// An order with its books.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::order) struct OrderDetail {
    pub order: Order,
    pub payments: Vec<Payment>,
    pub fulfilments: Vec<Fulfilment>,
}

/// How an order is named in a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::order) enum OrderRef {
    Id(i64),
    Number(String),
}

/// Why a customer is of their tier.
pub(in crate::order) struct TierReport {
    pub customer: Customer,
    /// Newest first.
    pub orders: Vec<(i64, Option<String>, Cents)>,
}
