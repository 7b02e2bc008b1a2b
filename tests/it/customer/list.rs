//! `GET /customers`: the list, its order and its bounds.

use super::{
    CUSTOMER_MEMBERS, add_customers, create, expect_invalid, ids, members, pagination, rows, text,
};
use crate::app::Combination;
use crate::cases;
use serde_json::json;

cases![
    Everywhere:
        a_list_shows_100_customers_unless_told_otherwise,
        the_count_is_the_number_of_rows_shown,
        a_limit_goes_from_1_to_1000,
        an_offset_starts_at_0,
        a_repeated_parameter_is_refused_by_name,
        an_unknown_parameter_is_ignored,
        a_list_starts_with_the_newest_customer,
        customers_of_one_moment_are_listed_by_id_from_last_to_first,
        a_row_of_the_list_is_a_customer_without_totals;
];

fn a_list_shows_100_customers_unless_told_otherwise(combination: &Combination) {
    let app = combination.start_empty();
    let ids: Vec<String> = (0..120).map(|number| format!("c{number:03}")).collect();
    add_customers(&app, &ids, "2026-01-01 00:00:00");
    let list = app.get("/customers").expect(200);
    assert_eq!(rows(&list).len(), 100);
    assert_eq!(list.json["success"], true);
    assert_eq!(list.json["count"], 100);
    assert_eq!(list.json["pagination"], pagination(100, 0, 120, true));
    let list = app.get("/customers?limit=120").expect(200);
    assert_eq!(list.json["count"], 120);
    assert_eq!(list.json["pagination"], pagination(120, 0, 120, false));
}

fn the_count_is_the_number_of_rows_shown(combination: &Combination) {
    let app = combination.start();
    for (query, count) in [("", 40), ("?limit=7", 7), ("?offset=38", 2), ("?offset=40", 0)] {
        let list = app.get(&format!("/customers{query}")).expect(200);
        assert_eq!(list.json["count"], count, "{query}");
        assert_eq!(rows(&list).len(), count, "{query}");
    }
}

fn a_limit_goes_from_1_to_1000(combination: &Combination) {
    let app = combination.start();
    for bad in ["0", "1001", "-1", "1.5", "ten", "+5", "1e2", "99999999999999999999"] {
        expect_invalid(app.get(&format!("/customers?limit={bad}")), "limit");
    }
    assert_eq!(app.get("/customers?limit=1").expect(200).json["count"], 1);
    assert_eq!(app.get("/customers?limit=1000").expect(200).json["count"], 40);
}

fn an_offset_starts_at_0(combination: &Combination) {
    let app = combination.start();
    for bad in ["-1", "1.5", "ten", "9223372036854775808"] {
        expect_invalid(app.get(&format!("/customers?offset={bad}")), "offset");
    }
    assert_eq!(app.get("/customers?offset=0").expect(200).json["count"], 40);
}

fn a_repeated_parameter_is_refused_by_name(combination: &Combination) {
    let app = combination.start();
    for (name, value) in [("limit", "5"), ("offset", "5"), ("tier", "gold"), ("email", "a")] {
        app.get(&format!("/customers?{name}={value}")).expect(200);
        let twice = app.get(&format!("/customers?{name}={value}&{name}={value}"));
        expect_invalid(twice, name);
    }
}

fn an_unknown_parameter_is_ignored(combination: &Combination) {
    let app = combination.start();
    let list = app.get("/customers?colour=blue&page=2&page=3").expect(200);
    assert_eq!(list.json["count"], 40);
}

fn a_list_starts_with_the_newest_customer(combination: &Combination) {
    let app = combination.start();
    let list = app.get("/customers").expect(200);
    let mut expected = rows(&list).to_vec();
    expected.sort_by_key(|row| std::cmp::Reverse((text(&row["created_at"]), text(&row["id"]))));
    assert_eq!(rows(&list), expected);
    create(&app, json!({ "id": "newcomer" }));
    assert_eq!(ids(&app.get("/customers?limit=1").expect(200)), ["newcomer"]);
}

fn customers_of_one_moment_are_listed_by_id_from_last_to_first(combination: &Combination) {
    let app = combination.start_empty();
    // In the order of their bytes, which is not that of a dictionary.
    let ascending = ["-a", "0", "1", "10", "9", "A", "B", "Z", "_a", "a", "aB", "aa", "b", "z"];
    add_customers(&app, &ascending.map(str::to_owned), "2026-01-01 00:00:00");
    let list = app.get("/customers").expect(200);
    assert_eq!(ids(&list), ascending.into_iter().rev().collect::<Vec<_>>());
}

fn a_row_of_the_list_is_a_customer_without_totals(combination: &Combination) {
    let app = combination.start();
    let list = app.get("/customers").expect(200);
    for row in rows(&list) {
        assert_eq!(members(row), CUSTOMER_MEMBERS);
    }
    let listed = rows(&list).iter().find(|row| row["id"] == "cust_001").expect("it is listed");
    assert_eq!(listed["email"], "eleonore.vautier@example.com");
    assert_eq!(listed["name"], "Éléonore Vautier");
    assert_eq!(listed["tier"], "platinum");
    assert_eq!(listed["phone"], "+41 22 555 01 23");
    assert_eq!(listed["address"]["city"], "Genève");
    assert_eq!(listed["created_at"], "2023-06-12T09:14:07.382Z");
}
