//! Rules for free text: bounded, not blank, without NUL; kept byte for byte.

use crate::kernel::error::Invalid;

/// Returns `text` unchanged when it has 1 to `max_chars` characters, is not all white space, and
/// holds no NUL (PostgreSQL cannot store one).
///
/// # Errors
/// Names `field` and the rule that the text breaks.
pub fn required(field: &'static str, text: String, max_chars: usize) -> Result<String, Invalid> {
    if text.trim().is_empty() {
        return Err(Invalid::new(field, "must not be empty"));
    }
    bounded(field, text, max_chars)
}

/// As [`required`], for a text that may be blank.
///
/// # Errors
/// Names `field` and the rule that the text breaks.
pub fn bounded(field: &'static str, text: String, max_chars: usize) -> Result<String, Invalid> {
    if text.contains('\0') {
        return Err(Invalid::new(field, "must not contain a NUL character"));
    }
    if text.chars().count() > max_chars {
        return Err(Invalid::new(field, format!("must be at most {max_chars} characters long")));
    }
    Ok(text)
}

/// Whether a JSON text holds the escape of a NUL, which PostgreSQL cannot store. Backslashes occur
/// in strings alone, so that no parsing is needed to find it.
pub fn contains_escaped_nul(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
        if rest[at..].starts_with(b"\\u0000") {
            return true;
        }
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    false
}
