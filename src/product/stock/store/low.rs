//! The list of products whose stock is low.

use crate::kernel::db::{
    DbConn, ListSource, MultiBackend, PageOf, count_rows, in_order, show_rows,
};
use crate::kernel::page::{Counting, Show, Total};
use crate::product::stock::model::{LowFilter, LowKey, LowStock};
use crate::product::store::Row;
use crate::schema::products;
use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use diesel::sql_types::Text;

impl ListSource for LowFilter {
    type Row = LowStock;
    /// libpq has all of them in memory.
    const PART_ROWS: i64 = 64;

    fn load(
        &self,
        conn: &mut DbConn,
        page: &PageOf<LowStock>,
        show: Show<'_, LowStock>,
    ) -> QueryResult<()> {
        let key = match page.sort.key {
            LowKey::Shortfall => {
                format!("coalesce(products.low_stock_at, {}) - products.stock", self.threshold)
            }
            LowKey::Available => "products.stock".to_owned(),
        };
        let query = in_order!(
            filtered(*self), page, key, "products.id", place => Text = place.id.as_str()
        );
        let rows = query.load_iter::<Row, DefaultLoadingMode>(conn)?;
        show_rows(rows, |row| to_low_stock(row, self.threshold), show)
    }

    fn count(&self, conn: &mut DbConn, counting: Counting) -> QueryResult<Total> {
        count_rows!(conn, counting, filtered(*self), products::id)
    }
}

fn to_low_stock(row: Row, threshold: i32) -> QueryResult<LowStock> {
    let moved = row.into_moved()?;
    Ok(LowStock {
        threshold: moved.level.low_stock_at.unwrap_or(threshold),
        product_id: moved.product.id,
        name: moved.product.name,
        level: moved.level,
    })
}

fn filtered(filter: LowFilter) -> products::BoxedQuery<'static, MultiBackend> {
    let by_all = products::low_stock_at.is_null().and(products::stock.le(filter.threshold));
    let by_own = products::stock.nullable().le(products::low_stock_at).assume_not_null();
    products::table.filter(by_all.or(by_own)).into_boxed()
}
