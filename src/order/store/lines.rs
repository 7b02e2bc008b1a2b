//! The SQL of the lines of orders.

use crate::kernel::db::{DbConn, unreadable};
use crate::kernel::ids::Id;
use crate::kernel::money::Cents;
use crate::order::model::Line;
use crate::schema::order_items;
use diesel::prelude::*;
use std::collections::HashMap;

/// A row of `order_items`, in the order of the table's columns.
#[derive(Queryable, Insertable)]
#[diesel(table_name = order_items)]
struct Row {
    order_id: i64,
    line: i32,
    product_id: String,
    product_name: String,
    quantity: i32,
    price: i64,
    discount_amount: i64,
    tax_amount: i64,
    total_amount: i64,
    fulfilled: i32,
    cancelled: i32,
    returned: i32,
}

impl Row {
    fn into_line(self) -> QueryResult<Line> {
        Ok(Line {
            number: self.line,
            product_id: Id::parse("product_id", self.product_id).map_err(unreadable)?,
            product_name: self.product_name,
            quantity: self.quantity,
            price: Cents::new(self.price),
            discount: Cents::new(self.discount_amount),
            tax: Cents::new(self.tax_amount),
            total: Cents::new(self.total_amount),
            fulfilled: self.fulfilled,
            cancelled: self.cancelled,
            returned: self.returned,
        })
    }
}

/// The lines of each of these orders, by number.
pub(super) fn lines_of(
    conn: &mut DbConn,
    order_ids: &[i64],
) -> QueryResult<HashMap<i64, Vec<Line>>> {
    let rows: Vec<Row> = order_items::table
        .filter(order_items::order_id.eq_any(order_ids))
        .order((order_items::order_id, order_items::line))
        .load(conn)?;
    let mut lines: HashMap<i64, Vec<Line>> = HashMap::new();
    for row in rows {
        lines.entry(row.order_id).or_default().push(row.into_line()?);
    }
    Ok(lines)
}

pub(super) fn insert_lines(conn: &mut DbConn, order_id: i64, lines: &[Line]) -> QueryResult<()> {
    // One statement for each: an insert of several rows does not compile for both databases.
    for line in lines {
        let row = Row {
            order_id,
            line: line.number,
            product_id: line.product_id.to_string(),
            product_name: line.product_name.clone(),
            quantity: line.quantity,
            price: line.price.get(),
            discount_amount: line.discount.get(),
            tax_amount: line.tax.get(),
            total_amount: line.total.get(),
            fulfilled: line.fulfilled,
            cancelled: line.cancelled,
            returned: line.returned,
        };
        diesel::insert_into(order_items::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// Gives a draft other lines.
pub(in crate::order) fn replace_lines(
    conn: &mut DbConn,
    order_id: i64,
    lines: &[Line],
) -> QueryResult<()> {
    diesel::delete(order_items::table.filter(order_items::order_id.eq(order_id))).execute(conn)?;
    insert_lines(conn, order_id, lines)
}

/// Writes what became of the pieces of those lines that are no longer as they were.
pub(in crate::order) fn save_lines(
    conn: &mut DbConn,
    order_id: i64,
    before: &[Line],
    after: &[Line],
) -> QueryResult<()> {
    let changed = after.iter().zip(before).filter(|(after, before)| after != before);
    for (line, _) in changed {
        diesel::update(order_items::table.find((order_id, line.number)))
            .set((
                order_items::fulfilled.eq(line.fulfilled),
                order_items::cancelled.eq(line.cancelled),
                order_items::returned.eq(line.returned),
            ))
            .execute(conn)?;
    }
    Ok(())
}
