//! The three listeners: what is mounted on each, and how each is bound.

use super::serves;
use crate::cli::{Role, ServeArgs};
use crate::kernel::cache::CacheState;
use crate::kernel::config::ListenSettings;
#[cfg(feature = "database")]
use crate::kernel::db::Db;
use crate::kernel::error::Refusal;
use crate::kernel::http::{edge, limit_declared_length, not_found, refuse_unsafe_paths};
use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer, web};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Longer than the gateway keeps an idle connection, so that it never sends a request into one
/// that is being closed here.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// For the head of a connection's first request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// What the listeners of one process share.
pub struct Shared {
    #[cfg(feature = "database")]
    pub db: Db,
    pub cache: CacheState,
}

/// A listener that is bound and does not serve yet.
pub struct Listener {
    pub role: Role,
    pub address: SocketAddr,
    run: Box<dyn FnOnce() -> Server>,
}

impl Listener {
    pub fn run(self) -> Server {
        (self.run)()
    }
}

/// The modules that this process has, each ready to be mounted.
#[derive(Clone)]
struct Modules {
    #[cfg(all(feature = "product", feature = "database"))]
    products: crate::product::Products,
    #[cfg(all(feature = "customer", feature = "database"))]
    customers: crate::customer::Customers,
}

impl Modules {
    #[cfg_attr(not(feature = "database"), expect(unused_variables, reason = "no slice is built"))]
    fn new(args: &ServeArgs, shared: &Shared) -> Modules {
        Modules {
            #[cfg(all(feature = "product", feature = "database"))]
            products: {
                let ttl = args.storage.cache_ttl();
                crate::product::Products::new(&shared.db, &shared.cache, ttl)
            },
            #[cfg(all(feature = "customer", feature = "database"))]
            customers: crate::customer::Customers::new(&shared.db),
        }
    }

    #[cfg_attr(
        not(all(feature = "product", feature = "database")),
        expect(unused_variables, reason = "the role is refused before anything is bound")
    )]
    fn mount_products(&self, config: &mut ServiceConfig) {
        #[cfg(all(feature = "product", feature = "database"))]
        crate::product::routes(config, self.products.clone());
    }

    #[cfg_attr(
        not(all(feature = "customer", feature = "database")),
        expect(unused_variables, reason = "the role is refused before anything is bound")
    )]
    fn mount_customers(&self, config: &mut ServiceConfig) {
        #[cfg(all(feature = "customer", feature = "database"))]
        crate::customer::routes(config, self.customers.clone());
    }
}

/// Binds the listeners of the role, and starts the work beside them.
///
/// # Errors
/// A [`Refusal`] when an address cannot be bound.
pub fn bind(args: &ServeArgs, shared: &Shared) -> anyhow::Result<Vec<Listener>> {
    let modules = Modules::new(args, shared);
    let mut listeners = Vec::new();
    #[cfg(feature = "gateway")]
    if serves(args.role, Role::Gateway) {
        listeners.push(gateway::bind(args, &modules)?);
    }
    #[cfg(feature = "database")]
    if serves(args.role, Role::Product) {
        watch_for_other_writers(shared, &modules);
        let health = service_health(shared, "product-service");
        listeners.push(bind_one(&args.listen, Role::Product, Limit::off(), move |config| {
            health(config);
            config.service(web::scope("/products").configure(|c| modules.mount_products(c)));
        })?);
    }
    #[cfg(feature = "database")]
    if serves(args.role, Role::Customer) {
        let modules = Modules::new(args, shared);
        let health = service_health(shared, "customer-service");
        listeners.push(bind_one(&args.listen, Role::Customer, Limit::off(), move |config| {
            health(config);
            config.service(web::scope("/customers").configure(|c| modules.mount_customers(c)));
        })?);
    }
    Ok(listeners)
}

#[cfg(feature = "database")]
fn service_health(
    shared: &Shared,
    service: &'static str,
) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    use crate::kernel::http::{Health, health};

    let state = Health { service, db: shared.db.clone(), cache: shared.cache.clone() };
    move |config| {
        config.app_data(web::Data::new(state.clone())).service(
            web::resource("/health").route(web::get().to(health)).route(web::head().to(health)),
        );
    }
}

/// With the cache in the process, a database file that another process changes makes it stale.
#[cfg(all(feature = "product", feature = "database"))]
fn watch_for_other_writers(shared: &Shared, modules: &Modules) {
    const LOOK_EVERY: Duration = Duration::from_millis(500);
    if !matches!(shared.cache, CacheState::InProcess) {
        return;
    }
    let (db, products) = (shared.db.clone(), modules.products.clone());
    actix_web::rt::spawn(async move {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if matches!(db.was_changed_elsewhere().await, Ok(true)) {
                products.forget_cached();
            }
        }
    });
}

#[cfg(all(not(feature = "product"), feature = "database"))]
fn watch_for_other_writers(_: &Shared, _: &Modules) {}

#[cfg(feature = "gateway")]
use crate::gateway::RateLimit as Limit;

/// Stands for the gateway's limiter where the gateway is left out.
#[cfg(not(feature = "gateway"))]
#[derive(Clone)]
struct Limit;

#[cfg(not(feature = "gateway"))]
impl Limit {
    fn off() -> Limit {
        Limit
    }
}

/// Binds one listener: the middleware that all share, and the routes that `configure` registers.
/// From the outside in: identity and envelope, rate limit, path, size, routes.
#[cfg_attr(not(feature = "gateway"), expect(unused_variables, reason = "there is no limiter"))]
fn bind_one(
    listen: &ListenSettings,
    role: Role,
    limit: Limit,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Result<Listener, Refusal> {
    let (port, setting) = match role {
        Role::All | Role::Gateway => (listen.gateway_port, "GATEWAY_PORT"),
        Role::Product => (listen.product_service_port, "PRODUCT_SERVICE_PORT"),
        Role::Customer => (listen.customer_service_port, "CUSTOMER_SERVICE_PORT"),
    };
    let server = HttpServer::new(move || {
        // The limiter can only wrap a future that may move; the one of a scope may.
        let routes = web::scope("")
            .wrap(from_fn(limit_declared_length))
            .wrap(from_fn(refuse_unsafe_paths))
            .configure(configure.clone())
            .default_service(web::to(not_found));
        let app = App::new().service(routes);
        #[cfg(feature = "gateway")]
        let app = app.wrap(limit.middleware());
        app.wrap(from_fn(edge))
    })
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(HEAD_TIMEOUT)
    .shutdown_timeout(listen.shutdown_timeout_seconds.into())
    .disable_signals()
    .bind((listen.host.0, port))
    .map_err(|error| cannot_bind(&error, listen, port, setting))?;
    let address = server.addrs().first().copied();
    let address = address.unwrap_or_else(|| SocketAddr::new(listen.host.0, port));
    Ok(Listener { role, address, run: Box::new(move || server.run()) })
}

fn cannot_bind(error: &io::Error, listen: &ListenSettings, port: u16, setting: &str) -> Refusal {
    let address = SocketAddr::new(listen.host.0, port);
    Refusal(match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("{setting}: {address} is in use by another program; choose another port")
        }
        io::ErrorKind::PermissionDenied => {
            format!("{setting}: no permission to listen at {address}; choose a port above 1023")
        }
        _ => format!("HOST or {setting}: cannot listen at {address}: {error}"),
    })
}

#[cfg(feature = "gateway")]
mod gateway {
    use super::{Limit, Listener, Modules, bind_one};
    use crate::cli::{Role, ServeArgs};
    use crate::gateway::{Mounts, Proxy, TokenKeys, proxy, routes};
    use actix_web::rt;

    pub fn bind(args: &ServeArgs, modules: &Modules) -> anyhow::Result<Listener> {
        let settings = args.gateway.clone();
        let keys = TokenKeys::new(settings.jwt_secret.as_ref(), settings.hands_out_tokens())?;
        if settings.jwt_secret.is_none() {
            log::warn!("JWT_SECRET is not set: tokens end with this process");
        }
        let limit = Limit::new(settings.rate_limit(), &settings.trusted_proxies);
        rt::spawn(limit.clone().forget_idle_clients());
        let (role, modules) = (args.role, modules.clone());
        let listener = bind_one(&args.listen, Role::Gateway, limit, move |config| {
            // The whole difference between the two roles.
            let mounts = if role == Role::All {
                let (products, customers) = (modules.clone(), modules.clone());
                Mounts {
                    products: Box::new(move |config| products.mount_products(config)),
                    customers: Box::new(move |config| customers.mount_customers(config)),
                }
            } else {
                let client = Proxy::new(&settings.trusted_proxies);
                let to_products = (client.clone(), settings.product_service_url.clone());
                let to_customers = (client, settings.customer_service_url.clone());
                Mounts {
                    products: Box::new(move |config| proxy(config, to_products.0, to_products.1)),
                    customers: Box::new(move |config| {
                        proxy(config, to_customers.0, to_customers.1)
                    }),
                }
            };
            routes(config, &keys, mounts);
        })?;
        Ok(listener)
    }
}
