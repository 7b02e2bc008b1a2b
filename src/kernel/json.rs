//! The bound on JSON objects that are kept with a row.

use crate::kernel::error::{Invalid, Rule};
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Map, Value};
use std::io::{self, Write};

/// The longest object, in bytes of its text.
pub const MAX_OBJECT_BYTES: usize = 16 * 1024;

/// Returns `object` unchanged when its text has at most [`MAX_OBJECT_BYTES`].
///
/// The text is the compact one: UTF-8, without white space between its parts, and with all digits of
/// a number. It is what the longer of the two databases stores: JSONB knows no exponents.
///
/// # Errors
/// Names `field` and the bound.
pub fn bounded(
    field: &'static str,
    object: Map<String, Value>,
) -> Result<Map<String, Value>, Invalid> {
    let counted = object.serialize(&mut Serializer::with_formatter(
        Bounded { bytes_left: MAX_OBJECT_BYTES },
        AllDigits,
    ));
    match counted {
        Ok(()) => Ok(object),
        Err(_) => {
            let reason = format!("must be at most {MAX_OBJECT_BYTES} bytes of JSON");
            Err(Invalid::new(field, Rule::TooLong, reason))
        }
    }
}

/// Takes so many bytes and keeps none; fails at the first one beyond.
struct Bounded {
    bytes_left: usize,
}

impl Write for Bounded {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        match self.bytes_left.checked_sub(text.len()) {
            Some(left) => self.bytes_left = left,
            None => return Err(io::ErrorKind::FileTooLarge.into()),
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compact JSON, with numbers as JSONB writes them.
struct AllDigits;

impl Formatter for AllDigits {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        /// From here on, serde_json writes an exponent, and JSONB a whole number.
        const EXPONENT_FROM: f64 = 1e16;
        if value.fract() == 0.0 && value.abs() < EXPONENT_FROM {
            write!(writer, "{value:.1}")
        } else {
            write!(writer, "{value}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_OBJECT_BYTES, bounded};
    use serde_json::{Map, Value, json};

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    /// An object whose text has so many bytes: `{"a":"…"}`.
    fn of_length(bytes: usize) -> Map<String, Value> {
        object(json!({ "a": "x".repeat(bytes - 8) }))
    }

    #[test]
    fn the_last_byte_decides() {
        let longest = of_length(MAX_OBJECT_BYTES);
        assert_eq!(serde_json::to_string(&longest).map(|text| text.len()).ok(), Some(16_384));
        assert_eq!(bounded("metadata", longest.clone()), Ok(longest));
        assert!(bounded("metadata", of_length(MAX_OBJECT_BYTES + 1)).is_err());
    }

    #[test]
    fn bytes_count_and_not_characters() {
        let half = |letters: usize| object(json!({ "a": "é".repeat(letters) }));
        assert!(bounded("metadata", half(8_188)).is_ok());
        assert!(bounded("metadata", half(8_189)).is_err());
    }

    #[test]
    fn numbers_count_with_all_their_digits() {
        // `{"a":[` and `]}` are 8; each number has so many digits, and a comma follows it.
        for (number, digits) in
            [(1e300, 301), (1e-7, 9), (-1.5e-10, 14), (1e16, 17), (1.0, 3), (0.1, 3)]
        {
            let fits = (MAX_OBJECT_BYTES - 8 + 1) / (digits + 1);
            let numbers = |count: usize| object(json!({ "a": vec![number; count] }));
            assert!(bounded("metadata", numbers(fits)).is_ok(), "{fits} × {number}");
            assert!(bounded("metadata", numbers(fits + 1)).is_err(), "{} × {number}", fits + 1);
        }
    }
}
