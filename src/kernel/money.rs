//! Money: whole cents in 64-bit integers, never a float.

use crate::kernel::error::Invalid;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
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

    /// The product with a count, or `None` where it passes 64 bits.
    pub fn checked_mul(self, count: i64) -> Option<Cents> {
        self.0.checked_mul(count).map(Cents)
    }

    /// Reads `14500`, `14500.5` or `14500.00`; no sign, exponent or white space.
    ///
    /// # Errors
    /// When the text is anything else, or too large for 64 bits.
    pub fn parse(field: &'static str, text: &str) -> Result<Cents, Invalid> {
        Self::from_decimal(text).ok_or_else(|| Invalid::new(field, NOT_MONEY))
    }

    /// Reads an amount from a JSON number or string, by its digits: a float would lose cents.
    ///
    /// # Errors
    /// As [`Cents::parse`], and for any other JSON value.
    pub fn from_json(field: &'static str, json: &RawValue) -> Result<Cents, Invalid> {
        let text = json.get();
        if !text.starts_with('"') {
            return Self::parse(field, text);
        }
        match serde_json::from_str::<String>(text) {
            Ok(inner) => Self::parse(field, &inner),
            Err(_) => Err(Invalid::new(field, NOT_MONEY)),
        }
    }

    /// Bounds an amount to what a product may cost: 0 to 99999999.99.
    ///
    /// # Errors
    /// Names `field` when the amount is out of range.
    pub fn into_price(self, field: &'static str) -> Result<Cents, Invalid> {
        if (Cents::ZERO..=MAX_PRICE).contains(&self) {
            Ok(self)
        } else {
            Err(Invalid::new(field, "must be from 0 to 99999999.99"))
        }
    }

    /// The amount as a JSON number with two decimals, exact at any size.
    pub fn to_json_number(self) -> Box<RawValue> {
        RawValue::from_string(self.to_string()).expect("digits, a point and digits are JSON")
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
