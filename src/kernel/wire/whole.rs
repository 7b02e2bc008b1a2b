//! When a number of a JSON body is whole.

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// A whole number: `5`, and also `5.0`, which JSON does not tell from `5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole(pub i64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Whole, D::Error> {
        struct WholeVisitor;

        impl Visitor<'_> for WholeVisitor {
            type Value = Whole;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Whole, E> {
                Ok(Whole(number))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Whole, E> {
                let invalid = |_| E::invalid_value(Unexpected::Unsigned(number), &self);
                i64::try_from(number).map(Whole).map_err(invalid)
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Whole, E> {
                let invalid = || E::invalid_type(Unexpected::Float(number), &self);
                whole(number).map(Whole).ok_or_else(invalid)
            }
        }

        deserializer.deserialize_i64(WholeVisitor)
    }
}

/// A float as the whole number that it stands for, where that is one alone.
pub fn whole(float: f64) -> Option<i64> {
    /// Above this, a float stands for more than one whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let is_whole = float.fract() == 0.0 && float.abs() <= EXACT;
    is_whole.then(|| format!("{float:.0}").parse().ok())?
}
