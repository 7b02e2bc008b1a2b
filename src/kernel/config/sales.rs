//! What the store has decided for its sales: currency, discounts, tax.

use iso_currency::Currency;
use std::str::FromStr;

/// Reads a currency by its three letters. Amounts have two decimals everywhere, so only currencies that do
/// can be counted.
///
/// # Errors
/// Says what is wanted.
pub fn currency(text: &str) -> Result<String, String> {
    match Currency::from_code(text) {
        Some(known) if known.exponent() == Some(2) => Ok(text.to_owned()),
        Some(_) => Err("must be a currency with two decimals, such as USD, EUR or CHF".into()),
        None => Err("must be the code of a currency, such as USD, EUR or CHF".into()),
    }
}

/// Reads a share in percent, with at most two decimals, as hundredths of a percent.
///
/// # Errors
/// Says what is wanted.
pub fn percent(text: &str) -> Result<i32, String> {
    let wrong = || "must be from 0 to 100, with at most two decimals".to_owned();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_plain = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    if !is_plain(whole) || !is_plain(fraction) || fraction.len() > 2 || whole.len() > 3 {
        return Err(wrong());
    }
    let points: i32 = format!("{whole}{fraction:0<2}").parse().map_err(|_| wrong())?;
    if points <= 10_000 { Ok(points) } else { Err(wrong()) }
}

/// What customers of each tier have off, by the name of the tier, in hundredths of a percent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TierDiscounts(Vec<(String, i32)>);

impl TierDiscounts {
    pub fn iter(&self) -> impl Iterator<Item = (&str, i32)> {
        self.0.iter().map(|(tier, points)| (tier.as_str(), *points))
    }
}

impl FromStr for TierDiscounts {
    type Err = String;

    /// Reads `platinum=15,gold=10`; nothing is no discount.
    fn from_str(text: &str) -> Result<TierDiscounts, String> {
        const TIERS: [&str; 4] = ["bronze", "silver", "gold", "platinum"];
        let mut discounts: Vec<(String, i32)> = Vec::new();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let refused = |reason: &str| Err(format!("holds \"{entry}\", {reason}"));
            let Some((tier, share)) = entry.split_once('=') else {
                return refused("which is not as gold=10");
            };
            let (tier, share) = (tier.trim(), share.trim());
            if !TIERS.contains(&tier) {
                return refused("whose tier is none of bronze, silver, gold, platinum");
            }
            if discounts.iter().any(|(known, _)| known == tier) {
                return refused("whose tier stands there twice");
            }
            match percent(share) {
                Ok(points) => discounts.push((tier.to_owned(), points)),
                Err(wanted) => return refused(&format!("whose share {wanted}")),
            }
        }
        Ok(TierDiscounts(discounts))
    }
}

#[cfg(test)]
mod tests {
    use super::{TierDiscounts, currency, percent};

    #[test]
    fn a_share_is_read_by_its_digits() {
        for (text, points) in [
            ("0", 0),
            ("7.5", 750),
            ("8.10", 810),
            ("100", 10_000),
            ("100.00", 10_000),
            ("0.01", 1),
        ] {
            assert_eq!(percent(text), Ok(points), "{text}");
        }
        for text in ["", "-1", "100.01", "1e1", "7,5", "1.234", ".5", "5.", "101", " 5", "5%"] {
            percent(text).expect_err(text);
        }
    }

    #[test]
    fn discounts_have_a_tier_each() {
        let discounts: TierDiscounts = " platinum=15, bronze = 7.5 ,".parse().expect("good ones");
        let read: Vec<(&str, i32)> = discounts.iter().collect();
        assert_eq!(read, [("platinum", 1_500), ("bronze", 750)]);
        assert_eq!("".parse(), Ok(TierDiscounts::default()));
        for text in ["gold", "gold=", "gold=x", "gold=101", "Gold=1", "gold=1,gold=2", "diamond=1"]
        {
            text.parse::<TierDiscounts>().expect_err(text);
        }
    }

    #[test]
    fn a_currency_has_two_decimals() {
        for text in ["USD", "EUR", "CHF", "GBP"] {
            assert_eq!(currency(text).as_deref(), Ok(text));
        }
        for text in ["JPY", "KWD", "usd", "XXX", "AB", "", "DOLLAR"] {
            currency(text).expect_err(text);
        }
    }
}
