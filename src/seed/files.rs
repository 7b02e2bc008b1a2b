//! The three files: read, checked record by record and against each other, loaded.
use crate::customer::{self, CustomerRecord, OrderRecord};
use crate::kernel::db::DbConn;
use crate::kernel::idempotency;
use crate::kernel::text::holds_nul;
use crate::product::{self, ProductRecord};
use anyhow::{Context, anyhow, bail};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;
use std::io::{IsTerminal, Write};
use std::path::Path;

const PRODUCTS: &str = "products.json";
const CUSTOMERS: &str = "customers.json";
const ORDERS: &str = "orders.json";

/// A store as files describe it, every rule checked that needs no database.
pub struct Store {
    products: Vec<ProductRecord>,
    customers: Vec<CustomerRecord>,
    orders: Vec<OrderRecord>,
}

/// Reads the files of a folder.
///
/// # Errors
/// The file, the record and the reason.
pub fn read(folder: &Path) -> anyhow::Result<Store> {
    let text = |name: &str| {
        let path = folder.join(name);
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{shown}: cannot be read; --data-dir names the folder"))?;
        anyhow::Ok((shown, text))
    };
    Store::parse(text)
}

impl Store {
    /// The store of `data/`, compiled in, so that the binary works from any folder.
    ///
    /// # Errors
    /// None that the tests of the files let through.
    pub fn embedded() -> anyhow::Result<Store> {
        Store::parse(|name| {
            let text = match name {
                PRODUCTS => include_str!("../../data/products.json"),
                CUSTOMERS => include_str!("../../data/customers.json"),
                _ => include_str!("../../data/orders.json"),
            };
            Ok((format!("data/{name}"), text.to_owned()))
        })
    }

    fn parse(
        text: impl Fn(&'static str) -> anyhow::Result<(String, String)>,
    ) -> anyhow::Result<Store> {
        let (file, products) = text(PRODUCTS)?;
        let products: Vec<ProductRecord> = records(&file, &products)?;
        unique(&file, "id", products.iter().map(|record| record.product.id.as_str()))?;

        let (file, customers) = text(CUSTOMERS)?;
        let customers: Vec<CustomerRecord> = records(&file, &customers)?;
        unique(&file, "id", customers.iter().map(|record| record.customer.id.as_str()))?;
        let emails = customers.iter().map(|c| c.customer.email.as_str().to_ascii_lowercase());
        unique(&file, "email", emails)?;

        let (file, orders) = text(ORDERS)?;
        let orders: Vec<OrderRecord> = records(&file, &orders)?;
        check_orders(&file, &orders, &customers)?;
        Ok(Store { products, customers, orders })
    }

    /// Writes everything; the caller's transaction makes it all or nothing.
    ///
    /// # Errors
    /// The file, the record and what the database said.
    pub fn load(&self, conn: &mut DbConn) -> anyhow::Result<()> {
        insert_all(PRODUCTS, &self.products, |record| {
            product::insert_record(conn, record).map(drop)
        })?;
        insert_all(CUSTOMERS, &self.customers, |record| {
            customer::insert_record(conn, record).map(drop)
        })?;
        insert_all(ORDERS, &self.orders, |record| customer::insert_order(conn, record))?;
        Ok(customer::finish_orders_load(conn)?)
    }

    /// `Loaded 112 products, 40 customers, 120 orders`.
    pub fn summary(&self) -> String {
        let (products, customers) = (self.products.len(), self.customers.len());
        format!("Loaded {products} products, {customers} customers, {} orders", self.orders.len())
    }
}

/// Whether the tables hold no row.
///
/// # Errors
/// Those of the database.
pub fn is_empty(conn: &mut DbConn) -> anyhow::Result<bool> {
    Ok(product::is_empty(conn)? && customer::is_empty(conn)?)
}

/// # Errors
/// Those of the database.
pub fn delete_all(conn: &mut DbConn) -> anyhow::Result<()> {
    customer::delete_all(conn)?;
    product::delete_all(conn)?;
    // An answer that was kept would tell of rows that are gone.
    idempotency::delete_all(conn)?;
    Ok(())
}

fn records<T: DeserializeOwned>(file: &str, text: &str) -> anyhow::Result<Vec<T>> {
    let raw: Vec<&RawValue> =
        serde_json::from_str(text).with_context(|| format!("{file}: not an array of objects"))?;
    let parse = |(index, raw): (usize, &RawValue)| {
        if serde_json::from_str(raw.get()).is_ok_and(|value| holds_nul(&value)) {
            let record = name_of(index, raw);
            bail!("{file}: {record}: a string holds a NUL character, which cannot be stored");
        }
        let mut deserializer = serde_json::Deserializer::from_str(raw.get());
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let path = error.path().to_string();
            let member = if path == "." { String::new() } else { format!("{path}: ") };
            anyhow!("{file}: {}: {member}{}", name_of(index, raw), error.into_inner())
        })
    };
    raw.into_iter().enumerate().map(parse).collect()
}

/// `record 3 (prod_003)`: by its place, and its id where it has one.
fn name_of(index: usize, raw: &RawValue) -> String {
    let id = serde_json::from_str::<serde_json::Value>(raw.get()).ok().and_then(|value| {
        let id = value.get("id")?;
        Some(id.as_str().map_or_else(|| id.to_string(), str::to_owned))
    });
    let number = index + 1;
    id.map_or_else(|| format!("record {number}"), |id| format!("record {number} ({id})"))
}

fn unique<K: Hash + Eq + Display + Clone>(
    file: &str,
    member: &str,
    keys: impl Iterator<Item = K>,
) -> anyhow::Result<()> {
    let mut seen: HashMap<K, usize> = HashMap::new();
    for (index, key) in keys.enumerate() {
        if let Some(first) = seen.insert(key.clone(), index) {
            let (first, second) = (first + 1, index + 1);
            bail!("{file}: record {second}: {member} {key} is that of record {first} already");
        }
    }
    Ok(())
}
fn check_orders(
    file: &str,
    orders: &[OrderRecord],
    customers: &[CustomerRecord],
) -> anyhow::Result<()> {
    use crate::kernel::money::Cents;

    unique(file, "id", orders.iter().map(|order| order.order.id))?;
    unique(file, "order_number", orders.iter().map(|order| order.order.order_number.as_str()))?;
    let mut spent: HashMap<&str, Cents> =
        customers.iter().map(|record| (record.customer.id.as_str(), Cents::ZERO)).collect();
    for (index, order) in orders.iter().enumerate() {
        let (record, id) = (index + 1, &order.order.customer_id);
        let Some(total) = spent.get_mut(id.as_str()) else {
            bail!(
                "{file}: record {record} ({}): customer_id {id} is not in {CUSTOMERS}",
                order.order.id
            );
        };
        *total = total.checked_add(order.order.total_amount).ok_or_else(|| {
            anyhow!(
                "{file}: record {record} ({}): the orders of {id} add up to too much",
                order.order.id
            )
        })?;
    }
    Ok(())
}

fn insert_all<T>(
    file: &str,
    records: &[T],
    mut insert: impl FnMut(&T) -> diesel::QueryResult<()>,
) -> anyhow::Result<()> {
    const SHOW_EVERY: usize = 10_000;
    let mut stderr = std::io::stderr();
    let is_watched = stderr.is_terminal() && records.len() >= SHOW_EVERY;
    for (index, record) in records.iter().enumerate() {
        insert(record).with_context(|| format!("{file}: record {}", index + 1))?;
        let done = index + 1;
        if is_watched && (done % SHOW_EVERY == 0 || done == records.len()) {
            let end = if done == records.len() { "\n" } else { "" };
            // Progress that cannot be shown is no reason to stop.
            let _closed = write!(stderr, "\r{file}: {done} of {} records{end}", records.len());
        }
    }
    Ok(())
}
