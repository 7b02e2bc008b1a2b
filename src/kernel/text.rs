//! Rules for free text: bounded, not blank, without NUL; kept byte for byte.

use crate::kernel::error::{Invalid, Rule};
use serde_json::Value;

/// Returns `text` unchanged when it has 1 to `max_chars` characters, is not all white space, and
/// holds no NUL (PostgreSQL cannot store one).
///
/// # Errors
/// Names `field` and the rule that the text breaks.
pub fn required(field: &'static str, text: String, max_chars: usize) -> Result<String, Invalid> {
    if text.trim().is_empty() {
        return Err(Invalid::new(field, Rule::Empty, "must not be empty"));
    }
    bounded(field, text, max_chars)
}

/// As [`required`], for a text that may be blank.
///
/// # Errors
/// Names `field` and the rule that the text breaks.
pub fn bounded(field: &'static str, text: String, max_chars: usize) -> Result<String, Invalid> {
    if text.contains('\0') {
        return Err(Invalid::new(field, Rule::Nul, "must not contain a NUL character"));
    }
    if text.chars().count() > max_chars {
        let reason = format!("must be at most {max_chars} characters long");
        return Err(Invalid::new(field, Rule::TooLong, reason));
    }
    Ok(text)
}

/// Whether a string or the name of a member anywhere in the value has a NUL.
pub fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(members) => {
            members.iter().any(|(name, value)| name.contains('\0') || holds_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
