//! Work that must come to its end although the client went away, or the worker that served it.

use crate::kernel::telemetry::{carried, carried_job};
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
    /// As `spare`, of a lower priority.
    low: Arc<OnceLock<Option<ManuallyDrop<Runtime>>>>,
}

/// How much nicer the threads of [`Tasks::block_low`] are: where there is not enough of the
/// processors for all, each gets a tenth of what another thread gets.
const LOW_PRIORITY: i32 = 10;

impl Tasks {
    /// Tasks on `runtime`, which must outlive the workers, with so many threads for
    /// [`Tasks::block_beside`].
    pub fn on(runtime: Handle, spare_threads: usize) -> Tasks {
        let (spare, low) = (Arc::default(), Arc::default());
        Tasks { runtime, running: TaskTracker::new(), spare, spare_threads, low }
    }

    /// Starts `work`; nobody can cancel it.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.running.spawn_on(carried(work), &self.runtime);
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
        self.runtime.spawn_blocking(carried_job(work))
    }

    /// As [`Tasks::block`], on other threads, for the time in which those may all hang.
    pub fn block_beside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        self.block_on(&self.spare, || (), work)
    }

    /// As [`Tasks::block`], on threads that leave the processors to the others: for work that is
    /// long, and that many ask for.
    pub fn block_low<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let lower = || {
            // Linux takes it for the calling thread alone. It only makes something better that goes
            // without it, too.
            let _lowered = rustix::process::setpriority_process(None, LOW_PRIORITY);
        };
        self.block_on(&self.low, lower, work)
    }

    /// Runs `work` on a blocking thread of `threads`, each of which begins with `at_start`.
    fn block_on<T: Send + 'static>(
        &self,
        threads: &OnceLock<Option<ManuallyDrop<Runtime>>>,
        at_start: fn(),
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let start = || {
            let count = self.spare_threads.max(1);
            let mut runtime = Builder::new_current_thread();
            runtime.max_blocking_threads(count).on_thread_start(at_start);
            let runtime = runtime.build().map(ManuallyDrop::new);
            runtime.inspect_err(|error| log::warn!("no threads: {error}")).ok()
        };
        match threads.get_or_init(start) {
            Some(runtime) => runtime.spawn_blocking(carried_job(work)),
            None => self.block(work),
        }
    }

    /// Waits until every task has ended, at most for `time_limit`.
    pub async fn finish(&self, time_limit: Duration) {
        self.running.close();
        if tokio::time::timeout(time_limit, self.running.wait()).await.is_err() {
            log::warn!("stopped with {} tasks under way", self.running.len());
        }
    }
}
