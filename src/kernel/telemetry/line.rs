//! An event of the log as one line: as text for people, as JSON for programs.

use super::current::Current;
use crate::kernel::time;
use chrono::Utc;
use env_logger::fmt::Formatter;
use log::Record;
use log::kv::{Error, Key, Value, VisitSource, VisitValue};
use serde::Serialize;
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

/// Values that the words of a line hold already: only JSON has them once more, as members.
const IN_THE_WORDS: [&str; 5] = ["method", "path", "status", "duration_us", "statement"];

/// `[2026-01-31T12:00:00.000Z INFO  chronos::app::serve] stopped`, and the values of the event as
/// `name=value`. The logger's own format brings a library for dates with it, beside the one that is
/// here already.
pub(super) fn write_text(line: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let (now, level, target) = (time::rfc3339(Utc::now()), record.level(), record.target());
    let style = line.default_level_style(level);
    write!(line, "[{now} {style}{level:<5}{style:#} {target}] {}", record.args())?;
    let mut values = String::new();
    record.key_values().visit(&mut AsText(&mut values)).map_err(io::Error::other)?;
    writeln!(line, "{values}")
}

struct AsText<'a>(&'a mut String);

impl<'kvs> VisitSource<'kvs> for AsText<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        if !IN_THE_WORDS.contains(&key.as_str()) {
            write!(self.0, " {key}={value}")?;
        }
        Ok(())
    }
}

/// `{"time":…,"level":…,"target":…,"message":…}` with the values of the event as members, and the
/// request that it belongs to.
pub(super) fn write_json(line: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let mut object = Object(Vec::with_capacity(512));
    object.member("time", &time::rfc3339(Utc::now()))?;
    object.member("level", record.level().as_str())?;
    object.member("target", record.target())?;
    object.member("message", record.args())?;
    let mut values = AsMembers { object, has_trace: false, has_request: false };
    record.key_values().visit(&mut values).map_err(io::Error::other)?;
    let AsMembers { mut object, has_trace, has_request } = values;
    if let Some(current) = Current::get() {
        if !has_trace {
            object.member("trace_id", &format_args!("{}", current.trace.id()))?;
        }
        if !has_request {
            object.member("request_id", current.request_id.as_str())?;
        }
    }
    object.0.extend_from_slice(b"}\n");
    line.write_all(&object.0)
}

/// A JSON object that is being written.
struct Object(Vec<u8>);

impl Object {
    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> io::Result<()> {
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
        serde_json::to_writer(&mut self.0, name)?;
        self.0.push(b':');
        serde_json::to_writer(&mut self.0, value)?;
        Ok(())
    }
}

struct AsMembers {
    object: Object,
    /// Whether the event says itself which request it belongs to.
    has_trace: bool,
    has_request: bool,
}

impl<'kvs> VisitSource<'kvs> for AsMembers {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        self.has_trace |= key.as_str() == "trace_id";
        self.has_request |= key.as_str() == "request_id";
        value.visit(AsMember { object: &mut self.object, name: key.as_str() })
    }
}

struct AsMember<'a> {
    object: &'a mut Object,
    name: &'a str,
}

impl AsMember<'_> {
    fn write<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.object.member(self.name, value).map_err(|_| Error::from(fmt::Error))
    }
}

impl<'v> VisitValue<'v> for AsMember<'_> {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), Error> {
        self.write(&format_args!("{value}"))
    }

    fn visit_null(&mut self) -> Result<(), Error> {
        self.write(&())
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), Error> {
        self.write(&value)
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), Error> {
        self.write(&value)
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), Error> {
        self.write(&value)
    }

    fn visit_str(&mut self, value: &str) -> Result<(), Error> {
        self.write(value)
    }
}
