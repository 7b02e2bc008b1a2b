//! The use cases of the catalogue: rules, transactions, the order of cache and database.

use super::error::ProductError;
use super::model::{
    NewProduct, Product, ProductChanges, ProductFilter, ProductId, Purchase, Quantity,
};
use super::store;
use crate::kernel::cache::{Cache, CacheState, Origin};
use crate::kernel::db::{Db, DbConn, DbError};
use crate::kernel::http::Page;
use crate::kernel::task::uncancelled;
use diesel::result::{DatabaseErrorKind, Error};
use std::sync::Arc;
use std::time::Duration;

/// Another writer can raise the stock between a failed take and the look at why it failed; each
/// further try needs another such coincidence.
const TAKE_ATTEMPTS: usize = 5;

/// The catalogue; clones share the database and the cache.
#[derive(Clone)]
pub struct Products {
    db: Db,
    cache: Cache<Product, DbError>,
}

impl Products {
    /// A catalogue in `db`, cached where `cache` says, each product for `ttl`.
    pub fn new(db: &Db, cache: &CacheState, ttl: Duration) -> Products {
        let loading = db.clone();
        let cache = Cache::new(cache, ttl, move |id| {
            let db = loading.clone();
            Box::pin(async move { db.read(move |conn| Ok(store::find(conn, &id)?)).await })
        });
        Products { db: db.clone(), cache }
    }

    pub async fn get(&self, id: &ProductId) -> Result<(Arc<Product>, Origin), ProductError> {
        match self.cache.get(id).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(ProductError::NotFound),
            Err(error) => Err(error.unwrap_or(DbError::Panicked("a load".into())).into()),
        }
    }

    /// The page with one row more, and the number of all that the filter lets through.
    pub async fn list(
        &self,
        filter: ProductFilter,
        page: Page,
    ) -> Result<(Vec<Product>, i64), ProductError> {
        self.db
            .read(move |conn| {
                Ok((store::list(conn, &filter, &page)?, store::count(conn, &filter)?))
            })
            .await
    }

    pub async fn create(&self, product: NewProduct) -> Result<Product, ProductError> {
        let add = move |conn: &mut DbConn| store::insert(conn, &product).map_err(already_exists);
        let products = self.clone();
        // Nothing to invalidate: what does not exist is not cached.
        uncancelled(async move { products.db.write(add).await }).await
    }

    pub async fn update(
        &self,
        id: ProductId,
        changes: ProductChanges,
    ) -> Result<Product, ProductError> {
        let products = self.clone();
        uncancelled(async move {
            let product = products
                .db
                .write(move |conn| store::update(conn, &id, changes)?.ok_or(ProductError::NotFound))
                .await?;
            products.cache.invalidate(&product.id, product.version).await;
            Ok(product)
        })
        .await
    }

    pub async fn take_stock(
        &self,
        id: ProductId,
        quantity: Quantity,
    ) -> Result<Purchase, ProductError> {
        let products = self.clone();
        uncancelled(async move {
            let purchase = products.db.write(move |conn| take(conn, &id, quantity)).await?;
            products.cache.invalidate(&purchase.product.id, purchase.product.version).await;
            Ok(purchase)
        })
        .await
    }

    pub async fn delete(&self, id: ProductId) -> Result<Product, ProductError> {
        let products = self.clone();
        uncancelled(async move {
            let product = products
                .db
                .write(move |conn| store::delete(conn, &id)?.ok_or(ProductError::NotFound))
                .await?;
            // A reader may still hold the deleted row: it must meet something newer.
            products.cache.invalidate(&product.id, product.version + 1).await;
            Ok(product)
        })
        .await
    }

    /// Forgets what this process has cached, after another one changed the database file.
    pub fn forget_cached(&self) {
        self.cache.clear_local();
    }
}

fn take(conn: &mut DbConn, id: &ProductId, quantity: Quantity) -> Result<Purchase, ProductError> {
    for _ in 0..TAKE_ATTEMPTS {
        if let Some(product) = store::take(conn, id, quantity)? {
            let pieces = i64::try_from(quantity.get()).map_err(|_| ProductError::CostTooLarge)?;
            let total_cost = product.price.checked_mul(pieces).ok_or(ProductError::CostTooLarge)?;
            return Ok(Purchase { product, quantity, total_cost });
        }
        let stock = store::find(conn, id)?.ok_or(ProductError::NotFound)?.stock;
        if quantity.as_stock().is_none_or(|pieces| pieces > stock) {
            let requested = quantity.get();
            return Err(ProductError::InsufficientStock { requested, available: stock });
        }
    }
    Err(DbError::Unavailable(format!("the stock of {id} changes too fast")).into())
}

fn already_exists(error: Error) -> ProductError {
    match error {
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => ProductError::AlreadyExists,
        error => error.into(),
    }
}
