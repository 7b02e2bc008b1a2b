//! The three listeners: what is mounted on each, and how each is bound.

use super::modules::Module;
use super::probes::Probes;
use crate::cli::{Role, ServeArgs};
use crate::kernel::auth::{ServiceToken, caller_from_header, require_service_token};
use crate::kernel::cache::CacheState;
use crate::kernel::config::ListenSettings;
use crate::kernel::error::Refusal;
use crate::kernel::http::{OwnHosts, bound_body, not_found, refuse_other_targets, request_context};
use crate::net::{self, Closer, Guards};
use actix_server::Server;
use actix_web::middleware::from_fn;
use actix_web::web::ServiceConfig;
use actix_web::{App, web};
use std::io;
use std::net::SocketAddr;

/// What every listener has around its routes.
pub struct Around {
    pub guards: Guards,
    pub probes: Probes,
}

/// Which listener is where.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub role: Role,
    pub address: SocketAddr,
}

/// A listener that is bound and does not serve yet.
pub struct Listener {
    pub place: Place,
    pub closer: Closer,
    /// Begins to serve when it is polled.
    pub server: Server,
}

/// Binds the gateway, if the role has it, and a listener for each module.
///
/// # Errors
/// A [`Refusal`] when an address cannot be bound.
pub fn bind(
    args: &ServeArgs,
    around: &Around,
    cache: &CacheState,
    modules: &[Module],
) -> anyhow::Result<Vec<Listener>> {
    let gateway = gateway::bind(args, around, cache, modules)?;
    let mut listeners: Vec<Listener> = gateway.into_iter().collect();
    for module in modules {
        let (own, token) = (module.clone(), ServiceToken(args.listen.service_token.clone()));
        listeners.push(bind_one(
            &args.listen,
            around,
            module.role,
            LimitRate::default(),
            move |config| {
                (own.health)(config);
                let routes = web::scope(own.prefix)
                    .wrap(from_fn(caller_from_header))
                    .wrap(from_fn(require_service_token));
                config
                    .app_data(web::Data::new(token.clone()))
                    .service(routes.configure(|config| (own.routes)(config)));
            },
        )?);
    }
    Ok(listeners)
}

/// Binds one listener: the middleware that all share, and the routes that `configure` registers.
/// From the outside in: identity and envelope, rate limit, host and path, size, routes.
fn bind_one(
    listen: &ListenSettings,
    around: &Around,
    role: Role,
    limit: LimitRate,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Result<Listener, Refusal> {
    let (port, setting, service) = match role {
        Role::All | Role::Gateway => (listen.gateway_port, "GATEWAY_PORT", "gateway"),
        Role::Product => (listen.product_service_port, "PRODUCT_SERVICE_PORT", "product-service"),
        Role::Customer => {
            (listen.customer_service_port, "CUSTOMER_SERVICE_PORT", "customer-service")
        }
    };
    let port = port.number();
    let wanted = SocketAddr::new(listen.host.0, port);
    let refused = |error| cannot_bind(&error, listen, port, setting);
    let socket = net::bind(wanted).map_err(refused)?;
    let address = socket.local_addr().map_err(refused)?;
    let closer = Closer::of(&socket).map_err(refused)?;
    let probe = around.probes.routes(service);
    let hosts = web::Data::new(OwnHosts::of(listen));
    let app = move || {
        App::new()
            .app_data(hosts.clone())
            .configure(|config| probe(config))
            .configure(configure.clone())
            .default_service(web::to(not_found))
            .wrap(from_fn(bound_body))
            .wrap(from_fn(refuse_other_targets))
            .wrap(limit.clone())
            .wrap(from_fn(request_context))
    };
    let server = net::server(socket, around.guards.clone(), app).map_err(refused)?;
    Ok(Listener { place: Place { role, address }, closer, server })
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
use crate::gateway::LimitRate;
/// Nothing is limited where the gateway is left out.
#[cfg(not(feature = "gateway"))]
use actix_web::middleware::Identity as LimitRate;

#[cfg(feature = "gateway")]
mod gateway {
    use super::{Around, Listener, Module, bind_one};
    use crate::app::shared::serves;
    use crate::cli::{Role, ServeArgs};
    use crate::gateway::{
        LimitRate, Mount, Proxy, RateLimit, RefusalLog, TokenKeys, Upstream, probe, proxy, routes,
        shared_link,
    };
    use crate::kernel::cache::CacheState;
    use actix_web::{rt, web};

    pub fn bind(
        args: &ServeArgs,
        around: &Around,
        cache: &CacheState,
        modules: &[Module],
    ) -> anyhow::Result<Option<Listener>> {
        if !serves(args.role, Role::Gateway) {
            return Ok(None);
        }
        let settings = args.gateway.clone();
        let keys = TokenKeys::with_previous(
            settings.jwt_secret.as_ref(),
            settings.jwt_secret_previous.as_ref(),
            settings.jwt_leeway_seconds,
            settings.hands_out_tokens(),
        )?;
        let refusals = web::Data::new(RefusalLog::default());
        match (&settings.jwt_secret, settings.hands_out_tokens()) {
            (Some(_), true) if !args.listen.host.is_loopback() => log::warn!(
                "AUTH_TOKEN_ENDPOINT is on and HOST is {}: whoever reaches the gateway is given a \
                 token",
                args.listen.host
            ),
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
        let services = [
            ("product-service", &settings.product_service_url),
            ("customer-service", &settings.customer_service_url),
        ];
        let [products, customers] = services.map(|(name, url)| Upstream::new(name, url.clone()));
        if args.role == Role::Gateway {
            rt::spawn(probe(products.clone()));
            rt::spawn(probe(customers.clone()));
        }
        let (role, modules) = (args.role, modules.to_vec());
        let service_token = args.listen.service_token.clone();
        let layer = LimitRate::by(limit.as_ref());
        let listener = bind_one(&args.listen, around, Role::Gateway, layer, move |config| {
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
            config.app_data(web::Data::new(settings.trusted_proxies.clone()));
            routes(config, &keys, &refusals, mounts);
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

/// Stands in for the gateway where it is left out.
#[cfg(not(feature = "gateway"))]
mod gateway {
    use super::{Around, Listener, Module};
    use crate::cli::ServeArgs;
    use crate::kernel::cache::CacheState;

    pub fn bind(
        _: &ServeArgs,
        _: &Around,
        _: &CacheState,
        _: &[Module],
    ) -> anyhow::Result<Option<Listener>> {
        Ok(None)
    }
}
