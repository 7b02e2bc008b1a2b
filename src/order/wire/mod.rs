//! Orders as JSON, on the network and in the data files. Raw strings and numbers stop here.

mod bodies;
mod lists;
mod pieces;
mod record;
mod sale;
mod tier;
mod timeline;
mod view;

pub(super) use bodies::{AddNote, ChangeOrder, PayOrder, PlaceOrder, RefundOrder};
pub(super) use lists::{OrderList, OrdersOfCustomer, parse_order_ref};
pub(super) use pieces::{CancelOrder, FulfilOrder, ReturnOrder};
pub(super) use sale::CreateOrder;
pub(super) use tier::TierView;
pub(super) use timeline::{TimelineView, parse_after};
pub(super) use view::{ListedOrderView, OrderDetailView, OrderView};

use crate::kernel::error::Invalid;
use crate::kernel::http::Tagged;
use crate::kernel::money::{Cents, JsonMoney};
use crate::kernel::problems::Problems;
use crate::kernel::time;
use crate::kernel::wire::answer_schema;
use crate::order::model::{Order, OrderDetail};
use chrono::{DateTime, Utc};
use utoipa::ToSchema;

answer_schema!(OrderAnswer, OrderDetailView);
answer_schema!(TierAnswer, TierView);

/// Stands in every tag. A change to what an answer shows is a new number here.
const FORM: &str = "1";

impl Tagged for Order {
    fn version(&self) -> i64 {
        self.version
    }

    fn tags(&self) -> Vec<String> {
        vec![format!("{FORM}.{}", self.version)]
    }
}

impl Tagged for OrderDetail {
    fn version(&self) -> i64 {
        self.order.version
    }

    fn tags(&self) -> Vec<String> {
        self.order.tags()
    }
}

fn parse_time(field: &'static str) -> impl Fn(String) -> Result<DateTime<Utc>, Invalid> {
    move |text| time::parse(field, &text)
}

/// An amount that a client names: at least a cent.
fn parse_amount(field: &'static str) -> impl Fn(JsonMoney) -> Result<Cents, Invalid> {
    use crate::kernel::error::Rule;
    move |money| {
        let cents = money.cents(field)?;
        if cents > Cents::ZERO {
            return Ok(cents);
        }
        Err(Invalid::new(field, Rule::OutOfRange, "must be more than 0.00"))
    }
}

/// All of a list that are right, or `None` where one is wrong: every one is looked at.
fn each<T, U>(
    field: &str,
    values: Vec<T>,
    problems: &mut Problems,
    parse: impl Fn(T) -> Result<U, Problems>,
) -> Option<Vec<U>> {
    let parsed = values
        .into_iter()
        .enumerate()
        .map(|(index, value)| problems.take_within(&format!("{field}[{index}]"), parse(value)));
    parsed.collect::<Vec<_>>().into_iter().collect()
}
