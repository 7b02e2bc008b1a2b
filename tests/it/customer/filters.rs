//! The filters of the list of customers.

use super::{create, data_file, expect_invalid, ids, pagination, text};
use crate::app::{App, Combination};
use crate::cases;
use serde_json::json;
use std::collections::BTreeSet;

cases![
    Everywhere:
        an_empty_filter_is_no_filter,
        the_tier_filter_is_exact,
        a_tier_that_does_not_exist_is_refused_by_name,
        the_email_filter_finds_any_part_in_any_case,
        the_signs_of_patterns_and_quotes_are_literal_in_the_email_filter,
        an_email_filter_longer_than_any_address_is_refused,
        filters_are_combined;
];

fn an_empty_filter_is_no_filter(combination: &Combination) {
    let app = combination.start();
    let list = app.get("/customers?tier=&email=&limit=&offset=").expect(200);
    assert_eq!(list.json["pagination"], pagination(100, 0, 40, false));
}

fn the_tier_filter_is_exact(combination: &Combination) {
    let app = combination.start();
    let mut seen = 0;
    for tier in ["bronze", "silver", "gold", "platinum"] {
        let list = app.get(&format!("/customers?tier={tier}")).expect(200);
        let listed = ids(&list).into_iter().collect::<BTreeSet<_>>();
        let of_tier = data_file("customers");
        let of_tier = of_tier.iter().filter(|customer| customer["tier"] == tier);
        let expected = of_tier.map(|customer| text(&customer["id"])).collect::<BTreeSet<_>>();
        assert!(!expected.is_empty());
        assert_eq!(listed, expected, "{tier}");
        assert_eq!(list.json["pagination"]["total"], expected.len(), "{tier}");
        seen += listed.len();
    }
    assert_eq!(seen, 40);
}

fn a_tier_that_does_not_exist_is_refused_by_name(combination: &Combination) {
    let app = combination.start();
    for bad in ["GOLD", "Gold", "gol", "golden", "gold%20", "diamond", "%25", "gold,silver"] {
        expect_invalid(app.get(&format!("/customers?tier={bad}")), "tier");
    }
}

fn the_email_filter_finds_any_part_in_any_case(combination: &Combination) {
    let app = combination.start_empty();
    for (id, email) in [
        ("ada", "Ada.Lovelace@Example.com"),
        ("grace", "grace.hopper@example.com"),
        ("kelvin", "kelvin@elsewhere.org"),
    ] {
        create(&app, json!({ "id": id, "email": email }));
    }
    for (part, expected) in [
        ("Ada.Lovelace@Example.com", vec!["ada"]),
        ("ada.lovelace@example.com", vec!["ada"]),
        ("LOVE", vec!["ada"]),
        ("eXaMpLe", vec!["ada", "grace"]),
        ("@", vec!["ada", "grace", "kelvin"]),
        ("grace", vec!["grace"]),
        (".org", vec!["kelvin"]),
        ("KELVIN", vec!["kelvin"]),
        // The Kelvin sign becomes a k in lower case, and is none.
        ("\u{212a}elvin", vec![]),
        ("nobody", vec![]),
        ("ada@", vec![]),
    ] {
        expect_found(&app, part, &expected);
    }
}

fn the_signs_of_patterns_and_quotes_are_literal_in_the_email_filter(combination: &Combination) {
    let app = combination.start_empty();
    for (id, email) in [
        ("percent", "per%cent@example.com"),
        ("underscore", "under_score@example.com"),
        ("letter", "underXscore@example.com"),
        ("backslash", r"back\slash@example.com"),
        ("apostrophe", "o'hara@example.com"),
        ("quote", "\"quoted\"@example.com"),
        ("star", "s*t?a[r]@example.com"),
    ] {
        create(&app, json!({ "id": id, "email": email }));
    }
    for (part, expected) in [
        ("%", vec!["percent"]),
        ("r%c", vec!["percent"]),
        ("%example", vec![]),
        ("%%", vec![]),
        ("_", vec!["underscore"]),
        ("R_S", vec!["underscore"]),
        ("_____", vec![]),
        ("rXs", vec!["letter"]),
        (r"\", vec!["backslash"]),
        (r"k\s", vec!["backslash"]),
        (r"\\", vec![]),
        (r"\%", vec![]),
        (r"\_", vec![]),
        ("'", vec!["apostrophe"]),
        ("' OR '1'='1", vec![]),
        ("''", vec![]),
        ("\"", vec!["quote"]),
        ("*", vec!["star"]),
        ("?a[r]", vec!["star"]),
        ("[a-z]", vec![]),
    ] {
        expect_found(&app, part, &expected);
    }
}

fn an_email_filter_longer_than_any_address_is_refused(combination: &Combination) {
    let app = combination.start();
    let longest = app.get(&format!("/customers?email={}", "%25".repeat(255))).expect(200);
    assert_eq!(longest.json["count"], 0);
    expect_invalid(app.get(&format!("/customers?email={}", "a".repeat(256))), "email");
}

fn filters_are_combined(combination: &Combination) {
    let app = combination.start_empty();
    for (id, email, tier) in
        [("a", "a@x.com", "gold"), ("b", "b@x.com", "silver"), ("c", "c@y.com", "gold")]
    {
        create(&app, json!({ "id": id, "email": email, "tier": tier }));
    }
    let list = app.get("/customers?tier=gold&email=@x.com").expect(200);
    assert_eq!(ids(&list), ["a"]);
    assert_eq!(list.json["pagination"]["total"], 1);
}

#[track_caller]
fn expect_found(app: &App, email_part: &str, expected: &[&str]) {
    let encoded: String = email_part.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let list = app.get(&format!("/customers?email={encoded}")).expect(200);
    let found: BTreeSet<String> = ids(&list).into_iter().collect();
    assert_eq!(found, expected.iter().map(|id| (*id).to_owned()).collect(), "{email_part}");
    assert_eq!(list.json["count"], expected.len(), "{email_part}");
    assert_eq!(list.json["pagination"]["total"], expected.len(), "{email_part}");
}
