//! A page as a query asks for it, and the links to those around it.

use super::Query;
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::page::{
    BadCursor, Counting, Cursor, ListTag, Page, Place, Sort, SortKey, Start, WrittenPage,
};
use crate::kernel::problems::Problems;
use crate::kernel::wire::all;
use actix_web::http::header::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

const MAX_LIMIT: i64 = 1_000;
/// The longest `Link` that says more than where the next page is: proxies bound the head of an answer.
const MAX_LINK: usize = 4 * 1024;
/// What may stand in a query as it is: unreserved, by RFC 3986.
const NOT_IN_QUERY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The page that a query asks for.
#[derive(Debug, PartialEq)]
pub struct AskedPage<K> {
    pub page: Page<K>,
    /// Which list it is a page of.
    pub tag: ListTag,
    /// Whether its cursor is of a list with other filters, or in another order.
    pub is_of_another_list: bool,
    /// Whether the order is the client's choice.
    pub is_ordered: bool,
}

/// Reads `limit`, `offset`, `sort`, `after`, `before`, and `count` where the list `has_total`; notes each
/// that is repeated or out of range. `chosen` says which rows the list has.
pub fn parse_page<K: SortKey>(
    query: &Query,
    default_limit: i64,
    has_total: bool,
    chosen: &[u8],
    problems: &mut Problems,
) -> Option<AskedPage<K>> {
    let limit = problems.take(query.number("limit", 1..=MAX_LIMIT, default_limit));
    let offset = problems.take(query.number("offset", 0..=i64::MAX, 0));
    let sort = problems.take(query.get("sort").and_then(|text| text.map(Sort::parse).transpose()));
    let after = problems.take(query.get("after"));
    let before = problems.take(query.get("before"));
    let counting = if has_total { query.get("count") } else { Ok(None) };
    let counting = counting.and_then(|text| text.map(Counting::parse).transpose());
    let counting = problems.take(counting).map(Option::unwrap_or_default);
    let is_ordered = sort.is_some_and(|sort| sort.is_some());
    let sort = sort.map(Option::unwrap_or_default);
    let tag = sort.map(|sort| ListTag::new(chosen, sort));
    let mut is_of_another_list = false;
    let mut place = |field, text: &str| -> Option<Option<Place>> {
        match Place::parse(field, text, sort?, tag.as_ref()?) {
            Ok(place) => Some(Some(place)),
            Err(BadCursor::OfAnotherList) => {
                is_of_another_list = true;
                Some(None)
            }
            Err(BadCursor::Invalid(invalid)) => {
                problems.note(invalid);
                None
            }
        }
    };
    let start = match (after?, before?) {
        (Some(_), Some(_)) => {
            let reason = "must not be given together with after";
            problems.note(Invalid::new("before", Rule::Repeated, reason));
            None
        }
        (Some(after), None) => place("after", after).map(|place| place.map(Start::After)),
        (None, Some(before)) => place("before", before).map(|place| place.map(Start::Before)),
        (None, None) => Some(None),
    };
    let page = all!(Page { limit, offset, sort, start, counting })?;
    Some(AskedPage { page, tag: tag?, is_of_another_list, is_ordered })
}

/// A `Link` header to the pages around `page`: the limit, the order and the `filters` of the request,
/// with its cursor moved. A parameter that nobody reads is left out: however long it is, the header of
/// an answer stays short enough for every proxy. The path is not named: the reference leads to the
/// same list under whatever prefix a proxy shows it.
///
/// Where the client has not chosen an order, there is the next page alone: who follows a `Link` until
/// there is none comes to an end.
///
/// `None` where there is none to lead to, and for a request whose URI cannot stand in a header.
pub fn links<K>(
    query: &str,
    filters: &[&str],
    asked: &AskedPage<K>,
    page: &WrittenPage,
) -> Option<HeaderValue> {
    let kept = query.split('&').filter(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = percent_decode_str(name).decode_utf8_lossy();
        let is_read = ["limit", "sort", "count", "fields"].contains(&name.as_ref())
            || filters.contains(&name.as_ref());
        !value.is_empty() && is_read
    });
    let kept: Vec<&str> = kept.collect();
    let link = |rel: &str, cursor: Option<(&str, &Place)>| {
        let cursor = cursor.map(|(name, place)| {
            let cursor = Cursor { tag: &asked.tag, place }.to_string();
            format!("{name}={}", utf8_percent_encode(&cursor, NOT_IN_QUERY))
        });
        let pairs: Vec<&str> = kept.iter().copied().chain(cursor.as_deref()).collect();
        format!("<?{}>; rel=\"{rel}\"", pairs.join("&"))
    };
    let next = page.next().map(|last| link("next", Some(("after", last))));
    let previous = page.previous().map(|first| link("prev", Some(("before", first))));
    let first = asked.page.start.as_ref().map(|_| link("first", None));
    let all: Vec<String> = [&next, &previous, &first].into_iter().flatten().cloned().collect();
    let all = all.join(", ");
    let links = if asked.is_ordered && all.len() <= MAX_LINK { all } else { next? };
    if links.is_empty() { None } else { HeaderValue::from_str(&links).ok() }
}

#[cfg(test)]
mod tests {
    use super::{AskedPage, NOT_IN_QUERY, parse_page};
    use crate::kernel::http::Query;
    use crate::kernel::ids::Id;
    use crate::kernel::page::{Cursor, Kind, Place, PlaceValue, SortKey, Start};
    use crate::kernel::problems::Problems;
    use percent_encoding::utf8_percent_encode;
    use proptest::{prop_assert_eq, proptest};

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    struct Name;

    impl SortKey for Name {
        const KEYS: &'static [(&'static str, Name, Kind)] = &[("name", Name, Kind::Text)];
    }

    fn asked(query: &str) -> AskedPage<Name> {
        let query = Query::parse(query).expect("UTF-8 without NUL");
        parse_page(&query, 10, true, b"", &mut Problems::default()).expect("a page")
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_from_a_link(text in "[^\0]{0,30}", id in "[A-Za-z0-9._-]{3,50}") {
            let id = Id::parse("id", id).expect("well-formed");
            let place = Place { value: PlaceValue::Text(text), id };
            let tag = asked("").tag;
            let cursor = Cursor { tag: &tag, place: &place }.to_string();
            let cursor = utf8_percent_encode(&cursor, NOT_IN_QUERY).to_string();
            let after = asked(&format!("after={cursor}"));
            prop_assert_eq!(after.page.start, Some(Start::After(place.clone())));
            let before = asked(&format!("before={cursor}"));
            prop_assert_eq!(before.page.start, Some(Start::Before(place)));
            prop_assert_eq!(asked(&format!("sort=name&after={cursor}")).is_of_another_list, true);
        }
    }
}
