//! The SQL of a search: which products have all the words.

use crate::kernel::db::{Compared, Counted, DbConn, MultiBackend, holds, is_postgres, pattern_of};
use crate::product::model::Search;
use crate::schema::products;
use diesel::dsl::AsExprOf;
use diesel::prelude::*;
use diesel::sql_types::Text;

/// How products are found by words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// PostgreSQL, which chooses between the index of the trigrams and the rows in their order.
    Column,
    /// SQLite: by the index of the trigrams first.
    Index,
    /// SQLite: by looking at the rows in their order, where so many have the words that a page is soon
    /// full. All that the index finds would be put in order first.
    Row,
}

impl Way {
    /// How to find all of them.
    pub(super) fn to_all(conn: &DbConn) -> Way {
        if is_postgres(conn) { Way::Column } else { Way::Index }
    }

    /// How to find the first of them, where an index has the order.
    pub(super) fn to_first(conn: &mut DbConn, search: Option<&Search>) -> QueryResult<Way> {
        /// As many are put in order while a page is read.
        const FEW: i64 = 1_000;
        let Some(search) = search.filter(|_| !is_postgres(conn)) else {
            return Ok(Way::to_all(conn));
        };
        let texts = "SELECT number FROM product_texts WHERE ";
        let found: i64 =
            Counted(by_index(search, texts, &format!(" LIMIT {}", FEW + 1))).get_result(conn)?;
        Ok(if found > FEW { Way::Row } else { Way::Index })
    }
}

/// Those of the rows that have all the words.
pub(super) fn found_by<'a>(
    search: &'a Search,
    mut query: products::BoxedQuery<'a, MultiBackend>,
    way: Way,
) -> products::BoxedQuery<'a, MultiBackend> {
    if way == Way::Index {
        let ids = "products.id IN (SELECT product_id FROM product_texts WHERE ";
        return query.filter(by_index(search, ids, ")"));
    }
    for word in search.words() {
        let text = match way {
            Way::Row => "(SELECT search_text FROM product_texts WHERE product_id = products.id)",
            _ if has_trigram(word) => "products.search_text",
            // The index has no trigram for it, and would be read from one end to the other.
            _ => "(products.search_text || '')",
        };
        query = query.filter(holds(text, word));
    }
    query
}

/// A condition on `product_texts`, between two pieces of SQL. The index knows no word of less than three
/// characters.
fn by_index(search: &Search, before: &str, after: &str) -> Compared<AsExprOf<String, Text>> {
    let (indexed, short): (Vec<&String>, Vec<&String>) =
        search.words().iter().partition(|word| has_trigram(word));
    let phrases = indexed.iter().map(|word| format!("\"{}\"", word.replace('"', "\"\"")));
    let phrases: Vec<String> = phrases.collect();
    let (mut sql, mut parts) = (before.to_owned(), Vec::new());
    if !phrases.is_empty() {
        sql += "number IN (SELECT rowid FROM product_trigrams WHERE product_trigrams MATCH ";
        parts.push((std::mem::take(&mut sql), phrases.join(" ").into_sql::<Text>()));
        sql += ")";
    }
    for word in short {
        sql += if parts.is_empty() { "search_text LIKE " } else { " AND search_text LIKE " };
        parts.push((std::mem::take(&mut sql), pattern_of(word).into_sql::<Text>()));
        sql += r" ESCAPE '\'";
    }
    Compared { parts, end: sql + after }
}

fn has_trigram(word: &str) -> bool {
    word.chars().nth(2).is_some()
}
