//! How many rows a list has, and at what price that is known.

use crate::kernel::error::{Invalid, Rule};

/// How the rows of a list are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Counting {
    /// All of them, with each page.
    #[default]
    Exact,
    /// All of them while they are few; the estimate of the database where they are many.
    Estimated,
    No,
}

impl Counting {
    /// What a query may name.
    pub const NAMES: [&'static str; 3] = ["exact", "estimated", "none"];

    /// # Errors
    /// Names the choices.
    pub fn parse(text: &str) -> Result<Counting, Invalid> {
        match text {
            "exact" => Ok(Counting::Exact),
            "estimated" => Ok(Counting::Estimated),
            "none" => Ok(Counting::No),
            _ => {
                let reason = format!("must be one of {}", Counting::NAMES.join(", "));
                Err(Invalid::new("count", Rule::NotOneOf, reason))
            }
        }
    }
}

/// How many rows a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    Exact(i64),
    Estimated(i64),
    /// They were not counted, as the client wished.
    NotCounted,
    /// The answers of this list do not say it.
    NotSaid,
}
