//! The one collector of values that break a rule: all that are wrong with a body, a query or a record
//! of a data file are told at once.

use super::error::{Invalid, Rule};
use std::fmt;

/// The values that break a rule, in the order in which they were looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Invalid>);

impl Problems {
    /// What was parsed, or `None` where it is noted why it cannot be used.
    pub fn take<T>(&mut self, parsed: Result<T, Invalid>) -> Option<T> {
        parsed.map_err(|invalid| self.note(invalid)).ok()
    }

    pub fn note(&mut self, invalid: Invalid) {
        self.0.push(invalid);
    }

    /// Takes those of a part: its fields are named from the whole, as `items[1].price`.
    pub fn take_within<T>(&mut self, part: &str, parsed: Result<T, Problems>) -> Option<T> {
        let problems = match parsed {
            Ok(value) => return Some(value),
            Err(problems) => problems,
        };
        self.0.extend(problems.0.into_iter().map(|invalid| Invalid {
            field: format!("{part}.{}", invalid.field).into(),
            ..invalid
        }));
        None
    }

    /// What the parts stand for: `made` is `None` where a part could not be used.
    ///
    /// # Errors
    /// All that was noted.
    pub fn finish<T>(self, made: Option<T>) -> Result<T, Problems> {
        match made {
            Some(made) if self.0.is_empty() => Ok(made),
            _ => {
                assert!(!self.0.is_empty(), "a part that cannot be used is noted");
                Err(self)
            }
        }
    }

    /// Whether something that must be there is missing.
    pub fn has_missing(&self) -> bool {
        self.missing().next().is_some()
    }

    /// The fields that must be there and are missing.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        let missing = self.iter().filter(|invalid| invalid.rule == Rule::Required);
        missing.map(|invalid| invalid.field.as_ref())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Invalid> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one that today's clients read alone.
    pub fn first(&self) -> Option<&Invalid> {
        self.0.first()
    }
}

impl From<Invalid> for Problems {
    fn from(invalid: Invalid) -> Problems {
        Problems(vec![invalid])
    }
}

impl std::error::Error for Problems {}

/// All of them, to be read as one sentence.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, invalid) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{invalid}")?;
        }
        Ok(())
    }
}
