//! The stock of a product as JSON, and what corrects it.

use super::FORM;
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::http::Tagged;
use crate::kernel::wire::{BadBody, Member, Members, Whole, all};
use crate::product::model::{ProductId, parse_stock};
use crate::product::stock::error::StockError;
use crate::product::stock::model::{AdjustReason, Adjustment, Found, Level, parse_note};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The pieces of a product as clients see them.
#[derive(Serialize, ToSchema)]
#[schema(as = StockLevel)]
pub(in crate::product::stock) struct LevelView<'a> {
    product_id: &'a str,
    /// All pieces in the house.
    #[schema(minimum = 0)]
    on_hand: i32,
    /// Those of them that somebody has a claim to.
    #[schema(minimum = 0)]
    reserved: i32,
    /// Those that can be sold now: the `stock` of the product.
    #[schema(minimum = 0)]
    available: i32,
    /// The stock is low at so many pieces that can be sold, or fewer.
    #[schema(required = true, minimum = 0)]
    low_stock_at: Option<i32>,
}

impl<'a> LevelView<'a> {
    pub(in crate::product::stock) fn new(id: &'a ProductId, level: &Level) -> LevelView<'a> {
        LevelView {
            product_id: id.as_str(),
            on_hand: level.on_hand,
            reserved: level.reserved,
            available: level.available(),
            low_stock_at: level.low_stock_at,
        }
    }
}

impl Tagged for Level {
    fn version(&self) -> i64 {
        self.version
    }

    fn tags(&self) -> Vec<String> {
        vec![format!("{FORM}.{}", self.version)]
    }
}

/// The body of `PUT /products/{id}/stock`.
#[derive(Deserialize, ToSchema)]
#[schema(min_properties = 1)]
pub(in crate::product::stock) struct UpdateStock {
    /// `null`: the threshold of the whole store counts.
    #[schema(value_type = Option<i32>, minimum = 0)]
    #[serde(default)]
    low_stock_at: Member<Whole>,
}

impl UpdateStock {
    pub(in crate::product::stock) fn parse(self) -> Result<Option<i32>, StockError> {
        let mut members = Members::default();
        let low_stock_at = members.changed_or_cleared(self.low_stock_at, |pieces| {
            parse_stock(pieces.0)
                .map_err(|invalid| Invalid { field: "low_stock_at".into(), ..invalid })
        });
        Ok(members.build_update(low_stock_at)?.flatten())
    }
}

/// The body of `POST /products/{id}/stock/adjustments`.
#[derive(Deserialize, ToSchema)]
pub(in crate::product::stock) struct Adjust {
    /// How many pieces more, or fewer: not 0. Either this or `counted`.
    #[schema(value_type = Option<i32>, minimum = -2_147_483_647)]
    delta: Option<Whole>,
    /// How many pieces are on the shelf, those that are held included.
    #[schema(value_type = Option<i32>, minimum = 0)]
    counted: Option<Whole>,
    #[schema(required = true, nullable = false, value_type = AdjustReason)]
    reason: Option<String>,
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    note: Option<String>,
}

impl Adjust {
    pub(in crate::product::stock) fn parse(self) -> Result<Adjustment, StockError> {
        let mut members = Members::default();
        let found = members.problems().take(found(self.delta, self.counted));
        let reason = members.required("reason", self.reason, |text| AdjustReason::parse(&text));
        let note = members.optional(self.note, parse_note);
        Ok(members.build(all!(Adjustment { found, reason, note })).map_err(BadBody::from)?)
    }
}

fn found(delta: Option<Whole>, counted: Option<Whole>) -> Result<Found, Invalid> {
    match (delta, counted) {
        (Some(_), Some(_)) => {
            Err(Invalid::new("counted", Rule::Repeated, "must not stand beside delta"))
        }
        (None, None) => {
            Err(Invalid::new("delta", Rule::Required, "is required, or counted in its place"))
        }
        (Some(delta), None) => {
            let whole = i32::try_from(delta.0).ok();
            let whole = whole.filter(|delta| *delta != 0 && *delta != i32::MIN);
            whole.map(Found::Delta).ok_or_else(|| {
                let reason = "must be a whole number from -2147483647 to 2147483647, and not 0";
                Invalid::new("delta", Rule::OutOfRange, reason)
            })
        }
        (None, Some(counted)) => parse_stock(counted.0)
            .map(Found::Counted)
            .map_err(|invalid| Invalid { field: "counted".into(), ..invalid }),
    }
}
