//! Holds as JSON.

use super::{FORM, id_of, named};
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::http::{ListView, Query, Tagged};
use crate::kernel::ids::Id;
use crate::kernel::page::Place;
use crate::kernel::problems::Problems;
use crate::kernel::time;
use crate::kernel::wire::{BadBody, Members, Whole, all};
use crate::product::model::ProductId;
use crate::product::stock::error::StockError;
use crate::product::stock::model::{
    Hold, HoldEnd, HoldFilter, HoldItem, HoldKind, HoldState, Items, MAX_LINES, NewHold,
    hold_id_at, parse_reason,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /holds`.
pub(in crate::product::stock) struct HoldList;

impl ListView for HoldList {
    const NAME: &'static str = "holds";
    type Filter = HoldFilter;
    type Row = Hold;
    const DEFAULT_LIMIT: i64 = 100;
    const FILTERS: &'static [&'static str] = &["state", "customer_id", "product_id"];
    const MEMBERS: &'static [&'static str] = &[
        "id",
        "kind",
        "state",
        "customer_id",
        "order_id",
        "items",
        "reason",
        "actor",
        "expires_at",
        "created_at",
        "updated_at",
    ];
    const SHOWS_COUNT: bool = false;

    fn parse_filter(query: &Query, problems: &mut Problems) -> Option<HoldFilter> {
        let state = named(query, "state", HoldState::parse, &HoldState::NAMES);
        let state = problems.take(state);
        let customer_id = problems.take(id_of(query, "customer_id"));
        let product_id = problems.take(id_of(query, "product_id"));
        all!(HoldFilter { state, customer_id, product_id })
    }

    fn has_place(place: &Place) -> bool {
        hold_id_at(place).is_some()
    }

    fn view(hold: &Hold) -> impl Serialize {
        HoldView::from(hold)
    }
}

/// The body of `POST /holds`.
#[derive(Deserialize, ToSchema)]
pub(in crate::product::stock) struct CreateHold {
    /// The same product on several lines is added up.
    #[schema(required = true, nullable = false, min_items = 1, max_items = 100)]
    items: Option<Vec<HoldLine>>,
    /// How long from now on: 60, up to `HOLD_MAX_DAYS`. Either this or `expires_at`.
    #[schema(value_type = Option<i64>, minimum = 60, maximum = 31_536_000)]
    expires_in_seconds: Option<Whole>,
    /// When it ends.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// For whom.
    #[schema(pattern = "^[A-Za-z0-9._-]{1,50}$")]
    customer_id: Option<String>,
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    reason: Option<String>,
}

#[derive(Deserialize, ToSchema)]
pub(in crate::product::stock) struct HoldLine {
    #[schema(required = true, nullable = false, pattern = "^[A-Za-z0-9._-]{1,50}$")]
    product_id: Option<String>,
    #[schema(required = true, value_type = i32, minimum = 1)]
    quantity: Option<Whole>,
}

impl CreateHold {
    pub(in crate::product::stock) fn parse(
        self,
        max_days: u32,
    ) -> Result<(NewHold, Items), StockError> {
        let mut members = Members::default();
        let items = members.required("items", self.items, Ok);
        let items = items.and_then(|lines| items_of(lines, members.problems()));
        let expires_at = end_of(&mut members, (self.expires_in_seconds, self.expires_at), max_days);
        let customer_id =
            members.optional(self.customer_id, |id| ProductId::parse("customer_id", id));
        let reason = members.optional(self.reason, parse_reason);
        let expires_at = expires_at.map(|end| Some(end.get()));
        let (kind, order_id) = (Some(HoldKind::Hold), Some(None));
        let hold = all!(NewHold { kind, order_id, customer_id, expires_at, reason });
        Ok(members.build(hold.zip(items)).map_err(BadBody::from)?)
    }
}

/// All lines added up, or `None` where one of them is wrong.
fn items_of(lines: Vec<HoldLine>, problems: &mut Problems) -> Option<Items> {
    if lines.is_empty() {
        problems.note(Invalid::new("items", Rule::Empty, "must hold at least one item"));
        return None;
    }
    if lines.len() > MAX_LINES {
        let reason = format!("must hold at most {MAX_LINES} items");
        problems.note(Invalid::new("items", Rule::TooLong, reason));
        return None;
    }
    let lines = lines.into_iter().enumerate().map(|(index, line)| {
        let mut members = Members::default();
        let product_id = members
            .required("product_id", line.product_id, |id| ProductId::parse("product_id", id));
        let quantity =
            members.required("quantity", line.quantity, |pieces| parse_quantity(pieces.0));
        problems.take_within(&format!("items[{index}]"), members.build(product_id.zip(quantity)))
    });
    // All of them are looked at, also behind one that is wrong.
    let lines: Option<Vec<_>> = lines.collect::<Vec<_>>().into_iter().collect();
    let items = Items::summed(lines?);
    if items.is_none() {
        let reason = "must hold at most 2147483647 pieces of a product";
        problems.note(Invalid::new("items", Rule::OutOfRange, reason));
    }
    items
}

fn parse_quantity(pieces: i64) -> Result<i32, Invalid> {
    i32::try_from(pieces).ok().filter(|pieces| *pieces > 0).ok_or_else(|| {
        let reason = "must be a whole number from 1 to 2147483647";
        Invalid::new("quantity", Rule::OutOfRange, reason)
    })
}

/// The end of a hold, in the one or the other way.
fn end_of(
    members: &mut Members,
    (in_seconds, at): (Option<Whole>, Option<String>),
    max_days: u32,
) -> Option<HoldEnd> {
    const IN_SECONDS: &str = "expires_in_seconds";
    const AT: &str = "expires_at";
    let now = time::now();
    let parsed = match (in_seconds, at) {
        (Some(_), Some(_)) => {
            Err(Invalid::new(AT, Rule::Repeated, "must not stand beside expires_in_seconds"))
        }
        (None, None) => {
            let reason = "is required, or expires_at in its place";
            Err(Invalid::new(IN_SECONDS, Rule::Required, reason))
        }
        (Some(seconds), None) => {
            // More than any time there is, is too late.
            let end = TimeDelta::try_seconds(seconds.0).and_then(|it| now.checked_add_signed(it));
            HoldEnd::new(IN_SECONDS, end.unwrap_or(DateTime::<Utc>::MAX_UTC), now, max_days)
        }
        (None, Some(text)) => {
            time::parse(AT, &text).and_then(|at| HoldEnd::new(AT, at, now, max_days))
        }
    };
    members.problems().take(parsed)
}

/// The body of `POST /holds/{id}/extend`.
#[derive(Deserialize, ToSchema)]
pub(in crate::product::stock) struct ExtendHold {
    /// How long from now on: 60, up to `HOLD_MAX_DAYS`. Either this or `expires_at`.
    #[schema(value_type = Option<i64>, minimum = 60, maximum = 31_536_000)]
    expires_in_seconds: Option<Whole>,
    /// When it ends.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    #[schema(required = true, nullable = false, min_length = 1, max_length = 500, pattern = r"\S")]
    reason: Option<String>,
}

impl ExtendHold {
    pub(in crate::product::stock) fn parse(
        self,
        max_days: u32,
    ) -> Result<(HoldEnd, String), StockError> {
        let mut members = Members::default();
        let end = end_of(&mut members, (self.expires_in_seconds, self.expires_at), max_days);
        let reason = members.required("reason", self.reason, parse_reason);
        Ok(members.build(end.zip(reason)).map_err(BadBody::from)?)
    }
}

/// The body of `POST /holds/{id}/release`.
#[derive(Deserialize, ToSchema)]
pub(in crate::product::stock) struct ReleaseHold {
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    reason: Option<String>,
}

impl ReleaseHold {
    pub(in crate::product::stock) fn parse(self) -> Result<Option<String>, StockError> {
        let mut members = Members::default();
        let reason = members.optional(self.reason, parse_reason);
        Ok(members.build(reason).map_err(BadBody::from)?)
    }
}

/// A hold as clients see it.
#[derive(Serialize, ToSchema)]
#[schema(as = Hold)]
pub(in crate::product::stock) struct HoldView<'a> {
    id: i64,
    /// `hold`: for a client; `quote`: for a draft of an order; `order`: for an order that was placed.
    #[schema(pattern = "^(hold|quote|order)$")]
    kind: &'static str,
    /// Past `expires_at`, a hold is `expired`, whether or not its pieces are back already.
    #[schema(pattern = "^(open|consumed|released|expired)$")]
    state: &'static str,
    #[schema(required = true)]
    customer_id: Option<&'a str>,
    #[schema(required = true)]
    order_id: Option<i64>,
    items: Vec<HoldItemView<'a>>,
    /// Why it was made, or extended for the last time.
    #[schema(required = true)]
    reason: Option<&'a str>,
    /// Who made it.
    actor: &'a str,
    #[schema(required = true, format = DateTime)]
    expires_at: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = HoldItem)]
struct HoldItemView<'a> {
    product_id: &'a str,
    /// How many pieces it has held at most.
    #[schema(minimum = 1)]
    quantity: i32,
    /// How many it holds now.
    #[schema(minimum = 0)]
    open_quantity: i32,
}

impl<'a> From<&'a Hold> for HoldView<'a> {
    fn from(hold: &'a Hold) -> Self {
        HoldView {
            id: hold.id,
            kind: hold.kind.as_str(),
            state: hold.state.as_str(),
            customer_id: hold.customer_id.as_ref().map(Id::as_str),
            order_id: hold.order_id,
            items: hold.items.iter().map(Into::into).collect(),
            reason: hold.reason.as_deref(),
            actor: &hold.actor,
            expires_at: hold.expires_at.map(time::rfc3339),
            created_at: time::rfc3339(hold.created_at),
            updated_at: time::rfc3339(hold.updated_at),
        }
    }
}

impl<'a> From<&'a HoldItem> for HoldItemView<'a> {
    fn from(item: &'a HoldItem) -> Self {
        HoldItemView {
            product_id: item.product_id.as_str(),
            quantity: item.quantity,
            open_quantity: item.open_quantity,
        }
    }
}

impl Tagged for Hold {
    fn version(&self) -> i64 {
        self.version
    }

    /// A hold that ends by its time is shown otherwise, and has no other version.
    fn tags(&self) -> Vec<String> {
        vec![format!("{FORM}.{}.{}", self.version, self.state.as_str())]
    }
}

pub(in crate::product::stock) fn parse_hold_id(text: &str) -> Result<i64, Invalid> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|id| *id > 0 && is_plain)
        .ok_or_else(|| Invalid::new("id", Rule::OutOfRange, "must be a positive whole number"))
}
