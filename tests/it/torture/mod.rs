//! Long runs that measure. They are listed only where `TEST_TORTURE` is set, as `scripts/torture`
//! does: their figures mean something on a machine with nothing else to do, and on the release build.
//!
//! Few of them fail over a figure: what is noted is compared with its bar by the script.

mod driver;
mod limit;
mod neighbours;
mod slow;
mod steady;

use crate::Case;

pub fn cases() -> Vec<Case> {
    [steady::cases(), neighbours::cases(), limit::cases(), slow::cases()]
        .into_iter()
        .flatten()
        .collect()
}
