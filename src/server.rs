//! The composition root: a role becomes listeners, what is mounted on them, and what they share.
//!
//! The only file that names every module. First everything is built and bound, so that a wrong
//! setting ends the program before it serves; then it runs until a signal.

mod banner;
#[cfg(all(feature = "database", any(feature = "product", feature = "customer")))]
mod health;
mod listeners;
mod migration;
mod modules;

use crate::cli::{Role, ServeArgs};
use crate::kernel::cache::{CacheState, RedisLink};
#[cfg(feature = "database")]
use crate::kernel::db::Db;
use crate::kernel::error::Refusal;
use actix_web::dev::ServerHandle;
use actix_web::rt;
use anyhow::Context;
use futures_util::future::{Either, join_all, select};
use listeners::Listener;
use std::pin::pin;

/// Serves until SIGTERM or SIGINT, then lets the requests in flight finish.
///
/// # Errors
/// A [`Refusal`] for settings that cannot be served; anything else that stops the start.
pub fn serve(args: ServeArgs) -> anyhow::Result<()> {
    refuse_missing_modules(args.role)?;
    if serves(args.role, Role::Gateway) {
        args.gateway.check_secret(&args.listen.host).map_err(Refusal)?;
    }
    rt::System::new().block_on(run(args))
}

/// What the modules of one process share.
struct Shared {
    #[cfg(feature = "database")]
    db: Db,
    cache: CacheState,
}

/// Whether a process of this role serves the listener of that one.
fn serves(role: Role, listener: Role) -> bool {
    role == Role::All || role == listener
}

async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let cache = match &args.storage.redis_url {
        Some(url) => CacheState::Redis(RedisLink::new(url).context("REDIS_URL")?),
        None => CacheState::InProcess,
    };
    let shared = Shared {
        #[cfg(feature = "database")]
        db: Db::new(&args.storage.database_url, args.storage.database_pool_size),
        cache,
    };
    let listeners = listeners::bind(&args, &modules::modules(&args, &shared))?;
    if let CacheState::Redis(link) = &shared.cache {
        rt::spawn(link.clone().keep());
    }
    let migration = migration::start(&args, &shared).await?;
    banner::print(&args, &listeners, &migration);

    match select(pin!(serve_all(listeners)), migration.finish).await {
        Either::Left((served, _)) => served,
        Either::Right((migrated, serving)) => {
            migrated?;
            serving.await
        }
    }
}

async fn serve_all(listeners: Vec<Listener>) -> anyhow::Result<()> {
    let servers: Vec<_> = listeners.into_iter().map(Listener::run).collect();
    let handles: Vec<ServerHandle> = servers.iter().map(|server| server.handle()).collect();
    rt::spawn(stop_at_signal(handles));
    for result in join_all(servers).await {
        result.context("serving")?;
    }
    log::info!("stopped");
    Ok(())
}

/// At the first signal the listeners close and requests in flight finish; a second one ends them.
async fn stop_at_signal(handles: Vec<ServerHandle>) {
    signal().await;
    log::info!("stopping: no new connections, waiting for requests in flight");
    let stopping = join_all(handles.iter().map(|handle| handle.stop(true)));
    let again = async {
        signal().await;
        join_all(handles.iter().map(|handle| handle.stop(false))).await;
    };
    select(pin!(stopping), pin!(again)).await;
}

async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};

    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        log::error!("signals cannot be caught: they will end the process at once");
        return std::future::pending().await;
    };
    select(pin!(terminate.recv()), pin!(interrupt.recv())).await;
}

fn refuse_missing_modules(role: Role) -> Result<(), Refusal> {
    const HAS_DATABASE: bool = cfg!(feature = "database");
    let missing = [
        (Role::Gateway, "gateway", cfg!(feature = "gateway")),
        (Role::Product, "product", cfg!(feature = "product")),
        (Role::Customer, "customer", cfg!(feature = "customer")),
    ]
    .into_iter()
    .find(|(listener, _, is_there)| serves(role, *listener) && !is_there);
    if let Some((_, name, _)) = missing {
        return Err(Refusal(format!(
            "this binary was built without the {name} module; build with --features {name}, or \
             serve another --role"
        )));
    }
    if role != Role::Gateway && !HAS_DATABASE {
        return Err(Refusal(
            "this binary was built without a database; build with --features sqlite or \
             --features postgres"
                .into(),
        ));
    }
    Ok(())
}
