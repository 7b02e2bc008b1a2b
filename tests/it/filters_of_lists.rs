//! What chooses the rows of a list, how they are counted, and which of their members are shown.

use crate::app::Combination;
use crate::cases;
use crate::client::Answer;
use serde_json::{Value, json};

cases![
    Everywhere:
        ids_choose_rows_in_the_order_of_the_list,
        in_stock_is_yes_or_no,
        customers_are_found_by_name_and_telephone,
        customers_are_found_by_what_they_spent,
        fields_picks_members_in_their_order,
        links_keep_what_was_asked_for,
        every_bad_parameter_is_told_at_once;
    BothBackends:
        a_total_is_counted_estimated_or_left_out;
];

fn rows(list: &Answer) -> Vec<Value> {
    list.json["data"].as_array().expect("a list").clone()
}

fn ids(list: &Answer) -> Vec<String> {
    rows(list).iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}

#[track_caller]
fn expect_invalid(answer: Answer, field: &str, rule: &str) {
    let answer = answer.expect_failure(400, "Invalid request");
    assert_eq!(answer.json["details"]["field"], field, "{}", answer.text);
    assert_eq!(answer.json["errors"][0]["code"], rule, "{}", answer.text);
}

fn ids_choose_rows_in_the_order_of_the_list(combination: &Combination) {
    let app = combination.start();
    let all = ids(&app.get("/products?limit=1000").expect(200));
    let (one, two, three) = (&all[3], &all[1], &all[7]);
    let list = app.get(&format!("/products?ids={one},{two},{three},{two},not-there")).expect(200);
    assert_eq!(ids(&list), [two, one, three].map(Clone::clone));
    assert_eq!(list.json["pagination"]["total"], 3);
    let brand = rows(&list)[0]["brand"].as_str().expect("a text").to_owned();
    let of_brand = app.get(&format!("/products?ids={one},{two}&brand={brand}&limit=1000"));
    assert!(ids(&of_brand.expect(200)).contains(two));
    let hundred = vec!["a"; 100].join(",");
    assert_eq!(ids(&app.get(&format!("/products?ids={hundred}")).expect(200)).len(), 0);
    expect_invalid(app.get(&format!("/products?ids={hundred},a")), "ids", "TOO_LONG");
    expect_invalid(app.get("/products?ids=a,,b"), "ids", "EMPTY");
    expect_invalid(app.get("/products?ids=a,b%20c"), "ids", "BAD_CHARACTER");
    app.get("/products?ids=").expect(200);
}

fn in_stock_is_yes_or_no(combination: &Combination) {
    let app = combination.start();
    app.storage.execute("UPDATE products SET stock = 0 WHERE brand = 'Rolex'").expect("rows");
    let all = rows(&app.get("/products?limit=1000").expect(200));
    for (asked, is_there) in [("true", true), ("false", false)] {
        let shown = rows(&app.get(&format!("/products?limit=1000&in_stock={asked}")).expect(200));
        let expected = all.iter().filter(|row| (row["stock"] != 0) == is_there);
        assert_eq!(shown, expected.cloned().collect::<Vec<_>>());
        assert!(!shown.is_empty() && shown.len() < all.len());
    }
    for bad in ["1", "True", "yes"] {
        expect_invalid(app.get(&format!("/products?in_stock={bad}")), "in_stock", "NOT_ONE_OF");
    }
}

fn customers_are_found_by_name_and_telephone(combination: &Combination) {
    let app = combination.start_empty();
    for (id, name, phone) in [
        ("c1", "Zoë O'Brien 100%_\\", json!("+49 (30) 123-45.67")),
        ("c2", "ANNA Ångström", json!("0049301234567")),
        ("c3", "anna K", json!("555/0199 ext. 7")),
        ("c4", "Nobody", Value::Null),
    ] {
        let email = format!("{id}@example.com");
        let body =
            json!({ "id": id, "email": email, "name": name, "tier": "gold", "phone": phone });
        app.post("/customers", &body).expect(201);
    }
    let found = |query: &str| {
        let mut found = ids(&app.get(&format!("/customers?{query}")).expect(200));
        found.sort();
        found.join(" ")
    };
    assert_eq!(found("name=anna"), "c2 c3");
    assert_eq!(found("name=ANNA%20%C3%A5"), "", "a letter beyond ASCII is as it is");
    assert_eq!(found("name=ANNA+%C3%85ng"), "c2");
    assert_eq!(found("name=%25_%5C"), "c1");
    assert_eq!(found("name=_"), "c1");
    assert_eq!(found("name=o'br"), "c1");
    assert_eq!(found("name=%E2%84%AA"), "", "the Kelvin sign is no K");
    assert_eq!(found("phone=3012345"), "c1 c2");
    assert_eq!(found("phone=%2B49+30+123"), "c1 c2");
    assert_eq!(found("phone=+49(30)1234"), "c1 c2");
    assert_eq!(found("phone=0199EXT7"), "c3");
    assert_eq!(found("phone=%25"), "");
    assert_eq!(found("name=anna&phone=555"), "c3");
    expect_invalid(app.get("/customers?phone=%2B-"), "phone", "EMPTY");
    expect_invalid(app.get(&format!("/customers?name={}", "x".repeat(256))), "name", "TOO_LONG");
    expect_invalid(app.get("/customers?name=a%00"), "query", "NUL");
}

fn customers_are_found_by_what_they_spent(combination: &Combination) {
    let app = combination.start();
    let all = ids(&app.get("/customers?limit=1000").expect(200));
    let of = |id: &str| app.get(&format!("/customers/{id}")).expect(200).json["data"].clone();
    let all: Vec<Value> = all.iter().map(|id| of(id)).collect();
    let found = |query: &str| ids(&app.get(&format!("/customers?limit=1000&{query}")).expect(200));
    let expected = |chosen: &dyn Fn(&Value) -> bool| -> Vec<String> {
        let chosen = all.iter().filter(|row| chosen(row));
        chosen.map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
    };
    for tier in ["Bronze", "Silver", "Gold"] {
        let of_tier = expected(&|row| row["vip_tier"] == tier);
        assert!(!of_tier.is_empty(), "{tier}");
        assert_eq!(found(&format!("vip_tier={tier}")), of_tier);
    }
    let least = all[0]["total_spent"].as_f64().expect("a number");
    let spent = |row: &Value| row["total_spent"].as_f64().expect("a number");
    assert_eq!(found(&format!("min_spent={least:.2}")), expected(&|row| spent(row) >= least));
    assert_eq!(found("min_spent=5000.01"), expected(&|row| spent(row) > 5000.0));
    assert_eq!(found("min_spent=0").len(), all.len());
    expect_invalid(app.get("/customers?vip_tier=gold"), "vip_tier", "NOT_ONE_OF");
    expect_invalid(app.get("/customers?min_spent=-1"), "min_spent", "NOT_MONEY");
}

fn fields_picks_members_in_their_order(combination: &Combination) {
    let app = combination.start();
    let whole = rows(&app.get("/products?limit=20").expect(200));
    let picked = app.get("/products?limit=20&fields=metadata,id,price,id").expect(200);
    for (whole, picked) in whole.iter().zip(rows(&picked)) {
        let expected = json!({
            "id": whole["id"], "price": whole["price"], "metadata": whole["metadata"],
        });
        assert_eq!(picked, expected);
    }
    assert!(picked.text.contains(r#""data":[{"id":""#), "{}", picked.text);
    let one = |path: &str| rows(&app.get(path).expect(200))[0].clone();
    let all = one("/customers?limit=1");
    let members: Vec<&str> = all.as_object().expect("a row").keys().map(String::as_str).collect();
    for member in members {
        let expected = json!({ member: all[member] });
        assert_eq!(one(&format!("/customers?limit=1&fields={member}")), expected);
    }
    let order = one("/customers/cust_001/orders?limit=1&fields=items,id");
    assert_eq!(order.as_object().expect("a row").len(), 2);
    for bad in ["x", "id,", "ID", "id%20", "version", "total_spent"] {
        expect_invalid(app.get(&format!("/customers?fields={bad}")), "fields", "NOT_ONE_OF");
    }
}

fn links_keep_what_was_asked_for(combination: &Combination) {
    let app = combination.start();
    let first = app
        .get("/products?in_stock=true&fields=id&count=none&sort=price&limit=2&unknown=1")
        .expect(200);
    let link = first.header("link").expect("more").to_owned();
    let target = link.strip_prefix("<?").and_then(|link| link.split('>').next()).expect("a link");
    for kept in ["in_stock=true", "fields=id", "count=none", "sort=price", "limit=2"] {
        assert!(target.contains(kept), "{link}");
    }
    assert!(!target.contains("unknown"), "{link}");
    let second = app.get(&format!("/products?{target}")).expect(200);
    assert_ne!(ids(&second), ids(&first));
    // Members and counts choose no rows.
    let (_, cursor) = target.split_once("after=").expect("a cursor");
    let same = format!("/products?in_stock=true&sort=price&limit=2&after={cursor}");
    assert_eq!(ids(&app.get(&same).expect(200)), ids(&second));
    let other = app.get(&format!("/products?in_stock=false&sort=price&after={cursor}"));
    let other = other.expect_failure(400, "This cursor belongs to another list");
    assert_eq!(other.json["code"], "CURSOR_MISMATCH");
}

fn every_bad_parameter_is_told_at_once(combination: &Combination) {
    let app = combination.start();
    for (path, fields) in [
        (
            "/products?ids=%20&in_stock=x&sort=x&count=x&fields=x&limit=0",
            &["ids", "in_stock", "limit", "sort", "count", "fields"][..],
        ),
        (
            "/customers?tier=x&vip_tier=x&min_spent=x&count=x&fields=x",
            &["tier", "vip_tier", "min_spent", "count", "fields"],
        ),
    ] {
        let answer = app.get(path).expect_failure(400, "Invalid request");
        let told = answer.json["errors"].as_array().expect("a list");
        let told: Vec<&str> = told.iter().filter_map(|one| one["field"].as_str()).collect();
        assert_eq!(told, *fields);
    }
}

fn a_total_is_counted_estimated_or_left_out(combination: &Combination) {
    let app = combination.start_empty();
    let many = |from: i64, to: i64| {
        let column = "'Name', 'B', 100, 1, 'c', 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00'";
        let columns = "id, name, brand, price, stock, category, version, created_at, updated_at";
        app.storage
            .execute(&format!(
                "INSERT INTO products ({columns}) WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL \
                 SELECT i + 1 FROM n WHERE i < {to}) SELECT 'p' || i, {column} FROM n"
            ))
            .expect("rows");
    };
    many(1, 20);
    let page = |query: &str| {
        let list = app.get(&format!("/products?limit=2&{query}")).expect(200);
        list.json["pagination"].clone()
    };
    for same in ["", "count=", "count=exact", "count=estimated"] {
        let expected = json!({ "limit": 2, "offset": 0, "total": 20, "hasMore": true });
        assert_eq!(page(same), expected, "few are counted");
    }
    assert_eq!(page("count=none"), json!({ "limit": 2, "offset": 0, "hasMore": true }));
    many(21, 12_000);
    app.storage.execute("ANALYZE").expect("it is allowed");
    assert_eq!(page("count=exact")["total"], 12_000);
    let estimate = page("count=estimated");
    let total = estimate["total"].as_i64().expect("a number");
    if combination.is_postgres() {
        assert_eq!(estimate["estimated"], true);
        assert!((10_001..20_000).contains(&total), "{total}");
    } else {
        assert_eq!((total, estimate.get("estimated")), (12_000, None));
    }
    assert_eq!(page("count=estimated&ids=p1,p2,p3")["total"], 3);
    expect_invalid(app.get("/products?count=all"), "count", "NOT_ONE_OF");
}
