//! Why a customer is of their tier.

use crate::customer::VipTier;
use crate::kernel::money::{Cents, JsonMoney};
use crate::order::model::TierReport;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = TierReport)]
pub(in crate::order) struct TierView<'a> {
    customer_id: &'a str,
    #[schema(value_type = VipTier)]
    vip_tier: &'static str,
    /// The sum of the orders that count: those that are pending or completed, at what is to be paid now.
    total_spent: JsonMoney,
    thresholds: Vec<ThresholdView>,
    /// `null` for the highest tier.
    #[schema(required = true)]
    next: Option<NextTierView>,
    /// Newest first; at most 100.
    orders: Vec<CountedOrderView<'a>>,
}

/// A tier, and more than what must be spent for it.
#[derive(Serialize, ToSchema)]
#[schema(as = TierThreshold)]
struct ThresholdView {
    #[schema(value_type = VipTier)]
    vip_tier: &'static str,
    above: JsonMoney,
}

#[derive(Serialize, ToSchema)]
#[schema(as = NextTier)]
struct NextTierView {
    #[schema(value_type = VipTier)]
    vip_tier: &'static str,
    /// How much more must be spent.
    missing: JsonMoney,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CountedOrder)]
struct CountedOrderView<'a> {
    id: i64,
    #[schema(required = true)]
    order_number: Option<&'a str>,
    total_amount: JsonMoney,
}

impl<'a> From<&'a TierReport> for TierView<'a> {
    fn from(report: &'a TierReport) -> Self {
        let spent = report.customer.total_spent;
        let above = |tier: VipTier| tier.spent().0.map(|above| (tier, above));
        let thresholds: Vec<(VipTier, Cents)> =
            VipTier::ALL.into_iter().filter_map(above).collect();
        let next = thresholds.iter().find(|(_, above)| spent <= *above);
        let orders = report.orders.iter().map(|(id, number, total)| CountedOrderView {
            id: *id,
            order_number: number.as_deref(),
            total_amount: (*total).into(),
        });
        TierView {
            customer_id: report.customer.id.as_str(),
            vip_tier: VipTier::of(spent).as_str(),
            total_spent: spent.into(),
            thresholds: thresholds
                .iter()
                .map(|(tier, above)| ThresholdView {
                    vip_tier: tier.as_str(),
                    above: (*above).into(),
                })
                .collect(),
            next: next.map(|(tier, above)| NextTierView {
                vip_tier: tier.as_str(),
                // One cent above the bound.
                missing: Cents::new(above.get() - spent.get() + 1).into(),
            }),
            orders: orders.collect(),
        }
    }
}
