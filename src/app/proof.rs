//! `chronos proof`: whether the books prove the store, module by module.

use super::settings::ProofArgs;

/// Proves the store, and changes nothing.
///
/// # Errors
/// Where something does not agree: each row is told before, in a line of its own. When the database is not
/// there, or its schema is older than this program.
#[cfg(feature = "database")]
pub fn proof(args: &ProofArgs) -> anyhow::Result<()> {
    use super::modules::MODULES;
    use super::shared::session;
    use crate::kernel::cache::{CacheState, LocalCaches};
    use crate::kernel::db::{Db, Statements, refuse_url};
    use crate::kernel::metrics::Metrics;
    use crate::kernel::streams::say;
    use crate::kernel::task::Tasks;
    use actix_web::rt;
    use std::sync::Arc;

    refuse_url(&args.storage.database_url)?;
    let runtime = rt::Runtime::new()?;
    let tasks = Tasks::on(runtime.tokio_runtime().handle().clone(), 1);
    // A command that changes nothing has no effects.
    let no_effects = Arc::new(CacheState::InProcess(LocalCaches::default()));
    let statements = Statements::watched(None, &Metrics::default());
    let url = &args.storage.database_url;
    let db = Db::new(url, session(&args.storage), 1, no_effects, &tasks, &statements);
    db.refuse_older_schema()?;
    let (mut proved, mut drift_count) = (Vec::new(), 0_usize);
    for prove in MODULES.iter().filter_map(|module| module.prove) {
        let said = prove(&db, &mut |drift| {
            drift_count += 1;
            // The exit status tells, whoever listens.
            let _unheard = say(drift);
        })?;
        proved.push(said);
    }
    let proved = proved.join(", ");
    if drift_count > 0 {
        let rows = if drift_count == 1 { "row does" } else { "rows do" };
        anyhow::bail!("{url}: {drift_count} {rows} not agree; looked at {proved}");
    }
    let _unheard = say(format!("{url}: the books agree: {proved}"));
    Ok(())
}

/// # Errors
/// Always: there is nothing to prove.
#[cfg(not(feature = "database"))]
pub fn proof(args: &ProofArgs) -> anyhow::Result<()> {
    let _nothing_to_prove = args;
    let missing = "proof needs a database; build with --features product,sqlite,postgres";
    Err(crate::kernel::error::Refusal(missing.into()).into())
}
