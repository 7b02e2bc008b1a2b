//! `chronos serve`: a role becomes listeners, what is mounted on them, and what they share.
//!
//! First everything is built and bound, so that a wrong setting ends the program before it serves;
//! then it runs until a signal.

use super::listeners::{Address, Around, Endpoint, Listener};
use super::modules::Roles;
use super::probes::Probes;
use super::settings::ServeArgs;
use super::shared::Shared;
use super::stop::{Signals, Stop, Stopped};
use crate::kernel::cache::{CacheState, LocalCaches};
use crate::kernel::config::{DatabaseUrl, ListenSettings};
#[cfg(feature = "database")]
use crate::kernel::db::{Db, Statements};
use crate::kernel::error::Refusal;
#[cfg(feature = "database")]
use crate::kernel::idempotency::forget_old_keys;
use crate::kernel::metrics::Metrics;
use crate::kernel::redis::RedisLink;
use crate::kernel::task::Tasks;
use crate::net::{Capacity, Drain, Guards};
use actix_web::rt;
use anyhow::Context;
use futures_util::future::{Either, join_all, select};
use std::io;
use std::mem::ManuallyDrop;
use std::pin::pin;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Serves until SIGTERM, SIGHUP or SIGINT, then lets the requests in flight finish.
///
/// # Errors
/// A [`Refusal`] for settings that cannot be served; anything else that stops the start.
pub fn serve(args: ServeArgs) -> anyhow::Result<()> {
    refuse_missing_modules(&args.roles)?;
    args.listen.check_service_token().map_err(Refusal)?;
    if args.roles.has_gateway() {
        args.gateway.check_secret(&args.listen.host).map_err(Refusal)?;
        refuse_one_key_for_two_doors(&args)?;
    }
    #[cfg(feature = "database")]
    if args.roles.have_database() {
        crate::kernel::db::refuse_url(&args.storage.database_url)?;
    }
    args.warn_of_ports_of_kubernetes();
    let runtime = runtime(&args).context("starting the runtime")?;
    // Never dropped: a query that hangs in a database that hangs would hold up the exit.
    let system = ManuallyDrop::new(rt::System::with_tokio_rt(|| runtime));
    // Nor is this: when the threads of the workers end, at the same time as the process, the last
    // one would wake this thread, and its own means of doing so are gone by then.
    let _last_handle = ManuallyDrop::new(rt::System::current());
    system.block_on(run(args))
}

/// The runtime of the process. Its blocking threads are there for the database, and as many as its
/// connections: unbounded, one more is started, and kept, each time that a job comes while a thread
/// has finished another one and does not sleep yet.
fn runtime(args: &ServeArgs) -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(blocking_threads(args))
        .build()
}

fn blocking_threads(args: &ServeArgs) -> usize {
    /// The connection that writes to SQLite, the probes, the migration, names that are looked up.
    const OTHERS: usize = 4;
    let connections = usize::try_from(args.storage.database_pool_size).unwrap_or(usize::MAX);
    connections.saturating_add(OTHERS)
}

/// How many connections this process may have.
fn capacity(args: &ServeArgs) -> Capacity {
    let listeners = args.roles.modules().len() + usize::from(args.roles.has_gateway());
    // The gateway needs a second descriptor to forward what comes on the first.
    let for_each_client = if args.roles.forwarded().next().is_some() { 2 } else { 1 };
    Capacity::claim(listeners, args.storage.database_pool_size, for_each_client)
}

async fn run(args: ServeArgs) -> anyhow::Result<()> {
    // Before anything says that the store is open: a signal must never end it half-way.
    let mut signals = Signals::catch().context("catching signals")?;
    let cache = match &args.storage.redis_url {
        Some(url) => CacheState::Redis(RedisLink::new(url).context("REDIS_URL")?),
        None => CacheState::InProcess(LocalCaches::default()),
    };
    let metrics = Metrics::of_process();
    let tasks = Tasks::on(tokio::runtime::Handle::current(), blocking_threads(&args));
    let shared = Shared {
        #[cfg(feature = "database")]
        db: Db::new(
            &args.storage.database_url,
            super::shared::session(&args.storage),
            args.storage.database_pool_size,
            std::sync::Arc::new(cache.clone()),
            &tasks,
            &Statements::watched(args.observation.slow_after(), &metrics),
        ),
        tasks,
        cache,
        metrics,
    };
    #[cfg(feature = "database")]
    if args.roles.have_database() {
        shared.db.observe(&shared.metrics);
    }
    if let CacheState::Redis(link) = &shared.cache {
        link.observe(&shared.metrics);
    }
    let drain = Drain::default();
    let around = Around {
        guards: Guards {
            capacity: capacity(&args),
            drain: drain.clone(),
            shutdown_timeout_seconds: args.listen.shutdown_timeout_seconds,
        },
        probes: Probes {
            drain: drain.clone(),
            cache: shared.cache.clone(),
            #[cfg(feature = "database")]
            database: Some(shared.db.clone()).filter(|_| args.roles.have_database()),
        },
        metrics: shared.metrics.clone(),
    };
    let listeners = super::listeners::bind(
        &args,
        &around,
        &shared.cache,
        &super::modules::start(&args, &shared),
    )?;
    let addresses: Vec<Address> = listeners.iter().map(|listener| listener.address).collect();
    if let CacheState::Redis(link) = &shared.cache {
        // Tried once before the store opens, so that its first answers can come from the cache.
        if let Err(error) = link.connect().await {
            log::warn!("Redis is unavailable, going on without it: {error:#}");
        }
        link.keep();
    }
    warn_of_open_services(&args, &addresses);
    let mut starting = pin!(super::migration::start(&args, &shared));
    let started = tokio::select! {
        migration = &mut starting => Some(migration?),
        () = database_timeout(&args) => None,
        () = signals.next() => return Ok(()),
    };
    let opening = async {
        let migration = match started {
            Some(migration) => migration,
            None => starting.await?,
        };
        #[cfg(feature = "database")]
        if args.roles.have_database() {
            rt::spawn(forget_old_keys(shared.db.clone()));
        }
        super::banner::print(&args, &addresses, &migration);
        migration.finish.await
    };
    let serving = serve_all(listeners, drain, &args.listen, signals);
    // What opens first is first told to the world: a signal that is there already stops it after.
    match select(pin!(opening), pin!(serving)).await {
        Either::Left((opened, serving)) => {
            opened?;
            serving.await?;
        }
        Either::Right((served, _)) => served?,
    }
    shared.finish().await;
    log::info!("stopped");
    Ok(())
}

/// How long the doors stay shut for the database. SQLite is opened first, however long it takes. A
/// PostgreSQL that hangs must not keep the process from saying that it lives.
async fn database_timeout(args: &ServeArgs) {
    const DATABASE_TIMEOUT: Duration = Duration::from_millis(400);
    match args.storage.database_url {
        DatabaseUrl::Postgres(_) => tokio::time::sleep(DATABASE_TIMEOUT).await,
        DatabaseUrl::SqliteFile(_) | DatabaseUrl::SqliteMemory => std::future::pending().await,
    }
}

/// A service that knows the key of the tokens could speak for any user at the gateway.
fn refuse_one_key_for_two_doors(args: &ServeArgs) -> Result<(), Refusal> {
    let token = args.listen.service_token.as_ref();
    let keys = [
        ("JWT_SECRET", args.gateway.jwt_secret.as_ref()),
        ("JWT_SECRET_PREVIOUS", args.gateway.jwt_secret_previous.as_ref()),
    ];
    match keys.into_iter().find(|(_, key)| token.is_some() && *key == token) {
        Some((name, _)) => Err(Refusal(format!("SERVICE_TOKEN must not be the same as {name}"))),
        None => Ok(()),
    }
}

/// Whoever reaches a service that asks for no token can do everything.
fn warn_of_open_services(args: &ServeArgs, listeners: &[Address]) {
    let is_open = |listener: &&Address| matches!(listener.endpoint, Endpoint::Module(_));
    let reachable = args.listen.service_token.is_none() && !args.listen.host.is_loopback();
    if let Some(service) = listeners.iter().find(is_open).filter(|_| reachable) {
        log::warn!(
            "HOST is {}: the services answer there without a token ({}); set SERVICE_TOKEN, or let \
             only gateways reach them",
            args.listen.host,
            service.address
        );
    }
}

/// Serves until a signal, and then until nothing is in flight or the time for that is over.
async fn serve_all(
    listeners: Vec<Listener>,
    drain: Drain,
    settings: &ListenSettings,
    signals: Signals,
) -> anyhow::Result<()> {
    let (closers, servers): (Vec<_>, Vec<_>) =
        listeners.into_iter().map(|listener| (listener.closer, listener.server)).unzip();
    let handles = servers.iter().map(|server| server.handle()).collect();
    let (bound, drained_for) = (settings.shutdown_timeout(), settings.shutdown_drain());
    let stop = Stop { drain, closers, handles, bound, drained_for }.at_signal(signals);
    let results = match select(join_all(servers), pin!(stop)).await {
        Either::Left((results, _)) => results,
        Either::Right((Stopped::WithNothingInFlight, serving)) => serving.await,
        Either::Right((Stopped::WithRequestsInFlight, _)) => {
            log::warn!("stopped with requests in flight: their time is over");
            Vec::new()
        }
    };
    results.into_iter().collect::<io::Result<()>>().context("serving")
}

fn refuse_missing_modules(roles: &Roles) -> Result<(), Refusal> {
    if roles.has_gateway() && !cfg!(feature = "gateway") {
        return Err(Refusal(
            "this binary was built without the gateway; build with --features gateway, or serve \
             another --role"
                .into(),
        ));
    }
    let Some(missing) = roles.modules().iter().find(|module| module.start.is_none()) else {
        return Ok(());
    };
    let name = missing.name;
    Err(Refusal(match cfg!(feature = "database") {
        true => format!(
            "this binary was built without the {name} module; build with --features {name}, or \
             serve another --role"
        ),
        false => format!(
            "this binary was built without a database, and so without the {name} module; build \
             with --features {name},sqlite or --features {name},postgres"
        ),
    }))
}
