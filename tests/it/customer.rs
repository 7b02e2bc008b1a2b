//! Customers and their orders, as their clients see them.

use crate::app::{App, Combination};
use crate::cases;
use crate::client::Answer;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Barrier;
use std::time::{Duration, Instant};

cases![
    Everywhere:
        // GET /customers
        a_list_shows_100_customers_unless_told_otherwise,
        the_count_is_the_number_of_rows_shown,
        pagination_is_exact_at_both_ends,
        a_limit_goes_from_1_to_1000,
        an_offset_starts_at_0,
        a_repeated_parameter_is_refused_by_name,
        an_unknown_parameter_is_ignored,
        an_empty_filter_is_no_filter,
        the_tier_filter_is_exact,
        a_tier_that_does_not_exist_is_refused_by_name,
        the_email_filter_finds_any_part_in_any_case,
        the_signs_of_patterns_and_quotes_are_literal_in_the_email_filter,
        an_email_filter_longer_than_any_address_is_refused,
        filters_are_combined,
        a_list_starts_with_the_newest_customer,
        customers_of_one_moment_are_listed_by_id_from_last_to_first,
        a_row_of_the_list_is_a_customer_without_totals,
        the_link_header_leads_through_the_whole_list,
        the_link_header_keeps_limit_and_filter,
        paging_visits_1000_customers_of_one_moment_once_each,
        paging_visits_each_customer_once_while_others_are_added,
        // GET /customers/{id}
        a_profile_is_the_customer_with_total_spent_and_vip_tier,
        total_spent_is_a_json_number_with_two_decimals,
        what_customers_spent_is_the_sum_of_their_orders_that_count,
        completed_and_pending_orders_count_and_cancelled_ones_do_not,
        a_customer_without_orders_has_spent_nothing,
        the_vip_tier_changes_above_5000_and_above_10000,
        the_vip_tier_has_nothing_to_do_with_the_tier,
        a_total_beyond_53_bits_is_exact_to_the_cent,
        a_total_beyond_64_bits_is_an_error_and_not_a_wrong_number,
        an_unknown_customer_is_not_found,
        an_id_that_cannot_exist_is_refused,
        // POST /customers
        a_created_customer_is_answered_with_201_and_its_location,
        a_created_customer_can_be_read_and_listed,
        each_missing_member_is_named,
        null_counts_as_missing,
        an_id_that_is_taken_is_refused,
        an_email_that_is_taken_is_refused_in_any_case,
        a_refused_creation_leaves_nothing_behind,
        a_customer_has_one_of_four_tiers,
        a_customer_needs_a_well_formed_email,
        an_email_is_kept_as_it_is_written,
        an_id_has_1_to_50_plain_characters,
        a_name_has_1_to_255_characters,
        a_phone_has_1_to_50_characters,
        an_address_is_an_object,
        phone_and_address_are_optional,
        members_that_a_customer_does_not_have_are_ignored,
        // PUT /customers/{id}
        an_update_changes_only_what_is_present,
        an_update_can_change_every_member,
        an_update_moves_updated_at_and_not_created_at,
        null_clears_phone_and_address,
        null_is_refused_where_a_value_is_required,
        an_update_keeps_the_rules_of_a_creation,
        an_update_to_the_email_of_someone_else_is_refused,
        a_customer_may_write_their_own_email_in_another_case,
        an_update_without_a_member_to_change_is_refused,
        an_id_cannot_be_changed,
        an_update_of_an_unknown_customer_is_not_found,
        a_refused_update_changes_nothing,
        // GET /customers/{id}/orders
        orders_are_those_of_the_data_file_newest_first,
        an_order_has_money_as_text_an_integer_id_and_its_items_in_order,
        a_customer_without_orders_has_an_empty_list,
        the_orders_of_an_unknown_customer_are_not_found,
        // DELETE /customers/{id}
        a_deleted_customer_is_shown_once_more_and_gone,
        the_id_and_the_email_of_a_deleted_customer_are_free_again,
        a_deletion_of_an_unknown_customer_is_not_found,
        a_customer_with_orders_cannot_be_deleted_and_loses_nothing,
        a_customer_with_only_cancelled_orders_cannot_be_deleted,
        // Many at once
        of_20_creations_of_one_id_at_once_one_succeeds,
        of_20_creations_with_one_email_at_once_one_succeeds,
        of_20_updates_to_one_email_at_once_one_succeeds,
        of_20_deletions_at_once_one_succeeds,
        // Methods
        head_is_get_without_the_body,
        a_method_that_is_not_served_is_answered_with_those_that_are;
    BothGateways:
        the_customer_service_reports_its_health;
];

const CUSTOMER_MEMBERS: [&str; 8] =
    ["address", "created_at", "email", "id", "name", "phone", "tier", "updated_at"];

// ---------------------------------------------------------------- GET /customers

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
    let list = app.get("/customers?name=nobody&sort=name&sort=id").expect(200);
    assert_eq!(list.json["count"], 40);
}

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

// ----------------------------------------------------------- GET /customers/{id}

fn a_profile_is_the_customer_with_total_spent_and_vip_tier(combination: &Combination) {
    let app = combination.start();
    let list = app.get("/customers").expect(200);
    let listed = rows(&list).iter().find(|row| row["id"] == "cust_001").expect("it is listed");
    let profile = app.get("/customers/cust_001").expect(200);
    assert_eq!(members(&profile.json), ["data", "success"]);
    assert_eq!(profile.json["success"], true);
    let mut data = profile.json["data"].clone();
    let data = data.as_object_mut().expect("an object");
    assert_eq!(data.remove("vip_tier"), Some(json!("Gold")));
    assert!(data.remove("total_spent").is_some_and(|total| total.is_number()));
    assert_eq!(Value::Object(data.clone()), *listed);
}

/// D3: the sum that is kept is the sum.
fn what_customers_spent_is_the_sum_of_their_orders_that_count(combination: &Combination) {
    let app = combination.start();
    assert_eq!(app.storage.count(CUSTOMERS_WITH_SPENDING), 30);
    assert_eq!(app.storage.count(CUSTOMERS_WITH_ANOTHER_SUM), 0);
}

const CUSTOMERS_WITH_SPENDING: &str =
    "SELECT count(*) AS count FROM customers WHERE total_spent > 0";

/// Those whose row says something else than their orders.
pub const CUSTOMERS_WITH_ANOTHER_SUM: &str = "SELECT count(*) AS count FROM customers WHERE total_spent <> \
     (SELECT COALESCE(sum(total_amount), 0) FROM orders WHERE customer_id = customers.id \
     AND status IN ('pending', 'completed'))";

fn total_spent_is_a_json_number_with_two_decimals(combination: &Combination) {
    let app = combination.start();
    assert_eq!(total_spent(&app, "cust_001"), "111300.00");
    add_order(&app, "cust_040", 5, "completed");
    assert_eq!(total_spent(&app, "cust_040"), "0.05");
    add_order(&app, "cust_040", 1_000, "completed");
    assert_eq!(total_spent(&app, "cust_040"), "10.05");
    add_order(&app, "cust_040", 25, "completed");
    assert_eq!(total_spent(&app, "cust_040"), "10.30");
}

fn completed_and_pending_orders_count_and_cancelled_ones_do_not(combination: &Combination) {
    let app = combination.start();
    add_order(&app, "cust_040", 10_010, "completed");
    assert_eq!(total_spent(&app, "cust_040"), "100.10");
    add_order(&app, "cust_040", 2_020, "pending");
    assert_eq!(total_spent(&app, "cust_040"), "120.30");
    add_order(&app, "cust_040", 999_999, "cancelled");
    assert_eq!(total_spent(&app, "cust_040"), "120.30");
    // Their only order is a cancelled one.
    assert_eq!(total_spent(&app, "cust_008"), "0.00");
}

fn a_customer_without_orders_has_spent_nothing(combination: &Combination) {
    let app = combination.start();
    assert_eq!(total_spent(&app, "cust_036"), "0.00");
    assert_eq!(vip_tier(&app, "cust_036"), "Bronze");
}

fn the_vip_tier_changes_above_5000_and_above_10000(combination: &Combination) {
    let app = combination.start();
    add_order(&app, "cust_036", 500_000, "completed");
    add_order(&app, "cust_037", 500_001, "completed");
    add_order(&app, "cust_038", 1_000_000, "completed");
    add_order(&app, "cust_039", 1_000_001, "completed");
    for (id, total, tier) in [
        ("cust_036", "5000.00", "Bronze"),
        ("cust_037", "5000.01", "Silver"),
        ("cust_038", "10000.00", "Silver"),
        ("cust_039", "10000.01", "Gold"),
    ] {
        assert_eq!(total_spent(&app, id), total);
        assert_eq!(vip_tier(&app, id), tier, "{total}");
    }
}

fn the_vip_tier_has_nothing_to_do_with_the_tier(combination: &Combination) {
    let app = combination.start_empty();
    for tier in ["bronze", "silver", "gold", "platinum"] {
        create(&app, json!({ "id": tier, "email": format!("{tier}@x.com"), "tier": tier }));
        assert_eq!(vip_tier(&app, tier), "Bronze");
    }
    add_order(&app, "bronze", 1_000_001, "pending");
    assert_eq!(vip_tier(&app, "bronze"), "Gold");
    assert_eq!(app.get("/customers/bronze").expect(200).json["data"]["tier"], "bronze");
}

fn a_total_beyond_53_bits_is_exact_to_the_cent(combination: &Combination) {
    let app = combination.start();
    // The first whole number that a float has no place for.
    add_order(&app, "cust_040", 9_007_199_254_740_993, "completed");
    assert_eq!(total_spent(&app, "cust_040"), "90071992547409.93");
    add_order(&app, "cust_040", 1, "pending");
    assert_eq!(total_spent(&app, "cust_040"), "90071992547409.94");
    add_order(&app, "cust_040", i64::MAX - 9_007_199_254_740_994, "completed");
    assert_eq!(total_spent(&app, "cust_040"), "92233720368547758.07");
    assert_eq!(vip_tier(&app, "cust_040"), "Gold");
    let orders = app.get("/customers/cust_040/orders").expect(200);
    let amounts: Vec<String> = rows(&orders).iter().map(|o| text(&o["total_amount"])).collect();
    assert!(amounts.contains(&"90071992547409.93".to_owned()), "{amounts:?}");
}

fn a_total_beyond_64_bits_is_an_error_and_not_a_wrong_number(combination: &Combination) {
    let app = combination.start();
    add_order(&app, "cust_040", i64::MAX, "completed");
    let more = "UPDATE customers SET total_spent = total_spent + 1 WHERE id = 'cust_040'";
    app.storage.execute(more).expect_err("no number of cents has more than 64 bits");
    assert_eq!(total_spent(&app, "cust_040"), "92233720368547758.07");
}

fn an_unknown_customer_is_not_found(combination: &Combination) {
    let app = combination.start();
    app.get("/customers/nobody").expect_failure(404, "Customer not found");
    // An id is not folded.
    app.get("/customers/CUST_001").expect_failure(404, "Customer not found");
}

fn an_id_that_cannot_exist_is_refused(combination: &Combination) {
    let app = combination.start();
    for bad in ["a%20b", "%C3%A9", "a@b", &"a".repeat(51)] {
        expect_invalid(app.get(&format!("/customers/{bad}")), "id");
        expect_invalid(app.put(&format!("/customers/{bad}"), &json!({ "name": "A" })), "id");
        expect_invalid(app.delete(&format!("/customers/{bad}")), "id");
        expect_invalid(app.get(&format!("/customers/{bad}/orders")), "id");
    }
    let longest = format!("/customers/{}", "a".repeat(50));
    app.get(&longest).expect_failure(404, "Customer not found");
}

// -------------------------------------------------------------- POST /customers

fn a_created_customer_is_answered_with_201_and_its_location(combination: &Combination) {
    let app = combination.start_empty();
    let body = json!({
        "id": "new-One_1", "email": "new@example.com", "name": "New One", "tier": "silver",
        "phone": "+41 22 555 00 00", "address": { "city": "Genève", "lines": ["1", { "x": null }] },
    });
    let created = app.post("/customers", &body).expect(201);
    assert_eq!(created.header("location"), Some("customers/new-One_1"));
    assert_eq!(members(&created.json), ["data", "success"]);
    assert_eq!(created.json["success"], true);
    let data = &created.json["data"];
    assert_eq!(members(data), CUSTOMER_MEMBERS);
    for (name, value) in body.as_object().expect("an object") {
        assert_eq!(data[name], *value, "{name}");
    }
    assert_eq!(data["created_at"], data["updated_at"]);
    expect_time(&data["created_at"]);
}

fn a_created_customer_can_be_read_and_listed(combination: &Combination) {
    let app = combination.start_empty();
    let created = create(&app, json!({ "id": "new", "address": { "a": [1, 2.5, "é"] } }));
    assert_eq!(rows(&app.get("/customers").expect(200)), std::slice::from_ref(&created));
    let mut profile = app.get("/customers/new").expect(200).json["data"].clone();
    let profile = profile.as_object_mut().expect("an object");
    profile.retain(|name, _| CUSTOMER_MEMBERS.contains(&name.as_str()));
    assert_eq!(Value::Object(profile.clone()), created);
}

fn each_missing_member_is_named(combination: &Combination) {
    let app = combination.start_empty();
    expect_missing(app.post("/customers", &json!({})), &["id", "email", "name", "tier"]);
    for member in ["id", "email", "name", "tier"] {
        let mut body = customer(json!({}));
        body.as_object_mut().expect("an object").remove(member);
        expect_missing(app.post("/customers", &body), &[member]);
    }
    let some = json!({ "email": "a@example.com", "tier": "gold" });
    expect_missing(app.post("/customers", &some), &["id", "name"]);
    assert_eq!(app.get("/customers").expect(200).json["count"], 0);
}

fn null_counts_as_missing(combination: &Combination) {
    let app = combination.start_empty();
    for member in ["id", "email", "name", "tier"] {
        let body = customer(json!({ member: null }));
        expect_missing(app.post("/customers", &body), &[member]);
    }
}

fn an_id_that_is_taken_is_refused(combination: &Combination) {
    let app = combination.start();
    let before = app.get("/customers/cust_001").expect(200);
    let body = customer(json!({ "id": "cust_001", "email": "other@example.com" }));
    app.post("/customers", &body)
        .expect_failure(409, "Customer with this ID or email already exists");
    assert_eq!(app.get("/customers/cust_001").expect(200).json, before.json);
}

fn an_email_that_is_taken_is_refused_in_any_case(combination: &Combination) {
    let app = combination.start();
    for email in ["eleonore.vautier@example.com", "Eleonore.VAUTIER@Example.COM"] {
        let body = customer(json!({ "id": "other", "email": email }));
        app.post("/customers", &body)
            .expect_failure(409, "Customer with this ID or email already exists");
    }
    create(&app, json!({ "id": "other", "email": "eleonore.vautier@example.org" }));
}

fn a_refused_creation_leaves_nothing_behind(combination: &Combination) {
    let app = combination.start();
    let before = app.get("/customers?limit=500").expect(200);
    let taken = json!({ "id": "other", "email": "eleonore.vautier@example.com" });
    app.post("/customers", &customer(taken)).expect(409);
    app.post("/customers", &customer(json!({ "id": "other", "tier": "iron" }))).expect(400);
    app.post("/customers", &json!({ "id": "other" })).expect(400);
    app.get("/customers/other").expect(404);
    assert_eq!(app.get("/customers?limit=500").expect(200).json, before.json);
}

fn a_customer_has_one_of_four_tiers(combination: &Combination) {
    let app = combination.start_empty();
    for bad in ["Gold", "GOLD", "vip", "", " gold", "gold "] {
        expect_invalid(app.post("/customers", &customer(json!({ "tier": bad }))), "tier");
    }
    for tier in ["bronze", "silver", "gold", "platinum"] {
        let email = format!("{tier}@example.com");
        let created = create(&app, json!({ "id": tier, "email": email, "tier": tier }));
        assert_eq!(created["tier"], tier);
    }
}

fn a_customer_needs_a_well_formed_email(combination: &Combination) {
    let app = combination.start_empty();
    let too_long = format!("{}@example.com", "a".repeat(244));
    for bad in [
        "", " ", "plain", "@", "a@", "@b", "a@b@c", "a b@c", " a@b", "a@b ", "a@b\n", "é@b", "a@é",
        &too_long,
    ] {
        expect_invalid(app.post("/customers", &customer(json!({ "email": bad }))), "email");
    }
    let longest = format!("{}@example.com", "a".repeat(243));
    assert_eq!(longest.len(), 255);
    for (number, good) in
        ["a@b", "o'hara+tag@mail.example.com", r#"%_\"*[x]@b"#, &longest].iter().enumerate()
    {
        let id = format!("c{number}");
        assert_eq!(create(&app, json!({ "id": id, "email": good }))["email"], *good);
    }
}

fn an_email_is_kept_as_it_is_written(combination: &Combination) {
    let app = combination.start_empty();
    create(&app, json!({ "id": "ada", "email": "Ada.Lovelace@Example.COM" }));
    let profile = app.get("/customers/ada").expect(200);
    assert_eq!(profile.json["data"]["email"], "Ada.Lovelace@Example.COM");
}

fn an_id_has_1_to_50_plain_characters(combination: &Combination) {
    let app = combination.start_empty();
    for bad in ["", " ", "a b", ".", "..", "a/b", "é", "a'b", "a\n", &"a".repeat(51)] {
        expect_invalid(app.post("/customers", &customer(json!({ "id": bad }))), "id");
    }
    for (number, good) in
        ["a", "-", "_", "A-z_09", "a.b", ".a.", &"a".repeat(50)].iter().enumerate()
    {
        let email = format!("c{number}@example.com");
        assert_eq!(create(&app, json!({ "id": good, "email": email }))["id"], *good);
        app.get(&format!("/customers/{good}")).expect(200);
    }
}

fn a_name_has_1_to_255_characters(combination: &Combination) {
    let app = combination.start_empty();
    for bad in ["", "   ", "\t\n", "\u{a0}\u{3000}", &"é".repeat(256)] {
        expect_invalid(app.post("/customers", &customer(json!({ "name": bad }))), "name");
    }
    for (number, name) in ["v", "n", "0", &"é".repeat(255)].iter().enumerate() {
        let id = format!("c{number}");
        assert_eq!(create(&app, json!({ "id": id, "name": name }))["name"], *name);
    }
    let name = " O'Hara; \"Ann\" \\ 日本 😀 ";
    let other = json!({ "id": "other", "email": "other@example.com", "name": name });
    assert_eq!(create(&app, other)["name"], name);
}

fn a_phone_has_1_to_50_characters(combination: &Combination) {
    let app = combination.start_empty();
    for bad in ["", "  ", &"1".repeat(51)] {
        expect_invalid(app.post("/customers", &customer(json!({ "phone": bad }))), "phone");
    }
    let phone = "1".repeat(50);
    assert_eq!(create(&app, json!({ "phone": phone }))["phone"], phone);
}

fn an_address_is_an_object(combination: &Combination) {
    let app = combination.start_empty();
    for bad in [json!([]), json!("Geneva"), json!(1), json!(true)] {
        let refused = app.post("/customers", &customer(json!({ "address": bad })));
        let refused = refused.expect_failure(400, "Invalid request body");
        assert!(text(&refused.json["message"]).contains("address"), "{}", refused.text);
    }
    assert_eq!(create(&app, json!({ "address": {} }))["address"], json!({}));
}

fn phone_and_address_are_optional(combination: &Combination) {
    let app = combination.start_empty();
    let without = create(&app, json!({ "id": "a", "email": "a@example.com" }));
    let with_null = json!({ "id": "b", "email": "b@example.com", "phone": null, "address": null });
    for created in [without, create(&app, with_null)] {
        assert_eq!(members(&created), CUSTOMER_MEMBERS);
        assert_eq!(created["phone"], Value::Null);
        assert_eq!(created["address"], Value::Null);
    }
}

fn members_that_a_customer_does_not_have_are_ignored(combination: &Combination) {
    let app = combination.start_empty();
    let created = create(
        &app,
        json!({ "id": "a", "version": 7, "total_spent": 1e9, "created_at": "2001-01-01T00:00:00Z" }),
    );
    assert_eq!(members(&created), CUSTOMER_MEMBERS);
    assert!(created["created_at"].as_str() > Some("2020"));
    assert_eq!(total_spent(&app, "a"), "0.00");
}

// ---------------------------------------------------------- PUT /customers/{id}

fn an_update_changes_only_what_is_present(combination: &Combination) {
    let app = combination.start_empty();
    let mut expected = create(&app, json!({ "phone": "1", "address": { "city": "Bern" } }));
    for (member, value) in [
        ("email", json!("changed@example.com")),
        ("name", json!("Changed")),
        ("tier", json!("platinum")),
        ("phone", json!("2")),
        ("address", json!({ "town": "Biel" })),
    ] {
        let updated = app.put("/customers/someone", &json!({ member: value })).expect(200);
        assert_eq!(members(&updated.json), ["data", "message", "success"]);
        assert_eq!(updated.json["success"], true);
        assert_eq!(updated.json["message"], "Customer updated successfully");
        expected[member] = value;
        expected["updated_at"] = updated.json["data"]["updated_at"].clone();
        assert_eq!(updated.json["data"], expected, "{member}");
        assert_eq!(rows(&app.get("/customers").expect(200)), std::slice::from_ref(&expected));
    }
}

fn an_update_can_change_every_member(combination: &Combination) {
    let app = combination.start_empty();
    create(&app, json!({}));
    let body = json!({
        "email": "all@example.com", "name": "All", "tier": "bronze", "phone": "3",
        "address": { "a": 1 },
    });
    let updated = app.put("/customers/someone", &body).expect(200);
    for (name, value) in body.as_object().expect("an object") {
        assert_eq!(updated.json["data"][name], *value, "{name}");
    }
}

fn an_update_moves_updated_at_and_not_created_at(combination: &Combination) {
    let app = combination.start();
    let updated = app.put("/customers/cust_001", &json!({ "name": "Changed" })).expect(200);
    assert_eq!(updated.json["data"]["created_at"], "2023-06-12T09:14:07.382Z");
    expect_time(&updated.json["data"]["updated_at"]);
    assert!(updated.json["data"]["updated_at"].as_str() > Some("2024"), "{}", updated.text);
}

fn null_clears_phone_and_address(combination: &Combination) {
    let app = combination.start_empty();
    create(&app, json!({ "phone": "1", "address": { "city": "Bern" } }));
    let updated = app.put("/customers/someone", &json!({ "phone": null })).expect(200);
    assert_eq!(updated.json["data"]["phone"], Value::Null);
    assert_eq!(updated.json["data"]["address"], json!({ "city": "Bern" }));
    app.put("/customers/someone", &json!({ "address": null })).expect(200);
    let profile = app.get("/customers/someone").expect(200);
    assert_eq!(profile.json["data"]["phone"], Value::Null);
    assert_eq!(profile.json["data"]["address"], Value::Null);
}

fn null_is_refused_where_a_value_is_required(combination: &Combination) {
    let app = combination.start();
    for member in ["email", "name", "tier"] {
        let body = json!({ member: null, "phone": "1" });
        expect_invalid(app.put("/customers/cust_001", &body), member);
    }
}

fn an_update_keeps_the_rules_of_a_creation(combination: &Combination) {
    let app = combination.start();
    for (member, bad) in [
        ("email", "plain".to_owned()),
        ("email", "a@b@c".to_owned()),
        ("email", format!("a@{}", "b".repeat(254))),
        ("name", " ".to_owned()),
        ("name", "a".repeat(256)),
        ("tier", "Gold".to_owned()),
        ("phone", String::new()),
        ("phone", "1".repeat(51)),
    ] {
        expect_invalid(app.put("/customers/cust_001", &json!({ member: bad })), member);
    }
    for bad in [json!([]), json!("Geneva")] {
        app.put("/customers/cust_001", &json!({ "address": bad }))
            .expect_failure(400, "Invalid request body");
    }
}

fn an_update_to_the_email_of_someone_else_is_refused(combination: &Combination) {
    let app = combination.start();
    for email in ["j.whitcombe@example.org", "J.WHITCOMBE@example.org"] {
        app.put("/customers/cust_001", &json!({ "email": email, "name": "Changed" }))
            .expect_failure(409, "Email already in use");
    }
}

fn a_customer_may_write_their_own_email_in_another_case(combination: &Combination) {
    let app = combination.start();
    for email in ["eleonore.vautier@example.com", "Eleonore.Vautier@Example.com"] {
        let updated = app.put("/customers/cust_001", &json!({ "email": email })).expect(200);
        assert_eq!(updated.json["data"]["email"], email);
    }
}

fn an_update_without_a_member_to_change_is_refused(combination: &Combination) {
    let app = combination.start();
    for body in [json!({}), json!({ "nick": "E" }), json!({ "created_at": null })] {
        app.put("/customers/cust_001", &body).expect_failure(400, "No fields to update");
    }
}

fn an_id_cannot_be_changed(combination: &Combination) {
    let app = combination.start();
    app.put("/customers/cust_001", &json!({ "id": "other" }))
        .expect_failure(400, "No fields to update");
    let updated = app.put("/customers/cust_001", &json!({ "id": "other", "name": "E" }));
    assert_eq!(updated.expect(200).json["data"]["id"], "cust_001");
    app.get("/customers/other").expect(404);
}

fn an_update_of_an_unknown_customer_is_not_found(combination: &Combination) {
    let app = combination.start();
    app.put("/customers/nobody", &json!({ "name": "E" })).expect_failure(404, "Customer not found");
    // A PUT does not create.
    app.put("/customers/nobody", &customer(json!({ "id": "nobody" })))
        .expect_failure(404, "Customer not found");
    app.get("/customers/nobody").expect(404);
}

fn a_refused_update_changes_nothing(combination: &Combination) {
    let app = combination.start();
    let before = app.get("/customers/cust_001").expect(200);
    for (body, status) in [
        (json!({ "name": "Changed", "email": "j.whitcombe@example.org" }), 409),
        (json!({ "name": "Changed", "tier": "iron" }), 400),
        (json!({ "name": "Changed", "email": null }), 400),
        (json!({ "name": "Changed", "address": [] }), 400),
    ] {
        app.put("/customers/cust_001", &body).expect(status);
        assert_eq!(app.get("/customers/cust_001").expect(200).json, before.json, "{body}");
    }
}

// --------------------------------------------------- GET /customers/{id}/orders

fn orders_are_those_of_the_data_file_newest_first(combination: &Combination) {
    let app = combination.start();
    for id in ["cust_001", "cust_007", "cust_012"] {
        let mut expected = data_file("orders");
        expected.retain(|order| order["customer_id"] == id);
        expected.sort_by_key(|order| std::cmp::Reverse(text(&order["created_at"])));
        assert!(expected.len() > 3);
        let orders = app.get(&format!("/customers/{id}/orders")).expect(200);
        assert_eq!(members(&orders.json), ["count", "data", "success"]);
        assert_eq!(orders.json["success"], true);
        assert_eq!(orders.json["count"], expected.len());
        assert_eq!(rows(&orders), expected);
    }
}

fn an_order_has_money_as_text_an_integer_id_and_its_items_in_order(combination: &Combination) {
    let app = combination.start();
    let order = "INSERT INTO orders (id, order_number, customer_id, total_amount, status, \
                 payment_method, shipping_address, notes, version, created_at, updated_at) VALUES";
    let item = "INSERT INTO order_items \
                (order_id, line, product_id, product_name, quantity, price) VALUES";
    execute(
        &app,
        &format!(
            "{order} (5000000000, 'N-1', 'cust_040', 1000000035, 'pending', NULL, NULL, NULL, 1, \
             '2026-01-01 00:00:00', '2026-01-02 03:04:05.678');
             {order} (5000000001, 'N-2', 'cust_040', 5, 'cancelled', 'cash', '{{\"a\":1}}', '', 1, \
             '2026-01-01 00:00:00', '2026-01-01 00:00:00');
             {item} (5000000000, 10, 'gone', 'Tenth', 1, 5);
             {item} (5000000000, 2, 'prod_002', 'Second', 10, 3);
             {item} (5000000000, 1, 'prod_001', 'First', 1, 1000000000);
             {item} (5000000001, 1, 'prod_001', 'Only', 1, 5);"
        ),
    );
    let orders = app.get("/customers/cust_040/orders").expect(200);
    assert_eq!(
        orders.json,
        json!({
            "success": true,
            "count": 2,
            // Of one moment: the higher id is the newer order.
            "data": [{
                "id": 5_000_000_001_i64, "order_number": "N-2", "customer_id": "cust_040",
                "items": [
                    { "product_id": "prod_001", "product_name": "Only", "quantity": 1, "price": "0.05" },
                ],
                "total_amount": "0.05", "status": "cancelled", "payment_method": "cash",
                "shipping_address": { "a": 1 }, "notes": "",
                "created_at": "2026-01-01T00:00:00.000Z", "updated_at": "2026-01-01T00:00:00.000Z",
            }, {
                "id": 5_000_000_000_i64, "order_number": "N-1", "customer_id": "cust_040",
                "items": [
                    { "product_id": "prod_001", "product_name": "First", "quantity": 1, "price": "10000000.00" },
                    { "product_id": "prod_002", "product_name": "Second", "quantity": 10, "price": "0.03" },
                    { "product_id": "gone", "product_name": "Tenth", "quantity": 1, "price": "0.05" },
                ],
                "total_amount": "10000000.35", "status": "pending", "payment_method": null,
                "shipping_address": null, "notes": null,
                "created_at": "2026-01-01T00:00:00.000Z", "updated_at": "2026-01-02T03:04:05.678Z",
            }],
        })
    );
}

fn a_customer_without_orders_has_an_empty_list(combination: &Combination) {
    let app = combination.start();
    let orders = app.get("/customers/cust_040/orders").expect(200);
    assert_eq!(orders.json, json!({ "success": true, "data": [], "count": 0 }));
}

fn the_orders_of_an_unknown_customer_are_not_found(combination: &Combination) {
    let app = combination.start();
    app.get("/customers/nobody/orders").expect_failure(404, "Customer not found");
}

// ------------------------------------------------------- DELETE /customers/{id}

fn a_deleted_customer_is_shown_once_more_and_gone(combination: &Combination) {
    let app = combination.start();
    let created = create(&app, json!({ "phone": "1", "address": { "city": "Bern" } }));
    let deleted = app.delete("/customers/someone").expect(200);
    assert_eq!(
        deleted.json,
        json!({ "success": true, "message": "Customer deleted successfully", "data": created })
    );
    app.get("/customers/someone").expect_failure(404, "Customer not found");
    app.get("/customers/someone/orders").expect_failure(404, "Customer not found");
    app.put("/customers/someone", &json!({ "name": "A" })).expect(404);
    assert_eq!(app.get("/customers").expect(200).json["pagination"]["total"], 40);
}

fn the_id_and_the_email_of_a_deleted_customer_are_free_again(combination: &Combination) {
    let app = combination.start_empty();
    create(&app, json!({ "name": "First", "phone": "1" }));
    app.delete("/customers/someone").expect(200);
    let again = create(&app, json!({ "name": "Second" }));
    assert_eq!(again["name"], "Second");
    assert_eq!(again["phone"], Value::Null);
}

fn a_deletion_of_an_unknown_customer_is_not_found(combination: &Combination) {
    let app = combination.start();
    app.delete("/customers/nobody").expect_failure(404, "Customer not found");
    app.delete("/customers/cust_040").expect(200);
    app.delete("/customers/cust_040").expect_failure(404, "Customer not found");
}

fn a_customer_with_orders_cannot_be_deleted_and_loses_nothing(combination: &Combination) {
    let app = combination.start();
    let profile = app.get("/customers/cust_001").expect(200);
    let orders = app.get("/customers/cust_001/orders").expect(200);
    app.delete("/customers/cust_001")
        .expect_failure(409, "Cannot delete customer with existing orders");
    assert_eq!(app.get("/customers/cust_001").expect(200).text, profile.text);
    assert_eq!(app.get("/customers/cust_001/orders").expect(200).text, orders.text);
}

fn a_customer_with_only_cancelled_orders_cannot_be_deleted(combination: &Combination) {
    let app = combination.start();
    app.delete("/customers/cust_008")
        .expect_failure(409, "Cannot delete customer with existing orders");
    app.get("/customers/cust_008").expect(200);
}

// ------------------------------------------------------------------ Many at once

fn of_20_creations_of_one_id_at_once_one_succeeds(combination: &Combination) {
    let app = combination.start_empty();
    let answers = at_once(20, |number| {
        let email = format!("c{number}@example.com");
        let name = format!("Number {number}");
        app.post("/customers", &customer(json!({ "id": "one", "email": email, "name": name })))
    });
    let winner = expect_one(answers, 201, 409, "Customer with this ID or email already exists");
    let list = app.get("/customers").expect(200);
    assert_eq!(rows(&list), [winner.json["data"].clone()]);
}

fn of_20_creations_with_one_email_at_once_one_succeeds(combination: &Combination) {
    let app = combination.start_empty();
    let answers = at_once(20, |number| {
        let email = if number % 2 == 0 { "one@example.com" } else { "ONE@example.com" };
        app.post("/customers", &customer(json!({ "id": format!("c{number}"), "email": email })))
    });
    let winner = expect_one(answers, 201, 409, "Customer with this ID or email already exists");
    let list = app.get("/customers").expect(200);
    assert_eq!(rows(&list), [winner.json["data"].clone()]);
}

fn of_20_updates_to_one_email_at_once_one_succeeds(combination: &Combination) {
    let app = combination.start();
    let answers = at_once(20, |number| {
        let path = format!("/customers/cust_{:03}", number + 1);
        app.put(&path, &json!({ "email": "one@example.net" }))
    });
    expect_one(answers, 200, 409, "Email already in use");
    assert_eq!(app.get("/customers?email=one@example.net").expect(200).json["count"], 1);
}

fn of_20_deletions_at_once_one_succeeds(combination: &Combination) {
    let app = combination.start();
    let answers = at_once(20, |_| app.delete("/customers/cust_040"));
    expect_one(answers, 200, 404, "Customer not found");
}

// ----------------------------------------------------------- Methods and health

fn head_is_get_without_the_body(combination: &Combination) {
    let app = combination.start();
    for path in ["/customers?limit=3", "/customers/cust_001", "/customers/cust_001/orders"] {
        let get = app.get(path).expect(200);
        let head = app.send("HEAD", path, None).expect(200);
        assert_eq!(head.text, "", "{path}");
        for name in ["content-type", "content-length", "link", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
        assert_eq!(get.header("content-type"), Some("application/json"));
    }
    for path in ["/customers/nobody", "/customers/nobody/orders"] {
        assert_eq!(app.send("HEAD", path, None).expect(404).text, "");
    }
    assert_eq!(app.send("HEAD", "/customers?limit=0", None).expect(400).text, "");
}

fn a_method_that_is_not_served_is_answered_with_those_that_are(combination: &Combination) {
    let app = combination.start();
    for (path, allowed, refused) in [
        ("/customers", ["GET", "HEAD", "POST"].as_slice(), ["PUT", "PATCH", "DELETE"].as_slice()),
        ("/customers/cust_040", &["DELETE", "GET", "HEAD", "PUT"], &["POST", "PATCH"]),
        ("/customers/cust_040/orders", &["GET", "HEAD"], &["POST", "PUT", "PATCH", "DELETE"]),
    ] {
        for method in refused {
            let answer = app.send(method, path, Some(&json!({ "name": "A" })));
            let answer = answer.expect_failure(405, "Method Not Allowed");
            let mut named: Vec<&str> =
                answer.header("allow").expect("Allow is there").split(", ").collect();
            named.sort_unstable();
            assert_eq!(named, *allowed, "{method} {path}");
        }
    }
    app.get("/customers/cust_040").expect(200);
}

fn the_customer_service_reports_its_health(combination: &Combination) {
    let app = combination.start();
    let redis = if combination.is_postgres() { "connected" } else { "disabled" };
    let ask = |method| app.client.send(method, &app.customer_url("/health"), &[], None).expect(200);
    // The link to Redis comes up soon after the start, and the service does not wait for it.
    let give_up_at = Instant::now() + Duration::from_secs(10);
    let mut health = ask("GET");
    while health.json["redis"] != redis && Instant::now() < give_up_at {
        std::thread::sleep(Duration::from_millis(20));
        health = ask("GET");
    }
    assert_eq!(members(&health.json), ["database", "redis", "service", "status", "timestamp"]);
    assert_eq!(health.json["status"], "ok");
    assert_eq!(health.json["service"], "customer-service");
    assert_eq!(health.json["database"], "connected");
    assert_eq!(health.json["redis"], redis);
    expect_time(&health.json["timestamp"]);
    assert_eq!(ask("HEAD").text, "");
}

// ------------------------------------------------------------ What the cases use

/// A customer that can be created, with these members in place of its own.
fn customer(members: Value) -> Value {
    let mut body = json!({ "id": "someone", "email": "someone@example.com", "name": "Some One", "tier": "gold" });
    let own = body.as_object_mut().expect("an object");
    if let Some(id) = members["id"].as_str() {
        own.insert("email".into(), format!("{id}@example.com").into());
    }
    own.extend(members.as_object().expect("an object").clone());
    body
}

/// Creates [`customer`] and returns it as the answer shows it.
#[track_caller]
fn create(app: &App, members: Value) -> Value {
    app.post("/customers", &customer(members)).expect(201).json["data"].clone()
}

/// Adds customers past the program, all created at one moment.
#[track_caller]
fn add_customers(app: &App, ids: &[String], created_at: &str) {
    let mut sql = "INSERT INTO customers \
                   (id, email, name, tier, version, created_at, updated_at) VALUES "
        .to_owned();
    for (index, id) in ids.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(sql, "{comma}('{id}', '{id}.{index}.{}@x.com', 'N', 'gold', 1, ", ids.len())
            .and_then(|()| write!(sql, "'{created_at}', '{created_at}')"))
            .expect("writing to a string cannot fail");
    }
    execute(app, &sql);
}

/// Adds an order without items past the program, and to what its customer has spent.
#[track_caller]
fn add_order(app: &App, customer: &str, cents: i64, status: &str) {
    execute(
        app,
        &format!(
            "INSERT INTO orders (order_number, customer_id, total_amount, status, version, \
             created_at, updated_at) SELECT 'T-' || count(*), '{customer}', {cents}, '{status}', \
             1, '2026-01-01 00:00:00', '2026-01-01 00:00:00' FROM orders;
             UPDATE customers SET total_spent = (SELECT COALESCE(sum(total_amount), 0) FROM orders \
             WHERE customer_id = customers.id AND status IN ('pending', 'completed')) \
             WHERE id = '{customer}'"
        ),
    );
}

#[track_caller]
fn execute(app: &App, sql: &str) {
    app.storage.execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn pagination(limit: i64, offset: i64, total: i64, has_more: bool) -> Value {
    json!({ "limit": limit, "offset": offset, "total": total, "hasMore": has_more })
}

#[track_caller]
fn rows(list: &Answer) -> &[Value] {
    list.json["data"].as_array().expect("a list")
}

#[track_caller]
fn ids(list: &Answer) -> Vec<String> {
    rows(list).iter().map(|row| text(&row["id"])).collect()
}

#[track_caller]
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text")).to_owned()
}

/// The names of an object's members, sorted.
#[track_caller]
fn members(object: &Value) -> Vec<&str> {
    let members: BTreeMap<_, _> = object.as_object().expect("an object").iter().collect();
    members.into_keys().map(String::as_str).collect()
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

#[track_caller]
fn expect_found(app: &App, email_part: &str, expected: &[&str]) {
    let encoded: String = email_part.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let list = app.get(&format!("/customers?email={encoded}")).expect(200);
    let found: BTreeSet<String> = ids(&list).into_iter().collect();
    assert_eq!(found, expected.iter().map(|id| (*id).to_owned()).collect(), "{email_part}");
    assert_eq!(list.json["count"], expected.len(), "{email_part}");
    assert_eq!(list.json["pagination"]["total"], expected.len(), "{email_part}");
}

/// `total_spent` as it is written: a JSON number read into a float would hide what is wrong.
#[track_caller]
fn total_spent(app: &App, id: &str) -> String {
    let profile = app.get(&format!("/customers/{id}")).expect(200);
    let (_, rest) = profile.text.split_once("\"total_spent\":").expect("total_spent is there");
    rest.split([',', '}']).next().expect("a value").to_owned()
}

#[track_caller]
fn vip_tier(app: &App, id: &str) -> String {
    text(&app.get(&format!("/customers/{id}")).expect(200).json["data"]["vip_tier"])
}

/// Fails the test unless the request was refused for this member or parameter.
#[track_caller]
fn expect_invalid(answer: Answer, field: &str) {
    let answer = answer.expect_failure(400, "Invalid request");
    assert_eq!(answer.json["details"]["field"], field, "{}", answer.text);
    assert!(text(&answer.json["message"]).starts_with(field), "{}", answer.text);
}

#[track_caller]
fn expect_missing(answer: Answer, missing: &[&str]) {
    let answer = answer.expect_failure(400, "Missing required fields (id, email, name, tier)");
    assert_eq!(answer.json["details"], json!({ "missing": missing }));
}

/// RFC 3339 in UTC with milliseconds and `Z`: `2026-01-31T12:00:00.000Z`.
#[track_caller]
fn expect_time(value: &Value) {
    let shape: String =
        text(value).chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    assert_eq!(shape, "9999-99-99T99:99:99.999Z", "{value}");
}

/// Runs a job on many threads, all released at the same moment.
fn at_once<T: Send>(threads: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        let (start, job) = (&start, &job);
        let started = (0..threads).map(|number| {
            scope.spawn(move || {
                start.wait();
                job(number)
            })
        });
        let started: Vec<_> = started.collect();
        started.into_iter().map(|thread| thread.join().expect("no answer")).collect()
    })
}

/// Fails the test unless one answer has the first status and all others are this failure.
#[track_caller]
fn expect_one(answers: Vec<Answer>, one: u16, others: u16, error: &str) -> Answer {
    let all = answers.len();
    let (mut first, rest): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.status == one);
    assert_eq!((first.len(), rest.len()), (1, all - 1));
    for answer in rest {
        answer.expect_failure(others, error);
    }
    first.remove(0)
}

/// The records of a file in `data/`.
fn data_file(name: &str) -> Vec<Value> {
    let path = format!("{}/data/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the file is there");
    serde_json::from_str(&text).expect("an array")
}
