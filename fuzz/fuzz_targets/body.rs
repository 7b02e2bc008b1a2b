//! JSON bodies: whatever is let in keeps every rule, and says what the client said.
//!
//! The first byte says which body the rest is.
#![no_main]

use chronos::customer::{CreateCustomer, CustomerChanges, NewCustomer, UpdateCustomer};
use chronos::kernel::http::parse_body;
use chronos::kernel::money::Cents;
use chronos::product::{
    CreateProduct, NewProduct, ProductChanges, Quantity, TakeStock, UpdateProduct,
};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

fuzz_target!(|data: &[u8]| {
    let Some((kind, body)) = data.split_first() else {
        return;
    };
    match kind {
        b'P' => create_product(body),
        b'U' => update_product(body),
        b'T' => take_stock(body),
        b'C' => create_customer(body),
        b'D' => update_customer(body),
        _ => {}
    }
});

fn create_product(body: &[u8]) {
    let Ok(parsed) = parse_body::<CreateProduct>(body) else {
        return;
    };
    let Ok(product) = NewProduct::try_from(parsed) else {
        return;
    };
    let said = said(body);
    id(product.id.as_str());
    assert_eq!(said["id"], product.id.as_str());
    text(&said["name"], &product.name, 255);
    text(&said["brand"], &product.brand, 100);
    text(&said["category"], &product.category, 50);
    price(&said["price"], product.price);
    assert_eq!(said["stock"], product.stock);
    assert!(product.stock >= 0);
    object(&said["metadata"], product.metadata.as_ref());
}

fn update_product(body: &[u8]) {
    let Ok(parsed) = parse_body::<UpdateProduct>(body) else {
        return;
    };
    let Ok(changes) = ProductChanges::try_from(parsed) else {
        return;
    };
    let said = said(body);
    assert_eq!(said.get("stock").is_some(), changes.stock.is_some());
    assert!(changes.stock.is_none_or(|stock| stock >= 0));
    for (name, changed, max) in [
        ("name", &changes.name, 255),
        ("brand", &changes.brand, 100),
        ("category", &changes.category, 50),
    ] {
        assert_eq!(said.get(name).is_some(), changed.is_some());
        if let Some(changed) = changed {
            text(&said[name], changed, max);
        }
    }
    if let Some(changed) = changes.price {
        price(&said["price"], changed);
    }
    assert_eq!(said.get("metadata").is_some(), changes.metadata.is_some());
    if let Some(metadata) = &changes.metadata {
        object(&said["metadata"], metadata.as_ref());
    }
}

fn take_stock(body: &[u8]) {
    if let Ok(parsed) = parse_body::<TakeStock>(body)
        && let Ok(quantity) = Quantity::try_from(parsed)
    {
        assert!(quantity.get() > 0);
        let said = said(body)["quantity"].clone();
        let is_whole = said.as_u64() == Some(quantity.get());
        assert!(is_whole || said.as_f64() == format!("{}", quantity.get()).parse().ok());
    }
}

fn create_customer(body: &[u8]) {
    let Ok(parsed) = parse_body::<CreateCustomer>(body) else {
        return;
    };
    let Ok(customer) = NewCustomer::try_from(parsed) else {
        return;
    };
    let said = said(body);
    id(customer.id.as_str());
    email(&said["email"], customer.email.as_str());
    text(&said["name"], &customer.name, 255);
    assert_eq!(said["tier"], customer.tier.as_str());
    match &customer.phone {
        Some(phone) => text(&said["phone"], phone, 50),
        None => assert!(said["phone"].is_null()),
    }
    object(&said["address"], customer.address.as_ref());
}

fn update_customer(body: &[u8]) {
    let Ok(parsed) = parse_body::<UpdateCustomer>(body) else {
        return;
    };
    let Ok(changes) = CustomerChanges::try_from(parsed) else {
        return;
    };
    let said = said(body);
    if let Some(changed) = &changes.email {
        email(&said["email"], changed.as_str());
    }
    if let Some(changed) = &changes.name {
        text(&said["name"], changed, 255);
    }
    if let Some(Some(phone)) = &changes.phone {
        text(&said["phone"], phone, 50);
    }
    if let Some(address) = &changes.address {
        object(&said["address"], address.as_ref());
    }
}

/// The body as a plain JSON parser reads it; the members that are looked at occur once.
fn said(body: &[u8]) -> Value {
    serde_json::from_slice(body).expect("what was let in is JSON")
}

fn id(id: &str) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    assert!((1..=50).contains(&id.len()) && id.chars().all(allowed), "{id:?}");
}

fn text(said: &Value, kept: &str, max_chars: usize) {
    assert_eq!(said, kept);
    assert!(!kept.trim().is_empty() && !kept.contains('\0'));
    assert!(kept.chars().count() <= max_chars);
}

fn email(said: &Value, kept: &str) {
    text(said, kept, 255);
    assert!(kept.is_ascii() && kept.split('@').filter(|part| !part.is_empty()).count() == 2);
    assert_eq!(kept.matches('@').count(), 1);
}

/// A price has the digits that the client wrote, and nothing was rounded.
fn price(said: &Value, kept: Cents) {
    assert!((0..=9_999_999_999).contains(&kept.get()));
    match said {
        Value::String(text) => assert_eq!(digits(text), kept.get()),
        // Up to 99999999.99 a float still tells one cent from the next.
        Value::Number(number) => {
            let float = number.as_f64().expect("a number");
            assert_eq!(format!("{float:.2}"), kept.to_string());
        }
        other => panic!("{other} is no amount"),
    }
}

fn digits(text: &str) -> i64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction:0<2}");
    digits.bytes().fold(0, |sum, digit| {
        assert!(digit.is_ascii_digit());
        sum * 10 + i64::from(digit - b'0')
    })
}

fn object(said: &Value, kept: Option<&Map<String, Value>>) {
    assert_eq!(said, &kept.cloned().map_or(Value::Null, Value::Object));
    assert!(!has_nul(said));
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(n, v)| n.contains('\0') || has_nul(v)),
        _ => false,
    }
}
