//! The schema before the first query: at once where the database is there, else as soon as it is.

use super::shared::Shared;
use crate::app::settings::ServeArgs;
use futures_util::future::LocalBoxFuture;

/// How the database stands at the start.
pub(super) struct Migration {
    /// For the banner: empty when there is nothing to say.
    pub note: &'static str,
    /// Ends when the schema is there; fails when it cannot be had, however long one waits.
    pub finish: LocalBoxFuture<'static, anyhow::Result<()>>,
}

impl Migration {
    fn done(note: &'static str) -> Migration {
        Migration { note, finish: Box::pin(std::future::ready(Ok(()))) }
    }
}

/// Without a database there is nothing to migrate.
///
/// # Errors
/// None.
#[cfg(not(feature = "database"))]
pub(crate) async fn start(_: &ServeArgs, _: &Shared) -> anyhow::Result<Migration> {
    Ok(Migration::done(""))
}

/// Migrates, and loads the store into a new embedded database.
///
/// # Errors
/// When the schema cannot be brought up to date, however long one waits.
#[cfg(feature = "database")]
pub(super) async fn start(args: &ServeArgs, shared: &Shared) -> anyhow::Result<Migration> {
    use crate::app::seed::EMBEDDED_STORE;
    use crate::kernel::db::{PrepareError, Prepared};

    if !args.roles.have_database() {
        return Ok(Migration::done(""));
    }
    let db = shared.db.clone();
    let load = EMBEDDED_STORE.filter(|_| !args.no_seed);
    let currency = args.store.store_currency.clone();
    let wanted = currency.clone();
    match tokio::task::spawn_blocking(move || prepare(&db, load, &wanted)).await? {
        Ok(Prepared::Loaded) => Ok(Migration::done("new, with the store of data/ loaded")),
        Ok(Prepared::Created) => Ok(Migration::done("new and empty")),
        Ok(Prepared::Existing) => Ok(Migration::done("")),
        Err(PrepareError::Unavailable(reason)) => {
            log::warn!("the database is unavailable, answering 503 until it is there: {reason}");
            Ok(Migration {
                note: "unavailable: answering 503 until it is there",
                finish: Box::pin(keep_trying(shared.db.clone(), load, currency)),
            })
        }
        Err(PrepareError::Failed(error)) => Err(error),
    }
}

#[cfg(feature = "database")]
async fn keep_trying(
    db: crate::kernel::db::Db,
    load: Option<crate::kernel::db::Load>,
    currency: String,
) -> anyhow::Result<()> {
    use crate::kernel::db::PrepareError;
    use std::time::Duration;

    const TRY_EVERY: Duration = Duration::from_millis(500);
    loop {
        tokio::time::sleep(TRY_EVERY).await;
        let (db, currency) = (db.clone(), currency.clone());
        match tokio::task::spawn_blocking(move || prepare(&db, load, &currency)).await? {
            Ok(_) => {
                log::info!("the database is ready");
                return Ok(());
            }
            Err(PrepareError::Unavailable(reason)) => log::debug!("still waiting: {reason}"),
            Err(PrepareError::Failed(error)) => return Err(error),
        }
    }
}

/// Brings the schema up to date, and looks whether the orders that are there are in the currency of the
/// store: a sum over two would be no amount.
#[cfg(feature = "database")]
fn prepare(
    db: &crate::kernel::db::Db,
    load: Option<crate::kernel::db::Load>,
    currency: &str,
) -> Result<crate::kernel::db::Prepared, crate::kernel::db::PrepareError> {
    let prepared = db.prepare(load)?;
    refuse_other_currency(db, currency)?;
    Ok(prepared)
}

#[cfg(all(feature = "database", feature = "order"))]
fn refuse_other_currency(
    db: &crate::kernel::db::Db,
    currency: &str,
) -> Result<(), crate::kernel::db::PrepareError> {
    use crate::kernel::db::PrepareError;

    let other = db
        .read_command(|conn| Ok(crate::order::find_other_currency(conn, currency)?))
        .map_err(|error| PrepareError::Unavailable(format!("{error:#}")))?;
    let Some(other) = other else {
        return Ok(());
    };
    Err(PrepareError::Failed(anyhow::anyhow!(
        "the store has orders in {other}, and STORE_CURRENCY is {currency}: set it to {other}, or use \
         another database"
    )))
}

#[cfg(all(feature = "database", not(feature = "order")))]
fn refuse_other_currency(
    _: &crate::kernel::db::Db,
    _: &str,
) -> Result<(), crate::kernel::db::PrepareError> {
    Ok(())
}
