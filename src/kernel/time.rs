//! Instants as the API speaks of them: UTC, whole milliseconds, the years 0001 to 9999.

use crate::kernel::error::{Invalid, Rule};
use chrono::{DateTime, Datelike, FixedOffset, SecondsFormat, Timelike, Utc};

/// The years whose instants both databases keep, order and print alike.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;

/// Now, cut to the millisecond: what is stored is what is shown, in both databases.
pub fn now() -> DateTime<Utc> {
    to_milliseconds(Utc::now())
}

/// Cuts an instant to the millisecond. A leap second becomes the last millisecond before it: neither
/// database can hold one, and a count of milliseconds would take it for the second after.
pub fn to_milliseconds(instant: DateTime<Utc>) -> DateTime<Utc> {
    const LAST: u32 = 999_999_999;
    let nanosecond = instant.nanosecond().min(LAST);
    let cut = instant.with_nanosecond(nanosecond - nanosecond % 1_000_000);
    cut.expect("a second has a thousand milliseconds")
}

/// Whether the instant lies in the years that can be stored.
pub fn is_storable(instant: DateTime<Utc>) -> bool {
    YEARS.contains(&instant.year())
}

/// Reads a time of a data file, with its zone, cut to the millisecond.
///
/// # Errors
/// Names `field`, and shows how a time is written.
pub fn parse(field: &'static str, text: &str) -> Result<DateTime<Utc>, Invalid> {
    let instant = text.parse::<DateTime<FixedOffset>>().map(|time| time.to_utc());
    instant.ok().filter(|instant| is_storable(*instant)).map(to_milliseconds).ok_or_else(|| {
        Invalid::new(
            field,
            Rule::NotATime,
            "must be a time with its zone, in UTC of the years 0001 to 9999, such as \
             2024-05-01T00:00:00Z",
        )
    })
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

#[cfg(test)]
mod tests {
    use super::{is_storable, parse, rfc3339, to_milliseconds};
    use chrono::DateTime;
    use proptest::prelude::any;
    use proptest::{prop_assert, prop_assert_eq, proptest};

    #[test]
    fn a_time_is_cut_at_the_edges_too() {
        for (text, expected) in [
            ("9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.999Z"),
            ("0001-01-01T00:00:00.0009Z", "0001-01-01T00:00:00.000Z"),
            ("1969-12-31T23:59:59.9996Z", "1969-12-31T23:59:59.999Z"),
            ("2016-12-31T23:59:60.5Z", "2016-12-31T23:59:59.999Z"),
            ("9999-12-31T23:59:60Z", "9999-12-31T23:59:59.999Z"),
            ("2024-05-01T02:00:00.5+02:00", "2024-05-01T00:00:00.500Z"),
        ] {
            assert_eq!(parse("created_at", text).map(rfc3339).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_time_that_no_database_keeps_is_refused() {
        for text in [
            "0000-12-31T23:59:59Z",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "+10000-01-01T00:00:00Z",
            "2024-05-01",
            "2024-05-01T00:00:00",
            "2024-02-30T00:00:00Z",
        ] {
            let error = parse("created_at", text).expect_err(text).to_string();
            assert!(error.contains("such as 2024-05-01T00:00:00Z"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn every_instant_is_cut_to_its_millisecond(seconds in any::<i64>(), nanos in 0..2_000_000_000_u32) {
            if let Some(instant) = DateTime::from_timestamp(seconds, nanos) {
                let cut = to_milliseconds(instant);
                prop_assert!(cut <= instant);
                prop_assert_eq!(cut.timestamp(), seconds);
                prop_assert_eq!(cut.timestamp_subsec_nanos() % 1_000_000, 0);
                // What a cursor holds is the whole of it.
                prop_assert_eq!(DateTime::from_timestamp_millis(cut.timestamp_millis()), Some(cut));
                prop_assert_eq!(is_storable(cut), is_storable(instant));
            }
        }
    }
}
