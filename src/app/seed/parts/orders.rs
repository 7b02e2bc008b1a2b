//! `orders.json`, whose records name customers of `customers.json`.

use super::customers;
use crate::app::seed::mistakes::Report;
use crate::app::seed::part::{Ids, Part, Records, insert_all, loader, without_mistakes};
use crate::app::seed::records::{Place, Record, check_unique};
use crate::kernel::db::Tx;
use crate::kernel::money::Cents;
use crate::order::{self, NewOrder};
use std::collections::HashMap;

const FILE: &str = "orders.json";

pub(super) static ORDERS: Part = Part {
    file: FILE,
    embedded: include_str!("../../../../data/orders.json"),
    parse: |source, ids, report| {
        let records = source.records(report).unwrap_or_default();
        check(&records, ids, report);
        Box::new(Orders(without_mistakes(records)))
    },
    is_empty: order::is_empty,
    delete_all: order::delete_all,
};

struct Orders(Vec<(Place, NewOrder)>);

impl Records for Orders {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn load(&self, tx: &mut Tx<'_>) -> anyhow::Result<()> {
        // An order without an id is numbered after those that have one, wherever it stands.
        let (numbered, others): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|(_, record)| record.id.is_some());
        let actor = loader();
        insert_all(FILE, numbered, |record| order::insert_record(tx, record, &actor))?;
        order::number_from_the_highest(tx.conn())?;
        insert_all(FILE, others, |record| order::insert_record(tx, record, &actor))
    }
}

fn check(orders: &[Record<NewOrder>], ids: &Ids, report: &mut Report) {
    check_unique(orders, "id", |it| it.id.map(|id| id.to_string()), report);
    check_unique(orders, "order_number", |it| Some(it.order_number.clone()), report);
    let mut spent: HashMap<String, Cents> = HashMap::new();
    for record in orders {
        let customer_id = |it: &NewOrder| Some(it.customer_id.to_string());
        let Some(id) = record.key("customer_id", customer_id) else {
            continue;
        };
        if ids.get(customers::FILE).is_some_and(|known| !known.contains(&id)) {
            let reason = format!("customer_id {id} is not in {}", customers::FILE);
            report.mistake(&record.place, reason);
        }
        let amount = record.parsed.as_ref().map_or(Cents::ZERO, |it| it.total_amount);
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
