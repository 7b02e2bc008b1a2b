//! The three listeners: what is mounted on each, and how each is bound.

use super::modules::{MODULES, Module, Running};
use super::openapi;
use super::probes::Probes;
use super::settings::ServeArgs;
use crate::kernel::auth::{ServiceToken, caller_from_header, require_service_token};
use crate::kernel::cache::CacheState;
use crate::kernel::error::Refusal;
use crate::kernel::http::{
    Observer, OwnHosts, RequestObserver, bound_body, catch_panics, compress, cross_origin,
    error_pages, not_found, refuse_other_targets, request_context,
};
use crate::kernel::metrics::Metrics;
use crate::net::{self, Closer, Guards};
use actix_server::Server;
use actix_web::middleware::from_fn;
use actix_web::web::ServiceConfig;
use actix_web::{App, web};
use std::io;
use std::net::SocketAddr;

/// What every listener has around its routes.
pub(super) struct Around {
    pub guards: Guards,
    pub probes: Probes,
    pub metrics: Metrics,
}

/// What listens: the gateway, or a service.
#[derive(Debug, Clone, Copy)]
pub(super) enum Endpoint {
    Gateway,
    Module(&'static Module),
}

/// Which endpoint is where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Address {
    pub endpoint: Endpoint,
    pub address: SocketAddr,
}

/// A listener that is bound and does not serve yet.
pub(super) struct Listener {
    pub address: Address,
    pub closer: Closer,
    /// Begins to serve when it is polled.
    pub server: Server,
}

impl Endpoint {
    pub(super) fn name(self) -> &'static str {
        match self {
            Endpoint::Gateway => "gateway",
            Endpoint::Module(module) => module.name,
        }
    }

    /// What the probes call it.
    pub(crate) fn service(self) -> &'static str {
        match self {
            Endpoint::Gateway => "gateway",
            Endpoint::Module(module) => module.service,
        }
    }

    /// The port that is wanted, and the setting that says so.
    fn port(self, args: &ServeArgs) -> (u16, String) {
        match self {
            Endpoint::Gateway => (args.listen.gateway_port.number(), "GATEWAY_PORT".to_owned()),
            Endpoint::Module(module) => (args.ports.of(module).number(), module.setting("PORT")),
        }
    }
}

/// Binds the gateway, if the process has it, and a listener for each module.
///
/// # Errors
/// A [`Refusal`] when an address cannot be bound.
pub(super) fn bind(
    args: &ServeArgs,
    around: &Around,
    cache: &CacheState,
    modules: &[Running],
) -> anyhow::Result<Vec<Listener>> {
    let gateway = gateway::bind(args, around, cache, modules)?;
    let mut listeners: Vec<Listener> = gateway.into_iter().collect();
    for module in modules {
        listeners.push(bind_module(args, around, module.clone())?);
    }
    Ok(listeners)
}

/// Binds the listener of a service, for trusted callers.
fn bind_module(args: &ServeArgs, around: &Around, running: Running) -> Result<Listener, Refusal> {
    let endpoint = Endpoint::Module(running.module);
    bind_one(args, around, endpoint, LimitRate::default(), move |config| {
        (running.health)(config);
        for scope in &running.scopes {
            let routes = web::scope(scope.prefix)
                .wrap(from_fn(caller_from_header))
                .wrap(from_fn(require_service_token));
            config.service(routes.configure(|config| (scope.routes)(config)));
        }
    })
}

/// Binds one listener: the middleware that all share, and the routes that `configure` registers.
/// From the outside in: identity and envelope, other origins, panics, rate limit, host and path, size,
/// compression, routes.
fn bind_one(
    args: &ServeArgs,
    around: &Around,
    endpoint: Endpoint,
    limit: LimitRate,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Result<Listener, Refusal> {
    let listen = &args.listen;
    let (port, setting) = endpoint.port(args);
    let wanted = SocketAddr::new(listen.host.0, port);
    let refused = |error| cannot_bind(&error, wanted, &setting);
    let socket = net::bind(wanted).map_err(refused)?;
    let address = socket.local_addr().map_err(refused)?;
    let closer = Closer::of(&socket).map_err(refused)?;
    let probe = around.probes.routes(endpoint.service());
    let pages = openapi::routes(endpoint, &described(endpoint));
    let hosts = web::Data::new(OwnHosts::of(listen));
    let metrics = super::metrics::route(endpoint, &around.metrics);
    let origins = listen.cors_allowed_origins.clone();
    let token = web::Data::new(ServiceToken(listen.service_token.clone()));
    let slow_after = args.observation.slow_after();
    let requests = RequestObserver::new(endpoint.service(), slow_after, &around.metrics);
    let observed = requests.clone();
    let app = move || {
        App::new()
            .app_data(hosts.clone())
            .app_data(token.clone())
            .app_data(Observer::new(observed.clone()))
            .configure(|config| probe(config))
            .configure(|config| metrics(config))
            .configure(error_pages)
            .configure(|config| pages(config))
            .configure(configure.clone())
            .default_service(web::to(not_found))
            .wrap(from_fn(compress))
            .wrap(from_fn(bound_body))
            .wrap(from_fn(refuse_other_targets))
            .wrap(limit.clone())
            .wrap(from_fn(catch_panics))
            .wrap(cross_origin(&origins))
            .wrap(from_fn(request_context))
    };
    let server = net::server(socket, around.guards.clone(), requests, app).map_err(refused)?;
    Ok(Listener { address: Address { endpoint, address }, closer, server })
}

/// The modules that stand behind an endpoint.
fn described(endpoint: Endpoint) -> Vec<&'static Module> {
    match endpoint {
        Endpoint::Gateway => MODULES.iter().collect(),
        Endpoint::Module(module) => vec![module],
    }
}

fn cannot_bind(error: &io::Error, address: SocketAddr, setting: &str) -> Refusal {
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
mod gateway;

/// Stands in for the gateway where it is left out.
#[cfg(not(feature = "gateway"))]
mod gateway {
    use super::{Around, Listener, Running, ServeArgs};
    use crate::kernel::cache::CacheState;

    pub(crate) fn bind(
        _: &ServeArgs,
        _: &Around,
        _: &CacheState,
        _: &[Running],
    ) -> anyhow::Result<Option<Listener>> {
        Ok(None)
    }
}
