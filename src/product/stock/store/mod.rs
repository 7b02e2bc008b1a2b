//! All SQL of the stock and of its books.

mod holds;
mod ledger;
mod low;
mod moves;
mod proof;

pub(in crate::product) use holds::count_open_holds;
pub use holds::open_items_of_orders;
pub(super) use holds::{
    close, convert, due_holds, find_hold, find_hold_and_lock, find_open_hold_of_order, forget_hold,
    insert_hold, insert_item, prolong, set_open, take_from_item, touch,
};
pub(super) use ledger::find_entry;
pub(in crate::product) use moves::{find_level, next_version, write_opening, write_removal};
pub(super) use moves::{find_level_and_lock, move_stock, set_low_stock_at};
pub(super) use proof::{Subjects, drift_of, subjects_after};

use crate::kernel::db::DbConn;
use crate::schema::{stock_hold_items, stock_holds, stock_ledger};
use diesel::prelude::*;

/// Deletes the holds and the ledger.
pub(in crate::product) fn delete_all(conn: &mut DbConn) -> QueryResult<usize> {
    diesel::delete(stock_hold_items::table).execute(conn)?;
    diesel::delete(stock_holds::table).execute(conn)?;
    diesel::delete(stock_ledger::table).execute(conn)
}

/// Whether there is neither a hold nor a line of the ledger.
pub(in crate::product) fn is_empty(conn: &mut DbConn) -> QueryResult<bool> {
    let hold: Option<i64> = stock_holds::table.select(stock_holds::id).first(conn).optional()?;
    let line = stock_ledger::table.select(stock_ledger::product_id).first(conn);
    let line: Option<String> = line.optional()?;
    Ok(hold.is_none() && line.is_none())
}
