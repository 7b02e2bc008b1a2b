//! What a client would rather be answered with, by its `Accept` (RFC 9110, section 12.5.1).

use actix_web::http::header::{ACCEPT, HeaderMap};

/// How much a client wants a media type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wish {
    /// From 0, not at all, to 1000.
    pub thousandths: u16,
    /// Whether the client wrote this very type, and not a range that holds it.
    pub is_named: bool,
}

/// The `Accept` of a request in one line, however many headers it is in; empty where there is none.
pub(super) fn accept_of(headers: &HeaderMap) -> String {
    let values = headers.get_all(ACCEPT).filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(",")
}

/// The wish for a type, which is that of the most specific range that holds it. A parameter but `q` is
/// passed over: what is served has none that a client could choose by.
pub(super) fn wish_for(kind: &str, accept: &str) -> Wish {
    if accept.trim().is_empty() {
        return Wish { thousandths: 1_000, is_named: false };
    }
    let ranges = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let specificity = specificity(parts.next()?, kind)?;
        let quality = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim_end().eq_ignore_ascii_case("q").then(|| thousandths(value.trim()))
        });
        // A quality that is none says nothing of the range.
        Some((specificity, quality.unwrap_or(Some(1_000))?))
    });
    let best = ranges.max();
    best.map_or(Wish::default(), |(specificity, thousandths)| Wish {
        thousandths,
        is_named: specificity == EXACT,
    })
}

const EXACT: u8 = 2;

/// How closely a range describes a type that it holds.
fn specificity(range: &str, kind: &str) -> Option<u8> {
    let (main, _) = kind.split_once('/')?;
    if range.eq_ignore_ascii_case(kind) {
        return Some(EXACT);
    }
    let (range_main, sub) = range.split_once('/')?;
    match (range_main, sub) {
        ("*", "*") => Some(0),
        (range_main, "*") => range_main.eq_ignore_ascii_case(main).then_some(1),
        _ => None,
    }
}

/// `0.5` as 500; at most three decimals, and not above 1.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = decimals.bytes().all(|byte| byte.is_ascii_digit());
    if !matches!(whole, "0" | "1") || decimals.len() > 3 || !are_digits {
        return None;
    }
    let number: u16 = format!("{whole}{decimals:0<3}").parse().ok()?;
    (number <= 1_000).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::{Wish, wish_for};

    #[test]
    fn the_most_specific_range_decides() {
        let wish = |thousandths, is_named| Wish { thousandths, is_named };
        for (accept, expected) in [
            ("", wish(1_000, false)),
            ("*/*", wish(1_000, false)),
            ("text/*;q=0.3", wish(300, false)),
            ("text/html", wish(1_000, true)),
            ("TEXT/HTML ; Q=0.25", wish(250, true)),
            ("*/*, text/*;q=0.5, text/html;q=0.1", wish(100, true)),
            ("text/html;level=1;q=0.7, */*;q=0.9", wish(700, true)),
            ("text/html;q=0", wish(0, true)),
            ("text/html;q=0.2, text/html;q=0.8", wish(800, true)),
            ("application/json", wish(0, false)),
            ("text/html;q=1.001", wish(0, false)),
            ("text/html;q=nonsense, */*;q=0.4", wish(400, false)),
            ("text/html;q=.5", wish(0, false)),
            ("html", wish(0, false)),
            (", ,text/html;q=1.", wish(1_000, true)),
        ] {
            assert_eq!(wish_for("text/html", accept), expected, "{accept}");
        }
    }
}
