//! The nouns around an order and their rules. No I/O.

use crate::customer::{Address, CustomerId};
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::ids::Id;
use crate::kernel::money::Cents;
use crate::kernel::page::{Kind, Place, PlaceValue, Placed, SortKey};
use chrono::{DateTime, Utc};
use utoipa::ToSchema;

/// A sale. The names and prices in it are those of its day, whatever becomes of the products.
#[derive(Debug, Clone, PartialEq)]
pub struct Order<I = i64> {
    pub id: I,
    pub order_number: String,
    pub customer_id: CustomerId,
    pub items: Vec<OrderItem>,
    pub total_amount: Cents,
    pub amounts: Amounts,
    pub status: OrderStatus,
    pub payment_method: Option<String>,
    pub shipping_address: Option<Address>,
    pub notes: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
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
            OrderKey::TotalAmount => PlaceValue::Number(self.total_amount.get()),
        };
        Place { value, id: Id::parse("id", self.id.to_string()).expect("digits are an id") }
    }
}

/// An order to be added. Without an id, the database numbers it.
pub type NewOrder = Order<Option<i64>>;

/// Whose orders to list.
#[derive(Debug, Clone)]
pub struct OrderFilter {
    pub customer_id: CustomerId,
}

/// What counts in the total of an order besides its items; none is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amounts {
    /// Taken from the total.
    pub discount: Cents,
    pub shipping: Cents,
    pub tax: Cents,
}

impl Amounts {
    pub const NONE: Amounts =
        Amounts { discount: Cents::ZERO, shipping: Cents::ZERO, tax: Cents::ZERO };
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderItem {
    /// Of a product that may be gone by now.
    pub product_id: Id,
    pub product_name: String,
    /// At least one.
    pub quantity: i32,
    /// Of one piece.
    pub price: Cents,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum OrderStatus {
    Pending,
    Completed,
    Cancelled,
}

impl OrderStatus {
    /// # Errors
    /// Names the three.
    pub fn parse(text: &str) -> Result<OrderStatus, Invalid> {
        match text {
            "pending" => Ok(OrderStatus::Pending),
            "completed" => Ok(OrderStatus::Completed),
            "cancelled" => Ok(OrderStatus::Cancelled),
            _ => Err(Invalid::new(
                "status",
                Rule::NotOneOf,
                "must be one of pending, completed, cancelled",
            )),
        }
    }

    /// Whether an order of this status counts in what its customer has spent.
    pub fn counts_as_spent(self) -> bool {
        matches!(self, OrderStatus::Pending | OrderStatus::Completed)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            OrderStatus::Pending => "pending",
            OrderStatus::Completed => "completed",
            OrderStatus::Cancelled => "cancelled",
        }
    }
}

pub(super) fn parse_order_id(number: i64) -> Result<i64, Invalid> {
    if number > 0 {
        Ok(number)
    } else {
        Err(Invalid::new("id", Rule::OutOfRange, "must be a positive whole number"))
    }
}

/// The id of the order at this place of a list.
pub(super) fn order_id_at(place: &Place) -> Option<i64> {
    place.id.as_str().parse().ok()
}

pub(super) fn parse_quantity(pieces: i64) -> Result<i32, Invalid> {
    i32::try_from(pieces).ok().filter(|pieces| *pieces > 0).ok_or_else(|| {
        let reason = "must be a whole number from 1 to 2147483647";
        Invalid::new("quantity", Rule::OutOfRange, reason)
    })
}

/// Checks that `total` is what the items, of which there must be some, come to with the amounts.
///
/// # Errors
/// Says both amounts where they differ.
pub(super) fn check_total(
    total: Cents,
    items: &[OrderItem],
    amounts: Amounts,
) -> Result<(), Invalid> {
    if items.is_empty() {
        return Err(Invalid::new("items", Rule::Empty, "must hold at least one item"));
    }
    let of_items = items.iter().try_fold(Cents::ZERO, |sum, item| {
        sum.checked_add(item.price.checked_mul(i64::from(item.quantity))?)
    });
    let sum = of_items.and_then(|sum| {
        sum.checked_add(amounts.shipping)?.checked_add(amounts.tax)?.checked_sub(amounts.discount)
    });
    match sum {
        Some(sum) if sum == total => Ok(()),
        Some(sum) if amounts != Amounts::NONE => {
            let reason = format!(
                "is {total}, but the items less the discount, with shipping and tax, come to {sum}"
            );
            Err(Invalid::new("total_amount", Rule::WrongTotal, reason))
        }
        Some(sum) => {
            let reason = format!("is {total}, but the items come to {sum}");
            Err(Invalid::new("total_amount", Rule::WrongTotal, reason))
        }
        None => Err(Invalid::new("items", Rule::OutOfRange, "come to more than 64 bits of cents")),
    }
}
