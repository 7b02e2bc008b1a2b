//! `products.json`.

use crate::app::seed::part::{OneByOne, Part, loader, without_mistakes};
use crate::app::seed::records::check_unique;
use crate::product::{self, ProductRecord};

const FILE: &str = "products.json";

pub(super) static PRODUCTS: Part = Part {
    file: FILE,
    embedded: include_str!("../../../../data/products.json"),
    parse: |source, _, report| {
        let records = source.records(report).unwrap_or_default();
        let id = |record: &ProductRecord| Some(record.new.id.to_string());
        check_unique(&records, "id", id, report);
        Box::new(OneByOne {
            file: FILE,
            records: without_mistakes(records),
            insert: |tx, record| product::insert_record(tx.conn(), record, &loader()).map(drop),
        })
    },
    is_empty: product::is_empty,
    delete_all: product::delete_all,
};
