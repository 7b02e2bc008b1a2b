//! How each module proves its books, where it was built and has any. What customers have spent is proved by
//! their orders.

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

#[cfg(feature = "order")]
pub(super) const ORDER: Option<Prove> = Some(|db, tell| {
    let count = db.read_command(|conn| Ok(crate::order::prove(conn, tell)?))?;
    Ok(format!("{count} orders"))
});
#[cfg(not(feature = "order"))]
pub(super) const ORDER: Option<Prove> = None;
