//! x
use crate::app::Combination;
use crate::cases;
cases![Once: nothing;];
fn nothing(_: &Combination) {}
