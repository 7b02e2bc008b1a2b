//! The SQL of the facets: what there is among the products that a filter lets through.

use super::filtered;
use super::search::Way;
use crate::kernel::db::{DbConn, Frequent, is_postgres};
use crate::kernel::money::Cents;
use crate::product::model::{Facets, ProductFilter};
use crate::schema::products;
use diesel::dsl::{case_when, count, count_star, max, min};
use diesel::prelude::*;

/// How many brands and categories are told.
const MOST: i64 = 100;

pub(in crate::product) fn facets(conn: &mut DbConn, filter: &ProductFilter) -> QueryResult<Facets> {
    let way = Way::to_all(conn);
    let in_stock = case_when(products::stock.gt(0), products::stock);
    let told = (count_star(), count(in_stock), min(products::price), max(products::price));
    let (total, in_stock, lowest, highest): (i64, i64, Option<i64>, Option<i64>) =
        filtered(filter, way).select(told).get_result(conn)?;
    let (limit, on_postgres) = (MOST, is_postgres(conn));
    let query = filtered(filter, way).select(products::brand);
    let brands = Frequent { query, column: "brand", limit, on_postgres }.load(conn)?;
    let query = filtered(filter, way).select(products::category);
    let categories = Frequent { query, column: "category", limit, on_postgres }.load(conn)?;
    let prices = lowest.map(Cents::new).zip(highest.map(Cents::new));
    Ok(Facets { total, in_stock, prices, brands, categories })
}
