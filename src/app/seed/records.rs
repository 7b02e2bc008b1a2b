//! The records of one file, each parsed by itself: a mistake in one hides none in another.

use super::mistakes::Report;
use crate::kernel::error::Rule;
use crate::kernel::problems::Problems;
use crate::kernel::record::FromRecord;
use crate::kernel::text::holds_nul;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::iter;
use std::sync::Arc;

/// A file as it was read.
pub struct Source {
    /// As the user knows it.
    file: Arc<str>,
    text: String,
    /// Where each line begins.
    line_starts: Vec<usize>,
}

/// A record, and where it stands.
pub struct Record<T> {
    pub place: Place,
    /// The whole of it, as it is in the file, where it breaks a rule.
    pub parsed: Result<T, Value>,
}

/// `data/products.json:12: record 3 (prod_003)`.
#[derive(Debug, Clone)]
pub struct Place {
    file: Arc<str>,
    /// From 1, in the file.
    line: usize,
    /// From 1.
    pub number: usize,
    /// The id, or what else names the record.
    name: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: record {}", self.file, self.line, self.number)?;
        match &self.name {
            Some(name) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}

type Members<'a> = BTreeMap<String, &'a RawValue>;

impl Source {
    /// A byte order mark, which some editors write, is no part of the text.
    pub fn new(file: String, text: String) -> Source {
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        let line_starts = iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
        Source { file: file.into(), line_starts: line_starts.collect(), text }
    }

    /// All records; the mistakes in them are told to the report. `None` where there is no list.
    pub fn records<T: FromRecord>(&self, report: &mut Report) -> Option<Vec<Record<T>>> {
        let raw: Vec<&RawValue> = match serde_json::from_str(&self.text) {
            Ok(raw) => raw,
            Err(error) => {
                let place = format!("{}:{}", self.file, error.line().max(1));
                report.mistake(place, format_args!("not an array of objects: {error}"));
                return None;
            }
        };
        let mut records = Vec::new();
        for (index, raw) in raw.into_iter().enumerate() {
            let whole = serde_json::from_str(raw.get()).unwrap_or_default();
            let place = self.place(index, raw, &whole);
            let parsed = if holds_nul(&whole) {
                report.mistake(&place, "a string holds a NUL character, which cannot be stored");
                None
            } else {
                self.record(raw, &place, report)
            };
            records.push(Record { place, parsed: parsed.ok_or(whole) });
        }
        Some(records)
    }

    fn place(&self, index: usize, raw: &RawValue, whole: &Value) -> Place {
        let name = [&whole["id"], &whole["order_number"]].into_iter().find(|name| !name.is_null());
        let name = name.map(|name| name.as_str().map_or_else(|| name.to_string(), str::to_owned));
        Place { file: self.file.clone(), line: self.line_of(raw), number: index + 1, name }
    }

    /// The line in which a part of the text begins, from 1.
    fn line_of(&self, part: &RawValue) -> usize {
        let start = part.get().as_ptr().addr() - self.text.as_ptr().addr();
        self.line_starts.partition_point(|line| *line <= start)
    }

    /// Parses a record. A member of another type is told and left out, and the record is looked at
    /// again, so that what else is wrong is found, too.
    fn record<T: FromRecord>(
        &self,
        raw: &RawValue,
        place: &Place,
        report: &mut Report,
    ) -> Option<T> {
        let mut not_kept = Vec::new();
        let first = parse::<T::Raw>(raw.get(), &mut not_kept);
        not_kept.into_iter().for_each(|member| report.not_kept(&self.file, member));
        let mut mistake = match first {
            Ok(members) => return self.judge(T::from_record(members), &[], raw, place, report),
            Err(mistake) => mistake,
        };
        let Ok(mut members) = serde_json::from_str::<Members>(raw.get()) else {
            report.mistake(place, "must be a JSON object");
            return None;
        };
        let mut left_out = Vec::new();
        loop {
            self.tell(&mistake.path, &mistake.text, raw, place, report);
            let member = member_of(&mistake.path).to_owned();
            members.remove(&member)?;
            left_out.push(member);
            let text = serde_json::to_string(&members).expect("an object can be written");
            match parse::<T::Raw>(&text, &mut Vec::new()) {
                Ok(members) => {
                    return self.judge(T::from_record(members), &left_out, raw, place, report);
                }
                Err(next) => mistake = next,
            }
        }
    }

    /// Tells which rules a record breaks, but for those of the members that were left out.
    fn judge<T>(
        &self,
        parsed: Result<T, Problems>,
        left_out: &[String],
        raw: &RawValue,
        place: &Place,
        report: &mut Report,
    ) -> Option<T> {
        let problems = match parsed {
            Ok(value) => return Some(value).filter(|_| left_out.is_empty()),
            Err(problems) => problems,
        };
        let is_known = |field: &str| left_out.iter().any(|member| member == member_of(field));
        let missing: Vec<&str> = problems.missing().filter(|field| !is_known(field)).collect();
        if !missing.is_empty() {
            report.mistake(place, format_args!("missing: {}", missing.join(", ")));
        }
        for problem in problems.iter().filter(|problem| !is_known(&problem.field)) {
            // What a member that is left out does to the sum of an order is no mistake of the file.
            let is_of_sum = problem.rule == Rule::WrongTotal && !left_out.is_empty();
            if problem.rule != Rule::Required && !is_of_sum {
                self.tell(&problem.field, &problem.to_string(), raw, place, report);
            }
        }
        None
    }

    /// Tells a mistake with the line in which it stands.
    fn tell(&self, path: &str, text: &str, raw: &RawValue, place: &Place, report: &mut Report) {
        let line = locate(raw, path).map_or(place.line, |part| self.line_of(part));
        report.mistake(Place { line, ..place.clone() }, text);
    }
}

/// The member of a record that a path leads into.
fn member_of(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or_default()
}

/// Why a record cannot be read.
struct Mistake {
    /// `items[1].price`, or the first word of what the parser says.
    path: String,
    text: String,
}

/// Parses a record, and names the members that it passes over.
fn parse<T: DeserializeOwned>(text: &str, not_kept: &mut Vec<String>) -> Result<T, Mistake> {
    let mut json = serde_json::Deserializer::from_str(text);
    let mut passed_over = |path: serde_ignored::Path<'_>| not_kept.push(name_of(&path));
    let watched = serde_ignored::Deserializer::new(&mut json, &mut passed_over);
    serde_path_to_error::deserialize(watched).map_err(|error| {
        let path = error.path().to_string();
        let reason = error.into_inner();
        let text = reason.to_string();
        // The parser counts lines of the record, not of the file.
        let position = format!(" at line {} column {}", reason.line(), reason.column());
        let text = text.strip_suffix(&position).unwrap_or(&text);
        if path == "." || path == "?" {
            let path = text.split(' ').next().unwrap_or_default().to_owned();
            return Mistake { path, text: text.to_owned() };
        }
        Mistake { text: format!("{path}: {text}"), path }
    })
}

/// `items[].sku`: the members of all items are one.
fn name_of(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, .. } => format!("{}[]", name_of(parent)),
        Path::Map { parent, key } => match name_of(parent) {
            parent if parent.is_empty() => key.clone(),
            parent => format!("{parent}.{key}"),
        },
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => name_of(parent),
    }
}

/// The part of a record that a path leads to, or the last one on the way.
fn locate<'a>(record: &'a RawValue, path: &str) -> Option<&'a RawValue> {
    let mut part = None;
    for step in path.split(['.', '[']).map(|step| step.trim_end_matches(']')) {
        let text = part.unwrap_or(record).get();
        let next = match step.parse::<usize>() {
            Ok(index) => serde_json::from_str::<Vec<&RawValue>>(text).ok()?.get(index).copied(),
            Err(_) => serde_json::from_str::<Members>(text).ok()?.get(step).copied(),
        };
        match next {
            Some(next) => part = Some(next),
            None => break,
        }
    }
    part
}

impl<T> Record<T> {
    /// What a rule between records looks at, also where the record has a mistake elsewhere.
    pub fn key(&self, member: &str, of: impl Fn(&T) -> Option<String>) -> Option<String> {
        match &self.parsed {
            Ok(value) => of(value),
            Err(whole) => match &whole[member] {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            },
        }
    }
}

/// Tells the report of keys that occur again.
pub(super) fn check_unique<T>(
    records: &[Record<T>],
    member: &str,
    key: impl Fn(&T) -> Option<String>,
    report: &mut Report,
) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for record in records {
        let Some(mut key) = record.key(member, &key) else {
            continue;
        };
        if member == "email" {
            key.make_ascii_lowercase();
        }
        match seen.get(&key) {
            Some(first) => {
                let reason = format!("{member} {key} is that of record {first} already");
                report.mistake(&record.place, reason);
            }
            None => {
                seen.insert(key, record.place.number);
            }
        }
    }
}
