//! The place of a row in a list, and the cursor that leads there.

use super::{Kind, Sort, SortKey};
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::ids::Id;
use crate::kernel::time;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use std::fmt;

/// A row of a list, which knows where in an order of the list it is.
pub trait Placed {
    type Key: SortKey;

    fn place(&self, key: Self::Key) -> Place;
}

/// The place of one row in an order: its value of the key, then its id.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    pub value: PlaceValue,
    pub id: Id,
}

#[derive(Debug, Clone, PartialEq)]
pub enum PlaceValue {
    Time(DateTime<Utc>),
    Number(i64),
    Text(String),
}

/// A text as lists order and find it: ASCII letters in lower case, all else as it is. Both databases
/// do the same, whatever their locale is, and then compare by bytes.
pub fn folded(text: &str) -> String {
    text.to_ascii_lowercase()
}

/// Which list a cursor is of: what the filters let through, in one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListTag(String);

impl ListTag {
    /// `chosen` says which rows the list has: one text for each choice of them.
    pub fn new<K: SortKey>(chosen: &[u8], sort: Sort<K>) -> ListTag {
        const LENGTH: usize = 4;
        let digest = Sha256::new().chain_update(sort.to_string()).chain_update(chosen).finalize();
        ListTag(digest.iter().take(LENGTH).map(|byte| format!("{byte:02x}")).collect())
    }

    /// Whether a text has the form of a tag.
    fn is_one(text: &str) -> bool {
        text.len() == 8 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    }
}

/// A place, as a link names it: the tag of the list, the id, and the value of the key.
pub struct Cursor<'a> {
    pub tag: &'a ListTag,
    pub place: &'a Place,
}

/// Stands between the parts of a cursor. No id holds one.
const SEPARATOR: char = '~';

impl fmt::Display for Cursor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{SEPARATOR}{}{SEPARATOR}", self.tag.0, self.place.id)?;
        match &self.place.value {
            PlaceValue::Time(at) => write!(f, "{}", at.timestamp_millis()),
            PlaceValue::Number(number) => write!(f, "{number}"),
            PlaceValue::Text(text) => f.write_str(text),
        }
    }
}

/// Why a text leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadCursor {
    /// No link has it.
    Invalid(Invalid),
    /// It is of a list with other filters, or in another order.
    OfAnotherList,
}

impl Place {
    /// The refusal of a text, or of a place, that no link leads to.
    pub fn invalid(field: &'static str) -> Invalid {
        Invalid::new(field, Rule::NotACursor, "must be a cursor from a Link header")
    }

    /// Reads what [`Cursor`] displays, for the list of this tag.
    ///
    /// # Errors
    /// Names the parameter `field`, or says that the cursor is of another list.
    pub fn parse<K: SortKey>(
        field: &'static str,
        text: &str,
        sort: Sort<K>,
        tag: &ListTag,
    ) -> Result<Place, BadCursor> {
        let invalid = || BadCursor::Invalid(Place::invalid(field));
        let mut parts = text.splitn(3, SEPARATOR);
        let (id, value) = match (parts.next(), parts.next(), parts.next()) {
            (Some(of), Some(id), Some(value)) if ListTag::is_one(of) => {
                if of != tag.0 {
                    return Err(BadCursor::OfAnotherList);
                }
                (id, value)
            }
            // Links had these before there was more than one order: a time and an id.
            (Some(older), None, None) => {
                let (value, id) = older.split_once('.').ok_or_else(invalid)?;
                let is_time = value.parse::<i64>().is_ok();
                if is_time && sort != Sort::default() {
                    return Err(BadCursor::OfAnotherList);
                }
                (id, value)
            }
            _ => return Err(invalid()),
        };
        let id = Id::parse(field, id).map_err(|_| invalid())?;
        let value = PlaceValue::parse(sort.kind(), value).ok_or_else(invalid)?;
        Ok(Place { value, id })
    }
}

impl PlaceValue {
    /// `None` for what no row can have.
    fn parse(kind: Kind, text: &str) -> Option<PlaceValue> {
        match kind {
            Kind::Time => {
                let at = DateTime::from_timestamp_millis(text.parse().ok()?)?;
                // No row is older or younger, and SQLite could not compare it.
                time::is_storable(at).then_some(PlaceValue::Time(at))
            }
            Kind::Number => text.parse().ok().map(PlaceValue::Number),
            Kind::Text => (!text.contains('\0')).then(|| PlaceValue::Text(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BadCursor, Cursor, ListTag, Place, PlaceValue};
    use crate::kernel::ids::Id;
    use crate::kernel::page::{Kind, Sort, SortKey};
    use chrono::{DateTime, Datelike};
    use proptest::prelude::{Strategy, any};
    use proptest::{prop_assert, prop_assert_eq, prop_oneof, proptest};

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Key {
        Time,
        Number,
        Text,
    }

    impl SortKey for Key {
        const KEYS: &'static [(&'static str, Key, Kind)] = &[
            ("time", Key::Time, Kind::Time),
            ("number", Key::Number, Kind::Number),
            ("text", Key::Text, Kind::Text),
        ];
    }

    /// The first and the last millisecond of the years 1 to 9999.
    const FIRST: i64 = -62_135_596_800_000;
    const LAST: i64 = 253_402_300_799_999;

    fn sort(text: &str) -> Sort<Key> {
        Sort::parse(text).expect("a key")
    }

    fn values() -> impl Strategy<Value = (&'static str, PlaceValue)> {
        let time = |millis| DateTime::from_timestamp_millis(millis).expect("in range");
        prop_oneof![
            (FIRST..=LAST).prop_map(move |millis| ("-time", PlaceValue::Time(time(millis)))),
            any::<i64>().prop_map(|number| ("number", PlaceValue::Number(number))),
            "[^\0]{0,20}".prop_map(|text| ("-text", PlaceValue::Text(text))),
        ]
    }

    proptest! {
        #[test]
        fn a_cursor_is_read_as_it_was_written((key, value) in values(), id in "[A-Za-z0-9._-]{3,50}") {
            let place = Place { value, id: Id::parse("id", id).expect("well-formed") };
            let tag = ListTag::new(b"brand", sort(key));
            let text = Cursor { tag: &tag, place: &place }.to_string();
            prop_assert_eq!(Place::parse("after", &text, sort(key), &tag), Ok(place));
            for other in [ListTag::new(b"", sort(key)), ListTag::new(b"brand", sort("time"))] {
                let refused = Place::parse("after", &text, sort(key), &other);
                prop_assert_eq!(refused, Err(BadCursor::OfAnotherList));
            }
        }

        /// Before there was more than one order, a cursor was a time and an id.
        #[test]
        fn an_older_cursor_is_read(millis in FIRST..=LAST, id in "[A-Za-z0-9._-]{3,50}") {
            let text = format!("{millis}.{id}");
            let tag = ListTag::new(b"", sort("-time"));
            let place = Place::parse("after", &text, sort("-time"), &tag).expect("a place");
            prop_assert_eq!(place.id.as_str(), id);
            let refused = Place::parse("after", &text, sort("time"), &tag);
            prop_assert_eq!(refused, Err(BadCursor::OfAnotherList));
        }

        #[test]
        fn whatever_is_read_as_a_time_can_be_compared_in_sql(millis in any::<i64>(), id in ".{0,9}") {
            let tag = ListTag::new(b"", sort("-time"));
            for text in [format!("{millis}.{id}"), format!("{}~{id}~{millis}", tag.0)] {
                let Ok(place) = Place::parse("after", &text, sort("-time"), &tag) else { continue };
                let PlaceValue::Time(at) = place.value else { panic!("{place:?}") };
                prop_assert!((1..=9999).contains(&at.year()));
                prop_assert_eq!(at.timestamp_millis(), millis);
            }
        }

        #[test]
        fn no_text_fails(text in ".{0,30}") {
            let tag = ListTag::new(b"", sort("text"));
            for text in [text.clone(), format!("{}~{text}", tag.0), format!("{}~id~{text}", tag.0)] {
                for key in ["time", "-number", "text"] {
                    let _read = Place::parse("before", &text, sort(key), &tag);
                }
            }
        }
    }
}
