//! `customers.json`.

use crate::app::seed::part::{OneByOne, Part, without_mistakes};
use crate::app::seed::records::{Record, check_unique};
use crate::customer::{self, CustomerRecord};

pub(super) const FILE: &str = "customers.json";

pub(super) static CUSTOMERS: Part = Part {
    file: FILE,
    embedded: include_str!("../../../../data/customers.json"),
    parse: |source, ids, report| {
        let listed: Option<Vec<Record<CustomerRecord>>> = source.records(report);
        let id = |record: &CustomerRecord| Some(record.new.id.to_string());
        let email = |record: &CustomerRecord| Some(record.new.email.as_str().to_owned());
        if let Some(records) = &listed {
            // Also of customers who have a mistake elsewhere.
            ids.insert(FILE, records.iter().filter_map(|record| record.key("id", id)).collect());
        }
        let records = listed.unwrap_or_default();
        check_unique(&records, "id", id, report);
        check_unique(&records, "email", email, report);
        Box::new(OneByOne {
            file: FILE,
            records: without_mistakes(records),
            insert: |tx, record| customer::insert_record(tx.conn(), record).map(drop),
        })
    },
    is_empty: customer::is_empty,
    delete_all: customer::delete_all,
};
