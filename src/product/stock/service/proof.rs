//! Whether the books prove the stock: what is on hand is what the ledger adds up to, what is reserved is
//! what open holds have, each line of the ledger follows from the one before, and a hold of an order ends
//! with the order.

use crate::kernel::db::DbConn;
use crate::product::model::ProductId;
use crate::product::stock::model::Proof;
use crate::product::stock::store::{self, Subjects};
use diesel::QueryResult;

/// How many products are proved at once, and how many rows that do not agree are told.
const STEP: i64 = 1_000;

/// Which products to prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proved {
    Only(ProductId),
    /// The next ones by id, from the first one on where there is none before.
    After(Option<ProductId>),
}

/// Proves one product, or at most a thousand of them as one state of the store has them.
pub fn prove(conn: &mut DbConn, proved: &Proved) -> QueryResult<Proof> {
    let subjects = match proved {
        Proved::Only(id) => Some(Subjects::only(id)),
        Proved::After(after) => store::subjects_after(conn, after.as_ref(), STEP)?,
    };
    let Some(subjects) = subjects else {
        return Ok(Proof::default());
    };
    let drift = store::drift_of(conn, &subjects, STEP)?;
    let is_full = i64::try_from(subjects.count).is_ok_and(|count| count >= STEP);
    // What is no id, somebody wrote by hand; it is told all the same.
    let next = ProductId::parse("after", subjects.last).ok().filter(|_| is_full);
    Ok(Proof { product_count: subjects.count, next, drift })
}
