//! The proof: clean after whatever the program does, and by name what it did not do.

use super::{data, end, expect_proved, hold, hold_body, moves, post, proof, store_of};
use crate::app::{App, Combination, Storage};
use crate::cases;
use serde_json::{Value, json};

cases![
    BothBackends:
        a_loaded_store_is_proved,
        after_a_thousand_random_moves_the_books_agree,
        a_row_that_was_changed_by_hand_is_named,
        a_proof_goes_on_where_it_ended,
        a_store_that_is_not_there_is_not_proved;
];

fn a_loaded_store_is_proved(combination: &Combination) {
    let app = combination.start();
    let sums = |sql: &str| app.storage.count(&format!("SELECT {sql} AS count FROM products"));
    assert_eq!((sums("sum(stock)"), sums("sum(reserved)")), (528, 20));
    assert_eq!(data(&app, "/holds?limit=500").as_array().map(Vec::len), Some(15));
    // What the file says of a product stays as it is.
    assert_eq!(
        data(&app, "/products/prod_003")["updated_at"].as_str().map(|it| &it[..4]),
        Some("2023")
    );
    expect_proved(&app);
}

fn after_a_thousand_random_moves_the_books_agree(combination: &Combination) {
    let moves = crate::kit::size("TEST_STOCK_MOVES", 250);
    let app = store_of(combination, &[("a", 20), ("b", 20), ("c", 20)]);
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut holds: Vec<i64> = Vec::new();
    for _ in 0..moves {
        let id = ["a", "b", "c"][random.usize(..3)];
        let pieces = random.i64(1..6);
        let answer = match random.u8(..8) {
            0 | 1 => {
                app.patch(&format!("/products/{id}/inventory"), &json!({ "quantity": pieces }))
            }
            2 => app.put(&format!("/products/{id}"), &json!({ "stock": random.u8(..30) })),
            3 => {
                let body = json!({ "counted": random.u8(..40), "reason": "count" });
                post(&app, &format!("/products/{id}/stock/adjustments"), &body)
            }
            4 => {
                let body = json!({ "delta": pieces - 3, "reason": "other" });
                post(&app, &format!("/products/{id}/stock/adjustments"), &body)
            }
            5 | 6 => {
                let answer = post(&app, "/holds", &hold_body(&[("a", 1), (id, pieces)], 600));
                holds.extend(answer.json["data"]["id"].as_i64());
                answer
            }
            _ if holds.is_empty() => continue,
            _ => {
                let chosen = holds.swap_remove(random.usize(..holds.len()));
                if random.bool() {
                    end(&app, chosen);
                    continue;
                }
                post(&app, &format!("/holds/{chosen}/release"), &json!({}))
            }
        };
        assert!([200, 201, 400, 409].contains(&answer.status), "seed {seed}: {}", answer.text);
    }
    expect_proved(&app);
}

/// What is found, as the command says it.
fn drift(app: &App, sql: &str) -> Vec<String> {
    app.storage.execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let output = proof(&app.storage);
    assert_eq!(output.status.code(), Some(1), "{sql}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<String> = said.lines().map(str::to_owned).collect();
    let answered = data(app, "/stock/proof");
    assert_eq!(answered["proved"], false, "{sql}");
    let texts = answered["drift"].as_array().expect("a list");
    let texts: Vec<&str> = texts.iter().filter_map(|row| row["text"].as_str()).collect();
    assert_eq!(texts, lines, "both say the same");
    lines
}

fn a_row_that_was_changed_by_hand_is_named(combination: &Combination) {
    let app = store_of(combination, &[("a", 5), ("b", 5)]);
    let id = hold(&app, &[("a", 2)]);
    expect_proved(&app);
    let found = drift(&app, "UPDATE products SET stock = stock + 1 WHERE id = 'a'");
    assert_eq!(found, ["a: 6 on hand, but its ledger adds up to 5"]);
    app.storage.execute("UPDATE products SET stock = stock - 1 WHERE id = 'a'").expect("back");
    expect_proved(&app);

    let found = drift(&app, "UPDATE products SET stock = stock - 1, reserved = 3 WHERE id = 'a'");
    let expected =
        ["a: 3 reserved, but open holds have 2", "a: 3 reserved, but its ledger adds up to 2"];
    assert_eq!(found, expected);
    app.storage
        .execute("UPDATE products SET stock = stock + 1, reserved = 2 WHERE id = 'a'")
        .expect("back");

    let found = drift(&app, &format!("UPDATE stock_holds SET state = 'released' WHERE id = {id}"));
    let expected = [
        format!("a: hold {id} is closed, but still has 2"),
        "a: 2 reserved, but open holds have 0".to_owned(),
    ];
    assert_eq!(found, expected);
    app.storage.execute("UPDATE stock_holds SET state = 'open'").expect("back");

    let version = app.storage.count(
        "SELECT max(version) AS count FROM stock_ledger WHERE product_id = 'b' AND kind = 'opening'",
    );
    let found = drift(
        &app,
        "UPDATE stock_ledger SET on_hand_after = 4 WHERE product_id = 'b' AND kind = 'opening'",
    );
    let expected =
        format!("b: line {version} of its ledger leaves 4 on hand, but the line before makes it 5");
    assert_eq!(found, [expected]);
    app.storage
        .execute("UPDATE stock_ledger SET on_hand_after = 5 WHERE product_id = 'b'")
        .expect("back");

    let found = drift(&app, "DELETE FROM stock_ledger WHERE product_id = 'b'");
    assert_eq!(found, ["b: 5 on hand, but its ledger adds up to 0"]);
    let found = drift(&app, "DELETE FROM products WHERE id = 'b'; UPDATE products SET stock = 4");
    assert_eq!(found, ["a: 6 on hand, but its ledger adds up to 5"]);
}

fn a_proof_goes_on_where_it_ended(combination: &Combination) {
    let app = store_of(combination, &[("a", 5)]);
    let values: Vec<String> = (0..1_500)
        .map(|number| {
            format!("('p-{number:04}', 'N', 'B', 100, 1, 'c', 1, '{0}', '{0}')", super::PAST)
        })
        .collect();
    let sql = format!(
        "INSERT INTO products (id, name, brand, price, stock, category, version, created_at, \
         updated_at) VALUES {}",
        values.join(", ")
    );
    app.storage.execute(&sql).expect("the rows keep the rules");
    let first = data(&app, "/stock/proof");
    assert_eq!((&first["products"], &first["next"]), (&json!(1000), &json!("p-0998")));
    assert_eq!(first["drift"].as_array().map(Vec::len), Some(999), "they have no books");
    let second = data(&app, "/stock/proof?after=p-0998");
    assert_eq!((&second["products"], &second["next"]), (&json!(501), &Value::Null));
    let one = data(&app, "/stock/proof?product_id=p-0003");
    assert_eq!((&one["products"], &one["proved"]), (&json!(1), &json!(false)));
    assert_eq!(data(&app, "/stock/proof?product_id=a")["proved"], true);
    app.get("/stock/proof?product_id=a&after=a").expect(400);
    let output = proof(&app.storage);
    let lines = String::from_utf8_lossy(&output.stdout).lines().count();
    assert_eq!((output.status.code(), lines), (Some(1), 1_500));
    assert_eq!(moves(&app, "a"), ["opening +5 +0"], "a proof changes nothing");
}

fn a_store_that_is_not_there_is_not_proved(combination: &Combination) {
    let storage = Storage::empty(&combination.backend);
    let output = proof(&storage);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    if !combination.is_postgres() {
        assert!(!storage.folder.path().join("chronos.db").exists(), "a proof makes no file");
    }
}
