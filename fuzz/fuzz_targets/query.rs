//! The query string: whatever is read is what an independent decoder reads.
#![no_main]

use chronos::kernel::http::{AskedPage, Query, parse_page};
use chronos::kernel::money::Cents;
use chronos::kernel::page::{Cursor, Kind, SortKey, Start};
use chronos::kernel::problems::Problems;
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 10] =
    ["limit", "offset", "sort", "after", "before", "brand", "category", "minPrice", "tier", "q"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Time,
    Number,
    Text,
}

impl SortKey for Key {
    const KEYS: &'static [(&'static str, Key, Kind)] = &[
        ("created_at", Key::Time, Kind::Time),
        ("price", Key::Number, Kind::Number),
        ("name", Key::Text, Kind::Text),
    ];
}

fuzz_target!(|raw: &str| {
    let Some(expected) = decode_pairs(raw) else {
        assert!(Query::parse(raw).is_err(), "not UTF-8, or a NUL, was let in");
        return;
    };
    let query = Query::parse(raw).expect("UTF-8 without NUL is let in");
    for name in NAMES {
        let values: Vec<&str> =
            expected.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect();
        let looks_like_it = |other: &str| {
            let plain = other.split('[').next().unwrap_or(other);
            other != name && plain.eq_ignore_ascii_case(name)
        };
        if expected.iter().any(|(other, _)| looks_like_it(other)) {
            assert_eq!(query.get(name).expect_err("it would be passed over").field, name);
            continue;
        }
        match (query.get(name), values.as_slice()) {
            (Ok(None), [] | [""]) => {}
            (Ok(Some(read)), [one]) => assert_eq!(read, *one),
            (Err(error), [_, _, ..]) => assert_eq!(error.field, name),
            (read, values) => panic!("{name}: {read:?} of {values:?}"),
        }
    }
    let mut problems = Problems::default();
    let asked: Option<AskedPage<Key>> = parse_page(&query, 10, true, b"", &mut problems);
    assert_eq!(asked.is_some(), problems.is_empty(), "what is refused is told");
    if let Some(AskedPage { page, tag, .. }) = asked {
        assert!((1..=1_000).contains(&page.limit) && page.offset >= 0);
        if let Some(start) = &page.start {
            let (Start::After(place) | Start::Before(place)) = start;
            let cursor = encode(&Cursor { tag: &tag, place }.to_string());
            let name = if page.is_backward() { "before" } else { "after" };
            let again = format!("sort={}&{name}={cursor}", page.sort);
            let again = Query::parse(&again).expect("a cursor is read from a link");
            let again: AskedPage<Key> =
                parse_page(&again, 10, true, b"", &mut problems).expect("a page");
            assert_eq!(again.page.start, page.start);
        }
    }
    if let Ok(Some(text)) = query.get("minPrice")
        && let Ok(price) = Cents::parse("minPrice", text)
    {
        assert_eq!(Cents::parse("minPrice", &price.to_string()), Ok(price));
    }
});

/// The pairs, decoded byte by byte; `None` for a name or value that is not UTF-8 or holds a NUL.
fn decode_pairs(raw: &str) -> Option<Vec<(String, String)>> {
    let pairs = raw.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let end = pair.find('=');
            let value = end.map_or("", |end| &pair[end + 1..]);
            Some((decode(&pair[..end.unwrap_or(pair.len())])?, decode(value)?))
        })
        .collect()
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn decode(text: &str) -> Option<String> {
    let hex =
        |byte: Option<&u8>| char::from(*byte?).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut decoded = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, hex(tail.first()), hex(tail.get(1))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(high * 16 + low);
                rest = &tail[2..];
            }
            (b'+', ..) => decoded.push(b' '),
            (other, ..) => decoded.push(*other),
        }
    }
    String::from_utf8(decoded).ok().filter(|text| !text.contains('\0'))
}
