//! Pages of the list, by offset and by link.

use super::{add_customers, ids, pagination};
use crate::app::{App, Combination};
use crate::cases;
use crate::client::Answer;
use std::collections::BTreeSet;

cases![
    Everywhere:
        pagination_is_exact_at_both_ends,
        the_link_header_leads_through_the_whole_list,
        the_link_header_keeps_limit_and_filter,
        paging_visits_1000_customers_of_one_moment_once_each,
        paging_visits_each_customer_once_while_others_are_added;
];

fn pagination_is_exact_at_both_ends(combination: &Combination) {
    let app = combination.start();
    for (limit, offset, has_more) in [
        (39, 0, true),
        (40, 0, false),
        (41, 0, false),
        (20, 19, true),
        (20, 20, false),
        (1, 39, false),
        (1, 40, false),
        (500, i64::MAX, false),
    ] {
        let list = app.get(&format!("/customers?limit={limit}&offset={offset}")).expect(200);
        assert_eq!(list.json["pagination"], pagination(limit, offset, 40, has_more));
    }
}

fn the_link_header_leads_through_the_whole_list(combination: &Combination) {
    let app = combination.start();
    let all = ids(&app.get("/customers").expect(200));
    for limit in [1, 7, 20, 39, 40] {
        let pages = walk(&app, &format!("/customers?limit={limit}"));
        assert!(pages.iter().rev().skip(1).all(|page| page.len() == limit));
        assert_eq!(pages.concat(), all, "limit={limit}");
        assert_eq!(pages.len(), all.len().div_ceil(limit), "limit={limit}");
    }
}

fn the_link_header_keeps_limit_and_filter(combination: &Combination) {
    let app = combination.start();
    let all = ids(&app.get("/customers?tier=gold&email=example").expect(200));
    assert!(all.len() > 4);
    let pages = walk(&app, "/customers?email=example&limit=2&tier=gold");
    assert_eq!(pages.concat(), all);
    let last = app.get("/customers?limit=40").expect(200);
    assert_eq!(last.header("link"), None);
}

/// D11.
fn paging_visits_1000_customers_of_one_moment_once_each(combination: &Combination) {
    let app = combination.start_empty();
    let mut expected: Vec<String> = (0..1000).map(|number| format!("c{number:04}")).collect();
    add_customers(&app, &expected, "2026-01-01 00:00:00");
    expected.reverse();
    assert_eq!(walk(&app, "/customers?limit=99").concat(), expected);
    let mut by_offset = Vec::new();
    for offset in (0..1000).step_by(250) {
        let page = app.get(&format!("/customers?limit=250&offset={offset}")).expect(200);
        by_offset.extend(ids(&page));
    }
    assert_eq!(by_offset, expected);
}

/// D11: also while rows are added.
fn paging_visits_each_customer_once_while_others_are_added(combination: &Combination) {
    let app = combination.start_empty();
    let mut expected: Vec<String> = (0..100).map(|number| format!("c{number:03}")).collect();
    add_customers(&app, &expected, "2026-01-01 00:00:00");
    expected.reverse();
    let mut seen = Vec::new();
    let mut next = Some("/customers?limit=9".to_owned());
    while let Some(page) = next {
        let page = app.get(&page).expect(200);
        seen.extend(ids(&page));
        next = next_page(&page);
        let number = seen.len();
        // One that is newer, and one of the same moment on either side of the reader.
        add_customers(&app, &[format!("new{number}")], "2026-01-02 00:00:00");
        add_customers(&app, &[format!("z{number}"), format!("a{number}")], "2026-01-01 00:00:00");
    }
    let distinct: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len(), "one was shown twice: {seen:?}");
    seen.retain(|id| id.starts_with('c'));
    assert_eq!(seen, expected);
}

/// The ids of each page, from one `Link` header to the next.
#[track_caller]
fn walk(app: &App, first: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut next = Some(first.to_owned());
    while let Some(page) = next {
        assert!(pages.len() < 1000, "the pages do not end: {page}");
        let page = app.get(&page).expect(200);
        next = next_page(&page);
        pages.push(ids(&page));
    }
    pages
}

/// The target of the `Link` header, which is there exactly when more rows follow.
#[track_caller]
fn next_page(page: &Answer) -> Option<String> {
    let link = page.header("link");
    assert_eq!(link.is_some(), page.json["pagination"]["hasMore"] == true, "{}", page.text);
    let query = link?.strip_prefix("<?").and_then(|link| link.strip_suffix(">; rel=\"next\""));
    Some(format!("/customers?{}", query.unwrap_or_else(|| panic!("{link:?}"))))
}
