//! How each module starts: the place, beside `lib.rs`, that knows which features were built.

use super::{Module, Start};
use crate::app::settings::ServeArgs;
use crate::app::shared::{Configure, Shared};

/// Routes below a path.
#[derive(Clone)]
pub struct Scope {
    pub prefix: &'static str,
    pub routes: Configure,
}

/// A module that the process serves.
#[derive(Clone)]
pub(crate) struct Running {
    pub module: &'static Module,
    /// What its own listener serves.
    pub scopes: Vec<Scope>,
    /// Its `GET /health`, at its own listener alone.
    pub health: Configure,
}

impl Running {
    /// `None` where the binary leaves the module out.
    pub(crate) fn start(
        module: &'static Module,
        args: &ServeArgs,
        shared: &Shared,
    ) -> Option<Running> {
        let scopes = module.start?(args, shared);
        Some(Running { module, scopes, health: health(shared, module.service) })
    }
}

#[cfg(all(feature = "database", any(feature = "product", feature = "customer")))]
use crate::app::health::route as health;
/// Without a module nothing asks for it.
#[cfg(not(all(feature = "database", any(feature = "product", feature = "customer"))))]
fn health(_: &Shared, _: &str) -> Configure {
    std::sync::Arc::new(|_| ())
}

#[cfg(all(feature = "product", feature = "database"))]
pub(super) const PRODUCT: Option<Start> = Some(|args, shared| {
    let ttl = args.storage.cache_ttl();
    let Shared { tasks, db, cache, metrics } = shared;
    let products = crate::product::Products::new(db, cache, ttl, tasks, metrics);
    crate::product::observe_stock(db, tasks, metrics, args.observation.low_stock_threshold);
    watch_for_other_writers(shared, &products);
    let stock = crate::product::stock::Stock::new(
        db,
        &products.changes,
        args.store.hold_max_days,
        args.observation.low_stock_threshold,
    );
    let (of_stock, of_holds) = (stock.clone(), stock.clone());
    let routes: Configure = std::sync::Arc::new(move |config| {
        crate::product::routes(config, products.clone());
        crate::product::stock::routes_of_products(config, stock.clone());
    });
    vec![
        Scope { prefix: "/products", routes },
        Scope {
            prefix: "/stock",
            routes: std::sync::Arc::new(move |config| {
                crate::product::stock::routes_of_stock(config, of_stock.clone());
            }),
        },
        Scope {
            prefix: "/holds",
            routes: std::sync::Arc::new(move |config| {
                crate::product::stock::routes_of_holds(config, of_holds.clone());
            }),
        },
    ]
});
#[cfg(not(all(feature = "product", feature = "database")))]
pub(super) const PRODUCT: Option<Start> = None;

#[cfg(all(feature = "customer", feature = "database"))]
pub(super) const CUSTOMER: Option<Start> = Some(|args, shared| {
    let customers = crate::customer::Customers::new(&shared.db);
    // The orders of a customer have their address among the customers.
    let orders = orders_of_customers(args, shared);
    let routes: Configure = std::sync::Arc::new(move |config| {
        crate::customer::routes(config, customers.clone());
        orders(config);
    });
    vec![Scope { prefix: "/customers", routes }]
});
#[cfg(not(all(feature = "customer", feature = "database")))]
pub(super) const CUSTOMER: Option<Start> = None;

#[cfg(all(feature = "order", feature = "database"))]
pub(super) const ORDER: Option<Start> = Some(|args, shared| {
    let orders = crate::order::Orders::new(&shared.db, sale_rules(args));
    let routes: Configure =
        std::sync::Arc::new(move |config| crate::order::routes(config, orders.clone()));
    vec![
        Scope { prefix: "/orders", routes },
        Scope { prefix: "/customers", routes: orders_of_customers(args, shared) },
    ]
});
#[cfg(not(all(feature = "order", feature = "database")))]
pub(super) const ORDER: Option<Start> = None;

#[cfg(all(feature = "order", feature = "database"))]
fn orders_of_customers(args: &ServeArgs, shared: &Shared) -> Configure {
    let orders = crate::order::Orders::new(&shared.db, sale_rules(args));
    std::sync::Arc::new(move |config| crate::order::routes_of_customers(config, orders.clone()))
}

/// The settings have been read already: what is no rule of a sale was refused there.
#[cfg(all(feature = "order", feature = "database"))]
fn sale_rules(args: &ServeArgs) -> crate::order::SaleRules {
    use crate::customer::Tier;
    use crate::kernel::config::Switch;
    use crate::order::{BasisPoints, SaleRules, TaxMode, TaxRule};

    let store = &args.store;
    let share = |points| BasisPoints::new(points).unwrap_or(BasisPoints::ZERO);
    let discounts = store.tier_discounts.iter();
    let mode = TaxMode::parse(&store.tax_mode).unwrap_or(TaxMode::None);
    SaleRules {
        currency: store.store_currency.clone(),
        discounts: discounts
            .filter_map(|(tier, points)| Some((Tier::parse(tier).ok()?, share(points))))
            .collect(),
        tax: TaxRule {
            mode,
            rate: if mode == TaxMode::None { BasisPoints::ZERO } else { share(store.tax_rate) },
        },
        fulfils_unpaid: store.fulfil_unpaid == Switch::On,
        hold_max_days: store.hold_max_days,
    }
}

#[cfg(all(feature = "customer", feature = "database", not(feature = "order")))]
fn orders_of_customers(_: &ServeArgs, _: &Shared) -> Configure {
    std::sync::Arc::new(|_| ())
}

/// With the cache in the process, a database file that another process changes makes it stale.
#[cfg(all(feature = "product", feature = "database"))]
fn watch_for_other_writers(shared: &Shared, products: &crate::product::Products) {
    use crate::kernel::cache::CacheState;
    use std::time::Duration;

    const CHECK_EVERY: Duration = Duration::from_millis(500);
    if !matches!(shared.cache, CacheState::InProcess(_)) {
        return;
    }
    let (db, products) = (shared.db.clone(), products.clone());
    actix_web::rt::spawn(async move {
        loop {
            tokio::time::sleep(CHECK_EVERY).await;
            if matches!(db.was_changed_elsewhere().await, Ok(true)) {
                products.forget_cached();
            }
        }
    });
}
