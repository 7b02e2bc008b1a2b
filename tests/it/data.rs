//! The data files as they are in `data/`: what the first calls of a newcomer rest on.

use crate::app::Combination;
use crate::cases;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

cases![
    Once:
        there_are_60_products_or_more_of_12_brands_or_more,
        the_categories_are_the_six,
        a_product_has_the_members_of_the_contract,
        the_metadata_describes_a_watch,
        product_ids_and_references_are_unique,
        prices_have_two_decimals_and_are_in_range,
        the_first_product_is_the_submariner_date,
        there_are_40_customers_over_all_tiers,
        a_customer_has_the_members_of_the_contract,
        customer_ids_and_emails_are_unique,
        the_first_customer_is_a_platinum_one_with_orders,
        some_customers_have_no_orders,
        there_are_120_orders_in_all_statuses,
        the_orders_span_two_years,
        an_order_has_the_members_of_the_contract,
        order_ids_and_numbers_are_unique,
        every_order_has_a_customer_of_the_file,
        no_order_is_older_than_its_customer_or_its_products,
        items_name_real_products,
        the_totals_add_up;
];

const TIERS: [&str; 4] = ["bronze", "gold", "platinum", "silver"];

fn there_are_60_products_or_more_of_12_brands_or_more(_: &Combination) {
    let products = read("products");
    assert!(products.len() >= 60, "{}", products.len());
    let brands = distinct(&products, "brand");
    assert!(brands.len() >= 12, "{brands:?}");
}

fn the_categories_are_the_six(_: &Combination) {
    let categories = distinct(&read("products"), "category");
    let expected = ["dive", "dress", "luxury", "pilot", "sport", "vintage"].map(str::to_owned);
    assert_eq!(categories, BTreeSet::from(expected));
}

fn a_product_has_the_members_of_the_contract(_: &Combination) {
    for product in read("products") {
        expect_members(
            &product,
            &["id", "name", "brand", "price", "stock", "category", "metadata"],
            &["created_at", "updated_at"],
        );
        expect_id(&product["id"]);
        for (member, longest) in [("name", 255), ("brand", 100), ("category", 50)] {
            expect_text(&product, member, longest);
        }
        let stock = product["stock"].as_i64().unwrap_or_else(|| panic!("{product}"));
        assert!((0..=2_147_483_647).contains(&stock), "{product}");
    }
}

fn the_metadata_describes_a_watch(_: &Combination) {
    const TEXTS: [&str; 6] = [
        "movement",
        "case_material",
        "case_diameter",
        "water_resistance",
        "reference",
        "condition",
    ];
    for product in read("products") {
        for member in TEXTS {
            expect_text(&product["metadata"], member, 255);
        }
        let year = product["metadata"]["year"].as_i64().unwrap_or_else(|| panic!("{product}"));
        assert!((1900..=2100).contains(&year), "{product}");
        let years = product["metadata"]["warranty_years"].as_i64();
        assert!(years.is_some_and(|years| (0..=20).contains(&years)), "{product}");
    }
}

fn product_ids_and_references_are_unique(_: &Combination) {
    let products = read("products");
    assert_eq!(distinct(&products, "id").len(), products.len());
    let watches: BTreeSet<(String, String)> = products
        .iter()
        .map(|product| (text(&product["brand"]), text(&product["metadata"]["reference"])))
        .collect();
    assert_eq!(watches.len(), products.len());
}

fn prices_have_two_decimals_and_are_in_range(_: &Combination) {
    for product in read("products") {
        let price = cents(&product["price"]);
        assert!((1..=9_999_999_999).contains(&price), "{product}");
    }
}

fn the_first_product_is_the_submariner_date(_: &Combination) {
    let products = read("products");
    let first = &products[0];
    assert_eq!(first["id"], "prod_001");
    assert_eq!(first["brand"], "Rolex");
    assert_eq!(first["name"], "Submariner Date");
    assert_eq!(first["price"], "14500.00");
    // There must be some to take in the first calls.
    assert!(first["stock"].as_i64() > Some(1), "{first}");
}

fn there_are_40_customers_over_all_tiers(_: &Combination) {
    let customers = read("customers");
    assert_eq!(customers.len(), 40);
    assert_eq!(distinct(&customers, "tier"), BTreeSet::from(TIERS.map(str::to_owned)));
}

fn a_customer_has_the_members_of_the_contract(_: &Combination) {
    for customer in read("customers") {
        expect_members(
            &customer,
            &["id", "email", "name", "tier"],
            &["phone", "address", "created_at", "updated_at"],
        );
        expect_id(&customer["id"]);
        expect_text(&customer, "name", 255);
        let email = text(&customer["email"]);
        assert!(email.is_ascii() && email.split('@').count() == 2, "{customer}");
        // Mail to these names reaches nobody.
        let domain = email.rsplit('@').next().expect("a domain");
        assert!(["example.com", "example.org", "example.net"].contains(&domain), "{customer}");
        assert!(customer["address"].is_object() || customer["address"].is_null(), "{customer}");
        if !customer["phone"].is_null() {
            expect_text(&customer, "phone", 50);
        }
    }
}

fn customer_ids_and_emails_are_unique(_: &Combination) {
    let customers = read("customers");
    assert_eq!(distinct(&customers, "id").len(), customers.len());
    let emails: BTreeSet<String> =
        distinct(&customers, "email").iter().map(|email| email.to_lowercase()).collect();
    assert_eq!(emails.len(), customers.len());
}

fn the_first_customer_is_a_platinum_one_with_orders(_: &Combination) {
    let customers = read("customers");
    assert_eq!(customers[0]["id"], "cust_001");
    assert_eq!(customers[0]["tier"], "platinum");
    let orders = read("orders");
    let own = orders.iter().filter(|order| order["customer_id"] == "cust_001");
    assert!(own.filter(|order| order["status"] == "completed").count() > 1);
}

fn some_customers_have_no_orders(_: &Combination) {
    let all = distinct(&read("customers"), "id");
    let buyers = distinct(&read("orders"), "customer_id");
    assert!(all.difference(&buyers).count() > 0);
}

fn there_are_120_orders_in_all_statuses(_: &Combination) {
    let orders = read("orders");
    assert_eq!(orders.len(), 120);
    let expected = ["cancelled", "completed", "pending"].map(str::to_owned);
    assert_eq!(distinct(&orders, "status"), BTreeSet::from(expected));
}

fn the_orders_span_two_years(_: &Combination) {
    let months: BTreeSet<String> =
        read("orders").iter().map(|order| time(&order["created_at"])[..7].to_owned()).collect();
    let (first, last) = (months.first().expect("some"), months.last().expect("some"));
    let number = |month: &str| {
        let (year, month) = month.split_once('-').expect("YYYY-MM");
        year.parse::<i32>().expect("a year") * 12 + month.parse::<i32>().expect("a month")
    };
    let span = number(last) - number(first) + 1;
    assert!((23..=25).contains(&span), "{first} to {last}");
    assert!(months.len() >= 20, "{months:?}");
}

fn an_order_has_the_members_of_the_contract(_: &Combination) {
    for order in read("orders") {
        expect_members(
            &order,
            &["id", "order_number", "customer_id", "items", "total_amount", "status"],
            &[
                "discount_amount",
                "shipping_amount",
                "tax_amount",
                "paid_amount",
                "payment_method",
                "shipping_address",
                "notes",
                "created_at",
                "updated_at",
            ],
        );
        assert!(order["id"].as_i64() > Some(0), "{order}");
        expect_text(&order, "order_number", 50);
        let items = order["items"].as_array().expect("a list");
        assert!(!items.is_empty(), "{order}");
        for item in items {
            expect_members(
                item,
                &["product_id", "product_name", "quantity", "price"],
                &["fulfilled"],
            );
            assert!(item["quantity"].as_i64() > Some(0), "{order}");
        }
        assert!(time(&order["updated_at"]) >= time(&order["created_at"]), "{order}");
    }
}

fn order_ids_and_numbers_are_unique(_: &Combination) {
    let orders = read("orders");
    let ids: BTreeSet<Option<i64>> = orders.iter().map(|order| order["id"].as_i64()).collect();
    assert_eq!(ids.len(), orders.len());
    assert_eq!(distinct(&orders, "order_number").len(), orders.len());
}

fn every_order_has_a_customer_of_the_file(_: &Combination) {
    let customers = distinct(&read("customers"), "id");
    for order in read("orders") {
        assert!(customers.contains(&text(&order["customer_id"])), "{order}");
    }
}

fn no_order_is_older_than_its_customer_or_its_products(_: &Combination) {
    let mut known_since: HashMap<String, String> = HashMap::new();
    for record in read("customers").iter().chain(&read("products")) {
        known_since.insert(text(&record["id"]), time(&record["created_at"]));
    }
    for order in read("orders") {
        let ordered_at = time(&order["created_at"]);
        let items = order["items"].as_array().expect("a list").iter();
        let ids = items.map(|item| &item["product_id"]).chain([&order["customer_id"]]);
        for id in ids {
            assert!(known_since[&text(id)] < ordered_at, "{id} in {order}");
        }
    }
}

fn items_name_real_products(_: &Combination) {
    let products = read("products");
    let names: BTreeMap<String, &Value> =
        products.iter().map(|product| (text(&product["id"]), &product["name"])).collect();
    for order in read("orders") {
        for item in order["items"].as_array().expect("a list") {
            let name = names.get(&text(&item["product_id"]));
            assert_eq!(name, Some(&&item["product_name"]), "{order}");
        }
    }
}

fn the_totals_add_up(_: &Combination) {
    let mut with_amounts = 0;
    for order in read("orders") {
        let items = order["items"].as_array().expect("a list").iter();
        let sum: i64 = items
            .map(|item| cents(&item["price"]) * item["quantity"].as_i64().expect("a number"))
            .sum();
        let amount = |member: &str| order.get(member).map_or(0, cents);
        with_amounts += usize::from(order.get("discount_amount").is_some());
        let total =
            sum + amount("shipping_amount") + amount("tax_amount") - amount("discount_amount");
        assert_eq!(total, cents(&order["total_amount"]), "{order}");
        assert!(total > 0, "{order}");
    }
    // The example shows what an order may have.
    assert!(with_amounts > 1);
}

// ------------------------------------------------------------ What the cases use

fn read(name: &str) -> Vec<Value> {
    let path = format!("{}/data/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("the file is there");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[track_caller]
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text")).to_owned()
}

/// The different texts in one member of all records.
#[track_caller]
fn distinct(records: &[Value], member: &str) -> BTreeSet<String> {
    records.iter().map(|record| text(&record[member])).collect()
}

/// The cents of a text with two decimals, by its digits.
#[track_caller]
fn cents(amount: &Value) -> i64 {
    let amount = text(amount);
    let (whole, fraction) = amount.split_once('.').unwrap_or_else(|| panic!("{amount}"));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    assert!(fraction.len() == 2 && digits(fraction) && digits(whole), "{amount}");
    format!("{whole}{fraction}").parse().unwrap_or_else(|_| panic!("{amount}"))
}

/// A time in UTC with milliseconds: such texts are in the order of their instants.
#[track_caller]
fn time(value: &Value) -> String {
    let time = text(value);
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    assert_eq!(shape, "9999-99-99T99:99:99.999Z", "{time}");
    time
}

#[track_caller]
fn expect_members(record: &Value, required: &[&str], optional: &[&str]) {
    let members = record.as_object().unwrap_or_else(|| panic!("{record} is not an object"));
    for name in required {
        assert!(members.get(*name).is_some_and(|value| !value.is_null()), "no {name} in {record}");
    }
    for name in members.keys().map(String::as_str) {
        assert!(required.contains(&name) || optional.contains(&name), "{name} in {record}");
    }
}

#[track_caller]
fn expect_id(id: &Value) {
    let id = text(id);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    assert!((1..=50).contains(&id.len()) && id.bytes().all(plain), "{id}");
}

#[track_caller]
fn expect_text(record: &Value, member: &str, longest: usize) {
    let value = text(&record[member]);
    let length = value.chars().count();
    assert!(!value.trim().is_empty() && value.trim() == value, "{member} in {record}");
    assert!(length <= longest, "{member} in {record}");
}
