//! A key that is shown nowhere, and the rules that it keeps.

use secrecy::{ExposeSecret, SecretString};
use std::str::FromStr;

/// The shortest key that HS256 may have: as long as its hash.
const MIN_SECRET_BYTES: usize = 32;

/// A key that no log, error or `--help` shows, and that is wiped from memory with its last copy.
#[derive(Debug, Clone)]
pub struct Secret(SecretString);

/// Parts of the keys that tutorials and templates print.
const EXAMPLE_SECRETS: [&str; 14] = [
    "change-me",
    "change_me",
    "changeme",
    "change-this",
    "change_this",
    "change-in-production",
    "change_in_production",
    "your-secret",
    "your_secret",
    "your-super-secret",
    "your-256-bit-secret",
    "your-jwt-secret",
    "replace-me",
    "example",
];

impl Secret {
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }

    /// Whether others cannot guess or look up the key.
    ///
    /// # Errors
    /// What is wrong with it, to be read after the name of the setting.
    pub fn check(&self) -> Result<(), &'static str> {
        let key = self.expose();
        let holds = |example: &&str| {
            key.windows(example.len()).any(|part| part.eq_ignore_ascii_case(example.as_bytes()))
        };
        let distinct = (0..=u8::MAX).filter(|byte| key.contains(byte)).count();
        if key.len() < MIN_SECRET_BYTES {
            Err("must have at least 32 bytes. Make one with: openssl rand -hex 32")
        } else if EXAMPLE_SECRETS.iter().any(holds) {
            Err("is an example value, which others know. Make one with: openssl rand -hex 32")
        } else if distinct < 6 {
            Err("repeats a few characters. Make one with: openssl rand -hex 32")
        } else {
            Ok(())
        }
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.expose() == other.expose()
    }
}

impl FromStr for Secret {
    type Err = String;

    fn from_str(text: &str) -> Result<Secret, String> {
        refuse_white_space_at_the_ends(text)?;
        Ok(Secret(text.into()))
    }
}

/// A newline at the end of a file, or a space that was pasted along, would be a part of the secret,
/// and nobody could see why it is not the one that the others have.
pub(super) fn refuse_white_space_at_the_ends(text: &str) -> Result<(), String> {
    let is_bare = text.trim() == text;
    is_bare.then_some(()).ok_or_else(|| {
        "begins or ends with white space (such as the newline of a file): take it away".into()
    })
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_key_is_long_and_its_own_and_never_shown() {
        for (text, reason) in [
            ("ba7816bf8f01cfea414140de5dae2223", None),
            ("ba7816bf8f01cfea414140de5dae222", Some("32 bytes")),
            ("ba7816bf8f01-Change-Me-5dae2223bb", Some("example")),
            ("ababababababababababababababababab", Some("repeats")),
        ] {
            let key: Secret = text.parse().expect("no white space");
            match (key.check(), reason) {
                (Ok(()), None) => {}
                (Err(said), Some(reason)) => assert!(said.contains(reason), "{text}: {said}"),
                (outcome, _) => panic!("{text}: {outcome:?}"),
            }
            assert!(!format!("{key:?}").contains(text), "{key:?}");
        }
        for text in [" ba7816bf8f01cfea414140de5dae2223", "ba7816bf8f01cfea414140de5dae2223\n"] {
            assert!(text.parse::<Secret>().is_err(), "{text:?}");
        }
    }
}
