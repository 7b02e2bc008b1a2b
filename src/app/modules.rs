//! The modules that this binary has, each ready to be mounted: the one place that knows which
//! features were built.

use super::shared::{Configure, Shared, serves};
use crate::cli::{Role, ServeArgs};

/// One service: where it is mounted and what it is called.
#[derive(Clone)]
pub struct Module {
    pub role: Role,
    /// The scope of its routes, at its own listener and at the gateway.
    pub prefix: &'static str,
    pub routes: Configure,
    /// Its `GET /health`, at its own listener alone.
    pub health: Configure,
}

/// The modules that were built and that the process serves.
pub fn modules(args: &ServeArgs, shared: &Shared) -> Vec<Module> {
    let built = [products(args, shared), customers(shared)];
    built.into_iter().flatten().filter(|module| serves(args.role, module.role)).collect()
}

#[cfg(all(feature = "product", feature = "database"))]
fn products(args: &ServeArgs, shared: &Shared) -> Option<Module> {
    let ttl = args.storage.cache_ttl();
    let products = crate::product::Products::new(&shared.db, &shared.cache, ttl, &shared.tasks);
    if serves(args.role, Role::Product) {
        watch_for_other_writers(shared, &products);
    }
    Some(Module {
        role: Role::Product,
        prefix: "/products",
        routes: std::sync::Arc::new(move |config| crate::product::routes(config, products.clone())),
        health: super::health::route(shared, "product-service"),
    })
}

#[cfg(not(all(feature = "product", feature = "database")))]
fn products(_: &ServeArgs, _: &Shared) -> Option<Module> {
    None
}

#[cfg(all(feature = "customer", feature = "database"))]
fn customers(shared: &Shared) -> Option<Module> {
    let customers = crate::customer::Customers::new(&shared.db);
    #[cfg(feature = "order")]
    let orders = crate::order::Orders::new(&shared.db);
    Some(Module {
        role: Role::Customer,
        prefix: "/customers",
        // The orders of a customer have their address among the customers.
        routes: std::sync::Arc::new(move |config| {
            crate::customer::routes(config, customers.clone());
            #[cfg(feature = "order")]
            crate::order::routes_of_customers(config, orders.clone());
        }),
        health: super::health::route(shared, "customer-service"),
    })
}

#[cfg(not(all(feature = "customer", feature = "database")))]
fn customers(_: &Shared) -> Option<Module> {
    None
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
