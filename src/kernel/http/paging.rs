//! A page as a query asks for it, and the link to the next one.

use super::Query;
use crate::kernel::page::{Cursor, Page};
use crate::kernel::problems::Problems;
use crate::kernel::wire::all;
use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;
use percent_encoding::percent_decode_str;

const MAX_LIMIT: i64 = 1_000;

/// Reads `limit`, `offset` and `after`; notes each that is repeated or out of range.
pub fn parse_page(query: &Query, default_limit: i64, problems: &mut Problems) -> Option<Page> {
    let limit = problems.take(query.number("limit", 1..=MAX_LIMIT, default_limit));
    let offset = problems.take(query.number("offset", 0..=i64::MAX, 0));
    let after = query.get("after").and_then(|text| text.map(Cursor::parse).transpose());
    let after = problems.take(after);
    all!(Page { limit, offset, after })
}

/// A `Link` header to the page that follows `last`: the limit and the `filters` of the request, with
/// its cursor moved on. A parameter that nobody reads is left out: however long it is, the header of
/// an answer stays short enough for every proxy. The path is not named: the reference leads to the
/// same list under whatever prefix a proxy shows it.
/// `None` for a request whose URI cannot stand in a header.
pub fn next_link(request: &HttpRequest, filters: &[&str], last: &Cursor) -> Option<HeaderValue> {
    let kept = request.query_string().split('&').filter(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = percent_decode_str(name).decode_utf8_lossy();
        !value.is_empty() && (name == "limit" || filters.contains(&name.as_ref()))
    });
    let cursor = format!("after={last}");
    let pairs: Vec<&str> = kept.chain([cursor.as_str()]).collect();
    HeaderValue::from_str(&format!("<?{}>; rel=\"next\"", pairs.join("&"))).ok()
}

#[cfg(test)]
mod tests {
    use super::parse_page;
    use crate::kernel::http::Query;
    use crate::kernel::ids::Id;
    use crate::kernel::page::Cursor;
    use crate::kernel::problems::Problems;
    use chrono::{DateTime, Datelike};
    use proptest::prelude::any;
    use proptest::{prop_assert, prop_assert_eq, proptest};

    /// The first and the last millisecond of the years 1 to 9999.
    const FIRST: i64 = -62_135_596_800_000;
    const LAST: i64 = 253_402_300_799_999;

    proptest! {
        #[test]
        fn a_cursor_is_read_as_it_was_written(millis in FIRST..=LAST, id in "[A-Za-z0-9._-]{3,50}") {
            let created_at = DateTime::from_timestamp_millis(millis).expect("in range");
            let cursor = Cursor { created_at, id: Id::parse("id", id).expect("well-formed") };
            prop_assert_eq!(Cursor::parse(&cursor.to_string()), Ok(cursor.clone()));
            // And through a query, as it comes back from a link.
            let query = Query::parse(&format!("after={cursor}")).expect("plain ASCII");
            let page = parse_page(&query, 10, &mut Problems::default());
            prop_assert_eq!(page.expect("a page").after, Some(cursor));
        }

        #[test]
        fn whatever_is_read_as_a_cursor_can_be_compared_in_sql(millis in any::<i64>(), id in ".{0,9}") {
            if let Ok(cursor) = Cursor::parse(&format!("{millis}.{id}")) {
                prop_assert!((1..=9999).contains(&cursor.created_at.year()));
                prop_assert_eq!(cursor.to_string(), format!("{millis}.{id}"));
            }
        }
    }
}
