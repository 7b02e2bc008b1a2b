//! What a proof of the books comes to.

use crate::product::model::ProductId;
use std::fmt;

/// Something in the books that does not agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Which rule is broken.
    pub rule: String,
    pub product_id: String,
    /// The line of the ledger by its version, or the hold by its id, where it is about one.
    pub row_id: Option<i64>,
    pub found: i64,
    pub expected: i64,
}

/// What a proof came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// How many products were looked at, those included that are gone.
    pub product_count: usize,
    /// Where to go on; `None` where all were looked at.
    pub next: Option<ProductId>,
    /// Nothing, where the books prove the stock.
    pub drift: Vec<Drift>,
}

/// One sentence, with the product first.
impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Drift { product_id, found, expected, .. } = self;
        let row_id = self.row_id.unwrap_or_default();
        write!(f, "{product_id}: ")?;
        match self.rule.as_str() {
            "ON_HAND" => write!(f, "{found} on hand, but its ledger adds up to {expected}"),
            "RESERVED" => write!(f, "{found} reserved, but its ledger adds up to {expected}"),
            "HELD" => write!(f, "{found} reserved, but open holds have {expected}"),
            "LEDGER_ON_HAND" => write!(
                f,
                "line {row_id} of its ledger leaves {found} on hand, but the line before makes it \
                 {expected}"
            ),
            "LEDGER_RESERVED" => write!(
                f,
                "line {row_id} of its ledger leaves {found} reserved, but the line before makes it \
                 {expected}"
            ),
            "CLOSED_HOLD" => write!(f, "hold {row_id} is closed, but still has {found}"),
            "HOLD_WITHOUT_ORDER" => {
                write!(f, "hold {row_id} has {found} for an order that is closed, or gone")
            }
            rule => write!(f, "{rule}: {found} in place of {expected}"),
        }
    }
}
