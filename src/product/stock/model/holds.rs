//! The holds.

use super::MAX_REASON_CHARS;
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::ids::Id;
use crate::kernel::money::Cents;
use crate::kernel::page::{Kind, Place, PlaceValue, Placed, SortKey};
use crate::kernel::text;
use crate::product::model::ProductId;
use chrono::{DateTime, TimeDelta, Utc};

/// The shortest hold.
pub(in crate::product::stock) const SHORTEST_HOLD: TimeDelta = TimeDelta::seconds(60);

/// What a hold is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldKind {
    /// For a client, with an end.
    Hold,
    /// For a draft of an order, until the draft is no longer valid.
    Quote,
    /// For an order that was placed; it has no end.
    Order,
}

impl HoldKind {
    pub const NAMES: [&'static str; 3] = ["hold", "quote", "order"];

    pub fn as_str(self) -> &'static str {
        match self {
            HoldKind::Hold => "hold",
            HoldKind::Quote => "quote",
            HoldKind::Order => "order",
        }
    }

    pub(in crate::product::stock) fn parse(text: &str) -> Option<HoldKind> {
        [HoldKind::Hold, HoldKind::Quote, HoldKind::Order]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// What became of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldState {
    Open,
    /// All its pieces have left.
    Consumed,
    Released,
    /// Its end has passed, whether or not its pieces were given back as yet.
    Expired,
}

impl HoldState {
    pub const NAMES: [&'static str; 4] = ["open", "consumed", "released", "expired"];

    const ALL: [HoldState; 4] =
        [HoldState::Open, HoldState::Consumed, HoldState::Released, HoldState::Expired];

    pub fn as_str(self) -> &'static str {
        match self {
            HoldState::Open => "open",
            HoldState::Consumed => "consumed",
            HoldState::Released => "released",
            HoldState::Expired => "expired",
        }
    }

    pub(in crate::product::stock) fn parse(text: &str) -> Option<HoldState> {
        HoldState::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// Pieces that nobody else can have.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    pub id: i64,
    pub kind: HoldKind,
    /// As it is now: past its end, an open hold is an expired one.
    pub state: HoldState,
    pub order_id: Option<i64>,
    pub customer_id: Option<Id>,
    /// By product id.
    pub items: Vec<HoldItem>,
    pub reason: Option<String>,
    pub actor: String,
    pub expires_at: Option<DateTime<Utc>>,
    /// +1 with every change.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Hold {
    /// How many pieces of a product it still holds.
    pub fn open_of(&self, id: &ProductId) -> i32 {
        self.items.iter().find(|item| item.product_id == *id).map_or(0, |item| item.open_quantity)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldItem {
    pub product_id: ProductId,
    /// How many pieces it has held at most.
    pub quantity: i32,
    /// How many it holds now.
    pub open_quantity: i32,
}

/// A hold to be made.
#[derive(Debug, Clone)]
pub struct NewHold {
    pub kind: HoldKind,
    /// `None` for a hold of a client alone.
    pub order_id: Option<i64>,
    pub customer_id: Option<Id>,
    /// `None` for an order alone.
    pub expires_at: Option<DateTime<Utc>>,
    pub reason: Option<String>,
}

/// What was reserved, and for what price.
#[derive(Debug, Clone, PartialEq)]
pub struct Reserved {
    pub hold_id: i64,
    /// By product id.
    pub products: Vec<ReservedProduct>,
}

/// A product as it was when its pieces were reserved.
#[derive(Debug, Clone, PartialEq)]
pub struct ReservedProduct {
    pub id: ProductId,
    pub name: String,
    pub price: Cents,
    pub quantity: i32,
}

/// A product of which there are fewer pieces than were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Short {
    pub product_id: ProductId,
    pub requested: i64,
    pub available: i32,
}

/// Which holds to list.
#[derive(Debug, Clone, Default)]
pub(in crate::product) struct HoldFilter {
    pub state: Option<HoldState>,
    pub customer_id: Option<Id>,
    pub product_id: Option<ProductId>,
}

/// By what holds can be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldKey {
    CreatedAt,
}

impl SortKey for HoldKey {
    const KEYS: &'static [(&'static str, HoldKey, Kind)] =
        &[("created_at", HoldKey::CreatedAt, Kind::Time)];
}

impl Placed for Hold {
    type Key = HoldKey;

    fn place(&self, _: HoldKey) -> Place {
        let id = Id::parse("id", self.id.to_string()).expect("digits are an id");
        Place { value: PlaceValue::Time(self.created_at), id }
    }
}

/// The id of the hold at this place of a list.
pub(in crate::product::stock) fn hold_id_at(place: &Place) -> Option<i64> {
    place.id.as_str().parse().ok()
}

/// The end of a hold, as its client says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::product) struct HoldEnd(DateTime<Utc>);

impl HoldEnd {
    /// # Errors
    /// When the end is sooner than 60 s from `now`, or later than `max_days`; the error names `field`.
    pub(in crate::product::stock) fn new(
        field: &'static str,
        at: DateTime<Utc>,
        now: DateTime<Utc>,
        max_days: u32,
    ) -> Result<HoldEnd, Invalid> {
        let lasts = at - now;
        if lasts >= SHORTEST_HOLD && lasts <= TimeDelta::days(max_days.into()) {
            return Ok(HoldEnd(at));
        }
        let reason = format!("must end the hold in 60 seconds to {max_days} days from now");
        Err(Invalid::new(field, Rule::OutOfRange, reason))
    }

    pub(in crate::product::stock) fn get(self) -> DateTime<Utc> {
        self.0
    }
}

pub(in crate::product::stock) fn parse_reason(text: String) -> Result<String, Invalid> {
    text::required("reason", text, MAX_REASON_CHARS)
}
