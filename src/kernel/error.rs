//! The two errors that every module shares: a value that breaks a rule, and the unexpected.

use std::borrow::Cow;

/// A value from outside that breaks a rule; the client is told which and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct Invalid {
    /// The member, query parameter or path segment, as the client wrote it.
    pub field: Cow<'static, str>,
    /// What is wrong, to be read after the field: "must not be empty".
    pub reason: Cow<'static, str>,
}

impl Invalid {
    /// `reason` reads on from the field's name: `Invalid::new("price", "must not be negative")`.
    pub fn new(
        field: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Invalid {
        Invalid { field: field.into(), reason: reason.into() }
    }
}

/// The program will not do what it was asked, and has changed nothing: exit status 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);
