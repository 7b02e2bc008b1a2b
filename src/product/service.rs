//! The use cases of the catalogue: rules, what must follow a commit, the order of cache and database.

use super::error::ProductError;
use super::model::{
    Facets, Metadata, NewProduct, Product, ProductChanges, ProductFilter, ProductId, Purchase,
    Quantity,
};
use super::stock::{self, Move, MoveKind, MoveNote, Outcome, StockChanges};
use super::store;
use crate::kernel::auth::Actor;
use crate::kernel::cache::{Cache, CacheState, Cacheable, Origin};
use crate::kernel::db::{Db, DbError, Tx, fill_page};
use crate::kernel::effect::Effect;
use crate::kernel::idempotency::Changes;
use crate::kernel::ids::Id;
use crate::kernel::metrics::Metrics;
use crate::kernel::page::{PageWriter, WrittenPage};
use crate::kernel::precondition::Precondition;
use crate::kernel::task::Tasks;
use diesel::result::{DatabaseErrorKind, Error};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// The catalogue; clones share the database and the cache.
#[derive(Clone)]
pub struct Products {
    db: Db,
    /// Runs the use cases that write.
    pub changes: Changes,
    /// Runs those that need pieces.
    pub stock_changes: StockChanges,
    cache: Cache<Product, DbError>,
}

impl Products {
    /// A catalogue in `db`, cached where `cache` says, each product for `ttl`; loads run in
    /// `tasks`, and `metrics` tell of the cache.
    pub fn new(
        db: &Db,
        cache: &CacheState,
        ttl: Duration,
        tasks: &Tasks,
        metrics: &Metrics,
    ) -> Products {
        let loading = db.clone();
        let cache = Cache::new(cache, ttl, tasks, metrics, move |id| {
            let db = loading.clone();
            Box::pin(async move {
                db.read("product.find", move |conn| Ok(store::find(conn, &id)?)).await
            })
        });
        let changes = Changes::new(db);
        let stock_changes = StockChanges::new(db, &changes);
        Products { db: db.clone(), changes, stock_changes, cache }
    }

    pub async fn get(&self, id: &ProductId) -> Result<(Arc<Product>, Origin), ProductError> {
        self.db.row_was_asked_for();
        match self.cache.get(id).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(ProductError::NotFound),
            Err(error) => Err(error.unwrap_or(DbError::Panicked("a load".into())).into()),
        }
    }

    /// Fills a page with the products that the filter lets through.
    pub async fn list(
        &self,
        filter: ProductFilter,
        mut page: PageWriter<Product>,
    ) -> Result<WrittenPage, ProductError> {
        self.db.list("product.list", move |conn| Ok(fill_page(conn, &filter, &mut page)?)).await
    }

    /// What there is among the products that the filter lets through.
    pub(super) async fn facets(&self, filter: ProductFilter) -> Result<Facets, ProductError> {
        self.db.list("product.facets", move |conn| Ok(store::facets(conn, &filter)?)).await
    }

    /// Forgets what this process has cached, after another one changed the database file.
    pub fn forget_cached(&self) {
        self.cache.clear_local();
    }
}

pub(super) fn create(
    tx: &mut Tx<'_>,
    product: &NewProduct,
    actor: &Actor,
) -> Result<Product, ProductError> {
    let product = store::insert(tx.conn(), product, actor).map_err(already_exists)?;
    // That there is no such product may be cached.
    tx.then(forget(&product.id));
    Ok(product)
}

pub(super) fn update(
    tx: &mut Tx<'_>,
    id: &ProductId,
    changes: &ProductChanges,
    condition: &Precondition<Product>,
    actor: &Actor,
) -> Result<Product, ProductError> {
    check(tx, id, condition)?;
    let moved = match changes.stock {
        Some(stock) => set_stock(tx, id, stock, actor)?,
        None => None,
    };
    if let Some(product) = moved
        && changes.is_of_stock_alone()
    {
        return Ok(product);
    }
    let product = store::update(tx.conn(), id, changes.clone())?.ok_or(ProductError::NotFound)?;
    tx.then(forget(id));
    Ok(product)
}

/// Has so many pieces to be sold, whatever is reserved beside them. `None` where there are so many.
fn set_stock(
    tx: &mut Tx<'_>,
    id: &ProductId,
    stock: i32,
    actor: &Actor,
) -> Result<Option<Product>, ProductError> {
    let before = store::find_and_lock(tx.conn(), id)?.ok_or(ProductError::NotFound)?;
    let on_hand = stock - before.stock;
    if on_hand == 0 {
        return Ok(None);
    }
    let note = MoveNote { reason: Some("set by PUT"), ..MoveNote::default() };
    let moved = Move { kind: MoveKind::Adjustment, on_hand, reserved: 0, note };
    match stock::apply(tx, id, &moved, actor)? {
        Outcome::Moved(moved) => Ok(Some(moved.product)),
        Outcome::TooMany => Err(stock::too_many("stock").into()),
        Outcome::NoProduct | Outcome::TooFew(_) => {
            unreachable!("the row is locked, and its stock is not negative afterwards")
        }
    }
}

pub(super) fn take_stock(
    tx: &mut Tx<'_>,
    id: &ProductId,
    quantity: Quantity,
    condition: &Precondition<Product>,
    actor: &Actor,
) -> Result<Purchase, ProductError> {
    check(tx, id, condition)?;
    let too_few = |available| {
        let (product_id, requested) = (id.clone(), quantity.get());
        ProductError::InsufficientStock { product_id, requested, available }
    };
    let Some(pieces) = quantity.as_stock() else {
        let product = store::find(tx.conn(), id)?.ok_or(ProductError::NotFound)?;
        return Err(too_few(product.stock));
    };
    let note = MoveNote::default();
    let moved = Move { kind: MoveKind::Sale, on_hand: -pieces, reserved: 0, note };
    match stock::apply(tx, id, &moved, actor)? {
        Outcome::Moved(moved) => {
            let product = moved.product;
            let total_cost = product.price.checked_mul(pieces.into());
            let total_cost = total_cost.ok_or(ProductError::CostTooLarge)?;
            Ok(Purchase { product, quantity, total_cost })
        }
        Outcome::NoProduct => Err(ProductError::NotFound),
        Outcome::TooFew(level) => Err(too_few(level.available())),
        Outcome::TooMany => unreachable!("there are fewer than before"),
    }
}

pub(super) fn delete(
    tx: &mut Tx<'_>,
    id: &ProductId,
    condition: &Precondition<Product>,
    actor: &Actor,
) -> Result<Product, ProductError> {
    check(tx, id, condition)?;
    let Some(product) = store::delete(tx.conn(), id, actor)? else {
        return Err(match stock::find_level(tx.conn(), id)? {
            Some(level) => {
                ProductError::Reserved { product_id: id.clone(), reserved: level.reserved }
            }
            None => ProductError::NotFound,
        });
    };
    tx.then(forget(id));
    Ok(product)
}

/// Holds the row until the transaction ends, so that what was seen of it is what is changed.
fn check(
    tx: &mut Tx<'_>,
    id: &ProductId,
    condition: &Precondition<Product>,
) -> Result<(), ProductError> {
    let Some(is_met) = condition else {
        return Ok(());
    };
    let product = store::find_and_lock(tx.conn(), id)?.ok_or(ProductError::NotFound)?;
    Ok(is_met(&product)?)
}

/// The name of one product among the rows that are written.
pub fn row(id: &ProductId) -> String {
    format!("{}:{id}", Product::KIND)
}

pub(super) fn forget(id: &ProductId) -> Effect {
    Effect::Forget { kind: Product::KIND, id: id.clone() }
}

fn already_exists(error: Error) -> ProductError {
    match error {
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => ProductError::AlreadyExists,
        error => error.into(),
    }
}

impl Cacheable for Product {
    const KIND: &'static str = "product";

    fn id(&self) -> &Id {
        &self.id
    }

    fn weight(&self) -> usize {
        /// About what a member of a JSON object costs besides its texts.
        const MEMBER_BYTES: usize = 96;
        fn weigh(value: &Value) -> usize {
            match value {
                Value::String(text) => text.len(),
                Value::Array(items) => items.iter().map(|item| weigh(item) + MEMBER_BYTES).sum(),
                Value::Object(members) => weigh_members(members),
                Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            }
        }
        fn weigh_members(members: &Metadata) -> usize {
            members.iter().map(|(name, value)| name.len() + weigh(value) + MEMBER_BYTES).sum()
        }
        let texts = self.name.len() + self.brand.len() + self.category.len();
        size_of::<Product>() + texts + self.metadata.as_ref().map_or(0, weigh_members)
    }
}
