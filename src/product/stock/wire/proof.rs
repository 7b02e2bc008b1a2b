//! The proof as JSON.

use super::id_of;
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::http::Query;
use crate::kernel::ids::Id;
use crate::kernel::problems::Problems;
use crate::kernel::wire::BadBody;
use crate::product::stock::error::StockError;
use crate::product::stock::model::{Drift, Proof};
use crate::product::stock::service::Proved;
use serde::Serialize;
use utoipa::ToSchema;

/// The query of `GET /stock/proof`.
pub(in crate::product::stock) fn parse_proved(text: &str) -> Result<Proved, StockError> {
    let query = Query::parse(text)?;
    let mut problems = Problems::default();
    let only = problems.take(id_of(&query, "product_id"));
    let after = problems.take(id_of(&query, "after"));
    if let (Some(Some(_)), Some(Some(_))) = (&only, &after) {
        let reason = "must not stand beside product_id";
        problems.note(Invalid::new("after", Rule::Repeated, reason));
    }
    let (only, after) = problems.finish(only.zip(after)).map_err(BadBody::from)?;
    Ok(only.map_or(Proved::After(after), Proved::Only))
}

/// Whether the books prove the stock.
#[derive(Serialize, ToSchema)]
#[schema(as = StockProof)]
pub(in crate::product::stock) struct ProofView<'a> {
    /// Whether everything agrees.
    proved: bool,
    /// How many products were looked at, those included that are gone: at most 1000.
    #[schema(minimum = 0)]
    products: usize,
    /// What `after` is to be, to prove the next ones; `null` where there are none.
    #[schema(required = true)]
    next: Option<&'a str>,
    /// What does not agree.
    drift: Vec<DriftView<'a>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = StockDrift)]
struct DriftView<'a> {
    /// Which rule is broken.
    #[schema(pattern = "^[A-Z_]{4,30}$")]
    rule: &'a str,
    product_id: &'a str,
    /// Of the line of the ledger, or of the hold, that it is about.
    #[schema(required = true)]
    row_id: Option<i64>,
    found: i64,
    expected: i64,
    /// The same as a sentence.
    text: String,
}

impl<'a> From<&'a Proof> for ProofView<'a> {
    fn from(proof: &'a Proof) -> Self {
        ProofView {
            proved: proof.drift.is_empty(),
            products: proof.product_count,
            next: proof.next.as_ref().map(Id::as_str),
            drift: proof.drift.iter().map(Into::into).collect(),
        }
    }
}

impl<'a> From<&'a Drift> for DriftView<'a> {
    fn from(drift: &'a Drift) -> Self {
        DriftView {
            rule: &drift.rule,
            product_id: &drift.product_id,
            row_id: drift.row_id,
            found: drift.found,
            expected: drift.expected,
            text: drift.to_string(),
        }
    }
}
