//! A record of a data file: what is added, with times of its own where it has them.

use crate::kernel::time;
use chrono::{DateTime, Utc};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;

/// Something to be added, such as a `NewProduct`, and when it was made and changed.
#[derive(Debug, Clone)]
pub struct Record<N> {
    pub new: N,
    created_at: Option<DateTime<Utc>>,
    updated_at: Option<DateTime<Utc>>,
}

impl<N> Record<N> {
    /// When it was made, which is now where the record does not say; and when it was changed last.
    pub fn times(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        let created_at = self.created_at.unwrap_or_else(time::now);
        (created_at, self.updated_at.unwrap_or(created_at))
    }
}

/// From one object: its two times are taken out, and the other members are those of `N`.
impl<'de, N: Deserialize<'de>> Deserialize<'de> for Record<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RecordVisitor(PhantomData))
    }
}

struct RecordVisitor<N>(PhantomData<N>);

impl<'de, N: Deserialize<'de>> Visitor<'de> for RecordVisitor<N> {
    type Value = Record<N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Record<N>, A::Error> {
        let mut times = [None, None];
        let others = OtherMembers { map, times: &mut times };
        let new = N::deserialize(MapAccessDeserializer::new(others))?;
        let [created_at, updated_at] = times.map(Option::flatten);
        let parse = |field, text: Option<String>| {
            text.map(|text| time::parse(field, &text)).transpose().map_err(A::Error::custom)
        };
        let created_at = parse(TIMES[0], created_at)?;
        let updated_at = parse(TIMES[1], updated_at)?;
        Ok(Record { new, created_at, updated_at })
    }
}

const TIMES: [&str; 2] = ["created_at", "updated_at"];

/// The members of an object but for its times, which are put aside as they come by.
struct OtherMembers<'a, A> {
    map: A,
    /// `None`: absent as yet; `Some(None)`: null.
    times: &'a mut [Option<Option<String>>; 2],
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for OtherMembers<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while let Some(name) = self.map.next_key::<String>()? {
            let Some(index) = TIMES.iter().position(|time| *time == name) else {
                return seed.deserialize(name.into_deserializer()).map(Some);
            };
            if self.times[index].is_some() {
                return Err(A::Error::duplicate_field(TIMES[index]));
            }
            self.times[index] = Some(self.map.next_value()?);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}
