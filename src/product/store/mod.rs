//! All SQL of the catalogue.

mod facets;
mod search;

use super::model::{
    NewProduct, Product, ProductChanges, ProductFilter, ProductId, ProductKey, ProductRecord,
};
use super::stock::{self, Level, Moved};
use crate::kernel::auth::Actor;
use crate::kernel::db::{
    DbConn, JsonObject, ListSource, MultiBackend, PageOf, count_rows, folded_column, in_order,
    is_postgres, show_rows, unreadable,
};
use crate::kernel::ids::Id;
use crate::kernel::money::Cents;
use crate::kernel::page::{Counting, Show, Total};
use crate::kernel::time;
use crate::schema::products;
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::connection::DefaultLoadingMode;
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel::sql_types::Text;
pub(super) use facets::facets;
use search::{Way, found_by};

/// A row, in the order of the table's columns.
#[derive(Queryable)]
pub(super) struct Row {
    id: String,
    name: String,
    brand: String,
    price: i64,
    stock: i32,
    category: String,
    metadata: Option<JsonObject>,
    version: i64,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    reserved: i32,
    low_stock_at: Option<i32>,
}

impl Row {
    pub(super) fn level(&self) -> Level {
        Level {
            on_hand: self.stock + self.reserved,
            reserved: self.reserved,
            low_stock_at: self.low_stock_at,
            version: self.version,
        }
    }

    pub(super) fn into_moved(self) -> QueryResult<Moved> {
        let level = self.level();
        Ok(Moved { product: self.into_product()?, level })
    }

    fn into_product(self) -> QueryResult<Product> {
        Ok(Product {
            id: Id::parse("id", self.id).map_err(unreadable)?,
            name: self.name,
            brand: self.brand,
            price: Cents::new(self.price),
            stock: self.stock,
            category: self.category,
            metadata: self.metadata.map(|object| object.0),
            version: self.version,
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
        })
    }
}

#[derive(Insertable)]
#[diesel(table_name = products)]
struct NewRow<'a> {
    id: &'a str,
    name: &'a str,
    brand: &'a str,
    price: i64,
    stock: i32,
    category: &'a str,
    metadata: Option<JsonObject>,
    version: i64,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

#[derive(AsChangeset)]
#[diesel(table_name = products)]
struct ChangedColumns {
    name: Option<String>,
    brand: Option<String>,
    price: Option<i64>,
    category: Option<String>,
    metadata: Option<Option<JsonObject>>,
}

/// The product, as it is in the database.
pub fn find(conn: &mut DbConn, id: &ProductId) -> QueryResult<Option<Product>> {
    let row: Option<Row> = products::table.find(id.as_str()).first(conn).optional()?;
    row.map(Row::into_product).transpose()
}

/// As [`find`], for a row that this transaction changes: on PostgreSQL nobody else does until it ends,
/// and on SQLite a transaction that writes is alone.
pub(super) fn find_and_lock(conn: &mut DbConn, id: &ProductId) -> QueryResult<Option<Product>> {
    find_row_and_lock(conn, id)?.map(Row::into_product).transpose()
}

pub(super) fn find_row_and_lock(conn: &mut DbConn, id: &ProductId) -> QueryResult<Option<Row>> {
    let query = products::table.find(id.as_str());
    match conn {
        #[cfg(feature = "postgres")]
        DbConn::Postgres(conn) => query.for_update().first(conn).optional(),
        #[cfg(feature = "sqlite")]
        DbConn::Sqlite(conn) => query.first(conn).optional(),
    }
}

impl ListSource for ProductFilter {
    type Row = Product;
    /// libpq has all of them in memory.
    const PART_ROWS: i64 = 64;

    fn load(
        &self,
        conn: &mut DbConn,
        page: &PageOf<Product>,
        show: Show<'_, Product>,
    ) -> QueryResult<()> {
        let key = match page.sort.key {
            ProductKey::CreatedAt => "products.created_at".to_owned(),
            ProductKey::Price => "products.price".to_owned(),
            ProductKey::Name => folded_column(is_postgres(conn), "products.name"),
            ProductKey::Stock => "products.stock".to_owned(),
        };
        let way = match page.sort.key {
            // Whatever is found is put in this order, which has no index.
            ProductKey::Stock => Way::to_all(conn),
            _ => Way::to_first(conn, self.search.as_ref())?,
        };
        let query = in_order!(
            filtered(self, way), page, key, "products.id", place => Text = place.id.as_str()
        );
        let rows = query.load_iter::<Row, DefaultLoadingMode>(conn)?;
        show_rows(rows, Row::into_product, show)
    }

    fn count(&self, conn: &mut DbConn, counting: Counting) -> QueryResult<Total> {
        let way = Way::to_all(conn);
        count_rows!(conn, counting, filtered(self, way), products::id)
    }
}

fn filtered(filter: &ProductFilter, way: Way) -> products::BoxedQuery<'_, MultiBackend> {
    let mut query = products::table.into_boxed();
    if let Some(category) = &filter.category {
        query = query.filter(products::category.eq(category));
    }
    if let Some(brand) = &filter.brand {
        query = query.filter(products::brand.eq(brand));
    }
    if let Some(min) = filter.min_price {
        query = query.filter(products::price.ge(min.get()));
    }
    if let Some(max) = filter.max_price {
        query = query.filter(products::price.le(max.get()));
    }
    if let Some(ids) = &filter.ids {
        query = query.filter(products::id.eq_any(ids.iter().map(Id::as_str)));
    }
    query = match filter.in_stock {
        Some(true) => query.filter(products::stock.gt(0)),
        Some(false) => query.filter(products::stock.eq(0)),
        None => query,
    };
    if let Some(search) = &filter.search {
        query = found_by(search, query, way);
    }
    query
}

/// Adds a product that is made now, and opens its books.
pub(super) fn insert(
    conn: &mut DbConn,
    product: &NewProduct,
    actor: &Actor,
) -> QueryResult<Product> {
    let now = time::now();
    insert_at(conn, product, (now, now), actor)
}

/// Adds a record of a data file, with its own times where it has them, and opens its books.
pub fn insert_record(
    conn: &mut DbConn,
    record: &ProductRecord,
    actor: &Actor,
) -> QueryResult<Product> {
    insert_at(conn, &record.new, record.times(), actor)
}

fn insert_at(
    conn: &mut DbConn,
    product: &NewProduct,
    (created_at, updated_at): (DateTime<Utc>, DateTime<Utc>),
    actor: &Actor,
) -> QueryResult<Product> {
    let row = NewRow {
        id: product.id.as_str(),
        name: &product.name,
        brand: &product.brand,
        price: product.price.get(),
        stock: product.stock,
        category: &product.category,
        metadata: product.metadata.clone().map(JsonObject),
        version: stock::next_version(conn, &product.id)?,
        created_at: created_at.naive_utc(),
        updated_at: updated_at.naive_utc(),
    };
    let row: Row = diesel::insert_into(products::table)
        .values(row)
        .returning(products::all_columns)
        .get_result(conn)?;
    let product = row.into_product()?;
    stock::write_opening(conn, &product, actor)?;
    Ok(product)
}

/// Changes what is present, but for the stock, which `product::stock` moves; `None` where there is no such
/// product.
pub(super) fn update(
    conn: &mut DbConn,
    id: &ProductId,
    changes: ProductChanges,
) -> QueryResult<Option<Product>> {
    let columns = ChangedColumns {
        name: changes.name,
        brand: changes.brand,
        price: changes.price.map(Cents::get),
        category: changes.category,
        metadata: changes.metadata.map(|metadata| metadata.map(JsonObject)),
    };
    let row: Option<Row> = diesel::update(products::table.find(id.as_str()))
        .set((
            columns,
            products::version.eq(products::version + 1),
            products::updated_at.eq(time::now().naive_utc()),
        ))
        .returning(products::all_columns)
        .get_result(conn)
        .optional()?;
    row.map(Row::into_product).transpose()
}

/// Deletes a product of which no piece is reserved, closes its books, and returns it; `None` where there
/// is no such product.
pub(super) fn delete(
    conn: &mut DbConn,
    id: &ProductId,
    actor: &Actor,
) -> QueryResult<Option<Product>> {
    let free = products::table.find(id.as_str()).filter(products::reserved.eq(0));
    let row: Option<Row> =
        diesel::delete(free).returning(products::all_columns).get_result(conn).optional()?;
    let product = row.map(Row::into_product).transpose()?;
    if let Some(product) = &product {
        stock::write_removal(conn, product, actor)?;
    }
    Ok(product)
}

/// How many products have each amount of stock below `below`; none where there are none.
pub(super) fn count_low_stock(conn: &mut DbConn, below: i32) -> QueryResult<Vec<(i32, i64)>> {
    products::table
        .filter(products::stock.lt(below))
        .group_by(products::stock)
        .select((products::stock, count_star()))
        .load(conn)
}

pub fn is_empty(conn: &mut DbConn) -> QueryResult<bool> {
    let first: Option<String> = products::table.select(products::id).first(conn).optional()?;
    Ok(first.is_none() && stock::is_empty(conn)?)
}

/// Deletes the products, the holds and the ledger.
pub fn delete_all(conn: &mut DbConn) -> QueryResult<usize> {
    stock::delete_all(conn)?;
    diesel::delete(products::table).execute(conn)
}
