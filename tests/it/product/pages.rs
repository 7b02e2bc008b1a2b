//! Pages of the list, by offset and by link.

use super::{HUGE, INSTANT, ids, insert_rows, next_path, refused, rows};
use crate::app::{App, Combination};
use crate::cases;
use crate::client::Answer;
use serde_json::json;
use std::collections::BTreeSet;

cases![
    Everywhere:
        the_next_links_lead_once_past_each_product,
        offsets_visit_a_thousand_products_of_one_instant_once_each,
        links_visit_each_product_once_while_others_are_added,
        a_cursor_that_no_link_gave_is_refused;
];

fn the_next_links_lead_once_past_each_product(combination: &Combination) {
    let app = combination.start();
    let all = app.get("/products?limit=500&category=dive").expect(200);
    assert!(rows(&all).len() > 6);
    let pages = follow_links(&app, "/products?limit=3&category=dive", |_| ());
    let visited: Vec<String> = pages.iter().flat_map(ids).collect();
    assert_eq!(visited, ids(&all));
    for page in &pages {
        assert_eq!(page.json["pagination"]["total"], rows(&all).len());
        assert_eq!(page.json["pagination"]["hasMore"], next_path(page).is_some());
    }
}

/// D11: by offset.
fn offsets_visit_a_thousand_products_of_one_instant_once_each(combination: &Combination) {
    let app = combination.start_empty();
    let thousand = insert_thousand(&app);
    let mut visited = Vec::new();
    for page in 0..10 {
        let list = app.get(&format!("/products?limit=100&offset={}", page * 100)).expect(200);
        assert_eq!(list.json["pagination"]["total"], 1000);
        visited.extend(ids(&list));
    }
    assert_eq!(visited, thousand);
}

/// D11: by link.
fn links_visit_each_product_once_while_others_are_added(combination: &Combination) {
    let app = combination.start_empty();
    let thousand = insert_thousand(&app);
    let mut next = 0;
    let pages = follow_links(&app, "/products?limit=90", |app| {
        next += 1;
        // Before the first row, behind the last one, and between rows of the same instant.
        insert_rows(app, &[&format!("later-{next}")], "2025-01-01 00:00:00");
        insert_rows(app, &[&format!("earlier-{next}")], "2023-01-01 00:00:00");
        insert_rows(app, &[&format!("w{:04}-{next}", next * 77)], INSTANT);
    });
    let visited: Vec<String> = pages.iter().flat_map(ids).collect();
    let distinct: BTreeSet<&String> = visited.iter().collect();
    assert_eq!(distinct.len(), visited.len(), "a row was shown twice");
    let of_the_thousand: Vec<&String> = visited.iter().filter(|id| id.len() == 5).collect();
    assert_eq!(of_the_thousand, thousand.iter().collect::<Vec<_>>());
}

fn a_cursor_that_no_link_gave_is_refused(combination: &Combination) {
    let app = combination.start();
    for cursor in [
        "1",
        "x.y",
        ".",
        "1.",
        "1..",
        "1...",
        ".a",
        "1.a%20b",
        HUGE,
        "99999999999999999.a",
        "-1e3.a",
    ] {
        refused(app.get(&format!("/products?after={cursor}")), "after");
    }
    // One that points nowhere has a place in the order all the same.
    assert_eq!(app.get("/products?after=0.a").expect(200).json["data"], json!([]));
}

/// A thousand products of one instant; their ids, in the order of the list.
fn insert_thousand(app: &App) -> Vec<String> {
    let ids: Vec<String> = (0..1000).rev().map(|number| format!("w{number:04}")).collect();
    insert_rows(app, &ids.iter().map(String::as_str).collect::<Vec<_>>(), INSTANT);
    ids
}

/// The pages from this one to the last; `between` runs before each of the further ones.
#[track_caller]
fn follow_links(app: &App, first: &str, mut between: impl FnMut(&App)) -> Vec<Answer> {
    let mut pages = vec![app.get(first).expect(200)];
    while let Some(path) = pages.last().and_then(next_path) {
        assert!(pages.len() < 100, "the links do not end: {path}");
        between(app);
        pages.push(app.get(&path).expect(200));
    }
    pages
}
