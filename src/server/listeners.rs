//! The three listeners: what is mounted on each, and how each is bound.

use super::modules::Module;
use crate::cli::{Role, ServeArgs};
use crate::kernel::cache::CacheState;
use crate::kernel::config::ListenSettings;
use crate::kernel::error::Refusal;
use crate::kernel::http::{
    ServiceToken, believe_caller, bound_body, edge, not_found, refuse_unsafe_paths,
    require_service_token,
};
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

/// Binds the gateway, if the role has it, and a listener for each module.
///
/// # Errors
/// A [`Refusal`] when an address cannot be bound.
pub fn bind(
    args: &ServeArgs,
    cache: &CacheState,
    modules: &[Module],
) -> anyhow::Result<Vec<Listener>> {
    let mut listeners: Vec<Listener> = gateway::bind(args, cache, modules)?.into_iter().collect();
    for module in modules {
        let (own, token) = (module.clone(), ServiceToken(args.listen.service_token.clone()));
        listeners.push(bind_one(&args.listen, module.role, move |config| {
            (own.health)(config);
            let routes = web::scope(own.prefix)
                .wrap(from_fn(believe_caller))
                .wrap(from_fn(require_service_token));
            config
                .app_data(web::Data::new(token.clone()))
                .service(routes.configure(|config| (own.routes)(config)));
        })?);
    }
    Ok(listeners)
}

/// Binds one listener: the middleware that all share, and the routes that `configure` registers.
/// From the outside in: identity and envelope, rate limit, path, size, routes.
fn bind_one(
    listen: &ListenSettings,
    role: Role,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Result<Listener, Refusal> {
    let (port, setting) = match role {
        Role::All | Role::Gateway => (listen.gateway_port, "GATEWAY_PORT"),
        Role::Product => (listen.product_service_port, "PRODUCT_SERVICE_PORT"),
        Role::Customer => (listen.customer_service_port, "CUSTOMER_SERVICE_PORT"),
    };
    let server = HttpServer::new(move || {
        App::new()
            .configure(configure.clone())
            .default_service(web::to(not_found))
            .wrap(from_fn(bound_body))
            .wrap(from_fn(refuse_unsafe_paths))
            .wrap(from_fn(limit_rate))
            .wrap(from_fn(edge))
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
            format!("{setting}: {address} is in use already; choose another port")
        }
        io::ErrorKind::PermissionDenied => {
            format!("{setting}: no permission to listen at {address}; choose a port above 1023")
        }
        _ => format!("HOST or {setting}: cannot listen at {address}: {error}"),
    })
}

#[cfg(feature = "gateway")]
use crate::gateway::limit_rate;

#[cfg(feature = "gateway")]
mod gateway {
    use super::{Listener, Module, bind_one};
    use crate::cli::{Role, ServeArgs};
    use crate::gateway::{
        Mount, Proxy, RateLimit, TokenKeys, Upstream, probe, proxy, routes, shared_link,
    };
    use crate::kernel::cache::CacheState;
    use crate::server::serves;
    use actix_web::rt;

    pub fn bind(
        args: &ServeArgs,
        cache: &CacheState,
        modules: &[Module],
    ) -> anyhow::Result<Option<Listener>> {
        if !serves(args.role, Role::Gateway) {
            return Ok(None);
        }
        let settings = args.gateway.clone();
        let keys = TokenKeys::new(settings.jwt_secret.as_ref(), settings.hands_out_tokens())?;
        match (&settings.jwt_secret, settings.hands_out_tokens()) {
            (Some(_), _) => {}
            (None, true) => log::warn!("JWT_SECRET is not set: tokens end with this process"),
            (None, false) => log::warn!(
                "JWT_SECRET is not set and AUTH_TOKEN_ENDPOINT is off: no token can be valid"
            ),
        }
        let limit = settings.rate_limit().map(|per_minute| {
            RateLimit::new(per_minute, &settings.trusted_proxies, shared_link(cache))
        });
        if let Some(limit) = limit.clone() {
            rt::spawn(limit.forget_idle_clients());
        }
        let urls = [&settings.product_service_url, &settings.customer_service_url];
        let [products, customers] = urls.map(|url| Upstream::new(url.clone()));
        if args.role == Role::Gateway {
            rt::spawn(probe(products.clone()));
            rt::spawn(probe(customers.clone()));
        }
        let (role, modules) = (args.role, modules.to_vec());
        let service_token = args.listen.service_token.clone();
        let listener = bind_one(&args.listen, Role::Gateway, move |config| {
            // The whole difference between the two roles.
            let mounts = if role == Role::All {
                modules.iter().cloned().map(in_process).collect()
            } else {
                let client = Proxy::new(&settings.trusted_proxies, service_token.as_ref());
                vec![
                    forwarded("/products", &client, &products),
                    forwarded("/customers", &client, &customers),
                ]
            };
            routes(config, &keys, limit.as_ref(), mounts);
        })?;
        Ok(Some(listener))
    }

    fn in_process(module: Module) -> (&'static str, Mount) {
        (module.prefix, Box::new(move |config| (module.routes)(config)))
    }

    fn forwarded(
        prefix: &'static str,
        client: &Proxy,
        upstream: &Upstream,
    ) -> (&'static str, Mount) {
        let (client, upstream) = (client.clone(), upstream.clone());
        (prefix, Box::new(move |config| proxy(config, client, upstream)))
    }
}

#[cfg(not(feature = "gateway"))]
use gateway::limit_rate;

/// Stands in for the gateway where it is left out.
#[cfg(not(feature = "gateway"))]
mod gateway {
    use super::{Listener, Module};
    use crate::cli::ServeArgs;
    use crate::kernel::cache::CacheState;
    use actix_web::body::MessageBody;
    use actix_web::dev::{ServiceRequest, ServiceResponse};
    use actix_web::middleware::Next;

    pub fn bind(_: &ServeArgs, _: &CacheState, _: &[Module]) -> anyhow::Result<Option<Listener>> {
        Ok(None)
    }

    pub async fn limit_rate(
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
        next.call(request).await
    }
}
