//! The bodies of what moves pieces.

use super::bodies::parse_line_number;
use super::each;
use crate::customer::{Address, parse_address};
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::problems::Problems;
use crate::kernel::text;
use crate::kernel::wire::{BadBody, Members, Whole, all};
use crate::order::error::OrderError;
use crate::order::model::{FulfilmentKind, LinePieces, NewFulfilment, NewReturn, parse_quantity};
use serde::Deserialize;
use utoipa::ToSchema;

/// The most lines that an order has.
const MAX_LINES: usize = 100;
/// The most serial numbers that one line of a body names.
const MAX_SERIALS: usize = 1_000;

/// Pieces of a line.
#[derive(Deserialize, ToSchema)]
pub(in crate::order) struct LinePiecesInput {
    #[schema(required = true, value_type = i32, minimum = 1)]
    line: Option<Whole>,
    #[schema(required = true, value_type = i32, minimum = 1)]
    quantity: Option<Whole>,
    /// One for each piece, or none.
    #[schema(max_items = 1_000)]
    serials: Option<Vec<String>>,
}

/// The body of `POST /orders/{id}/fulfilments`.
#[derive(Deserialize, ToSchema)]
pub(in crate::order) struct FulfilOrder {
    /// All that is open, where it is left out.
    #[schema(min_items = 1, max_items = 100)]
    lines: Option<Vec<LinePiecesInput>>,
    /// `shipment` by default.
    #[schema(pattern = "^(shipment|handover)$")]
    kind: Option<String>,
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    carrier: Option<String>,
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    tracking_number: Option<String>,
    /// Numbers of certificates and the like; at most 16 KiB of JSON.
    #[schema(value_type = Option<Object>)]
    papers: Option<Address>,
}

impl FulfilOrder {
    pub(in crate::order) fn parse(self) -> Result<NewFulfilment, OrderError> {
        let mut members = Members::default();
        let lines = match self.lines {
            None => Some(None),
            Some(lines) => parse_lines(lines, members.problems()).map(Some),
        };
        let kind = members.optional(self.kind, |text| match text.as_str() {
            "shipment" => Ok(FulfilmentKind::Shipment),
            "handover" => Ok(FulfilmentKind::Handover),
            _ => Err(Invalid::new("kind", Rule::NotOneOf, "must be one of shipment, handover")),
        });
        let kind = kind.map(|kind| kind.unwrap_or(FulfilmentKind::Shipment));
        let carrier = members.optional(self.carrier, |text| text::required("carrier", text, 100));
        let tracking_number = members
            .optional(self.tracking_number, |text| text::required("tracking_number", text, 100));
        let papers = members.optional(self.papers, |papers| parse_address("papers", papers));
        let made = all!(NewFulfilment { lines, kind, carrier, tracking_number, papers });
        Ok(members.build(made).map_err(BadBody::from)?)
    }
}

/// The body of `POST /orders/{id}/cancel`.
#[derive(Deserialize, ToSchema)]
pub(in crate::order) struct CancelOrder {
    #[schema(required = true, nullable = false, min_length = 1, max_length = 500, pattern = r"\S")]
    reason: Option<String>,
    /// The whole order, where it is left out.
    #[schema(min_items = 1, max_items = 100)]
    lines: Option<Vec<LinePiecesInput>>,
}

impl CancelOrder {
    pub(in crate::order) fn parse(self) -> Result<(Option<Vec<LinePieces>>, String), OrderError> {
        let mut members = Members::default();
        let reason =
            members.required("reason", self.reason, |text| text::required("reason", text, 500));
        let lines = match self.lines {
            None => Some(None),
            Some(lines) => parse_lines(lines, members.problems()).map(Some),
        };
        Ok(members.build(lines.zip(reason)).map_err(BadBody::from)?)
    }
}

/// The body of `POST /orders/{id}/returns`.
#[derive(Deserialize, ToSchema)]
pub(in crate::order) struct ReturnOrder {
    #[schema(required = true, nullable = false, min_items = 1, max_items = 100)]
    lines: Option<Vec<LinePiecesInput>>,
    /// Whether the pieces can be sold again at once.
    #[schema(required = true, nullable = false)]
    restock: Option<bool>,
    #[schema(required = true, nullable = false, min_length = 1, max_length = 500, pattern = r"\S")]
    reason: Option<String>,
}

impl ReturnOrder {
    pub(in crate::order) fn parse(self) -> Result<NewReturn, OrderError> {
        let mut members = Members::default();
        let lines = members.required("lines", self.lines, Ok);
        let lines = lines.and_then(|lines| parse_lines(lines, members.problems()));
        let restock = members.required("restock", self.restock, Ok);
        let reason =
            members.required("reason", self.reason, |text| text::required("reason", text, 500));
        Ok(members.build(all!(NewReturn { lines, restock, reason })).map_err(BadBody::from)?)
    }
}

/// The lines, of which there must be some, each of them once.
fn parse_lines(lines: Vec<LinePiecesInput>, problems: &mut Problems) -> Option<Vec<LinePieces>> {
    if lines.is_empty() {
        problems.note(Invalid::new("lines", Rule::Empty, "must hold at least one line"));
        return None;
    }
    if lines.len() > MAX_LINES {
        let reason = format!("must hold at most {MAX_LINES} lines");
        problems.note(Invalid::new("lines", Rule::TooLong, reason));
        return None;
    }
    let pieces = each("lines", lines, problems, LinePiecesInput::parse)?;
    let mut numbers: Vec<i32> = pieces.iter().map(|pieces| pieces.line).collect();
    numbers.sort_unstable();
    if let Some(twice) = numbers.windows(2).find(|pair| pair[0] == pair[1]) {
        let reason = format!("must not name line {} twice", twice[0]);
        problems.note(Invalid::new("lines", Rule::Repeated, reason));
        return None;
    }
    Some(pieces)
}

impl LinePiecesInput {
    fn parse(self) -> Result<LinePieces, Problems> {
        let mut members = Members::default();
        let line = members.required("line", self.line, |number| parse_line_number(number.0));
        let quantity =
            members.required("quantity", self.quantity, |pieces| parse_quantity(pieces.0));
        let serials = members.optional(self.serials, |serials| parse_serials(serials, quantity));
        let serials = serials.map(Option::unwrap_or_default);
        members.build(all!(LinePieces { line, quantity, serials }))
    }
}

fn parse_serials(serials: Vec<String>, quantity: Option<i32>) -> Result<Vec<String>, Invalid> {
    if serials.len() > MAX_SERIALS {
        let reason = format!("must name at most {MAX_SERIALS} pieces");
        return Err(Invalid::new("serials", Rule::TooLong, reason));
    }
    let parsed: Result<Vec<String>, Invalid> =
        serials.into_iter().map(|serial| text::required("serials", serial, 100)).collect();
    let parsed = parsed?;
    let mut sorted: Vec<&String> = parsed.iter().collect();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Invalid::new("serials", Rule::Repeated, "must name each piece once"));
    }
    let count = i32::try_from(parsed.len()).ok();
    if parsed.is_empty() || quantity.is_none() || count == quantity {
        return Ok(parsed);
    }
    Err(Invalid::new("serials", Rule::OutOfRange, "must name as many pieces as there are"))
}
