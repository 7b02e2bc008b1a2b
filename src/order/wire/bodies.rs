//! The bodies of changes to an order that is there.

use super::sale::{DiscountInput, OrderLineInput, parse_discount, parse_future, parse_lines};
use super::{parse_amount, parse_time};
use crate::customer::{Address, parse_address};
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::money::{Cents, JsonMoney, MoneyInput};
use crate::kernel::problems::Problems;
use crate::kernel::text;
use crate::kernel::wire::{BadBody, Member, Members, all};
use crate::order::error::OrderError;
use crate::order::model::{Changes, DraftChanges, NewLine, NewPayment, NewRefund};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

const MAX_NOTE_CHARS: usize = 2_000;

/// The body of `POST /orders/{id}/place`.
#[derive(Deserialize, ToSchema)]
pub(in crate::order) struct PlaceOrder {
    /// Where the draft comes to something else, nothing happens.
    #[schema(value_type = Option<MoneyInput>)]
    expected_total: Option<JsonMoney>,
}

impl PlaceOrder {
    pub(in crate::order) fn parse(self) -> Result<Option<Cents>, OrderError> {
        let mut members = Members::default();
        let expected = members.optional(self.expected_total, |money| money.cents("expected_total"));
        Ok(members.build(expected).map_err(BadBody::from)?)
    }
}

/// The body of `POST /orders/{id}/payments`.
#[derive(Deserialize, ToSchema)]
pub(in crate::order) struct PayOrder {
    #[schema(required = true, nullable = false, min_length = 1, max_length = 50, pattern = r"\S")]
    method: Option<String>,
    /// All that is due, where it is left out.
    #[schema(value_type = Option<MoneyInput>)]
    amount: Option<JsonMoney>,
    /// What the payment is called where it was made: each is written down once.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    reference: Option<String>,
    /// Now, where it is left out.
    #[schema(format = DateTime)]
    received_at: Option<String>,
    /// Whether more than is due was meant; what is too much is due back.
    allow_overpayment: Option<bool>,
}

impl PayOrder {
    pub(in crate::order) fn parse(self) -> Result<NewPayment, OrderError> {
        let mut members = Members::default();
        let method = members.required("method", self.method, text_of("method", 50));
        let amount = members.optional(self.amount, parse_amount("amount"));
        let reference = members.optional(self.reference, text_of("reference", 100));
        let received_at = members.optional(self.received_at, parse_time("received_at"));
        let is_more_meant = Some(self.allow_overpayment.unwrap_or(false));
        let made = all!(NewPayment { method, amount, reference, received_at, is_more_meant });
        Ok(members.build(made).map_err(BadBody::from)?)
    }
}

/// The body of `POST /orders/{id}/refunds`.
#[derive(Deserialize, ToSchema)]
pub(in crate::order) struct RefundOrder {
    #[schema(required = true, nullable = false, min_length = 1, max_length = 50, pattern = r"\S")]
    method: Option<String>,
    /// All that is due back, where it is left out; an allowance needs it.
    #[schema(value_type = Option<MoneyInput>)]
    amount: Option<JsonMoney>,
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    reference: Option<String>,
    #[schema(required = true, nullable = false, min_length = 1, max_length = 500, pattern = r"\S")]
    reason: Option<String>,
    /// Goodwill: more than is due back, by which the total goes down.
    allowance: Option<bool>,
}

impl RefundOrder {
    pub(in crate::order) fn parse(self) -> Result<NewRefund, OrderError> {
        let mut members = Members::default();
        let is_allowance = self.allowance.unwrap_or(false);
        let method = members.required("method", self.method, text_of("method", 50));
        let amount = if is_allowance {
            members.required("amount", self.amount, parse_amount("amount")).map(Some)
        } else {
            members.optional(self.amount, parse_amount("amount"))
        };
        let reference = members.optional(self.reference, text_of("reference", 100));
        let reason = members.required("reason", self.reason, text_of("reason", 500));
        let is_allowance = Some(is_allowance);
        let made = all!(NewRefund { method, amount, reference, reason, is_allowance });
        Ok(members.build(made).map_err(BadBody::from)?)
    }
}

/// The body of `POST /orders/{id}/notes`.
#[derive(Deserialize, ToSchema)]
pub(in crate::order) struct AddNote {
    #[schema(
        required = true,
        nullable = false,
        min_length = 1,
        max_length = 2_000,
        pattern = r"\S"
    )]
    text: Option<String>,
}

impl AddNote {
    pub(in crate::order) fn parse(self) -> Result<String, OrderError> {
        let mut members = Members::default();
        let text = members.required("text", self.text, text_of("text", MAX_NOTE_CHARS));
        Ok(members.build(text).map_err(BadBody::from)?)
    }
}

/// The body of `PUT /orders/{id}`: what is left out stays.
#[derive(Deserialize, ToSchema)]
#[schema(min_properties = 1)]
pub(in crate::order) struct ChangeOrder {
    /// `null` clears it.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 50, pattern = r"\S")]
    #[serde(default)]
    payment_method: Member<String>,
    /// `null` clears it. It stays once everything has left.
    #[schema(value_type = Option<Object>)]
    #[serde(default)]
    shipping_address: Member<Address>,
    /// `null` clears it.
    #[schema(value_type = Option<String>, max_length = 10_000)]
    #[serde(default)]
    notes: Member<String>,
    /// `null` clears it.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default)]
    pay_by: Member<String>,
    /// Of a draft alone, as all that follow.
    #[schema(value_type = Vec<OrderLineInput>, nullable = false, min_items = 1, max_items = 100)]
    #[serde(default)]
    items: Member<Vec<OrderLineInput>>,
    #[schema(value_type = DiscountInput, nullable = false)]
    #[serde(default)]
    discount: Member<Value>,
    #[schema(value_type = MoneyInput, nullable = false)]
    #[serde(default)]
    shipping_amount: Member<JsonMoney>,
    /// `null`: the order is taxed.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 500, pattern = r"\S")]
    #[serde(default)]
    tax_exempt_reason: Member<String>,
    /// `null` clears it.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, pattern = r"\S")]
    #[serde(default)]
    reference: Member<String>,
    /// `null` clears it.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default)]
    valid_until: Member<String>,
}

impl ChangeOrder {
    pub(in crate::order) fn parse(self) -> Result<Changes, OrderError> {
        let mut members = Members::default();
        let payment_method =
            members.changed_or_cleared(self.payment_method, text_of("payment_method", 50));
        let shipping_address = members
            .changed_or_cleared(self.shipping_address, |it| parse_address("shipping_address", it));
        let notes =
            members.changed_or_cleared(self.notes, |text| text::bounded("notes", text, 10_000));
        let pay_by = members.changed_or_cleared(self.pay_by, parse_future("pay_by"));
        let lines = parse_new_lines(&mut members, self.items);
        let discount = members.changed("discount", self.discount, parse_discount);
        let shipping = members
            .changed("shipping_amount", self.shipping_amount, |it| it.price("shipping_amount"));
        let tax_exempt_reason =
            members.changed_or_cleared(self.tax_exempt_reason, text_of("tax_exempt_reason", 500));
        let reference = members.changed_or_cleared(self.reference, text_of("reference", 100));
        let valid_until = members.changed_or_cleared(self.valid_until, parse_future("valid_until"));
        let of_draft = all!(DraftChanges {
            lines,
            discount,
            shipping,
            tax_exempt_reason,
            reference,
            valid_until,
        });
        let made = all!(Changes { payment_method, shipping_address, notes, pay_by, of_draft });
        Ok(members.build_update(made)?)
    }
}

fn parse_new_lines(
    members: &mut Members,
    items: Member<Vec<OrderLineInput>>,
) -> Option<Option<Vec<NewLine>>> {
    let mut problems = Problems::default();
    let lines = members.changed("items", items, Ok)?;
    let Some(lines) = lines else {
        return Some(None);
    };
    let parsed = parse_lines(lines, true, &mut problems);
    match problems.finish(parsed) {
        Ok(lines) => Some(Some(lines)),
        Err(wrong) => {
            for invalid in wrong.iter() {
                members.problems().note(invalid.clone());
            }
            None
        }
    }
}

fn text_of(field: &'static str, most: usize) -> impl Fn(String) -> Result<String, Invalid> {
    move |text| text::required(field, text, most)
}

/// A line of a body that names a line of the order.
pub(super) fn parse_line_number(number: i64) -> Result<i32, Invalid> {
    i32::try_from(number).ok().filter(|number| *number > 0).ok_or_else(|| {
        Invalid::new("line", Rule::OutOfRange, "must be the number of a line, from 1")
    })
}
