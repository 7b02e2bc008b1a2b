//! A member that means something by being absent, and another thing by being `null`.

use serde::{Deserialize, Deserializer};

/// A member of an update. Its structure has `#[serde(default)]`: what is left out is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Member<T> {
    #[default]
    Absent,
    Null,
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Member<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Option::deserialize(deserializer)?;
        Ok(value.map_or(Member::Null, Member::Value))
    }
}

#[cfg(test)]
mod tests {
    use super::Member;
    use crate::kernel::money::JsonMoney;
    use serde::Deserialize;

    #[derive(Deserialize, Default, Debug)]
    #[serde(default)]
    struct Body {
        price: Member<JsonMoney>,
    }

    #[test]
    fn absent_null_and_a_value_are_three_things() {
        let price = |text: &str| serde_json::from_str::<Body>(text).expect("JSON").price;
        assert_eq!(price("{}"), Member::Absent);
        assert_eq!(price(r#"{"price":null}"#), Member::Null);
        for text in [r#"{"price":1.5}"#, r#"{"price":"1.50"}"#] {
            let Member::Value(money) = price(text) else {
                panic!("{text} has a value");
            };
            assert_eq!(money.cents("price").map(|cents| cents.get()), Ok(150), "{text}");
        }
    }
}
