//! The three files: read, checked record by record and against each other, loaded.
use super::mistakes::Report;
use super::records::{Place, Record, Sample, Source, check_unique};
use crate::customer::{self, CustomerRecord};
use crate::kernel::db::{DbConn, Tx};
use crate::kernel::idempotency;
use crate::kernel::money::Cents;
use crate::order::{self, OrderRecord};
use crate::product::{self, ProductRecord};
use anyhow::Context;
use std::collections::{HashMap, HashSet};
use std::io::{IsTerminal, Write};
use std::path::Path;

const PRODUCTS: &str = "products.json";
const CUSTOMERS: &str = "customers.json";
const ORDERS: &str = "orders.json";

const PRODUCT: Sample = Sample(
    r#"{"id":"x","name":"x","brand":"x","price":"1","stock":1,"category":"x","metadata":null,
        "created_at":null,"updated_at":null}"#,
);
const CUSTOMER: Sample = Sample(
    r#"{"id":"x","email":"x@x","name":"x","tier":"gold","phone":null,"address":null,
        "created_at":null,"updated_at":null}"#,
);
const ORDER: Sample = Sample(
    r#"{"id":null,"order_number":"x","customer_id":"x",
        "items":[{"product_id":"x","product_name":"x","quantity":1,"price":"1"}],
        "total_amount":"1","discount_amount":null,"shipping_amount":null,"tax_amount":null,
        "status":"pending","payment_method":null,"shipping_address":null,"notes":null,
        "created_at":null,"updated_at":null}"#,
);

/// A store as files describe it, every rule checked that needs no database.
pub struct Store {
    products: Vec<(Place, ProductRecord)>,
    customers: Vec<(Place, CustomerRecord)>,
    orders: Vec<(Place, OrderRecord)>,
}

/// Whether the folder has one of the files.
pub fn are_in(folder: &Path) -> bool {
    [PRODUCTS, CUSTOMERS, ORDERS].iter().any(|name| folder.join(name).exists())
}

/// Reads the files of a folder, and says what of them is not kept.
///
/// # Errors
/// The file that cannot be read. The store is there in spite of its mistakes, which are in the report.
pub fn read(folder: &Path) -> anyhow::Result<(Store, Report)> {
    let source = |name: &str| {
        let path = folder.join(name);
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{shown}: cannot be read; --data-dir names the folder"))?;
        anyhow::Ok(Source::new(shown, text))
    };
    Ok(Store::parse(&source(PRODUCTS)?, &source(CUSTOMERS)?, &source(ORDERS)?))
}

impl Store {
    /// The store of `data/`, compiled in, so that the binary works from any folder.
    ///
    /// # Errors
    /// None that the tests of the files let through.
    pub fn embedded() -> anyhow::Result<Store> {
        let source = |name: &str, text: &str| Source::new(format!("data/{name}"), text.to_owned());
        let (store, report) = Store::parse(
            &source(PRODUCTS, include_str!("../../../data/products.json")),
            &source(CUSTOMERS, include_str!("../../../data/customers.json")),
            &source(ORDERS, include_str!("../../../data/orders.json")),
        );
        report.into_result()?;
        Ok(store)
    }

    fn parse(products: &Source, customers: &Source, orders: &Source) -> (Store, Report) {
        let mut report = Report::default();
        let products = products.records(PRODUCT, &mut report).unwrap_or_default();
        let listed_customers = customers.records(CUSTOMER, &mut report);
        let orders = orders.records(ORDER, &mut report).unwrap_or_default();
        check_products(&products, &mut report);
        // Where the customers cannot be read at all, no order is to blame.
        let known = listed_customers.as_deref().map(ids_of);
        let customers = listed_customers.unwrap_or_default();
        check_customers(&customers, &mut report);
        check_orders(&orders, known.as_ref(), &mut report);
        let store = Store {
            products: without_mistakes(products),
            customers: without_mistakes(customers),
            orders: without_mistakes(orders),
        };
        (store, report)
    }

    /// Writes everything; the caller's transaction makes it all or nothing.
    ///
    /// # Errors
    /// The record, and what the database said.
    pub fn load(&self, conn: &mut DbConn) -> anyhow::Result<()> {
        insert_all(PRODUCTS, &self.products, |record| {
            product::insert_record(conn, record).map(drop)
        })?;
        insert_all(CUSTOMERS, &self.customers, |record| {
            customer::insert_record(conn, record).map(drop)
        })?;
        // An order without an id is numbered after those that have one, wherever it stands.
        let (numbered, others): (Vec<_>, Vec<_>) =
            self.orders.iter().partition(|(_, record)| record.order.id.is_some());
        // What follows a commit is for the command: it empties the whole cache.
        let mut tx = Tx::on(conn);
        insert_all(ORDERS, numbered, |record| order::insert_record(&mut tx, record))?;
        order::number_from_the_highest(tx.conn())?;
        insert_all(ORDERS, others, |record| order::insert_record(&mut tx, record))
    }

    /// `Loaded 112 products, 40 customers, 120 orders`.
    pub fn summary(&self) -> String {
        let (products, customers) = (self.products.len(), self.customers.len());
        format!("Loaded {products} products, {customers} customers, {} orders", self.orders.len())
    }
}

fn check_products(products: &[Record<ProductRecord>], report: &mut Report) {
    check_unique(products, "id", |it| Some(it.product.id.to_string()), report);
}

fn check_customers(customers: &[Record<CustomerRecord>], report: &mut Report) {
    check_unique(customers, "id", |it| Some(it.customer.id.to_string()), report);
    check_unique(customers, "email", |it| Some(it.customer.email.as_str().to_owned()), report);
}

/// Also of customers who have a mistake elsewhere.
fn ids_of(customers: &[Record<CustomerRecord>]) -> HashSet<String> {
    let id = |it: &CustomerRecord| Some(it.customer.id.to_string());
    customers.iter().filter_map(|record| record.key("id", id)).collect()
}

fn check_orders(
    orders: &[Record<OrderRecord>],
    known_customers: Option<&HashSet<String>>,
    report: &mut Report,
) {
    check_unique(orders, "id", |it| it.order.id.map(|id| id.to_string()), report);
    check_unique(orders, "order_number", |it| Some(it.order.order_number.clone()), report);
    let mut spent: HashMap<String, Cents> = HashMap::new();
    for record in orders {
        let customer_id = |it: &OrderRecord| Some(it.order.customer_id.to_string());
        let Some(id) = record.key("customer_id", customer_id) else {
            continue;
        };
        if known_customers.is_some_and(|known| !known.contains(&id)) {
            let reason = format!("customer_id {id} is not in {CUSTOMERS}");
            report.mistake(&record.place, reason);
        }
        let amount = record.parsed.as_ref().map_or(Cents::ZERO, |it| it.order.total_amount);
        let total = spent.entry(id.clone()).or_insert(Cents::ZERO);
        match total.checked_add(amount) {
            Some(sum) => *total = sum,
            None => {
                let reason = format!("the orders of {id} add up to too much");
                report.mistake(&record.place, reason);
            }
        }
    }
}

fn without_mistakes<T>(records: Vec<Record<T>>) -> Vec<(Place, T)> {
    let parsed = |record: Record<T>| record.parsed.ok().map(|value| (record.place, value));
    records.into_iter().filter_map(parsed).collect()
}

/// Whether the tables hold no row.
///
/// # Errors
/// Those of the database.
pub fn is_empty(conn: &mut DbConn) -> anyhow::Result<bool> {
    Ok(product::is_empty(conn)? && customer::is_empty(conn)? && order::is_empty(conn)?)
}

/// # Errors
/// Those of the database.
pub fn delete_all(conn: &mut DbConn) -> anyhow::Result<()> {
    // First those that refer to the others.
    order::delete_all(conn)?;
    customer::delete_all(conn)?;
    product::delete_all(conn)?;
    // An answer that was kept would tell of rows that are gone.
    idempotency::delete_all(conn)?;
    Ok(())
}

fn insert_all<'a, T: 'a>(
    file: &str,
    records: impl IntoIterator<Item = &'a (Place, T), IntoIter: ExactSizeIterator>,
    mut insert: impl FnMut(&T) -> diesel::QueryResult<()>,
) -> anyhow::Result<()> {
    const SHOW_EVERY: usize = 10_000;
    let records = records.into_iter();
    let all = records.len();
    let mut stderr = std::io::stderr();
    let is_watched = stderr.is_terminal() && all >= SHOW_EVERY;
    for (index, (place, value)) in records.enumerate() {
        insert(value).with_context(|| place.to_string())?;
        let done = index + 1;
        if is_watched && (done % SHOW_EVERY == 0 || done == all) {
            let end = if done == all { "\n" } else { "" };
            // Progress that cannot be shown is no reason to stop.
            let _closed = write!(stderr, "\r{file}: {done} of {all} records{end}");
        }
    }
    Ok(())
}
