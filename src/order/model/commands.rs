//! What clients ask for.

use super::books::LinePieces;
use super::order::FulfilmentKind;
use super::pricing::{BasisPoints, TaxRule};
use crate::customer::{Address, CustomerId, Tier};
use crate::kernel::ids::Id;
use crate::kernel::money::Cents;
use chrono::{DateTime, Utc};

/// What the store has decided for all of its sales.
#[derive(Debug, Clone)]
pub struct SaleRules {
    /// Three capital letters.
    pub currency: String,
    /// What customers of each tier have off.
    pub discounts: Vec<(Tier, BasisPoints)>,
    pub tax: TaxRule,
    /// Whether pieces may leave before they are paid for.
    pub fulfils_unpaid: bool,
    /// The longest hold of a quote, in days.
    pub hold_max_days: u32,
}

impl SaleRules {
    pub fn discount_of(&self, tier: Tier) -> BasisPoints {
        let of_tier = self.discounts.iter().find(|(it, _)| *it == tier);
        of_tier.map_or(BasisPoints::ZERO, |(_, rate)| *rate)
    }
}

/// What is taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::order) enum Discount {
    /// As much as the tier of the customer gives.
    Tier,
    None,
    Amount(Cents),
    Rate(BasisPoints),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::order) struct NewLine {
    pub product_id: Id,
    pub quantity: i32,
    /// Another price than that of the product; in a draft alone.
    pub price: Option<Cents>,
}

/// An order, or a draft of one, to be made.
#[derive(Debug, Clone)]
pub(in crate::order) struct NewSale {
    pub customer_id: CustomerId,
    /// 1 to 100.
    pub lines: Vec<NewLine>,
    pub discount: Discount,
    pub shipping: Cents,
    pub tax_exempt_reason: Option<String>,
    pub payment_method: Option<String>,
    pub shipping_address: Option<Address>,
    pub notes: Option<String>,
    pub reference: Option<String>,
    pub pay_by: Option<DateTime<Utc>>,
    /// What the client thinks that it comes to.
    pub expected_total: Option<Cents>,
    /// A hold that has the pieces.
    pub hold_id: Option<i64>,
    pub payment: Option<NewPayment>,
    pub is_draft: bool,
    pub valid_until: Option<DateTime<Utc>>,
    /// Whether the pieces of a draft are held until then.
    pub holds_stock: bool,
}

/// Another wording of a draft: what is `None` stays.
#[derive(Debug, Clone, Default)]
pub(in crate::order) struct DraftChanges {
    pub lines: Option<Vec<NewLine>>,
    pub discount: Option<Discount>,
    pub shipping: Option<Cents>,
    pub tax_exempt_reason: Option<Option<String>>,
    pub reference: Option<Option<String>>,
    pub valid_until: Option<Option<DateTime<Utc>>>,
}

impl DraftChanges {
    pub(in crate::order) fn is_empty(&self) -> bool {
        self.lines.is_none()
            && self.discount.is_none()
            && self.shipping.is_none()
            && self.tax_exempt_reason.is_none()
            && self.reference.is_none()
            && self.valid_until.is_none()
    }
}

/// What can be changed of any order: what is `None` stays.
#[derive(Debug, Clone, Default)]
pub(in crate::order) struct Changes {
    pub payment_method: Option<Option<String>>,
    pub shipping_address: Option<Option<Address>>,
    pub notes: Option<Option<String>>,
    pub pay_by: Option<Option<DateTime<Utc>>>,
    /// What can be changed of a draft alone.
    pub of_draft: DraftChanges,
}

#[derive(Debug, Clone)]
pub(in crate::order) struct NewPayment {
    pub method: String,
    /// `None`: all that is due.
    pub amount: Option<Cents>,
    pub reference: Option<String>,
    /// `None`: now.
    pub received_at: Option<DateTime<Utc>>,
    /// Whether it may be more than is due.
    pub is_more_meant: bool,
}

#[derive(Debug, Clone)]
pub(in crate::order) struct NewRefund {
    pub method: String,
    /// `None`: all that is due back.
    pub amount: Option<Cents>,
    pub reference: Option<String>,
    pub reason: String,
    pub is_allowance: bool,
}

#[derive(Debug, Clone)]
pub(in crate::order) struct NewFulfilment {
    /// `None`: all that is open.
    pub lines: Option<Vec<LinePieces>>,
    pub kind: FulfilmentKind,
    pub carrier: Option<String>,
    pub tracking_number: Option<String>,
    pub papers: Option<Address>,
}

#[derive(Debug, Clone)]
pub(in crate::order) struct NewReturn {
    pub lines: Vec<LinePieces>,
    /// Whether the pieces can be sold again at once.
    pub restock: bool,
    pub reason: String,
}
