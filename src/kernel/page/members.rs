//! The members of a row that a client asks for.

use crate::kernel::error::{Invalid, Rule};
use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Some members of the rows of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members(Vec<&'static str>);

impl Members {
    /// Reads their names, with commas between them; `known` are those that a row can have.
    ///
    /// # Errors
    /// Names those.
    pub fn parse(text: &str, known: &'static [&'static str]) -> Result<Members, Invalid> {
        let find = |name: &str| known.iter().find(|known| **known == name).copied();
        let names = text.split(',').map(find).collect::<Option<_>>();
        names.map(Members).ok_or_else(|| {
            let reason = format!(
                "must be names of members with commas between them, of {}",
                known.join(", ")
            );
            Invalid::new("fields", Rule::NotOneOf, reason)
        })
    }

    /// Appends the row with these members alone, in the order that it has them in.
    pub fn pick(&self, row: &[u8], bytes: &mut Vec<u8>) {
        bytes.push(b'{');
        let picking = Picking { members: self, bytes };
        let picked = serde_json::Deserializer::from_slice(row).deserialize_map(picking);
        picked.expect("a row is a JSON object");
        bytes.push(b'}');
    }
}

struct Picking<'a> {
    members: &'a Members,
    bytes: &'a mut Vec<u8>,
}

impl<'de> Visitor<'de> for Picking<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut row: A) -> Result<(), A::Error> {
        let mut is_first = true;
        while let Some((name, value)) = row.next_entry::<Cow<'_, str>, &RawValue>()? {
            if !self.members.0.contains(&name.as_ref()) {
                continue;
            }
            if !is_first {
                self.bytes.push(b',');
            }
            is_first = false;
            // The names of members are plain.
            self.bytes.extend(format!("\"{name}\":").bytes());
            self.bytes.extend(value.get().bytes());
        }
        Ok(())
    }
}
