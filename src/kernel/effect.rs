//! What must follow the commit of a transaction, and who carries it out.

use crate::kernel::ids::Id;
use futures_util::future::BoxFuture;
use std::fmt;

/// Registered in a transaction by whoever changes a row, so that no caller can forget it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that was cached of this row before the commit is shown after it.
    Forget { kind: &'static str, id: Id },
}

/// Names what was announced for one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announcement(u64);

impl Announcement {
    /// One that never was.
    pub fn fresh() -> Announcement {
        Announcement(fastrand::u64(..))
    }
}

/// Sixteen hexadecimal digits.
impl fmt::Display for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Carries effects out.
pub trait Effects: Send + Sync {
    /// Makes effects known outside of this process just before the commit: when the process dies
    /// between the commit and [`Effects::carry_out`], nothing old is shown all the same. Does not
    /// wait until they are known.
    fn announce(&self, effects: &[Effect]) -> Announcement;

    /// Runs after every commit that was made or may have been made.
    fn carry_out(&self, effects: Vec<Effect>, announcement: Announcement)
    -> BoxFuture<'static, ()>;
}
