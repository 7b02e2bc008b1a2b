//! Many who buy at once.

use super::{customer, order_of, shop};
use crate::app::Combination;
use crate::cases;
use crate::stock::{data, expect_proved, level, send};
use serde_json::{Value, json};

cases![
    BothGateways:
        of_60_buyers_of_5_pieces_5_buy;
    BothBackends:
        orders_of_the_same_products_never_wait_for_each_other_in_a_circle,
        numbers_never_collide;
];

/// Lesson 1.
fn of_60_buyers_of_5_pieces_5_buy(combination: &Combination) {
    let app = shop(combination, &[("a", 5)]);
    let buy = |number: usize| {
        let key = format!("buyer-{number}");
        send(&app, "POST", "/orders", &[("Idempotency-Key", &key)], &order_of(&[("a", 1)])).status
    };
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..60).map(|number| scope.spawn(move || buy(number))).collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    let count = |status: u16| answers.iter().filter(|it| **it == status).count();
    assert_eq!(count(201), 5, "{answers:?}");
    // One that waits past its deadline has no effect.
    assert_eq!(count(409) + count(503), 55, "{answers:?}");
    assert_eq!(level(&app, "a"), [5, 5, 0]);
    assert_eq!(data(&app, "/orders?limit=500").as_array().map(Vec::len), Some(5));
    expect_proved(&app);
}

/// Lesson 2.
fn orders_of_the_same_products_never_wait_for_each_other_in_a_circle(combination: &Combination) {
    let products: Vec<(String, i32)> = (0..6).map(|n| (format!("p{n}"), 100_000)).collect();
    let named: Vec<(&str, i32)> =
        products.iter().map(|(id, stock)| (id.as_str(), *stock)).collect();
    let app = shop(combination, &named);
    let deadlocks =
        "SELECT deadlocks AS count FROM pg_stat_database WHERE datname = current_database()";
    let before = if combination.is_postgres() { app.storage.count(deadlocks) } else { 0 };
    for client in 0..8 {
        customer(&app, &format!("c{client}"), "gold");
    }
    let work = |client: usize| {
        let mut ends: Vec<u16> = Vec::new();
        for turn in 0..12_usize {
            // Three of the six, in an order of its own.
            let items: Vec<Value> = (0..3)
                .map(|n| {
                    let product = (client * 5 + turn * 7 + n * (1 + client % 2 * 4)) % 6;
                    json!({ "product_id": format!("p{product}"), "quantity": 1 })
                })
                .collect();
            let body = json!({ "customer_id": format!("c{client}"), "items": items });
            let key = format!("{client}-{turn}");
            let made = send(&app, "POST", "/orders", &[("Idempotency-Key", &key)], &body);
            ends.push(made.status);
            let id = &made.json["data"]["id"];
            let path = format!("/orders/{id}/cancel");
            let key = format!("{client}-{turn}-cancel");
            if turn % 2 == 0 && made.status == 201 {
                let answer = send(
                    &app,
                    "POST",
                    &path,
                    &[("Idempotency-Key", &key)],
                    &json!({ "reason": "x" }),
                );
                ends.push(answer.status);
            }
        }
        ends
    };
    let ends: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|client| scope.spawn(move || work(client))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("its ends")).collect()
    });
    assert!(ends.iter().all(|status| [200, 201].contains(status)), "{ends:?}");
    if combination.is_postgres() {
        assert_eq!(app.storage.count(deadlocks), before, "nobody waited in a circle");
    }
    expect_proved(&app);
}

/// Lesson 23.
fn numbers_never_collide(combination: &Combination) {
    let app = shop(combination, &[("a", 1_000)]);
    let buy = |buyer: usize| -> Vec<String> {
        let one = |turn: usize| {
            let key = format!("{buyer}-{turn}");
            let answer =
                send(&app, "POST", "/orders", &[("Idempotency-Key", &key)], &order_of(&[("a", 1)]));
            answer.expect(201).json["data"]["order_number"].as_str().expect("a number").to_owned()
        };
        (0..10).map(one).collect()
    };
    let mut numbers: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|buyer| scope.spawn(move || buy(buyer))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("its numbers")).collect()
    });
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 80);
}
