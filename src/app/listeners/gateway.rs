//! The listener of the gateway: each mount is the module itself where the process serves it, and the
//! way to another process where it does not.

use super::{Around, Endpoint, Listener, bind_one};
use crate::app::modules::{MODULES, Module, Running};
use crate::app::settings::ServeArgs;
use crate::app::shared::Configure;
use crate::gateway::{
    LimitRate, Mount, Mounts, Proxy, RateLimit, RefusalLog, TokenKeys, Upstream, observe_upstreams,
    probe, proxy, routes, shared_link,
};
use crate::kernel::cache::CacheState;
use crate::kernel::config::GatewaySettings;
use crate::kernel::metrics::Metrics;
use actix_web::{rt, web};

/// Binds the gateway, if the process has it, and starts what runs beside it.
pub(super) fn bind(
    args: &ServeArgs,
    around: &Around,
    cache: &CacheState,
    modules: &[Running],
) -> anyhow::Result<Option<Listener>> {
    if !args.roles.has_gateway() {
        return Ok(None);
    }
    let settings = args.gateway.clone();
    let keys = TokenKeys::with_previous(
        settings.jwt_secret.as_ref(),
        settings.jwt_secret_previous.as_ref(),
        settings.jwt_leeway_seconds,
        settings.hands_out_tokens(),
    )?;
    warn_of_tokens(args);
    let refusals = web::Data::new(RefusalLog::new(&around.metrics));
    let layer = LimitRate::by(start_limit(&settings, cache, &around.metrics).as_ref());
    let targets: Vec<(&'static str, Target)> =
        MODULES.iter().flat_map(|module| targets_of(module, args, around, modules)).collect();
    observe_upstreams(&around.metrics, upstreams_of(&targets));
    let service_token = args.listen.service_token.clone();
    let listener = bind_one(args, around, Endpoint::Gateway, layer, move |config| {
        let client = Proxy::new(&settings.trusted_proxies, service_token.as_ref());
        let mounts: Mounts = targets
            .iter()
            .cloned()
            .map(|(prefix, target)| (prefix, target.mount(&client)))
            .collect();
        config.app_data(web::Data::new(settings.trusted_proxies.clone()));
        routes(config, &keys, &refusals, mounts);
    })?;
    Ok(Some(listener))
}

/// What stands behind a mount.
#[derive(Clone)]
enum Target {
    InProcess(Configure),
    Upstream(Upstream),
}

impl Target {
    fn mount(self, client: &Proxy) -> Mount {
        let client = client.clone();
        match self {
            Target::InProcess(routes) => Box::new(move |config| routes(config)),
            Target::Upstream(upstream) => Box::new(move |config| proxy(config, client, upstream)),
        }
    }
}

/// Where the gateway finds what a module mounts. The mounts of one module share its breaker.
fn targets_of(
    module: &'static Module,
    args: &ServeArgs,
    around: &Around,
    running: &[Running],
) -> Vec<(&'static str, Target)> {
    let in_process = running.iter().find(|running| running.module.name == module.name);
    if let Some(running) = in_process {
        let mounted = running.scopes.iter().filter(|scope| module.mounts.contains(&scope.prefix));
        return mounted
            .map(|scope| (scope.prefix, Target::InProcess(scope.routes.clone())))
            .collect();
    }
    let url = args.upstreams.of(module).clone();
    let upstream = Upstream::new(module.service, url, &around.metrics);
    rt::spawn(probe(upstream.clone()));
    module.mounts.iter().map(|mount| (*mount, Target::Upstream(upstream.clone()))).collect()
}

/// The services in other processes, each once.
fn upstreams_of(targets: &[(&'static str, Target)]) -> Vec<Upstream> {
    let mut upstreams: Vec<Upstream> = Vec::new();
    for (_, target) in targets {
        if let Target::Upstream(upstream) = target
            && upstreams.iter().all(|known| known.name() != upstream.name())
        {
            upstreams.push(upstream.clone());
        }
    }
    upstreams
}

fn start_limit(
    settings: &GatewaySettings,
    cache: &CacheState,
    metrics: &Metrics,
) -> Option<RateLimit> {
    let limit = settings.rate_limit().map(|per_minute| {
        RateLimit::new(per_minute, &settings.trusted_proxies, shared_link(cache), metrics)
    });
    if let Some(limit) = limit.clone() {
        rt::spawn(limit.forget_idle_clients());
    }
    limit
}

fn warn_of_tokens(args: &ServeArgs) {
    match (&args.gateway.jwt_secret, args.gateway.hands_out_tokens()) {
        (Some(_), true) if !args.listen.host.is_loopback() => log::warn!(
            "AUTH_TOKEN_ENDPOINT is on and HOST is {}: whoever reaches the gateway is given a token",
            args.listen.host
        ),
        (Some(_), _) => {}
        (None, true) => log::warn!("JWT_SECRET is not set: tokens end with this process"),
        (None, false) => log::warn!(
            "JWT_SECRET is not set and AUTH_TOKEN_ENDPOINT is off: no token can be valid"
        ),
    }
}
