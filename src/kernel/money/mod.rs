//! Money: whole cents in 64-bit integers, never a float.

mod json;
mod schema;

pub use json::{ExactNumber, JsonMoney};
pub use schema::MoneyInput;

use crate::kernel::error::{Invalid, Rule};
use serde::{Deserialize, Serialize};
use std::fmt;

/// An amount in cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cents(i64);

/// The greatest price: 99999999.99.
const MAX_PRICE: Cents = Cents(9_999_999_999);

const NOT_MONEY: &str =
    "must be an amount without a sign and with at most two decimals, such as \"14500.00\"";

impl Cents {
    pub const ZERO: Cents = Cents(0);

    pub const fn new(cents: i64) -> Cents {
        Cents(cents)
    }

    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum, or `None` where it passes 64 bits.
    pub fn checked_add(self, other: Cents) -> Option<Cents> {
        self.0.checked_add(other.0).map(Cents)
    }

    /// The difference, or `None` where it passes 64 bits.
    pub fn checked_sub(self, other: Cents) -> Option<Cents> {
        self.0.checked_sub(other.0).map(Cents)
    }

    /// The product with a count, or `None` where it passes 64 bits.
    pub fn checked_mul(self, count: i64) -> Option<Cents> {
        self.0.checked_mul(count).map(Cents)
    }

    /// Reads `14500`, `14500.5` or `14500.00`; no sign, exponent or white space.
    ///
    /// # Errors
    /// When the text is anything else, or too large for 64 bits.
    pub fn parse(field: &'static str, text: &str) -> Result<Cents, Invalid> {
        Self::from_decimal(text).ok_or_else(|| Invalid::new(field, Rule::NotMoney, NOT_MONEY))
    }

    /// Bounds an amount to what a product may cost: 0 to 99999999.99.
    ///
    /// # Errors
    /// Names `field` when the amount is out of range.
    pub fn into_price(self, field: &'static str) -> Result<Cents, Invalid> {
        if (Cents::ZERO..=MAX_PRICE).contains(&self) {
            Ok(self)
        } else {
            Err(Invalid::new(field, Rule::OutOfRange, "must be from 0 to 99999999.99"))
        }
    }

    fn from_decimal(text: &str) -> Option<Cents> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "00"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 2 {
            return None;
        }
        let hundredths: i64 = format!("{fraction:0<2}").parse().ok()?;
        let cents = whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(hundredths)?;
        Some(Cents(cents))
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let cents = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", cents / 100, cents % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::Cents;
    use proptest::prelude::any;
    use proptest::{prop_assert, prop_assert_eq, prop_assume, proptest};

    /// What a text is worth, read digit by digit in 128 bits: another way to the same amount.
    fn read_by_digits(text: &str) -> Option<i128> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        if whole.is_empty() || !(1..=2).contains(&fraction.len()) {
            return None;
        }
        let digits = format!("{whole}{fraction:0<2}");
        digits.chars().try_fold(0_i128, |sum, digit| {
            sum.checked_mul(10)?.checked_add(i128::from(digit.to_digit(10)?))
        })
    }

    proptest! {
        #[test]
        fn an_amount_is_read_as_it_was_written(cents in 0..=i64::MAX) {
            let amount = Cents::new(cents);
            prop_assert_eq!(Cents::parse("price", &amount.to_string()), Ok(amount));
        }

        /// A float has 53 bits: it would already write other digits than these.
        #[test]
        fn amounts_beyond_53_bits_keep_their_last_cent(cents in (1_i64 << 53)..=i64::MAX) {
            prop_assert_eq!(Cents::new(cents).to_string().replace('.', ""), cents.to_string());
        }

        #[test]
        fn a_text_is_read_by_its_digits_or_refused(
            text in r"[+-]?[0-9]{0,20}(\.[0-9]{0,3})?([eE][+-]?[0-9]{1,2})?"
        ) {
            let expected = read_by_digits(&text).and_then(|cents| i64::try_from(cents).ok());
            prop_assert_eq!(Cents::parse("price", &text).ok().map(Cents::get), expected);
        }

        #[test]
        fn any_other_text_is_refused(text in any::<String>()) {
            prop_assume!(read_by_digits(&text).is_none());
            prop_assert!(Cents::parse("price", &text).is_err());
        }

        #[test]
        fn a_sum_is_exact_or_there_is_none(a in any::<i64>(), b in any::<i64>()) {
            let exact = i64::try_from(i128::from(a) + i128::from(b)).ok();
            prop_assert_eq!(Cents::new(a).checked_add(Cents::new(b)).map(Cents::get), exact);
        }

        #[test]
        fn a_difference_is_exact_or_there_is_none(a in any::<i64>(), b in any::<i64>()) {
            let exact = i64::try_from(i128::from(a) - i128::from(b)).ok();
            prop_assert_eq!(Cents::new(a).checked_sub(Cents::new(b)).map(Cents::get), exact);
        }

        #[test]
        fn a_product_is_exact_or_there_is_none(price in any::<i64>(), count in any::<i64>()) {
            let exact = i64::try_from(i128::from(price) * i128::from(count)).ok();
            prop_assert_eq!(Cents::new(price).checked_mul(count).map(Cents::get), exact);
        }
    }
}
