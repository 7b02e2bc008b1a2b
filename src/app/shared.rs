//! What the parts of the composition root hand to each other.

use crate::kernel::cache::CacheState;
#[cfg(feature = "database")]
use crate::kernel::config::{StorageSettings, Switch};
#[cfg(feature = "database")]
use crate::kernel::db::{Db, Session};
use crate::kernel::metrics::Metrics;
use crate::kernel::task::Tasks;
use actix_web::web::ServiceConfig;
use std::sync::Arc;
use std::time::Duration;

/// How long writes may take, after the last request, whose clients have gone.
const TASKS_MAY_TAKE: Duration = Duration::from_secs(2);
/// How long Redis may take to learn of the last writes.
const INVALIDATIONS_MAY_TAKE: Duration = Duration::from_secs(1);

/// Registers routes; once for each worker.
pub(super) type Configure = Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>;

/// What the modules of one process share.
pub struct Shared {
    pub tasks: Tasks,
    #[cfg(feature = "database")]
    pub db: Db,
    pub cache: CacheState,
    pub metrics: Metrics,
}

impl Shared {
    /// Ends what the workers left behind, and puts the store in order.
    pub async fn finish(&self) {
        self.tasks.finish(TASKS_MAY_TAKE).await;
        if let CacheState::Redis(link) = &self.cache {
            link.settle(INVALIDATIONS_MAY_TAKE).await;
        }
        #[cfg(feature = "database")]
        self.db.settle().await;
    }
}

/// Whose the sessions of PostgreSQL are, as far as `DATABASE_PREPARED_STATEMENTS` says.
#[cfg(feature = "database")]
pub(super) fn session(storage: &StorageSettings) -> Session {
    match storage.database_prepared_statements {
        Switch::On => Session::Own,
        Switch::Off => Session::Shared,
    }
}
