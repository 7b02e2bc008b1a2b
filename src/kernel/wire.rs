//! How members of a JSON body are told apart: absent, `null`, or a value.

use crate::kernel::error::Invalid;
use serde::{Deserialize, Deserializer};

/// For `Option<Option<T>>` with `#[serde(default)]`: `None` absent, `Some(None)` null.
///
/// # Errors
/// Those of `T`.
pub fn present<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// Refuses `null` for a member that cannot be cleared.
///
/// # Errors
/// Names the member.
pub fn not_null<T>(field: &'static str, value: Option<Option<T>>) -> Result<Option<T>, Invalid> {
    match value {
        Some(None) => Err(Invalid::new(field, "must not be null")),
        other => Ok(other.flatten()),
    }
}
