//! The identifiers that clients choose: 1 to 50 of `A-Z a-z 0-9 . _ -`, and not `.` or `..`.

use crate::kernel::error::{Invalid, Rule};
use serde::{Deserialize, Serialize};
use std::fmt;

const MAX_LENGTH: usize = 50;

/// A well-formed identifier; holding one is proof that it may go into SQL, a cache key or a URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Id(String);

impl Id {
    /// # Errors
    /// When the text is empty, longer than 50, has any other character, or is a segment that servers
    /// resolve in a path (`.` and `..`); the error names `field`.
    pub fn parse(field: &'static str, text: impl Into<String>) -> Result<Id, Invalid> {
        let text = text.into();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_plain = (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(allowed);
        match text.as_str() {
            "." | ".." => Err(Invalid::new(
                field,
                Rule::Reserved,
                "must not be '.' or '..': a path would lose it",
            )),
            _ if is_plain => Ok(Id(text)),
            // Reference numbers of the trade hold slashes, which would part the path.
            slashed if slashed.contains('/') => Err(Invalid::new(
                field,
                Rule::BadCharacter,
                "must not hold a '/': write '-', '_' or '.' in its place, and keep the number as it \
                 is in another member, such as metadata.reference",
            )),
            _ => Err(Invalid::new(
                field,
                match text.len() {
                    0 => Rule::Empty,
                    length if length > MAX_LENGTH => Rule::TooLong,
                    _ => Rule::BadCharacter,
                },
                "must be 1 to 50 characters of A-Z, a-z, 0-9, '.', '_' and '-'",
            )),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Id {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Id, Invalid> {
        Id::parse("id", text)
    }
}

#[cfg(test)]
mod tests {
    use super::Id;
    use proptest::prelude::any;
    use proptest::{prop_assert, prop_assert_eq, prop_assume, proptest};

    const ALLOWED: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

    #[test]
    fn a_segment_that_a_path_would_lose_is_no_id() {
        for text in [".", ".."] {
            assert!(Id::parse("id", text).is_err(), "{text}");
        }
        for text in ["...", ".a", "a.", "126610LN.v2", "5711.1A-010"] {
            assert!(Id::parse("id", text).is_ok(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_well_formed_text_is_kept(text in "[A-Za-z0-9._-]{1,50}") {
            prop_assume!(text != "." && text != "..");
            let id = Id::parse("id", text.as_str()).expect("well-formed");
            prop_assert_eq!(id.as_str(), text);
        }

        #[test]
        fn a_text_of_another_length_is_refused(text in "[A-Za-z0-9._-]{51,80}") {
            prop_assert!(Id::parse("id", text).is_err());
            prop_assert!(Id::parse("id", "").is_err());
        }

        #[test]
        fn no_other_character_is_let_in(before in "[a-z]{0,5}", odd in any::<char>(), after in "[a-z]{0,5}") {
            let text = format!("{before}{odd}{after}");
            let is_let_in = Id::parse("id", text.as_str()).is_ok();
            prop_assert_eq!(is_let_in, ALLOWED.contains(odd) && text != ".");
        }
    }
}
