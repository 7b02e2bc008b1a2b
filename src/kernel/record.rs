//! A record of a data file: what is added, with times of its own where it has them.

use crate::kernel::problems::Problems;
use crate::kernel::time;
use crate::kernel::wire::all;
use chrono::{DateTime, Utc};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor};
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

/// What a record of a data file becomes, after its JSON is read.
pub trait FromRecord: Sized {
    /// Its members, each of the right type.
    type Raw: DeserializeOwned;

    /// # Errors
    /// All members that are missing or break their rule.
    fn from_record(raw: Self::Raw) -> Result<Self, Problems>;
}

impl<N: FromRecord> FromRecord for Record<N> {
    type Raw = RawRecord<N::Raw>;

    fn from_record(raw: RawRecord<N::Raw>) -> Result<Record<N>, Problems> {
        let (new, mut problems) = match N::from_record(raw.new) {
            Ok(new) => (Some(new), Problems::default()),
            Err(problems) => (None, problems),
        };
        let mut time = |field, text: Option<String>| {
            problems.take(text.map(|text| time::parse(field, &text)).transpose())
        };
        let [created_at, updated_at] = raw.times;
        let created_at = time(TIMES[0], created_at);
        let updated_at = time(TIMES[1], updated_at);
        problems.finish(all!(Record { new, created_at, updated_at }))
    }
}

/// The members of a [`Record`].
#[derive(Debug)]
pub struct RawRecord<R> {
    new: R,
    times: [Option<String>; 2],
}

/// From one object: its two times are taken out, and the other members are those of `R`.
impl<'de, R: Deserialize<'de>> Deserialize<'de> for RawRecord<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RecordVisitor(PhantomData))
    }
}

struct RecordVisitor<R>(PhantomData<R>);

impl<'de, R: Deserialize<'de>> Visitor<'de> for RecordVisitor<R> {
    type Value = RawRecord<R>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawRecord<R>, A::Error> {
        let mut times = [None, None];
        let others = OtherMembers { map, times: &mut times };
        let new = R::deserialize(MapAccessDeserializer::new(others))?;
        Ok(RawRecord { new, times: times.map(Option::flatten) })
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
