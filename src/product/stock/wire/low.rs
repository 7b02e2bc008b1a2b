//! Products whose stock is low, as JSON.

use crate::kernel::http::{ListView, Query};
use crate::kernel::problems::Problems;
use crate::product::stock::model::{LowFilter, LowStock};
use serde::Serialize;
use utoipa::ToSchema;

/// `GET /stock/low`.
pub(in crate::product::stock) struct LowList;

impl ListView for LowList {
    const NAME: &'static str = "stock_low";
    /// The threshold is a setting; the query chooses nothing.
    type Filter = ();
    type Row = LowStock;
    const DEFAULT_LIMIT: i64 = 100;
    const FILTERS: &'static [&'static str] = &[];
    const MEMBERS: &'static [&'static str] =
        &["product_id", "name", "on_hand", "reserved", "available", "low_stock_at", "threshold"];
    const SHOWS_COUNT: bool = false;

    fn parse_filter(_: &Query, _: &mut Problems) -> Option<()> {
        Some(())
    }

    fn view(low: &LowStock) -> impl Serialize {
        LowView::from(low)
    }
}

/// A product whose stock is low.
#[derive(Serialize, ToSchema)]
#[schema(as = LowStock)]
pub(in crate::product::stock) struct LowView<'a> {
    product_id: &'a str,
    name: &'a str,
    #[schema(minimum = 0)]
    on_hand: i32,
    #[schema(minimum = 0)]
    reserved: i32,
    #[schema(minimum = 0)]
    available: i32,
    /// Its own threshold.
    #[schema(required = true, minimum = 0)]
    low_stock_at: Option<i32>,
    /// The threshold that counts.
    #[schema(minimum = 0)]
    threshold: i32,
}

impl<'a> From<&'a LowStock> for LowView<'a> {
    fn from(low: &'a LowStock) -> Self {
        LowView {
            product_id: low.product_id.as_str(),
            name: &low.name,
            on_hand: low.level.on_hand,
            reserved: low.level.reserved,
            available: low.level.available(),
            low_stock_at: low.level.low_stock_at,
            threshold: low.threshold,
        }
    }
}

pub(in crate::product::stock) fn low_filter(threshold: i32) -> LowFilter {
    LowFilter { threshold }
}
