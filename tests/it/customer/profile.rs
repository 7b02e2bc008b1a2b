//! `GET /customers/{id}`: the customer, what they spent, and their VIP tier.

use super::{
    CUSTOMERS_WITH_ANOTHER_SUM, create, execute, expect_invalid, members, rows, text, total_spent,
};
use crate::app::{App, Combination};
use crate::cases;
use serde_json::{Value, json};

cases![
    Everywhere:
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
        an_id_that_cannot_exist_is_refused;
];

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

/// Adds an order without items past the program, and to what its customer has spent.
#[track_caller]
fn add_order(app: &App, customer: &str, cents: i64, status: &str) {
    let at = "'2026-01-01 00:00:00'";
    let [completed, cancelled] =
        ["completed", "cancelled"].map(|end| if status == end { at } else { "NULL" });
    execute(
        app,
        &format!(
            "INSERT INTO orders (order_number, customer_id, total_amount, status, version, \
             created_at, updated_at, placed_at, original_amount, import_difference, paid_amount, \
             completed_at, cancelled_at) VALUES ((SELECT 'T-' || count(*) FROM orders), '{customer}', \
             {cents}, '{status}', 1, {at}, {at}, {at}, {cents}, {cents}, {cents}, {completed}, {cancelled});
             UPDATE customers SET total_spent = (SELECT COALESCE(sum(total_amount), 0) FROM orders \
             WHERE customer_id = customers.id AND status IN ('pending', 'completed')) \
             WHERE id = '{customer}'"
        ),
    );
}

#[track_caller]
fn vip_tier(app: &App, id: &str) -> String {
    text(&app.get(&format!("/customers/{id}")).expect(200).json["data"]["vip_tier"])
}
