//! Amounts as members of JSON.

use super::{Cents, NOT_MONEY};
use crate::kernel::error::{Invalid, Rule};
use serde::ser::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// An amount as a member: read from a number or a string by its digits, since a float would lose cents;
/// written as a string with two decimals.
///
/// What was read and is no amount is refused where its place is known, as the breach of a rule and not
/// as another type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonMoney(Option<Cents>);

impl JsonMoney {
    /// # Errors
    /// Names `field` where what was read is no amount.
    pub fn cents(self, field: &'static str) -> Result<Cents, Invalid> {
        self.0.ok_or_else(|| Invalid::new(field, Rule::NotMoney, NOT_MONEY))
    }

    /// The amount as what a product may cost.
    ///
    /// # Errors
    /// As [`JsonMoney::cents`] and [`Cents::into_price`].
    pub fn price(self, field: &'static str) -> Result<Cents, Invalid> {
        self.cents(field)?.into_price(field)
    }
}

impl From<Cents> for JsonMoney {
    fn from(cents: Cents) -> JsonMoney {
        JsonMoney(Some(cents))
    }
}

impl<'de> Deserialize<'de> for JsonMoney {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<JsonMoney, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        if !text.starts_with('"') {
            return Ok(JsonMoney(Cents::from_decimal(text)));
        }
        let quoted: Option<String> = serde_json::from_str(text).ok();
        Ok(JsonMoney(quoted.and_then(|text| Cents::from_decimal(&text))))
    }
}

impl Serialize for JsonMoney {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(cents) => serializer.collect_str(&cents),
            None => Err(S::Error::custom("no amount")),
        }
    }
}

/// An amount as a JSON number with two decimals, exact at any size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExactNumber(pub Cents);

impl Serialize for ExactNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = RawValue::from_string(self.0.to_string());
        digits.expect("digits, a point and digits are JSON").serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::{Cents, ExactNumber, JsonMoney};
    use proptest::{prop_assert_eq, proptest};

    fn read(text: &str) -> Option<i64> {
        let money: JsonMoney = serde_json::from_str(text).expect("JSON");
        money.cents("price").ok().map(Cents::get)
    }

    #[test]
    fn what_is_no_amount_is_read_and_refused_by_the_name_of_its_member() {
        for text in
            ["null", "true", "{}", "[1]", r#""""#, r#""1,5""#, "-1", "1e2", "1.234", r#"" 1""#]
        {
            assert_eq!(read(text), None, "{text}");
        }
        let money: JsonMoney = serde_json::from_str("true").expect("JSON");
        assert!(money.cents("price").is_err_and(|invalid| invalid.field == "price"));
    }

    proptest! {
        #[test]
        fn an_amount_is_read_as_it_was_written(cents in 0..=i64::MAX) {
            let amount = Cents::new(cents);
            let text = serde_json::to_string(&JsonMoney::from(amount)).expect("a string");
            prop_assert_eq!(&text, &format!("\"{amount}\""));
            prop_assert_eq!(read(&text), Some(cents));
            let number = serde_json::to_string(&ExactNumber(amount)).expect("a number");
            prop_assert_eq!(&number, &amount.to_string());
            prop_assert_eq!(read(&number), Some(cents));
        }
    }
}
