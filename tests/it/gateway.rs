//! x
use crate::cases;
use crate::app::Combination;
cases![Once: nothing;];
fn nothing(_: &Combination) {}
