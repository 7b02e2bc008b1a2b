//! The body of `POST /orders`.

use super::{each, parse_amount, parse_time};
use crate::customer::{Address, CustomerId, parse_address};
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::ids::Id;
use crate::kernel::money::{Cents, JsonMoney, MoneyInput};
use crate::kernel::problems::Problems;
use crate::kernel::wire::{BadBody, Members, Whole, all};
use crate::kernel::{text, time};
use crate::order::error::OrderError;
use crate::order::model::{
    BasisPoints, Discount, NewLine, NewPayment, NewSale, SaleRules, parse_quantity,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// The most lines that an order has.
const MAX_LINES: usize = 100;

#[derive(Deserialize, ToSchema)]
pub(in crate::order) struct CreateOrder {
    #[schema(required = true, nullable = false, pattern = "^[A-Za-z0-9._-]{1,50}$")]
    customer_id: Option<String>,
    /// The stock is asked once for each product, whatever the number of its lines.
    #[schema(required = true, nullable = false, min_items = 1, max_items = 100)]
    items: Option<Vec<OrderLineInput>>,
    /// `tier` by default: what the tier of the customer gives.
    #[schema(value_type = Option<DiscountInput>)]
    discount: Option<Value>,
    #[schema(value_type = Option<MoneyInput>)]
    shipping_amount: Option<JsonMoney>,
    /// Needs a `tax_exempt_reason`.
    tax_exempt: Option<bool>,
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    tax_exempt_reason: Option<String>,
    #[schema(min_length = 1, max_length = 50, pattern = r"\S")]
    payment_method: Option<String>,
    #[schema(value_type = Option<Object>)]
    shipping_address: Option<Address>,
    #[schema(max_length = 10_000)]
    notes: Option<String>,
    /// No two orders of a customer have the same.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    reference: Option<String>,
    /// Where the order comes to something else, nothing happens.
    #[schema(value_type = Option<MoneyInput>)]
    expected_total: Option<JsonMoney>,
    /// A hold that has the pieces; what it has beside them is given back.
    #[schema(value_type = Option<i64>, minimum = 1)]
    hold_id: Option<Whole>,
    #[schema(format = DateTime)]
    pay_by: Option<String>,
    /// Money that came with the order.
    payment: Option<PaymentInput>,
    /// A quote, which is placed later.
    draft: Option<bool>,
    /// Until when a draft may be placed.
    #[schema(format = DateTime)]
    valid_until: Option<String>,
    /// Whether the pieces of a draft are held until `valid_until`.
    hold_stock: Option<bool>,
}

#[derive(Deserialize, ToSchema)]
pub(in crate::order) struct OrderLineInput {
    #[schema(required = true, nullable = false, pattern = "^[A-Za-z0-9._-]{1,50}$")]
    product_id: Option<String>,
    #[schema(required = true, value_type = i32, minimum = 1)]
    quantity: Option<Whole>,
    /// Another price than that of the product; in a draft alone.
    #[schema(value_type = Option<MoneyInput>)]
    price: Option<JsonMoney>,
}

#[derive(Deserialize, ToSchema)]
pub(in crate::order) struct PaymentInput {
    #[schema(required = true, nullable = false, min_length = 1, max_length = 50, pattern = r"\S")]
    method: Option<String>,
    /// All that is due, where it is left out.
    #[schema(value_type = Option<MoneyInput>)]
    amount: Option<JsonMoney>,
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    reference: Option<String>,
}

/// `"tier"`, `"none"`, `{"amount": "100.00"}` or `{"percent": "7.5"}`.
pub(in crate::order) struct DiscountInput;

impl PartialSchema for DiscountInput {
    fn schema() -> RefOr<Schema> {
        let name =
            ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["tier", "none"]));
        let of = |member: &str, schema: RefOr<Schema>| {
            ObjectBuilder::new().property(member, schema).required(member).additional_properties(
                Some(utoipa::openapi::schema::AdditionalProperties::FreeForm(false)),
            )
        };
        let percent = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(r"^(100(\.00?)?|[0-9]{1,2}(\.[0-9]{1,2})?)$"));
        OneOfBuilder::new()
            .item(name)
            .item(of("amount", MoneyInput::schema()))
            .item(of("percent", percent.into()))
            .into()
    }
}

impl ToSchema for DiscountInput {
    fn name() -> Cow<'static, str> {
        "DiscountInput".into()
    }
}

impl CreateOrder {
    pub(in crate::order) fn parse(self, rules: &SaleRules) -> Result<NewSale, OrderError> {
        let mut members = Members::default();
        let is_draft = self.draft.unwrap_or(false);
        let holds_stock = self.hold_stock.unwrap_or(false);
        let customer_id = members
            .required("customer_id", self.customer_id, |id| CustomerId::parse("customer_id", id));
        let lines = members.required("items", self.items, Ok);
        let lines = lines.and_then(|lines| parse_lines(lines, is_draft, members.problems()));
        let discount = members.optional(self.discount, parse_discount);
        let discount = discount.map(|discount| discount.unwrap_or(Discount::Tier));
        let shipping =
            members.optional(self.shipping_amount, |money| money.price("shipping_amount"));
        let shipping = shipping.map(|shipping| shipping.unwrap_or(Cents::ZERO));
        let tax_exempt_reason =
            exempt_reason(&mut members, self.tax_exempt, self.tax_exempt_reason);
        let payment_method = members
            .optional(self.payment_method, |text| text::required("payment_method", text, 50));
        let shipping_address =
            members.optional(self.shipping_address, |it| parse_address("shipping_address", it));
        let notes = members.optional(self.notes, |text| text::bounded("notes", text, 10_000));
        let reference =
            members.optional(self.reference, |text| text::required("reference", text, 100));
        let expected_total =
            members.optional(self.expected_total, |money| money.cents("expected_total"));
        let hold_id = members.optional(self.hold_id, |id: Whole| parse_id("hold_id", id.0));
        let pay_by = members.optional(self.pay_by, parse_future("pay_by"));
        let payment = match self.payment {
            None => Some(None),
            Some(payment) => members.problems().take_within("payment", payment.parse()).map(Some),
        };
        let valid_until = members.optional(self.valid_until, parse_future("valid_until"));
        if let Some(valid_until) = valid_until {
            refuse_beside(
                &mut members,
                Kind { is_draft, holds_stock },
                [
                    self.hold_stock.is_some(),
                    hold_id.flatten().is_some(),
                    payment.as_ref().is_some_and(Option::is_some),
                ],
                valid_until,
                rules,
            );
        }
        let (is_draft, holds_stock) = (Some(is_draft), Some(holds_stock));
        let made = all!(NewSale {
            customer_id,
            lines,
            discount,
            shipping,
            tax_exempt_reason,
            payment_method,
            shipping_address,
            notes,
            reference,
            pay_by,
            expected_total,
            hold_id,
            payment,
            is_draft,
            valid_until,
            holds_stock,
        });
        Ok(members.build(made).map_err(BadBody::from)?)
    }
}

#[derive(Clone, Copy)]
struct Kind {
    is_draft: bool,
    holds_stock: bool,
}

/// Members of drafts in an order, and the other way round.
fn refuse_beside(
    members: &mut Members,
    kind: Kind,
    [says_hold_stock, has_hold, has_payment]: [bool; 3],
    valid_until: Option<DateTime<Utc>>,
    rules: &SaleRules,
) {
    let problems = members.problems();
    let mut refuse = |field: &'static str, rule, reason: String| {
        problems.note(Invalid::new(field, rule, reason));
    };
    if kind.is_draft {
        for (field, is_there) in [("hold_id", has_hold), ("payment", has_payment)] {
            if is_there {
                refuse(field, Rule::Reserved, "must not stand in a draft".to_owned());
            }
        }
    } else {
        for (field, is_there) in
            [("valid_until", valid_until.is_some()), ("hold_stock", says_hold_stock)]
        {
            if is_there {
                refuse(field, Rule::Reserved, "must stand in a draft alone".to_owned());
            }
        }
    }
    if kind.is_draft && kind.holds_stock {
        let last = time::now() + TimeDelta::days(rules.hold_max_days.into());
        match valid_until {
            None => refuse("valid_until", Rule::Required, "is required to hold stock".to_owned()),
            Some(until) if until > last => {
                let reason = format!("must be at most {} days ahead", rules.hold_max_days);
                refuse("valid_until", Rule::OutOfRange, reason);
            }
            Some(_) => {}
        }
    }
}

/// The lines, of which there must be some.
pub(super) fn parse_lines(
    lines: Vec<OrderLineInput>,
    is_draft: bool,
    problems: &mut Problems,
) -> Option<Vec<NewLine>> {
    if lines.is_empty() {
        problems.note(Invalid::new("items", Rule::Empty, "must hold at least one item"));
        return None;
    }
    if lines.len() > MAX_LINES {
        let reason = format!("must hold at most {MAX_LINES} items");
        problems.note(Invalid::new("items", Rule::TooLong, reason));
        return None;
    }
    each("items", lines, problems, |line| {
        let mut members = Members::default();
        let product_id =
            members.required("product_id", line.product_id, |id| Id::parse("product_id", id));
        let quantity = members.required("quantity", line.quantity, |it| parse_quantity(it.0));
        let price = members.optional(line.price, |price: JsonMoney| {
            if is_draft {
                return price.price("price");
            }
            Err(Invalid::new("price", Rule::Reserved, "must stand in a draft alone"))
        });
        members.build(all!(NewLine { product_id, quantity, price }))
    })
}

pub(super) fn parse_discount(value: Value) -> Result<Discount, Invalid> {
    const FORMS: &str = "must be \"tier\", \"none\", {\"amount\": …} or {\"percent\": …}";
    let wrong = || Invalid::new("discount", Rule::NotOneOf, FORMS);
    let digits = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let object = match &value {
        Value::String(name) if name == "tier" => return Ok(Discount::Tier),
        Value::String(name) if name == "none" => return Ok(Discount::None),
        Value::Object(object) if object.len() == 1 => object,
        _ => return Err(wrong()),
    };
    if let Some(amount) = object.get("amount").and_then(digits) {
        let cents = Cents::parse("discount.amount", &amount)?.into_price("discount.amount")?;
        return Ok(Discount::Amount(cents));
    }
    let percent = object.get("percent").and_then(digits).ok_or_else(wrong)?;
    let points = Cents::parse("discount.percent", &percent)?;
    let rate = i32::try_from(points.get()).ok().and_then(BasisPoints::new);
    rate.map(Discount::Rate)
        .ok_or_else(|| Invalid::new("discount.percent", Rule::OutOfRange, "must be from 0 to 100"))
}

/// Why no tax is taken; `None` where it is.
fn exempt_reason(
    members: &mut Members,
    is_exempt: Option<bool>,
    reason: Option<String>,
) -> Option<Option<String>> {
    const REASON: &str = "tax_exempt_reason";
    match (is_exempt.unwrap_or(false), reason) {
        (true, reason) => {
            members.required(REASON, reason, |text| text::required(REASON, text, 500)).map(Some)
        }
        (false, None) => Some(None),
        (false, Some(_)) => {
            let reason = "must stand beside tax_exempt, which is true";
            members.problems().note(Invalid::new(REASON, Rule::Reserved, reason));
            None
        }
    }
}

pub(super) fn parse_id(field: &'static str, id: i64) -> Result<i64, Invalid> {
    if id > 0 {
        return Ok(id);
    }
    Err(Invalid::new(field, Rule::OutOfRange, "must be a positive whole number"))
}

/// A time that is still to come.
pub(super) fn parse_future(
    field: &'static str,
) -> impl Fn(String) -> Result<DateTime<Utc>, Invalid> {
    move |text| {
        let at = parse_time(field)(text)?;
        if at > time::now() {
            return Ok(at);
        }
        Err(Invalid::new(field, Rule::OutOfRange, "must be later than now"))
    }
}

impl PaymentInput {
    fn parse(self) -> Result<NewPayment, Problems> {
        let mut members = Members::default();
        let method =
            members.required("method", self.method, |text| text::required("method", text, 50));
        let amount = members.optional(self.amount, parse_amount("amount"));
        let reference =
            members.optional(self.reference, |text| text::required("reference", text, 100));
        let (received_at, is_more_meant) = (Some(None), Some(false));
        members.build(all!(NewPayment { method, amount, reference, received_at, is_more_meant }))
    }
}
