//! `chronos seed`, and the loading of a new embedded database.

use super::files::{self, Store};
use crate::app::settings::SeedArgs;
use crate::app::shared::session;
use crate::kernel::cache::{CacheState, LocalCaches};
use crate::kernel::config::RedisUrl;
use crate::kernel::db::{Db, DbConn, PrepareError, Statements, refuse_url};
use crate::kernel::error::Refusal;
use crate::kernel::metrics::Metrics;
use crate::kernel::redis::RedisLink;
use crate::kernel::streams;
use crate::kernel::task::Tasks;
use actix_web::rt;
use anyhow::Context;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// See `seed`.
pub(super) fn seed(args: &SeedArgs) -> anyhow::Result<()> {
    let started = Instant::now();
    refuse_url(&args.storage.database_url)?;
    let (store, from) = read(args)?;
    let runtime = rt::Runtime::new()?;
    let redis = args.storage.redis_url.as_ref().map(|url| connect(&runtime, url)).transpose()?;

    let url = &args.storage.database_url;
    // A command changes no row by a use case; it empties the whole cache.
    let no_effects = Arc::new(CacheState::InProcess(LocalCaches::default()));
    let tasks = Tasks::on(runtime.tokio_runtime().handle().clone(), 1);
    let statements = Statements::watched(None, &Metrics::default());
    let db = Db::new(url, session(&args.storage), 1, no_effects, &tasks, &statements);
    db.prepare(None).map_err(|error| match error {
        PrepareError::Failed(error) => error,
        away @ PrepareError::Unavailable(_) => away.into(),
    })?;
    db.run_command(|conn| {
        if args.reset {
            files::delete_all(conn)?;
        } else if !files::is_empty(conn)? {
            return Err(Refusal(format!(
                "{url} holds rows already, and nothing was changed; to empty it and load the \
                 files in their place, repeat the command with --reset"
            ))
            .into());
        }
        store.load(conn)
    })?;
    if let Some(redis) = redis {
        clear(&runtime, &redis)?;
    }
    let (summary, seconds) = (store.summary(), started.elapsed().as_secs_f64());
    // The rows are there, whoever listens.
    let _unheard = streams::say(format!("{summary} into {url} in {seconds:.1} s, from {from}"));
    Ok(())
}

/// The store to load, and where it is from. Without a folder that is named, it is that of `data/`
/// where this has one of the files, so that a checkout loads what it shows.
fn read(args: &SeedArgs) -> anyhow::Result<(Store, String)> {
    const USUAL: &str = "data";
    let folder = match &args.data_dir {
        Some(folder) => folder.as_path(),
        None if files::are_in(Path::new(USUAL)) => Path::new(USUAL),
        None => return Ok((Store::embedded()?, "the example store in the binary".to_owned())),
    };
    let (store, mut report) = files::read(folder)?;
    if args.strict {
        report.be_strict();
    }
    for warning in report.warnings() {
        streams::say_warning(warning);
    }
    report.into_result()?;
    Ok((store, folder.display().to_string()))
}

/// Loads the store that is compiled into the binary.
///
/// # Errors
/// Those of the database.
pub(super) fn load_embedded(conn: &mut DbConn) -> anyhow::Result<()> {
    Store::embedded()?.load(conn)
}

/// Connects to Redis, which must be there before the rows change: afterwards it could not be told,
/// and would go on showing the old ones.
fn connect(runtime: &rt::Runtime, url: &RedisUrl) -> anyhow::Result<RedisLink> {
    let link = RedisLink::new(url)?;
    runtime.block_on(link.connect()).with_context(|| {
        format!(
            "REDIS_URL: {url} cannot be reached, and its cache would go on showing the old \
             rows; nothing was changed"
        )
    })?;
    Ok(link)
}

fn clear(runtime: &rt::Runtime, redis: &RedisLink) -> anyhow::Result<()> {
    runtime.block_on(redis.clear()).context(
        "the files are loaded, but Redis could not be emptied: it may show the old rows until \
         CACHE_TTL_SECONDS have passed",
    )
}
