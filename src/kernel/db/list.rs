//! The rows of a list: which a page has, in which order, and how they are loaded. The one way for every
//! `store`.

use super::DbConn;
use crate::kernel::page::{Counting, Page, PageWriter, Placed, Show, Total, WrittenPage};
use diesel::QueryResult;

/// A page of such rows.
pub type PageOf<T> = Page<<T as Placed>::Key>;

/// A list of a slice: a `store` implements this for what chooses its rows.
pub trait ListSource {
    type Row: Placed;
    /// How many rows are loaded at once.
    const PART_ROWS: i64;

    /// Loads the rows of a page.
    fn load(
        &self,
        conn: &mut DbConn,
        page: &PageOf<Self::Row>,
        show: Show<'_, Self::Row>,
    ) -> QueryResult<()>;

    /// How many rows the whole list has.
    fn count(&self, conn: &mut DbConn, counting: Counting) -> QueryResult<Total>;
}

/// Fills a page with the rows of a list.
pub fn fill_page<L: ListSource>(
    conn: &mut DbConn,
    list: &L,
    page: &mut PageWriter<L::Row>,
) -> QueryResult<WrittenPage> {
    let total = list.count(conn, page.counting())?;
    let written = page.fill(L::PART_ROWS, |part, show| list.load(conn, part, show))?;
    Ok(written.of_total(total))
}

/// While a list has no more rows than this, an estimate counts them.
const COUNTED: i64 = 10_000;

/// Counts the rows of a list as the client wishes. `$query` makes its boxed query, and `$id` is a column
/// that no row lacks.
#[macro_export]
macro_rules! count_rows {
    ($conn:expr, $counting:expr, $query:expr, $id:expr) => {{
        use $crate::kernel::db::{Counted, count_up_to, estimated};
        use $crate::kernel::page::{Counting, Total};
        match $counting {
            Counting::No => Ok(Total::NotCounted),
            Counting::Exact => $query.count().get_result($conn).map(Total::Exact),
            Counting::Estimated => {
                let few = Counted($query.select($id).limit(count_up_to()));
                let few: i64 = few.get_result($conn)?;
                if few < count_up_to() {
                    Ok(Total::Exact(few))
                } else if $crate::kernel::db::is_postgres($conn) {
                    let plan: String =
                        $crate::kernel::db::Plan($query.select($id)).get_result($conn)?;
                    Ok(Total::Estimated(estimated(&plan).max(few)))
                } else {
                    $query.count().get_result($conn).map(Total::Exact)
                }
            }
        }
    }};
}
pub use count_rows;

/// How far an estimate counts: one row more than it tells exactly.
pub fn count_up_to() -> i64 {
    COUNTED + 1
}

/// How many rows a plan of PostgreSQL expects; 0 where it does not say.
pub fn estimated(plan: &str) -> i64 {
    let plan: Option<serde_json::Value> = serde_json::from_str(plan).ok();
    plan.and_then(|plan| plan.pointer("/0/Plan/Plan Rows")?.as_i64()).unwrap_or(0)
}

/// Puts the rows of a boxed query in the order of `$page`, and takes those of the page. `$key` is the
/// expression that they are ordered by, `$id` the column of their ids, and `$id_value` the id of the row
/// at `$place`, as the column has it. An index on both, in this order, is read from the place on.
///
/// A macro: as a function, it would have more bounds than lines.
#[macro_export]
macro_rules! in_order {
    ($query:expr, $page:ident, $key:expr, $id:literal, $place:ident => $id_type:ty = $id_value:expr) => {{
        use diesel::IntoSql;
        use diesel::sql_types::{BigInt as Number, Text as Letters, Timestamp as Time};
        use $crate::kernel::db::{Beyond, InOrder};
        use $crate::kernel::page::PlaceValue;
        let (mut query, key, direction) = ($query, $key, $page.direction());
        if let Some($place) = $page.place() {
            let id = $id_value.into_sql::<$id_type>();
            query = match &$place.value {
                PlaceValue::Time(at) => {
                    let value = at.naive_utc().into_sql::<Time>();
                    query.filter(Beyond::new(&key, $id, direction, value, id))
                }
                PlaceValue::Number(number) => {
                    let value = number.into_sql::<Number>();
                    query.filter(Beyond::new(&key, $id, direction, value, id))
                }
                PlaceValue::Text(text) => {
                    let value = text.as_str().into_sql::<Letters>();
                    query.filter(Beyond::new(&key, $id, direction, value, id))
                }
            };
        }
        query.order(InOrder::new(&key, $id, direction)).limit($page.limit).offset($page.offset)
    }};
}
pub use in_order;

/// The SQL of a text column as [`folded`](crate::kernel::page::folded) has it, compared by bytes.
/// The indexes have the same expression.
pub fn folded_column(on_postgres: bool, column: &str) -> String {
    if on_postgres { format!("lower({column} COLLATE \"C\")") } else { format!("lower({column})") }
}

/// Shows loaded rows for as long as more are wanted.
pub fn show_rows<R, T>(
    rows: impl Iterator<Item = QueryResult<R>>,
    mut to_model: impl FnMut(R) -> QueryResult<T>,
    show: Show<'_, T>,
) -> QueryResult<()> {
    for row in rows {
        if show(to_model(row?)?).is_break() {
            break;
        }
    }
    Ok(())
}
