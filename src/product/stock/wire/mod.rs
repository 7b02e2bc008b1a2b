//! The stock as JSON on the network. Raw strings and numbers stop here.

mod holds;
mod ledger;
mod level;
mod low;
mod proof;

pub(super) use holds::{CreateHold, ExtendHold, HoldList, HoldView, ReleaseHold, parse_hold_id};
pub(super) use ledger::{LedgerList, LedgerView};
pub(super) use level::{Adjust, LevelView, UpdateStock};
pub(super) use low::{LowList, LowView, low_filter};
pub(super) use proof::{ProofView, parse_proved};

use super::model::not_one_of;
use crate::kernel::error::Invalid;
use crate::kernel::http::Query;
use crate::kernel::ids::Id;
pub(super) use crate::kernel::wire::Answered;
use crate::kernel::wire::answer_schema;
use utoipa::ToSchema;

answer_schema!(HoldAnswer, HoldView);
answer_schema!(LevelAnswer, LevelView);
answer_schema!(LedgerAnswer, LedgerView);
answer_schema!(ProofAnswer, ProofView);

/// Stands in every tag. A change to what an answer shows is a new number here.
const FORM: &str = "1";

fn id_of(query: &Query, name: &'static str) -> Result<Option<Id>, Invalid> {
    query.get(name)?.map(|text| Id::parse(name, text)).transpose()
}

fn named<T>(
    query: &Query,
    name: &'static str,
    parse: impl Fn(&str) -> Option<T>,
    names: &[&str],
) -> Result<Option<T>, Invalid> {
    let Some(text) = query.get(name)? else {
        return Ok(None);
    };
    parse(text).map(Some).ok_or_else(|| not_one_of(name, names))
}
