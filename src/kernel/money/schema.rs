//! Amounts in the description of the API.

use super::{ExactNumber, JsonMoney};
use serde_json::json;
use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// An amount as a request has it.
#[derive(Debug)]
pub struct MoneyInput;

impl PartialSchema for JsonMoney {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(r"^[0-9]+\.[0-9]{2}$"))
            .description(Some("An exact amount, with two decimals"))
            .examples([json!("14500.00")])
            .into()
    }
}

impl ToSchema for JsonMoney {
    fn name() -> Cow<'static, str> {
        "Money".into()
    }
}

impl PartialSchema for ExactNumber {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Number)
            .minimum(Some(0_usize))
            .description(Some(
                "An exact amount with two decimals: read it as a decimal where it may pass 2^53 cents",
            ))
            .into()
    }
}

impl ToSchema for ExactNumber {
    fn name() -> Cow<'static, str> {
        "MoneyNumber".into()
    }
}

impl PartialSchema for MoneyInput {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(r"^[0-9]{1,8}(\.[0-9]{1,2})?$"));
        let number = ObjectBuilder::new()
            .schema_type(Type::Number)
            .minimum(Some(0_usize))
            .maximum(Some(99_999_999.99))
            .multiple_of(Some(0.01));
        OneOfBuilder::new()
            .item(text)
            .item(number)
            .description(Some("An amount from 0 to 99999999.99 with at most two decimals"))
            .into()
    }
}

impl ToSchema for MoneyInput {}
