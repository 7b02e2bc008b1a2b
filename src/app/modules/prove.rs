//! How each module proves its books, where it was built and has any. What customers have spent and what
//! orders come to belong here as well, once they have books.

use super::Prove;

#[cfg(feature = "product")]
pub(super) const PRODUCT: Option<Prove> = Some(|db, tell| {
    use crate::product::stock::{Proved, prove};

    let (mut product_count, mut after) = (0, None);
    loop {
        // A step holds a thousand products at most, and what does not agree in them.
        let step = Proved::After(after);
        let proof = db.read_command(|conn| Ok(prove(conn, &step)?))?;
        product_count += proof.product_count;
        proof.drift.iter().for_each(|drift| tell(drift.to_string()));
        after = proof.next;
        if after.is_none() {
            return Ok(format!("{product_count} products"));
        }
    }
});
#[cfg(not(feature = "product"))]
pub(super) const PRODUCT: Option<Prove> = None;

pub(super) const CUSTOMER: Option<Prove> = None;

pub(super) const ORDER: Option<Prove> = None;
