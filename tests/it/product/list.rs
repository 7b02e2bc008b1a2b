//! `GET /products`: the list, its filters and their bounds.

use super::{HUGE, add, encoded, ids, insert_rows, members, next_path, refused, rows, watch, with};
use crate::app::{App, Combination};
use crate::cases;
use serde_json::json;

cases![
    Everywhere:
        a_list_shows_the_first_ten_products,
        the_pagination_says_where_a_page_is,
        the_newest_products_come_first_and_then_the_greatest_ids,
        a_filter_matches_exactly,
        a_filter_takes_every_character_literally,
        prices_are_filtered_inclusively,
        all_filters_hold_together,
        an_empty_filter_is_no_filter,
        a_limit_is_from_1_to_1000,
        an_offset_is_a_whole_number,
        a_price_filter_is_money,
        the_least_price_must_not_be_above_the_greatest,
        a_repeated_parameter_is_refused_by_name,
        an_unknown_parameter_is_ignored;
];

fn a_list_shows_the_first_ten_products(combination: &Combination) {
    let app = combination.start();
    let all = app.get("/products?limit=500").expect(200);
    let total = rows(&all).len();
    assert!(total > 10, "{total}");
    let list = app.get("/products").expect(200);
    assert_eq!(list.json["success"], true);
    assert_eq!(rows(&list), rows(&all)[..10]);
    let pagination = json!({ "limit": 10, "offset": 0, "total": total, "hasMore": true });
    assert_eq!(list.json["pagination"], pagination);
    assert_eq!(members(&list.json), ["data", "pagination", "success"]);
    assert_eq!(list.header("content-type"), Some("application/json"));
}

fn the_pagination_says_where_a_page_is(combination: &Combination) {
    let app = combination.start_empty();
    let nothing = app.get("/products").expect(200);
    assert_eq!(nothing.json["data"], json!([]));
    let pagination = json!({ "limit": 10, "offset": 0, "total": 0, "hasMore": false });
    assert_eq!(nothing.json["pagination"], pagination);
    for id in ["a", "b", "c", "d", "e"] {
        add(&app, &watch(id));
    }
    let cases = [(2, 0, 2, true), (2, 2, 2, true), (2, 3, 2, false), (2, 4, 1, false)];
    let at_the_end = [(5, 0, 5, false), (4, 0, 4, true), (5, 5, 0, false), (1, 99, 0, false)];
    for (limit, offset, shown, has_more) in cases.into_iter().chain(at_the_end) {
        let page = app.get(&format!("/products?limit={limit}&offset={offset}")).expect(200);
        assert_eq!(rows(&page).len(), shown, "{limit} {offset}");
        let pagination =
            json!({ "limit": limit, "offset": offset, "total": 5, "hasMore": has_more });
        assert_eq!(page.json["pagination"], pagination);
        assert_eq!(next_path(&page).is_some(), has_more, "{:?}", page.headers);
    }
}

fn the_newest_products_come_first_and_then_the_greatest_ids(combination: &Combination) {
    let app = combination.start_empty();
    insert_rows(&app, &["m", "0", "Z", "-", "_", "a"], "2024-02-01 00:00:00");
    insert_rows(&app, &["old"], "2024-01-31 23:59:59");
    insert_rows(&app, &["new"], "2024-02-01 00:00:01");
    let list = app.get("/products").expect(200);
    // By bytes, in both databases.
    assert_eq!(ids(&list), ["new", "m", "a", "_", "Z", "0", "-", "old"]);
}

fn a_filter_matches_exactly(combination: &Combination) {
    let app = combination.start_empty();
    for (id, brand, category) in
        [("a", "Rolex", "dive"), ("b", "rolex", "Dive"), ("c", "Rolex SA", "diver")]
    {
        add(&app, &with(&with(&watch(id), "brand", brand), "category", category));
    }
    for (query, found) in [
        ("brand=Rolex", "a"),
        ("brand=rolex", "b"),
        ("brand=Rolex+SA", "c"),
        ("brand=Rolex%20SA", "c"),
        ("brand=Role", ""),
        ("brand=ROLEX", ""),
        ("brand=Rolex+", ""),
        ("category=dive", "a"),
        ("category=Dive", "b"),
        ("category=diver", "c"),
        ("category=div", ""),
    ] {
        let list = app.get(&format!("/products?{query}")).expect(200);
        assert_eq!(ids(&list).concat(), found, "{query}");
        assert_eq!(list.json["pagination"]["total"], found.len(), "{query}");
    }
}

fn a_filter_takes_every_character_literally(combination: &Combination) {
    let app = combination.start_empty();
    let brands = "%|_|\\|'|\"|a%|a_c|abc|a\\%|x' OR '1'='1|x'; DROP TABLE products; --|a+b|\
                  a&b=c|a#b|$1|?|*| abc|Jaeger-LeCoultre é|Jaeger-LeCoultre e\u{301}";
    let brands: Vec<&str> = brands.split('|').collect();
    for (index, brand) in brands.iter().enumerate() {
        add(&app, &with(&watch(&format!("w{index}")), "brand", *brand));
    }
    for (index, brand) in brands.iter().enumerate() {
        let list = app.get(&format!("/products?brand={}", encoded(brand))).expect(200);
        assert_eq!(ids(&list), [format!("w{index}")], "{brand}");
        assert_eq!(rows(&list)[0]["brand"], *brand);
    }
    let list = app.get("/products?category=%25").expect(200);
    assert_eq!(rows(&list).len(), 0);
}

fn prices_are_filtered_inclusively(combination: &Combination) {
    let app = combination.start_empty();
    for (id, price) in [("a", "0.99"), ("b", "1.00"), ("c", "9.50"), ("d", "10.00")] {
        add(&app, &with(&watch(id), "price", price));
    }
    for (query, found) in [
        ("minPrice=1", "dcb"),
        ("minPrice=1.00", "dcb"),
        ("minPrice=1.01", "dc"),
        ("maxPrice=1", "ba"),
        ("maxPrice=9.5", "cba"),
        ("minPrice=1&maxPrice=9.50", "cb"),
        ("minPrice=9.5&maxPrice=9.5", "c"),
        ("minPrice=0", "dcba"),
        ("minPrice=99999999.99", ""),
        ("maxPrice=0", ""),
    ] {
        assert_eq!(found_ids(&app, query), found, "{query}");
    }
}

fn all_filters_hold_together(combination: &Combination) {
    let app = combination.start_empty();
    let rows = [
        ("a", "Omega", "dive", 100),
        ("b", "Omega", "dress", 100),
        ("c", "Seiko", "dive", 100),
        ("d", "Omega", "dive", 900),
    ];
    for (id, brand, category, price) in rows {
        let body = with(&with(&watch(id), "brand", brand), "category", category);
        add(&app, &with(&body, "price", price));
    }
    assert_eq!(found_ids(&app, "brand=Omega&category=dive&maxPrice=500"), "a");
    assert_eq!(found_ids(&app, "brand=Omega&category=dive"), "da");
    assert_eq!(found_ids(&app, "brand=Omega&category=dive&offset=1"), "a");
}

fn an_empty_filter_is_no_filter(combination: &Combination) {
    let app = combination.start();
    let all = app.get("/products?limit=500").expect(200);
    let empty = app.get("/products?limit=500&brand=&category=&minPrice=&maxPrice=").expect(200);
    assert_eq!(rows(&empty), rows(&all));
    let bare = app.get("/products?limit=500&brand&category").expect(200);
    assert_eq!(rows(&bare), rows(&all));
}

fn a_limit_is_from_1_to_1000(combination: &Combination) {
    let app = combination.start();
    assert_eq!(rows(&app.get("/products?limit=1").expect(200)).len(), 1);
    assert_eq!(app.get("/products?limit=1000").expect(200).json["pagination"]["limit"], 1000);
    for limit in
        ["0", "1001", "-1", "abc", "1.5", "1e2", "%2B5", "+5", "5+", "0x10", HUGE, "%D9%A1"]
    {
        refused(app.get(&format!("/products?limit={limit}")), "limit");
    }
}

fn an_offset_is_a_whole_number(combination: &Combination) {
    let app = combination.start();
    let end = app.get("/products?offset=9223372036854775807").expect(200);
    assert_eq!(end.json["data"], json!([]));
    assert_eq!(end.json["pagination"]["hasMore"], false);
    for offset in ["-1", "abc", "1.5", "%2B5", "9223372036854775808", HUGE] {
        refused(app.get(&format!("/products?offset={offset}")), "offset");
    }
}

fn a_price_filter_is_money(combination: &Combination) {
    let app = combination.start();
    for name in ["minPrice", "maxPrice"] {
        for price in ["abc", "-1", "0.001", "1,5", "1e3", "%2B1", "1.", ".5", "NaN", "inf", HUGE] {
            refused(app.get(&format!("/products?{name}={price}")), name);
        }
    }
}

fn the_least_price_must_not_be_above_the_greatest(combination: &Combination) {
    let app = combination.start();
    refused(app.get("/products?minPrice=100.01&maxPrice=100"), "minPrice");
    app.get("/products?minPrice=100&maxPrice=100.00").expect(200);
}

fn a_repeated_parameter_is_refused_by_name(combination: &Combination) {
    let app = combination.start();
    for name in ["limit", "offset", "category", "brand", "minPrice", "maxPrice", "after"] {
        refused(app.get(&format!("/products?{name}=1&{name}=1")), name);
        refused(app.get(&format!("/products?{name}=&{name}=")), name);
    }
    // Written in two ways, it is one name.
    refused(app.get("/products?brand=a&br%61nd=b"), "brand");
}

fn an_unknown_parameter_is_ignored(combination: &Combination) {
    let app = combination.start();
    let plain = app.get("/products?limit=3").expect(200);
    for query in ["colour=blue&colour=red", "limits=1", "&&=&x", "=", "%zz=%"] {
        let same = app.get(&format!("/products?limit=3&{query}")).expect(200);
        assert_eq!(same.json, plain.json, "{query}");
    }
}

/// The ids that a filter lets through, run together.
#[track_caller]
fn found_ids(app: &App, query: &str) -> String {
    ids(&app.get(&format!("/products?{query}")).expect(200)).concat()
}
