//! The rows of a list: which a page has, in which order, and how they are loaded. The one way for every
//! `store`.

use super::DbConn;
use crate::kernel::page::{Page, PageWriter, Placed, Show, WrittenPage};
use diesel::QueryResult;

/// A list of a slice: a `store` implements this for what chooses its rows.
pub trait ListSource {
    type Row: Placed;
    /// How many rows are loaded at once.
    const PART_ROWS: i64;

    /// Loads the rows of a page.
    fn load(&self, conn: &mut DbConn, page: &Page, show: Show<'_, Self::Row>) -> QueryResult<()>;

    /// How many rows the whole list has; `None` where its answer does not say.
    fn count(&self, conn: &mut DbConn) -> QueryResult<Option<i64>>;
}

/// Fills a page with the rows of a list.
pub fn fill_page<L: ListSource>(
    conn: &mut DbConn,
    list: &L,
    page: &mut PageWriter<L::Row>,
) -> QueryResult<WrittenPage> {
    let total = list.count(conn)?;
    let written = page.fill(L::PART_ROWS, |part, show| list.load(conn, part, show))?;
    Ok(written.of_total(total))
}

/// Puts the rows of a boxed query on `$table` in the order of lists, and takes those of `$page`.
/// `$id` is the id of the row at the cursor `$place`, as the column has it.
///
/// A macro: as a function, it would have more bounds than lines.
#[macro_export]
macro_rules! newest_first {
    ($query:expr, $table:ident, $page:ident, $place:ident => $id:expr) => {{
        let mut query = $query;
        if let Some($place) = &$page.after {
            let (at, id) = ($place.created_at.naive_utc(), $id);
            // The first condition follows from the second; it is the one that an index can use.
            query = query.filter($table::created_at.le(at)).filter(
                $table::created_at.lt(at).or($table::created_at.eq(at).and($table::id.lt(id))),
            );
        }
        query
            .order(($table::created_at.desc(), $table::id.desc()))
            .limit($page.limit)
            .offset($page.offset)
    }};
}
pub use newest_first;

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
