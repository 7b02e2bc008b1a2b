//! Long runs that measure. They are listed only where `TEST_TORTURE` is set, as `scripts/torture`
//! does: their figures mean something on a machine with nothing else to do, and on the release build.
//!
//! None of them fails over a figure: what is noted is held against its bar by the script.

mod driver;
mod limit;
mod neighbours;
mod slow;
mod steady;

pub use steady::Mebibytes;

use crate::Case;

pub fn cases() -> Vec<Case> {
    [steady::cases(), neighbours::cases(), limit::cases(), slow::cases()]
        .into_iter()
        .flatten()
        .collect()
}
