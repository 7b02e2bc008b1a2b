//! Work that must come to its end although the client went away, or the worker that served it.

use std::future::Future;
use std::mem::ManuallyDrop;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

/// Tasks on the runtime of the process. actix drops a handler when its client goes away, and the
/// runtime of a worker when the process stops; what follows a commit (the invalidation of the
/// cache) must happen all the same. Clones share everything.
#[derive(Clone)]
pub struct Tasks {
    runtime: Handle,
    running: TaskTracker,
    /// Started when it is first needed. Never dropped: that would wait for what hangs on it.
    spare: Arc<OnceLock<Option<ManuallyDrop<Runtime>>>>,
    spare_threads: usize,
}

impl Tasks {
    /// Tasks on `runtime`, which must outlive the workers, with so many threads for
    /// [`Tasks::block_beside`].
    pub fn on(runtime: Handle, spare_threads: usize) -> Tasks {
        Tasks { runtime, running: TaskTracker::new(), spare: Arc::default(), spare_threads }
    }

    /// Starts `work`; nobody can cancel it.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.running.spawn_on(work, &self.runtime);
    }

    /// Starts `work`, which the stop of the process need not wait for.
    pub fn detach(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// Runs `work` on a thread that it may block. The whole process shares these threads: those of
    /// each worker would be as many again, for the few jobs that run at once.
    pub fn block<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        self.runtime.spawn_blocking(work)
    }

    /// As [`Tasks::block`], on other threads, for the time in which those may all hang.
    pub fn block_beside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let start = || {
            let threads = self.spare_threads.max(1);
            let runtime = Builder::new_current_thread().max_blocking_threads(threads).build();
            runtime
                .map(ManuallyDrop::new)
                .inspect_err(|error| log::warn!("no threads: {error}"))
                .ok()
        };
        match self.spare.get_or_init(start) {
            Some(spare) => spare.spawn_blocking(work),
            None => self.block(work),
        }
    }

    /// Waits until every task has ended, at most for `patience`.
    pub async fn finish(&self, patience: Duration) {
        self.running.close();
        if tokio::time::timeout(patience, self.running.wait()).await.is_err() {
            log::warn!("stopped with {} tasks under way", self.running.len());
        }
    }
}
