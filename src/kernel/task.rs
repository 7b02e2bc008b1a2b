//! Work that must come to its end although the client went away, or the worker that served it.

use std::future::Future;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

/// Tasks on the runtime of the process. actix drops a handler when its client goes away, and the
/// runtime of a worker when the process stops; what follows a commit (the invalidation of the
/// cache) must happen all the same. Clones share everything.
#[derive(Clone)]
pub struct Tasks {
    runtime: Handle,
    running: TaskTracker,
}

impl Tasks {
    /// Tasks on `runtime`, which must outlive the workers.
    pub fn on(runtime: Handle) -> Tasks {
        Tasks { runtime, running: TaskTracker::new() }
    }

    /// Starts `work`; nobody can cancel it.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.running.spawn_on(work, &self.runtime);
    }

    /// Runs `work` on a thread that it may block. The whole process shares these threads: those of
    /// each worker would be as many again, for the few jobs that run at once.
    pub fn block<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        self.runtime.spawn_blocking(work)
    }

    /// Waits until every task has ended, at most for `patience`.
    pub async fn finish(&self, patience: Duration) {
        self.running.close();
        if tokio::time::timeout(patience, self.running.wait()).await.is_err() {
            log::warn!("stopped with {} tasks under way", self.running.len());
        }
    }
}
