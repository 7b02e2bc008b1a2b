//! The catalogue, as its clients see it: every route, its rules and its texts.

use crate::app::{App, Combination};
use crate::cases;
use crate::client::Answer;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

cases![
    Everywhere:
        // The list.
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
        an_unknown_parameter_is_ignored,
        // Pages.
        the_next_links_lead_once_past_each_product,
        offsets_visit_a_thousand_products_of_one_instant_once_each,
        links_visit_each_product_once_while_others_are_added,
        a_cursor_that_no_link_gave_is_refused,
        // One product.
        a_product_is_cached_after_the_first_read,
        every_write_makes_the_next_read_fresh,
        a_product_has_these_members_and_no_others,
        a_product_that_is_not_there_is_not_found,
        an_id_with_other_characters_is_refused,
        an_encoded_id_is_the_same_id,
        a_head_answers_like_a_get_without_the_body,
        another_method_is_refused_with_those_allowed,
        a_path_below_a_product_is_not_found,
        the_service_reports_its_health,
        // Adding.
        a_new_product_comes_back_whole,
        every_missing_member_is_named,
        an_id_is_given_only_once,
        a_price_is_kept_to_the_cent,
        numbers_in_metadata_come_back_alike_from_both_databases,
        what_is_not_a_price_is_refused,
        a_stock_is_a_whole_number_from_0_to_2147483647,
        a_text_is_neither_blank_nor_too_long,
        an_id_is_1_to_50_plain_characters,
        a_member_that_is_not_known_is_ignored,
        metadata_is_an_object_or_null,
        numbers_in_metadata_keep_their_value,
        // Changing.
        an_update_changes_what_is_present_and_nothing_else,
        null_clears_the_metadata_alone,
        an_update_of_nothing_is_refused,
        a_refused_update_changes_nothing,
        a_change_moves_updated_at_and_keeps_created_at,
        // Taking stock.
        a_purchase_says_what_was_bought,
        a_quantity_is_a_positive_whole_number,
        more_than_the_stock_is_refused,
        the_whole_stock_can_be_taken,
        a_total_cost_is_exact,
        a_total_cost_beyond_64_bits_takes_nothing,
        stock_never_goes_below_zero,
        what_was_taken_is_what_is_missing,
        // Deleting.
        a_deleted_product_is_gone,
        a_deleted_id_can_be_given_again;
];

// ---- The list

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

// ---- Pages

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

// ---- One product

fn a_product_is_cached_after_the_first_read(combination: &Combination) {
    let app = combination.start();
    let first = app.get("/products/prod_001").expect(200);
    assert_eq!(first.json["success"], true);
    assert_eq!(first.json["cached"], false);
    assert_eq!(first.json["data"]["price"], "14500.00");
    let second = app.get_cached("/products/prod_001");
    assert_eq!(first.json["data"], second.json["data"]);
    assert_eq!(members(&second.json), ["cached", "data", "success"]);
}

fn every_write_makes_the_next_read_fresh(combination: &Combination) {
    let app = combination.start();
    let path = "/products/prod_001";
    let writes: [&dyn Fn() -> Answer; 2] =
        [&|| app.put(path, &json!({ "price": "15000.00" })), &|| {
            app.patch(&format!("{path}/inventory"), &json!({ "quantity": 1 }))
        }];
    for write in writes {
        app.get(path).expect(200);
        app.get_cached(path);
        write().expect(200);
        let fresh = app.get(path).expect(200);
        assert_eq!(fresh.json["cached"], false);
        assert_eq!(fresh.json["data"]["price"], "15000.00");
        assert_eq!(app.get(path).expect(200).json["data"], fresh.json["data"]);
    }
    // What was refused has changed nothing: there is nothing to forget.
    app.put(path, &json!({ "price": -1 })).expect(400);
    app.patch(&format!("{path}/inventory"), &json!({ "quantity": 1_000_000 })).expect(400);
    app.get_cached(path);
}

fn a_product_has_these_members_and_no_others(combination: &Combination) {
    let app = combination.start();
    let product = app.get("/products/prod_001").expect(200).json["data"].clone();
    let named = "brand category created_at id metadata name price stock updated_at".split(' ');
    let named: Vec<&str> = named.collect();
    assert_eq!(members(&product), named);
    for row in rows(&app.get("/products?limit=500").expect(200)) {
        assert_eq!(members(&row), named);
        assert!(is_time(&row["created_at"]) && is_time(&row["updated_at"]), "{row}");
        assert!(is_money(&row["price"]), "{row}");
        assert!(row["stock"].is_u64() && row["metadata"].is_object(), "{row}");
    }
}

fn a_product_that_is_not_there_is_not_found(combination: &Combination) {
    let app = combination.start();
    let answers = [
        app.get("/products/prod_999"),
        app.get("/products/PROD_001"),
        app.put("/products/prod_999", &json!({ "stock": 1 })),
        app.patch("/products/prod_999/inventory", &json!({ "quantity": 1 })),
        app.patch("/products/prod_999/inventory", &json!({ "quantity": 4_294_967_296_u64 })),
        app.delete("/products/prod_999"),
    ];
    for answer in answers {
        answer.expect_failure(404, "Product not found");
    }
    app.send("HEAD", "/products/prod_999", None).expect(404);
    // Not even the second time, when a cache could remember it.
    app.get("/products/prod_999").expect_failure(404, "Product not found");
    add(&app, &watch("prod_999"));
    app.get("/products/prod_999").expect(200);
}

fn an_id_with_other_characters_is_refused(combination: &Combination) {
    let app = combination.start();
    let too_long = "a".repeat(51);
    for id in ["a%20b", "a+b", "a:b", "a'b", "%C3%A9", "a@b", "a=b", "*", &too_long] {
        let path = format!("/products/{id}");
        refused(app.get(&path), "id");
        refused(app.put(&path, &json!({ "stock": 1 })), "id");
        refused(app.patch(&format!("{path}/inventory"), &json!({ "quantity": 1 })), "id");
        refused(app.delete(&path), "id");
    }
    app.get(&format!("/products/{}", "a".repeat(50))).expect_failure(404, "Product not found");
}

fn an_encoded_id_is_the_same_id(combination: &Combination) {
    let app = combination.start();
    let plain = app.get("/products/prod_001").expect(200);
    let encoded = app.get_cached("/products/%70rod%5F001");
    assert_eq!(encoded.json["data"], plain.json["data"]);
}

fn a_head_answers_like_a_get_without_the_body(combination: &Combination) {
    let app = combination.start();
    for path in
        ["/products?limit=2", "/products/prod_001", "/products/prod_999", "/products?limit=0"]
    {
        let head = app.send("HEAD", path, None);
        let get = app.get(path).expect(head.status);
        assert_eq!(head.text, "", "{path}");
        for name in ["content-type", "link", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
        // The one may have found the product cached, and the other not.
        let lengths = [("true", "false"), ("false", "true"), ("", "")].map(|(one, other)| {
            let [one, other] = [one, other].map(|cached| format!(r#""cached":{cached}"#));
            get.text.replace(&one, &other).len().to_string()
        });
        let length = head.header("content-length").unwrap_or_default();
        assert!(lengths.iter().any(|of_get| of_get == length), "{path}: {length} {lengths:?}");
    }
}

fn another_method_is_refused_with_those_allowed(combination: &Combination) {
    let app = combination.start();
    for (path, allowed) in [
        ("/products", "GET HEAD POST"),
        ("/products/prod_001", "DELETE GET HEAD PUT"),
        ("/products/prod_001/inventory", "PATCH"),
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]
        {
            if allowed.split(' ').any(|name| name == method) {
                continue;
            }
            let mut answer = app.send(method, path, None);
            if method == "HEAD" {
                answer = answer.expect(405);
            } else {
                answer = answer.expect_failure(405, "Method Not Allowed");
            }
            let allow = answer.header("allow").unwrap_or_default();
            let mut names: Vec<&str> = allow.split(',').map(str::trim).collect();
            names.sort_unstable();
            assert_eq!(names.join(" "), allowed, "{method} {path}");
        }
    }
}

fn a_path_below_a_product_is_not_found(combination: &Combination) {
    let app = combination.start();
    for path in ["/products/", "/products/prod_001/", "/products/prod_001/price", "/products/a/b/c"]
    {
        app.get(path).expect_failure(404, "Not Found");
    }
}

fn the_service_reports_its_health(combination: &Combination) {
    let app = combination.start();
    let redis = if combination.is_postgres() { "connected" } else { "disabled" };
    let answer = eventually(&app, || {
        let answer = app.client.send("GET", &app.product_url("/health"), &[], None).expect(200);
        (answer.json["redis"] == redis).then_some(answer)
    });
    assert_eq!(answer.json["status"], "ok");
    assert_eq!(answer.json["service"], "product-service");
    assert_eq!(answer.json["database"], "connected");
    assert!(is_time(&answer.json["timestamp"]), "{}", answer.text);
    assert_eq!(members(&answer.json), ["database", "redis", "service", "status", "timestamp"]);
}

// ---- Adding

fn a_new_product_comes_back_whole(combination: &Combination) {
    let app = combination.start_empty();
    let before = chrono::Utc::now().timestamp_millis();
    let body = json!({
        "id": "New_watch-1", "name": "Reverso", "brand": "Jaeger-LeCoultre", "price": "9200.50",
        "stock": 3, "category": "dress",
        "metadata": { "year": 2024, "straps": ["alligator", null, { "width": 19.5 }], "": {} },
    });
    let answer = app.post("/products", &body).expect(201);
    let after = chrono::Utc::now().timestamp_millis();
    assert_eq!(answer.header("location"), Some("products/New_watch-1"));
    assert_eq!(members(&answer.json), ["data", "success"]);
    assert_eq!(answer.json["success"], true);
    let product = &answer.json["data"];
    for (member, value) in body.as_object().expect("an object") {
        assert_eq!(&product[member], value, "{member}");
    }
    assert!(is_time(&product["created_at"]), "{product}");
    assert_eq!(product["created_at"], product["updated_at"]);
    assert!((before..=after).contains(&millis(&product["created_at"])), "{product}");
    assert_eq!(&app.get("/products/New_watch-1").expect(200).json["data"], product);
    assert_eq!(app.get("/products").expect(200).json["data"], json!([product]));

    // The metadata may be left out.
    let plain = add(&app, &watch("plain"));
    assert_eq!(plain["metadata"], Value::Null);
    assert!(plain.as_object().is_some_and(|plain| plain.contains_key("metadata")));
    let null = add(&app, &with(&watch("null"), "metadata", Value::Null));
    assert_eq!(null["metadata"], Value::Null);
}

fn every_missing_member_is_named(combination: &Combination) {
    let app = combination.start_empty();
    let required = ["id", "name", "brand", "price", "stock", "category"];
    let missing = |body: &Value, named: &[&str]| {
        let answer = app.post("/products", body).expect_failure(400, "Missing required fields");
        assert_eq!(answer.json["details"], json!({ "missing": named }), "{body}");
    };
    missing(&json!({}), &required);
    missing(&json!({ "metadata": {}, "quantity": 1 }), &required);
    missing(
        &json!({ "price": 1, "id": "a", "Name": "a" }),
        &["name", "brand", "stock", "category"],
    );
    for member in required {
        let mut body = watch("a");
        body.as_object_mut().expect("an object").remove(member);
        missing(&body, &[member]);
        // Null counts as missing.
        missing(&with(&watch("a"), member, Value::Null), &[member]);
    }
    assert_eq!(app.get("/products").expect(200).json["pagination"]["total"], 0);
}

fn an_id_is_given_only_once(combination: &Combination) {
    let app = combination.start();
    let before = app.get("/products/prod_001").expect(200).json["data"].clone();
    app.post("/products", &watch("prod_001"))
        .expect_failure(409, "Product with this ID already exists");
    assert_eq!(app.get("/products/prod_001").expect(200).json["data"], before);
    // Another case is another id.
    add(&app, &watch("PROD_001"));
}

fn a_price_is_kept_to_the_cent(combination: &Combination) {
    let app = combination.start_empty();
    let kept_as_sent = "0.01 0.29 0.57 1.15 4.35 90071992.54 99999999.99".split(' ');
    let others = [
        ("14500", "14500.00"),
        ("14500.5", "14500.50"),
        (r#""14500.00""#, "14500.00"),
        (r#""14500""#, "14500.00"),
        (r#""7.5""#, "7.50"),
        (r#""1\u0035.00""#, "15.00"),
        (r#""99999999.99""#, "99999999.99"),
        ("0", "0.00"),
        ("0.0", "0.00"),
        ("0.1", "0.10"),
    ];
    let prices = kept_as_sent.map(|price| (price, price)).chain(others);
    for (index, (sent, kept)) in prices.enumerate() {
        let id = format!("w{index}");
        let added = post_text(&app, &text_of(&watch(&id), "price", sent)).expect(201);
        assert_eq!(added.json["data"]["price"], kept, "{sent}");
        // From the database, and from the cache.
        for _ in 0..2 {
            let read = app.get(&format!("/products/{id}")).expect(200);
            assert_eq!(read.json["data"]["price"], kept, "{sent}");
        }
        let update = format!(r#"{{"price":{sent}}}"#);
        let path = format!("/products/{id}");
        let updated = app.send_bytes("PUT", &path, Some(update.as_bytes())).expect(200);
        assert_eq!(updated.json["data"]["price"], kept, "{sent}");
    }
}

fn numbers_in_metadata_come_back_alike_from_both_databases(combination: &Combination) {
    let app = combination.start();
    let numbers = [
        ("0.1", "0.1"),
        ("5.0", "5.0"),
        ("-0.0", "0.0"),
        ("1e15", "1000000000000000.0"),
        ("1e16", "10000000000000000"),
        ("-2.5e17", "-250000000000000000"),
        ("18446744073709551615", "18446744073709551615"),
        ("1e20", "1e+20"),
        ("1.5e300", "1.5e+300"),
        ("1e-7", "1e-7"),
    ];
    for (sent, kept) in numbers {
        let body = format!(r#"{{"metadata":{{"number":{sent},"list":[{sent}]}}}}"#);
        app.send_bytes("PUT", "/products/prod_001", Some(body.as_bytes())).expect(200);
        let read = app.get("/products/prod_001").expect(200);
        let expected = format!(r#""metadata":{{"list":[{kept}],"number":{kept}}}"#);
        assert!(read.text.contains(&expected), "{sent}: {}", read.text);
    }
}

fn what_is_not_a_price_is_refused(combination: &Combination) {
    let app = combination.start();
    let values = "-1 -0.01 0.001 1.005 1e3 1E-2 100000000 99999999.999 true [] [1] {}";
    let texts = "abc 1,5 1. .5 +1 -1 1e3 0x1 NaN Infinity 1.2.3 100000000.00 \\u0661";
    let in_quotes = texts.split(' ').chain(["", " 1", "1 "]).map(|text| format!("\"{text}\""));
    for price in values.split(' ').map(str::to_owned).chain([HUGE.to_owned()]).chain(in_quotes) {
        refused(post_text(&app, &text_of(&watch("a"), "price", &price)), "price");
        let update = format!(r#"{{"price":{price}}}"#);
        refused(app.send_bytes("PUT", "/products/prod_001", Some(update.as_bytes())), "price");
    }
    // Beyond what JSON parsers can hold: no number at all.
    let endless = text_of(&watch("a"), "price", "1e400");
    post_text(&app, &endless).expect_failure(400, "Invalid request body");
    assert_eq!(app.get("/products/prod_001").expect(200).json["data"]["price"], "14500.00");
    app.get("/products/a").expect(404);
}

fn a_stock_is_a_whole_number_from_0_to_2147483647(combination: &Combination) {
    let app = combination.start_empty();
    for (id, stock) in [("none", 0), ("one", 1), ("most", i32::MAX)] {
        assert_eq!(add(&app, &with(&watch(id), "stock", stock))["stock"], stock);
        let read = app.get(&format!("/products/{id}")).expect(200);
        assert_eq!(read.json["data"]["stock"], stock);
    }
    let not_stocks =
        ["-1", "2147483648", "4294967296", "1.5", r#""5""#, "true", "[]", "{}", "1e30", HUGE];
    for stock in not_stocks {
        refused(post_text(&app, &text_of(&watch("a"), "stock", stock)), "stock");
        let update = format!(r#"{{"stock":{stock}}}"#);
        refused(app.send_bytes("PUT", "/products/one", Some(update.as_bytes())), "stock");
    }
    assert_eq!(app.get("/products/one").expect(200).json["data"]["stock"], 1);
}

fn a_text_is_neither_blank_nor_too_long(combination: &Combination) {
    let app = combination.start();
    for (member, longest) in [("name", 255), ("brand", 100), ("category", 50)] {
        let most = "x".repeat(longest);
        let kept = add(&app, &with(&watch(member), member, most.as_str()));
        assert_eq!(kept[member], most.as_str());
        let more = "x".repeat(longest + 1);
        for text in ["", " ", " \t\r\n ", "\u{a0}", "\u{3000}", &more] {
            refused(app.post("/products", &with(&watch("a"), member, text)), member);
            refused(app.put("/products/prod_001", &json!({ (member): text })), member);
        }
    }
}

fn an_id_is_1_to_50_plain_characters(combination: &Combination) {
    let app = combination.start_empty();
    let longest = "x".repeat(50);
    for id in ["a", "0", "_", "-", "A-Z_a-z_0-9", "126610LN.0001", ".a", "a..", &longest] {
        let answer = app.post("/products", &watch(id)).expect(201);
        assert_eq!(answer.header("location"), Some(format!("products/{id}").as_str()));
        assert_eq!(app.get(&format!("/products/{id}")).expect(200).json["data"]["id"], id);
    }
    let too_long = "x".repeat(51);
    for id in ["", " ", "a b", " a", "a/b", "é", "a\n", "a%20b", ".", "..", &too_long] {
        refused(app.post("/products", &watch(id)), "id");
    }
}

fn a_member_that_is_not_known_is_ignored(combination: &Combination) {
    let app = combination.start_empty();
    let mut body = watch("a");
    let more = json!({
        "created_at": "1999-01-01T00:00:00.000Z", "updated_at": 5, "version": 7, "cached": true,
        "Price": "1.00", "price_": [], "": null, "stock ": { "deep": [[[1]]] },
    });
    merge(&mut body, &more);
    let added = add(&app, &body);
    assert_eq!(added["price"], "100.00");
    assert!(added["created_at"].as_str() > Some("2020"), "{added}");
    let mut update = more.clone();
    merge(&mut update, &json!({ "stock": 5, "id": "b" }));
    let updated = app.put("/products/a", &update).expect(200);
    assert_eq!(without(&updated.json["data"], "updated_at"), {
        without(&with(&added, "stock", 5), "updated_at")
    });
    app.get("/products/b").expect(404);
    let mut purchase = more;
    merge(&mut purchase, &json!({ "quantity": 2, "price": 1 }));
    let bought = app.patch("/products/a/inventory", &purchase).expect(200);
    assert_eq!(bought.json["data"]["total_cost"], "200.00");
}

fn metadata_is_an_object_or_null(combination: &Combination) {
    let app = combination.start();
    let before = app.get("/products/prod_001").expect(200).json["data"].clone();
    for metadata in [json!([]), json!("x"), json!(1), json!(true), json!([{}])] {
        refused(
            app.post("/products", &with(&watch("a"), "metadata", metadata.clone())),
            "metadata",
        );
        refused(app.put("/products/prod_001", &json!({ "metadata": metadata })), "metadata");
    }
    assert_eq!(app.get("/products/prod_001").expect(200).json["data"], before);
    for (id, metadata) in [
        ("empty", json!({})),
        ("flat", json!({ "b": 1, "a": "x", "c": null, "d": [], "e": false })),
        ("deep", nested(120)),
        ("keys", json!({ "ключ": 1, " ": 2, "a.b": 3, "$": 4, "\"": 5, "\\u0000": 6, "\n": 7 })),
    ] {
        let added = add(&app, &with(&watch(id), "metadata", metadata.clone()));
        assert_eq!(added["metadata"], metadata);
        let path = format!("/products/{id}");
        assert_eq!(app.get(&path).expect(200).json["data"]["metadata"], metadata);
        assert_eq!(app.get_cached(&path).json["data"]["metadata"], metadata);
    }
}

fn numbers_in_metadata_keep_their_value(combination: &Combination) {
    let app = combination.start_empty();
    let numbers = "0 -1 41.5 0.1 1.15 100.0 9007199254740993 18446744073709551615 \
                   -9223372036854775808 9.221885624698875e-5 0.12088995980580641 \
                   3.7052266664574677e-6 2.2250738585072014e-308 1.7976931348623157e308";
    for (index, number) in numbers.split(' ').enumerate() {
        let id = format!("w{index}");
        let metadata = format!(r#"{{"number":{number}}}"#);
        post_text(&app, &text_of(&watch(&id), "metadata", &metadata)).expect(201);
        let sent: f64 = number.parse().expect("a number");
        for _ in 0..2 {
            let read = app.get(&format!("/products/{id}")).expect(200);
            let (_, rest) = read.text.split_once(r#""number":"#).expect("it is there");
            let (text, _) = rest.split_once('}').expect("it ends");
            let is_same = text == number || text.parse() == Ok(sent) && number.contains(['.', 'e']);
            assert!(is_same, "{number} came back as {text}");
        }
    }
}

// ---- Changing

fn an_update_changes_what_is_present_and_nothing_else(combination: &Combination) {
    let app = combination.start();
    let mut expected = app.get("/products/prod_001").expect(200).json["data"].clone();
    let changes = [
        ("name", json!("Submariner")),
        ("brand", json!("Rolex SA")),
        ("price", json!("14999.99")),
        ("stock", json!(7)),
        ("category", json!("sport")),
        ("metadata", json!({ "year": 2025 })),
        ("metadata", json!({})),
    ];
    for (member, value) in changes {
        let answer = app.put("/products/prod_001", &json!({ (member): value })).expect(200);
        assert_eq!(members(&answer.json), ["data", "success"]);
        expected = with(&expected, member, value);
        expected = with(&expected, "updated_at", answer.json["data"]["updated_at"].clone());
        assert_eq!(answer.json["data"], expected, "{member}");
        assert_eq!(app.get("/products/prod_001").expect(200).json["data"], expected);
    }
    let several = json!({ "name": "Two", "stock": 2, "price": 2 });
    let answer = app.put("/products/prod_001", &several).expect(200);
    expected = with(&with(&expected, "name", "Two"), "stock", 2);
    expected = with(&expected, "price", "2.00");
    assert_eq!(without(&answer.json["data"], "updated_at"), without(&expected, "updated_at"));
}

fn null_clears_the_metadata_alone(combination: &Combination) {
    let app = combination.start();
    let before = app.get("/products/prod_001").expect(200).json["data"].clone();
    for member in ["name", "brand", "price", "stock", "category"] {
        refused(app.put("/products/prod_001", &json!({ (member): null })), member);
        let beside = json!({ (member): null, "metadata": null });
        refused(app.put("/products/prod_001", &beside), member);
    }
    assert_eq!(app.get("/products/prod_001").expect(200).json["data"], before);
    let cleared = app.put("/products/prod_001", &json!({ "metadata": null })).expect(200);
    assert_eq!(cleared.json["data"]["metadata"], Value::Null);
    let read = app.get("/products/prod_001").expect(200).json["data"].clone();
    assert_eq!(without(&read, "updated_at"), {
        without(&with(&before, "metadata", Value::Null), "updated_at")
    });
}

fn an_update_of_nothing_is_refused(combination: &Combination) {
    let app = combination.start();
    let before = app.get("/products/prod_001").expect(200).json["data"].clone();
    for body in [json!({}), json!({ "colour": "blue" }), json!({ "id": "x", "created_at": null })] {
        app.put("/products/prod_001", &body).expect_failure(400, "No fields to update");
    }
    assert_eq!(app.get("/products/prod_001").expect(200).json["data"], before);
}

fn a_refused_update_changes_nothing(combination: &Combination) {
    let app = combination.start();
    let before = app.get("/products/prod_001").expect(200).json["data"].clone();
    for (member, value) in [("price", json!(-1)), ("stock", json!(-1)), ("category", json!(" "))] {
        let body = json!({ "name": "Changed", (member): value });
        refused(app.put("/products/prod_001", &body), member);
    }
    assert_eq!(app.get("/products/prod_001").expect(200).json["data"], before);
}

fn a_change_moves_updated_at_and_keeps_created_at(combination: &Combination) {
    let app = combination.start_empty();
    insert_rows(&app, &["old"], INSTANT);
    let read = || app.get("/products/old").expect(200).json["data"].clone();
    assert_eq!(read()["created_at"], "2024-01-01T00:00:00.000Z");
    assert_eq!(read()["updated_at"], "2024-01-01T00:00:00.000Z");
    let mut last = millis(&read()["updated_at"]);
    let writes: [&dyn Fn() -> Answer; 2] =
        [&|| app.put("/products/old", &json!({ "stock": 9 })), &|| {
            app.patch("/products/old/inventory", &json!({ "quantity": 1 }))
        }];
    for write in writes {
        let before = chrono::Utc::now().timestamp_millis();
        write().expect(200);
        let row = read();
        assert_eq!(row["created_at"], "2024-01-01T00:00:00.000Z");
        assert!(is_time(&row["updated_at"]), "{row}");
        assert!(millis(&row["updated_at"]) >= before.max(last), "{row}");
        last = millis(&row["updated_at"]);
    }
}

// ---- Taking stock

fn a_purchase_says_what_was_bought(combination: &Combination) {
    let app = combination.start_empty();
    let body = with(&with(&watch("a"), "price", "1499.95"), "name", "Alpinist");
    add(&app, &body);
    let answer = app.patch("/products/a/inventory", &json!({ "quantity": 3 })).expect(200);
    let expected = json!({
        "success": true,
        "message": "Inventory updated successfully",
        "data": {
            "product_id": "a",
            "product_name": "Alpinist",
            "quantity_purchased": 3,
            "remaining_stock": 7,
            "price_per_unit": "1499.95",
            "total_cost": "4499.85",
        },
    });
    assert_eq!(answer.json, expected);
    assert_eq!(app.get("/products/a").expect(200).json["data"]["stock"], 7);
}

fn a_quantity_is_a_positive_whole_number(combination: &Combination) {
    let app = combination.start_empty();
    add(&app, &watch("a"));
    let take = |body: &str| app.send_bytes("PATCH", "/products/a/inventory", Some(body.as_bytes()));
    let others = r#"0 -1 -0 0.0 1.5 0.9999 "2" "" null true [] [1] {} 1e-1 -1e300"#;
    for quantity in others.split(' ') {
        take(&format!(r#"{{"quantity":{quantity}}}"#))
            .expect_failure(400, "Quantity must be a positive number");
    }
    for body in ["{}", r#"{"Quantity":1}"#, r#"{"quantity ":1}"#] {
        take(body).expect_failure(400, "Quantity must be a positive number");
    }
    // Too large to count with: refused as one or the other.
    for quantity in ["1e300", HUGE, "18446744073709551616"] {
        let answer = take(&format!(r#"{{"quantity":{quantity}}}"#)).expect(400);
        let error = answer.json["error"].as_str().unwrap_or_default().to_owned();
        assert!(["Quantity must be a positive number", "Insufficient stock"].contains(&&*error));
        answer.expect_failure(400, &error);
    }
    assert_eq!(app.get("/products/a").expect(200).json["data"]["stock"], 10);
    // JSON does not tell 2.0 from 2.
    for quantity in ["2.0", "2.00"] {
        let answer = take(&format!(r#"{{"quantity":{quantity}}}"#)).expect(200);
        assert_eq!(answer.json["data"]["quantity_purchased"], 2);
    }
    assert_eq!(app.get("/products/a").expect(200).json["data"]["stock"], 6);
}

fn more_than_the_stock_is_refused(combination: &Combination) {
    let app = combination.start_empty();
    add(&app, &watch("a"));
    for quantity in [11, 2_147_483_647, 2_147_483_648, 4_294_967_297, 9_223_372_036_854_775_807_u64]
    {
        let answer = app
            .patch("/products/a/inventory", &json!({ "quantity": quantity }))
            .expect_failure(400, "Insufficient stock");
        assert_eq!(answer.json["details"], json!({ "requested": quantity, "available": 10 }));
    }
    assert_eq!(app.get("/products/a").expect(200).json["data"]["stock"], 10);
}

fn the_whole_stock_can_be_taken(combination: &Combination) {
    let app = combination.start_empty();
    add(&app, &watch("a"));
    let all = app.patch("/products/a/inventory", &json!({ "quantity": 10 })).expect(200);
    assert_eq!(all.json["data"]["remaining_stock"], 0);
    let none = app
        .patch("/products/a/inventory", &json!({ "quantity": 1 }))
        .expect_failure(400, "Insufficient stock");
    assert_eq!(none.json["details"], json!({ "requested": 1, "available": 0 }));
    // A new delivery can be sold again.
    app.put("/products/a", &json!({ "stock": 1 })).expect(200);
    app.patch("/products/a/inventory", &json!({ "quantity": 1 })).expect(200);
}

fn a_total_cost_is_exact(combination: &Combination) {
    let app = combination.start_empty();
    for (id, price, quantity, total) in [
        ("a", "0.29", 3, "0.87"),
        ("b", "1.15", 100, "115.00"),
        ("c", "0.00", 5, "0.00"),
        ("d", "99999999.99", 7, "699999999.93"),
        // Beyond what a float counts exactly, up to the last that 64 bits hold.
        ("e", "4194304.01", i32::MAX, "9007199272021524.47"),
        ("f", "99999999.99", 922_337_203, "92233720290776627.97"),
    ] {
        add(&app, &with(&with(&watch(id), "price", price), "stock", i32::MAX));
        let path = format!("/products/{id}/inventory");
        let answer = app.patch(&path, &json!({ "quantity": quantity })).expect(200);
        assert_eq!(answer.json["data"]["total_cost"], total, "{price} x {quantity}");
        assert_eq!(answer.json["data"]["price_per_unit"], price);
        assert_eq!(answer.json["data"]["remaining_stock"], i32::MAX - quantity);
    }
}

fn a_total_cost_beyond_64_bits_takes_nothing(combination: &Combination) {
    let app = combination.start_empty();
    add(&app, &with(&with(&watch("a"), "price", "99999999.99"), "stock", i32::MAX));
    for quantity in [i32::MAX, 922_337_204] {
        app.patch("/products/a/inventory", &json!({ "quantity": quantity }))
            .expect_failure(400, "Total cost is too large");
        assert_eq!(app.get("/products/a").expect(200).json["data"]["stock"], i32::MAX);
    }
}

/// D1: more buyers than stock.
fn stock_never_goes_below_zero(combination: &Combination) {
    let app = combination.start_empty();
    add(&app, &with(&watch("a"), "stock", 100));
    let remaining = Mutex::new(Vec::new());
    let requests = AtomicUsize::new(0);
    at_once(16, |_| {
        while requests.fetch_add(1, Ordering::Relaxed) < 200 {
            let answer = app.patch("/products/a/inventory", &json!({ "quantity": 1 }));
            if answer.status == 200 {
                let left = answer.json["data"]["remaining_stock"].as_i64();
                remaining.lock().expect("no thread panics here").push(left);
            } else {
                let answer = answer.expect_failure(400, "Insufficient stock");
                assert_eq!(answer.json["details"], json!({ "requested": 1, "available": 0 }));
            }
            let seen = app.get("/products/a").expect(200);
            assert!(seen.json["data"]["stock"].as_i64() >= Some(0), "{}", seen.text);
        }
    });
    let mut remaining = remaining.into_inner().expect("no thread panicked");
    remaining.sort_unstable();
    // Each take saw a stock that no other one saw.
    assert_eq!(remaining, (0..100).map(Some).collect::<Vec<_>>());
    assert_eq!(app.get("/products/a").expect(200).json["data"]["stock"], 0);
}

/// D1: as much as there is.
fn what_was_taken_is_what_is_missing(combination: &Combination) {
    let app = combination.start_empty();
    add(&app, &with(&watch("a"), "stock", 600));
    let taken = Mutex::new(0);
    at_once(16, |thread| {
        let mut random = fastrand::Rng::with_seed(thread);
        for _ in 0..12 {
            let quantity = random.i64(1..=12);
            let answer = app.patch("/products/a/inventory", &json!({ "quantity": quantity }));
            if answer.status == 200 {
                assert_eq!(answer.json["data"]["quantity_purchased"], quantity);
                *taken.lock().expect("no thread panics here") += quantity;
            } else {
                let answer = answer.expect_failure(400, "Insufficient stock");
                assert_eq!(answer.json["details"]["requested"], quantity);
                let available = answer.json["details"]["available"].as_i64().expect("a number");
                assert!((0..quantity).contains(&available), "{}", answer.text);
            }
        }
    });
    let taken = taken.into_inner().expect("no thread panicked");
    assert!(taken > 500, "{taken}");
    assert_eq!(app.get("/products/a").expect(200).json["data"]["stock"], 600 - taken);
}

// ---- Deleting

fn a_deleted_product_is_gone(combination: &Combination) {
    let app = combination.start();
    let before = app.get("/products/prod_001").expect(200).json["data"].clone();
    app.get_cached("/products/prod_001");
    let answer = app.delete("/products/prod_001").expect(200);
    let expected =
        json!({ "success": true, "message": "Product deleted successfully", "data": before });
    assert_eq!(answer.json, expected);
    app.get("/products/prod_001").expect_failure(404, "Product not found");
    app.delete("/products/prod_001").expect_failure(404, "Product not found");
    app.put("/products/prod_001", &json!({ "stock": 1 })).expect_failure(404, "Product not found");
    app.patch("/products/prod_001/inventory", &json!({ "quantity": 1 }))
        .expect_failure(404, "Product not found");
    assert!(!ids(&app.get("/products?limit=500").expect(200)).contains(&"prod_001".to_owned()));
}

fn a_deleted_id_can_be_given_again(combination: &Combination) {
    let app = combination.start();
    app.get("/products/prod_001").expect(200);
    app.get_cached("/products/prod_001");
    app.delete("/products/prod_001").expect(200);
    let again = add(&app, &watch("prod_001"));
    let read = app.get("/products/prod_001").expect(200);
    assert_eq!(read.json["data"], again);
    assert_eq!(read.json["cached"], false);
    assert_eq!(app.get_cached("/products/prod_001").json["data"], again);
}

// ---- What the cases share

const HUGE: &str = "99999999999999999999";
/// As both databases take it; `2024-01-01T00:00:00.000Z` on the wire.
const INSTANT: &str = "2024-01-01 00:00:00";

/// A body that `POST /products` takes.
fn watch(id: &str) -> Value {
    json!({
        "id": id, "name": "Test Watch", "brand": "Test", "price": "100.00", "stock": 10,
        "category": "dress",
    })
}

fn with(object: &Value, member: &str, value: impl Into<Value>) -> Value {
    let mut object = object.clone();
    object[member] = value.into();
    object
}

fn without(object: &Value, member: &str) -> Value {
    let mut object = object.clone();
    object.as_object_mut().expect("an object").remove(member);
    object
}

fn merge(object: &mut Value, more: &Value) {
    for (member, value) in more.as_object().expect("an object") {
        object[member] = value.clone();
    }
}

/// An object as JSON, with one member as it is written here.
fn text_of(object: &Value, member: &str, json: &str) -> String {
    let mark = "the member goes here";
    with(object, member, mark).to_string().replace(&format!("{mark:?}"), json)
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!({}), |inner, _| json!({ "a": inner }))
}

#[track_caller]
fn add(app: &App, body: &Value) -> Value {
    app.post("/products", body).expect(201).json["data"].clone()
}

/// What holds at once; with Redis, after a while: on a machine under load it may miss the bound on
/// its answers, and is then passed by for a second or two.
#[track_caller]
fn eventually<T>(app: &App, mut look: impl FnMut() -> Option<T>) -> T {
    let give_up_at = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look() {
            return found;
        }
        let may_wait = app.storage.redis_url.is_some() && Instant::now() < give_up_at;
        assert!(may_wait, "the cache does not answer");
    }
}

#[track_caller]
fn post_text(app: &App, body: &str) -> Answer {
    app.send_bytes("POST", "/products", Some(body.as_bytes()))
}

/// Adds rows past the program, with a time of their own.
fn insert_rows(app: &App, ids: &[&str], created_at: &str) {
    let rows: Vec<String> = ids
        .iter()
        .map(|id| {
            format!("('{id}', 'Row', 'Test', 100, 5, 'dress', 1, '{created_at}', '{created_at}')")
        })
        .collect();
    let sql = format!(
        "INSERT INTO products (id, name, brand, price, stock, category, version, created_at, \
         updated_at) VALUES {}",
        rows.join(", ")
    );
    app.storage.execute(&sql).expect("the rows keep the rules");
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

/// Where `Link: <…>; rel="next"` leads.
fn next_path(answer: &Answer) -> Option<String> {
    let link = answer.header("link")?;
    let query = link.strip_prefix("<?").and_then(|rest| rest.strip_suffix(r#">; rel="next""#));
    Some(format!("/products?{}", query.unwrap_or_else(|| panic!("{link}"))))
}

fn rows(list: &Answer) -> Vec<Value> {
    list.json["data"].as_array().expect("a list").clone()
}

fn ids(list: &Answer) -> Vec<String> {
    rows(list).iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}

/// The ids that a filter lets through, run together.
#[track_caller]
fn found_ids(app: &App, query: &str) -> String {
    ids(&app.get(&format!("/products?{query}")).expect(200)).concat()
}

fn members(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// RFC 3339, UTC, milliseconds, `Z`.
fn is_time(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    let shape = text.replace(|c: char| c.is_ascii_digit(), "0");
    shape == "0000-00-00T00:00:00.000Z" && chrono::DateTime::parse_from_rfc3339(text).is_ok()
}

fn millis(time: &Value) -> i64 {
    let text = time.as_str().expect("a text");
    chrono::DateTime::parse_from_rfc3339(text).expect("a time").timestamp_millis()
}

/// A string with two decimals.
fn is_money(value: &Value) -> bool {
    let (whole, cents) = value.as_str().unwrap_or_default().split_once('.').unwrap_or_default();
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    !whole.is_empty() && digits(whole) && cents.len() == 2 && digits(cents)
}

/// Fails the test unless this is a 400 that names the member or parameter.
#[track_caller]
fn refused(answer: Answer, named: &str) {
    let error = answer.json["error"].as_str().unwrap_or_default().to_owned();
    assert!(["Invalid request", "Invalid request body"].contains(&&*error), "{}", answer.text);
    let answer = answer.expect_failure(400, &error);
    let message = answer.json["message"].as_str().unwrap_or_default();
    let (name, _) = message.split_once([' ', ':']).unwrap_or_default();
    assert_eq!(name, named, "{}", answer.text);
    if error == "Invalid request" {
        assert_eq!(answer.json["details"]["field"], named, "{}", answer.text);
    }
}

/// Runs the closure on this many threads, with their numbers.
fn at_once(threads: u64, run: impl Fn(u64) + Sync) {
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let run = &run;
            scope.spawn(move || run(thread));
        }
    });
}
