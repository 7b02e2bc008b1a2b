//! The use cases of the catalogue: rules, transactions, the order of cache and database.

use super::error::ProductError;
use super::model::{
    NewProduct, Product, ProductChanges, ProductFilter, ProductId, Purchase, Quantity,
};
use super::store;
use crate::kernel::cache::{Cache, CacheState, Origin};
use crate::kernel::db::{Db, DbConn, DbError};
use crate::kernel::http::{Answer, Listing, Rendered};
use crate::kernel::idempotency::{Changes, Reply};
use crate::kernel::task::Tasks;
use diesel::result::{DatabaseErrorKind, Error};
use futures_util::future::{BoxFuture, FutureExt};
use std::sync::Arc;
use std::time::Duration;

/// Another writer can raise the stock between a failed take and the look at why it failed; each
/// further try needs another such coincidence.
const TAKE_ATTEMPTS: usize = 5;

/// The catalogue; clones share the database and the cache.
#[derive(Clone)]
pub struct Products {
    db: Db,
    changes: Changes,
    cache: Cache<Product, DbError>,
}

impl Products {
    /// A catalogue in `db`, cached where `cache` says, each product for `ttl`; loads run in
    /// `tasks`.
    pub fn new(db: &Db, cache: &CacheState, ttl: Duration, tasks: &Tasks) -> Products {
        let loading = db.clone();
        let cache = Cache::new(cache, ttl, tasks, move |id| {
            let db = loading.clone();
            Box::pin(async move { db.read(move |conn| Ok(store::find(conn, &id)?)).await })
        });
        Products { db: db.clone(), changes: Changes::new(db), cache }
    }

    pub async fn get(&self, id: &ProductId) -> Result<(Arc<Product>, Origin), ProductError> {
        self.db.row_was_asked_for();
        match self.cache.get(id).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(ProductError::NotFound),
            Err(error) => Err(error.unwrap_or(DbError::Panicked("a load".into())).into()),
        }
    }

    /// The page, rendered, and the number of all that the filter lets through.
    pub async fn list(
        &self,
        filter: ProductFilter,
        mut listing: Listing<Product>,
    ) -> Result<(Rendered, i64), ProductError> {
        self.db
            .list(move |conn| {
                let total = store::count(conn, &filter)?;
                let part = store::PART;
                let rows =
                    listing.fill(part, |page, show| store::list(conn, &filter, page, show))?;
                Ok((rows, total))
            })
            .await
    }

    pub async fn create(
        &self,
        product: NewProduct,
        reply: Reply<Product>,
    ) -> Result<Answer, ProductError> {
        let (row, products, added) = (row_of(&product.id), self.clone(), product.id.clone());
        let add = move |conn: &mut DbConn| store::insert(conn, &product).map_err(already_exists);
        // That there is no such product may be cached.
        self.changes.make(row, reply, add, move |_| products.invalidate(added)).await
    }

    pub async fn update(
        &self,
        id: ProductId,
        changes: ProductChanges,
        reply: Reply<Product>,
    ) -> Result<Answer, ProductError> {
        let (row, products, changed) = (row_of(&id), self.clone(), id.clone());
        let change = move |conn: &mut DbConn| {
            store::update(conn, &id, changes.clone())?.ok_or(ProductError::NotFound)
        };
        self.changes.make(row, reply, change, move |_| products.invalidate(changed)).await
    }

    pub async fn take_stock(
        &self,
        id: ProductId,
        quantity: Quantity,
        reply: Reply<Purchase>,
    ) -> Result<Answer, ProductError> {
        let (row, products, taken) = (row_of(&id), self.clone(), id.clone());
        let take = move |conn: &mut DbConn| take(conn, &id, quantity);
        self.changes.make(row, reply, take, move |_| products.invalidate(taken)).await
    }

    pub async fn delete(
        &self,
        id: ProductId,
        reply: Reply<Product>,
    ) -> Result<Answer, ProductError> {
        let (row, products, removed) = (row_of(&id), self.clone(), id.clone());
        let remove =
            move |conn: &mut DbConn| store::delete(conn, &id)?.ok_or(ProductError::NotFound);
        self.changes.make(row, reply, remove, move |_| products.invalidate(removed)).await
    }

    /// Has the cache forget what it knows of a product.
    fn invalidate(&self, id: ProductId) -> BoxFuture<'static, ()> {
        let products = self.clone();
        async move { products.cache.invalidate(&id).await }.boxed()
    }

    /// Forgets what this process has cached, after another one changed the database file.
    pub fn forget_cached(&self) {
        self.cache.clear_local();
    }
}

/// The name under which the database counts the writes of one product.
fn row_of(id: &ProductId) -> String {
    format!("product:{id}")
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
