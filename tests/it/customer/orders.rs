//! `GET /customers/{id}/orders`.

use super::{data_file, execute, members, rows, text};
use crate::app::Combination;
use crate::cases;
use serde_json::json;

cases![
    Everywhere:
        orders_are_those_of_the_data_file_newest_first,
        an_order_has_money_as_text_an_integer_id_and_its_items_in_order,
        a_customer_without_orders_has_an_empty_list,
        the_orders_of_an_unknown_customer_are_not_found;
];

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
                 payment_method, shipping_address, notes, version, created_at, updated_at, placed_at, \
                 cancelled_at, original_amount, import_difference) VALUES";
    let item = "INSERT INTO order_items \
                (order_id, line, product_id, product_name, quantity, price) VALUES";
    execute(
        &app,
        &format!(
            "{order} (5000000000, 'N-1', 'cust_040', 1000000035, 'pending', NULL, NULL, NULL, 1, \
             '2026-01-01 00:00:00', '2026-01-02 03:04:05.678', '2026-01-01 00:00:00', NULL, 1000000035, \
             1000000035);
             {order} (5000000001, 'N-2', 'cust_040', 5, 'cancelled', 'cash', '{{\"a\":1}}', '', 1, \
             '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', 5, 5);
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
