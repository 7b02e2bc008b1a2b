//! The query string, strictly: valid UTF-8, no NUL, no parameter that is read given twice, and none
//! that looks like one that is read.

use crate::kernel::error::{Invalid, Rule};
use crate::kernel::ids::Id;
use crate::kernel::time;
use chrono::{DateTime, Utc};
use percent_encoding::percent_decode;
use std::str::FromStr;

/// How many rows a request may name.
const MAX_IDS: usize = 100;

/// The parameters of a request, decoded.
#[derive(Debug, Default)]
pub struct Query(Vec<Pair>);

#[derive(Debug)]
struct Pair {
    name: String,
    value: String,
    /// The value with each `+` that stands in it as it came: forms write a space so.
    value_with_plus: String,
}

impl Query {
    /// # Errors
    /// When a name or value is not UTF-8 or holds a NUL.
    pub fn parse(raw: &str) -> Result<Query, Invalid> {
        let pairs = raw.split('&').filter(|pair| !pair.is_empty());
        let decode_pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value_with_plus = decode_percent(value)?;
            Ok(Pair { name: decode(name)?, value: decode(value)?, value_with_plus })
        };
        pairs.map(decode_pair).collect::<Result<_, _>>().map(Query)
    }

    /// The value of a parameter; an empty one counts as absent.
    ///
    /// # Errors
    /// When the parameter is given more than once, or with brackets or in another case: a filter that
    /// is passed over would show everything.
    pub fn get(&self, name: &'static str) -> Result<Option<&str>, Invalid> {
        Ok(self.find(name)?.map(|pair| pair.value.as_str()))
    }

    /// As [`Query::get`], for a value that holds no space: a `+` is meant as one.
    ///
    /// # Errors
    /// Those of [`Query::get`].
    pub fn get_with_plus(&self, name: &'static str) -> Result<Option<&str>, Invalid> {
        Ok(self.find(name)?.map(|pair| pair.value_with_plus.as_str()))
    }

    fn find(&self, name: &'static str) -> Result<Option<&Pair>, Invalid> {
        if self.0.iter().any(|pair| looks_like(&pair.name, name)) {
            let reason = format!("must be written {name}, in this case and without brackets");
            return Err(Invalid::new(name, Rule::Misspelt, reason));
        }
        let mut pairs = self.0.iter().filter(|pair| pair.name == name);
        match (pairs.next(), pairs.next()) {
            (_, Some(_)) => Err(Invalid::new(name, Rule::Repeated, "must be given only once")),
            (pair, None) => Ok(pair.filter(|pair| !pair.value.is_empty())),
        }
    }

    /// Whether `true` or `false` is given.
    ///
    /// # Errors
    /// When it is repeated, or neither.
    pub fn flag(&self, name: &'static str) -> Result<Option<bool>, Invalid> {
        match self.get(name)? {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Invalid::new(name, Rule::NotOneOf, "must be one of true, false")),
        }
    }

    /// A time with its zone.
    ///
    /// # Errors
    /// When it is repeated, or no time.
    pub fn time(&self, name: &'static str) -> Result<Option<DateTime<Utc>>, Invalid> {
        self.get_with_plus(name)?.map(|text| time::parse(name, text)).transpose()
    }

    /// Ids with commas between them.
    ///
    /// # Errors
    /// When it is repeated, when there are too many, or when one of them is none.
    pub fn ids(&self, name: &'static str) -> Result<Option<Vec<Id>>, Invalid> {
        let Some(text) = self.get(name)? else {
            return Ok(None);
        };
        if text.split(',').count() > MAX_IDS {
            let reason = format!("must be at most {MAX_IDS} ids with commas between them");
            return Err(Invalid::new(name, Rule::TooLong, reason));
        }
        text.split(',').map(|id| Id::parse(name, id)).collect::<Result<_, _>>().map(Some)
    }

    /// The value of a numeric parameter within `range`, or `default` when it is absent or empty.
    ///
    /// # Errors
    /// When it is repeated, not a whole number in plain digits, or out of range.
    pub fn number<N>(
        &self,
        name: &'static str,
        range: std::ops::RangeInclusive<N>,
        default: N,
    ) -> Result<N, Invalid>
    where
        N: FromStr + PartialOrd + std::fmt::Display,
    {
        let Some(text) = self.get(name)? else {
            return Ok(default);
        };
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let rule = if plain { Rule::OutOfRange } else { Rule::NotANumber };
        match text.parse() {
            Ok(number) if plain && range.contains(&number) => Ok(number),
            _ => Err(Invalid::new(
                name,
                rule,
                format!("must be a whole number from {} to {}", range.start(), range.end()),
            )),
        }
    }
}

/// Whether a name is `known` in another case, or as some clients write a list: `brand[]`, `brand[0]`.
fn looks_like(name: &str, known: &str) -> bool {
    let plain = name.split('[').next().unwrap_or(name);
    name != known && plain.eq_ignore_ascii_case(known)
}

fn decode(text: &str) -> Result<String, Invalid> {
    if text.contains('+') { decode_percent(&text.replace('+', " ")) } else { decode_percent(text) }
}

fn decode_percent(text: &str) -> Result<String, Invalid> {
    let decoded = percent_decode(text.as_bytes())
        .decode_utf8()
        .map_err(|_| Invalid::new("query", Rule::NotUtf8, "must be UTF-8"))?;
    if decoded.contains('\0') {
        return Err(Invalid::new("query", Rule::Nul, "must not contain a NUL character"));
    }
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::Query;
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::collection::vec;
    use proptest::prelude::any;
    use proptest::{prop_assert, prop_assert_eq, proptest};

    fn encoded(text: &str) -> String {
        utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
    }

    proptest! {
        #[test]
        fn an_encoded_value_is_read_as_it_was(value in "[^\0]{1,20}", others in vec("[a-z]{1,3}", 0..4)) {
            let others: String = others.iter().map(|name| format!("{name}=x&")).collect();
            let query = Query::parse(&format!("{others}brand={}", encoded(&value)));
            let query = query.expect("UTF-8 without NUL");
            prop_assert_eq!(query.get("brand"), Ok(Some(value.as_str())));
        }

        #[test]
        fn a_parameter_given_twice_is_refused(one in "[^\0]{0,9}", two in "[^\0]{0,9}", between in "[a-z=&]{0,9}") {
            let raw = format!("brand={}&{between}&%62rand={}", encoded(&one), encoded(&two));
            let query = Query::parse(&raw).expect("UTF-8 without NUL");
            prop_assert!(query.get("brand").is_err());
        }

        #[test]
        fn a_name_that_looks_like_one_that_is_read_is_refused(
            changed in "[mM][iI][nN][pP][rR][iI][cC][eE]", inside in "[a-z0-9]{0,3}", value in "[a-z]{0,3}",
        ) {
            let bracketed = format!("minPrice[{inside}]={value}");
            prop_assert!(Query::parse(&bracketed).expect("plain ASCII").get("minPrice").is_err());
            let encoded = format!("minPrice%5B{inside}%5D={value}");
            prop_assert!(Query::parse(&encoded).expect("plain ASCII").get("minPrice").is_err());
            let query = Query::parse(&format!("{changed}={value}&other=1")).expect("plain ASCII");
            prop_assert_eq!(query.get("minPrice").is_err(), changed != "minPrice");
        }

        #[test]
        fn a_nul_anywhere_is_refused(before in "[a-z=&]{0,9}", after in "[a-z=&]{0,9}") {
            let raw = format!("{before}%00{after}");
            prop_assert!(Query::parse(&raw).is_err());
        }

        #[test]
        fn a_number_is_in_its_range_and_in_plain_digits(text in any::<String>(), near in "[0-9+-]{1,6}") {
            for text in [text, near] {
                let query = Query(vec![super::Pair {
                    name: "limit".to_owned(),
                    value: text.clone(),
                    value_with_plus: text.clone(),
                }]);
                let expected = match text.as_str() {
                    "" => Some(10),
                    _ if text.chars().any(|c| !c.is_ascii_digit()) => None,
                    _ => text.parse().ok().filter(|number| (1..=500).contains(number)),
                };
                prop_assert_eq!(query.number("limit", 1..=500, 10).ok(), expected);
            }
        }
    }
}
