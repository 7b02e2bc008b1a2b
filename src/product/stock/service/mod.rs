//! The use cases of the stock: rules, and what must follow a commit.

mod holds;
mod moves;
mod orders;
mod proof;

pub use holds::expire_due;
pub(in crate::product::stock) use holds::{create_hold, extend, find_hold, give_back_due, release};
pub(in crate::product) use moves::{Outcome, apply, too_many};
pub(in crate::product::stock) use moves::{adjust, find_level, set_low_stock_at};
pub use orders::{
    adopt, claim_loaded, fulfil, hold_of_order, put_back, release_for_order, reserve,
};
pub use proof::{Proved, prove};

use super::changes::StockChanges;
use super::error::StockError;
use super::model::{
    Hold, HoldFilter, LedgerEntry, LedgerFilter, Level, LowFilter, LowStock, Proof,
};
use crate::kernel::db::{Db, fill_page};
use crate::kernel::idempotency::Changes;
use crate::kernel::page::{PageWriter, WrittenPage};
use crate::product::model::ProductId;

/// The stock; clones share the database.
#[derive(Clone)]
pub struct Stock {
    db: Db,
    /// Runs the use cases that write.
    pub(super) changes: StockChanges,
    /// The longest hold, in days.
    pub(super) hold_max_days: u32,
    /// The stock of a product without a threshold of its own is low at so many pieces, or fewer.
    pub(super) low_stock_threshold: i32,
}

impl Stock {
    /// The stock in `db`, whose changes run beside those of the catalogue.
    pub fn new(db: &Db, changes: &Changes, hold_max_days: u32, low_stock_threshold: u32) -> Stock {
        Stock {
            db: db.clone(),
            changes: StockChanges::new(db, changes),
            hold_max_days,
            low_stock_threshold: i32::try_from(low_stock_threshold).unwrap_or(i32::MAX),
        }
    }

    /// How many pieces of a product there are; never from a cache.
    pub(super) async fn level(&self, id: ProductId) -> Result<Level, StockError> {
        self.db.read("stock.find", move |conn| find_level(conn, &id)).await
    }

    pub(super) async fn hold(&self, id: i64) -> Result<Hold, StockError> {
        self.db.read("stock.find_hold", move |conn| find_hold(conn, id)).await
    }

    pub(super) async fn list_holds(
        &self,
        filter: HoldFilter,
        mut page: PageWriter<Hold>,
    ) -> Result<WrittenPage, StockError> {
        let fill = move |conn: &mut _| Ok(fill_page(conn, &filter, &mut page)?);
        self.db.list("stock.list_holds", fill).await
    }

    pub(super) async fn list_ledger(
        &self,
        filter: LedgerFilter,
        mut page: PageWriter<LedgerEntry>,
    ) -> Result<WrittenPage, StockError> {
        let fill = move |conn: &mut _| Ok(fill_page(conn, &filter, &mut page)?);
        self.db.list("stock.list_ledger", fill).await
    }

    pub(super) async fn list_low(
        &self,
        filter: LowFilter,
        mut page: PageWriter<LowStock>,
    ) -> Result<WrittenPage, StockError> {
        let fill = move |conn: &mut _| Ok(fill_page(conn, &filter, &mut page)?);
        self.db.list("stock.list_low", fill).await
    }

    pub(super) async fn prove(&self, proved: Proved) -> Result<Proof, StockError> {
        self.db.list("stock.prove", move |conn| Ok(prove(conn, &proved)?)).await
    }
}
