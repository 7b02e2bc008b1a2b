//! SQL of lists that diesel has no words for. Unlike its literals, these are prepared once on a connection:
//! each text of a statement is one of few.

use crate::kernel::page::Direction;
use diesel::backend::Backend;
use diesel::dsl::AsExprOf;
use diesel::expression::expression_types::NotSelectable;
use diesel::expression::{AppearsOnTable, Expression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::{IntoSql, RunQueryDsl};

/// Rows on one side of a place: `(key, id) > (value, id of the place)`.
pub struct Beyond<V, I> {
    row: String,
    value: V,
    id: I,
}

impl<V, I> Beyond<V, I> {
    pub fn new(key: &str, id_column: &str, direction: Direction, value: V, id: I) -> Beyond<V, I> {
        let beyond = match direction {
            Direction::Ascending => '>',
            Direction::Descending => '<',
        };
        Beyond { row: format!("({key}, {id_column}) {beyond} ("), value, id }
    }
}

impl<DB: Backend, V: QueryFragment<DB>, I: QueryFragment<DB>> QueryFragment<DB> for Beyond<V, I> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(&self.row);
        self.value.walk_ast(out.reborrow())?;
        out.push_sql(", ");
        self.id.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

/// The text is part of what makes two of them alike, and no type says it.
impl<V, I> QueryId for Beyond<V, I> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<V, I> Expression for Beyond<V, I> {
    type SqlType = Bool;
}

impl<V, I> ValidGrouping<()> for Beyond<V, I> {
    type IsAggregate = is_aggregate::Never;
}

impl<V, I, QS> AppearsOnTable<QS> for Beyond<V, I> {}

/// `key, id`, both in one direction.
pub struct InOrder(String);

impl InOrder {
    pub fn new(key: &str, id_column: &str, direction: Direction) -> InOrder {
        let direction = match direction {
            Direction::Ascending => "ASC",
            Direction::Descending => "DESC",
        };
        InOrder(format!("{key} {direction}, {id_column} {direction}"))
    }
}

impl<DB: Backend> QueryFragment<DB> for InOrder {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(&self.0);
        Ok(())
    }
}

impl QueryId for InOrder {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Expression for InOrder {
    type SqlType = NotSelectable;
}

impl<QS> AppearsOnTable<QS> for InOrder {}

/// How many rows a query has.
pub struct Counted<Q>(pub Q);

impl<DB: Backend, Q: QueryFragment<DB>> QueryFragment<DB> for Counted<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("SELECT count(*) FROM (");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(") AS counted");
        Ok(())
    }
}

impl<Q> QueryId for Counted<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> Query for Counted<Q> {
    type SqlType = BigInt;
}

impl<Q, C> RunQueryDsl<C> for Counted<Q> {}

/// How many rows have each value of a column, which `query` selects: the most frequent first, those of
/// as many by their bytes, and no more than `limit`.
pub struct Frequent<Q> {
    pub query: Q,
    pub column: &'static str,
    pub limit: i64,
    pub on_postgres: bool,
}

impl<DB: Backend, Q: QueryFragment<DB>> QueryFragment<DB> for Frequent<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let Frequent { query, column, limit, on_postgres } = self;
        let by_bytes = if *on_postgres { " COLLATE \"C\"" } else { "" };
        out.push_sql(&format!("SELECT {column}, count(*) FROM ("));
        query.walk_ast(out.reborrow())?;
        out.push_sql(&format!(
            ") AS counted GROUP BY {column} ORDER BY count(*) DESC, {column}{by_bytes} LIMIT {limit}"
        ));
        Ok(())
    }
}

impl<Q> QueryId for Frequent<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> Query for Frequent<Q> {
    type SqlType = (Text, BigInt);
}

impl<Q, C> RunQueryDsl<C> for Frequent<Q> {}

/// How PostgreSQL would find the rows of a query, as JSON.
pub struct Plan<Q>(pub Q);

impl<DB: Backend, Q: QueryFragment<DB>> QueryFragment<DB> for Plan<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("EXPLAIN (FORMAT JSON) ");
        self.0.walk_ast(out.reborrow())
    }
}

impl<Q> QueryId for Plan<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> Query for Plan<Q> {
    type SqlType = Text;
}

impl<Q, C> RunQueryDsl<C> for Plan<Q> {}

/// SQL of a `store` with texts in it: what stands before each, and behind the last.
pub struct Compared<V> {
    pub parts: Vec<(String, V)>,
    pub end: String,
}

impl<DB: Backend, V: QueryFragment<DB>> QueryFragment<DB> for Compared<V> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        for (before, value) in &self.parts {
            out.push_sql(before);
            value.walk_ast(out.reborrow())?;
        }
        out.push_sql(&self.end);
        Ok(())
    }
}

impl<V> QueryId for Compared<V> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<V> Expression for Compared<V> {
    type SqlType = Bool;
}

impl<V> ValidGrouping<()> for Compared<V> {
    type IsAggregate = is_aggregate::Never;
}

impl<V, QS> AppearsOnTable<QS> for Compared<V> {}

/// Whether an expression of a `store` holds a part.
pub fn holds(expression: &str, part: &str) -> Compared<AsExprOf<String, Text>> {
    let value = pattern_of(part).into_sql::<Text>();
    Compared { parts: vec![(format!("{expression} LIKE "), value)], end: r" ESCAPE '\'".to_owned() }
}

/// A pattern for whatever holds `part`, in which the signs of LIKE stand for themselves. A backslash
/// escapes them.
pub fn pattern_of(part: &str) -> String {
    let escaped = part.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{escaped}%")
}
