//! Instants as the API speaks of them: UTC, whole milliseconds.

use chrono::{DateTime, DurationRound, SecondsFormat, TimeDelta, Utc};

/// Now, cut to the millisecond: what is stored is what is shown, in both databases.
pub fn now() -> DateTime<Utc> {
    to_milliseconds(Utc::now())
}

/// Cuts an instant to the millisecond.
pub fn to_milliseconds(instant: DateTime<Utc>) -> DateTime<Utc> {
    // Truncation fails only outside the years that nanoseconds can count (1677 to 2262), where
    // the instant is kept as it is.
    instant.duration_trunc(TimeDelta::milliseconds(1)).unwrap_or(instant)
}

/// RFC 3339 with milliseconds and `Z`: `2026-01-31T12:00:00.000Z`.
pub fn rfc3339(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The clock in microseconds since 1970: the version of a new row, so that a re-created id never
/// repeats a version that a cache may still remember.
pub fn new_row_version() -> i64 {
    Utc::now().timestamp_micros()
}
