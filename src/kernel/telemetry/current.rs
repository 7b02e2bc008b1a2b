//! Which request a task, or a job on a blocking thread, works for: the lines of the log say so.

use super::{RequestId, Trace};
use std::future::Future;

tokio::task_local! {
    static CURRENT: Current;
}

/// A request that is being answered.
#[derive(Debug, Clone)]
pub struct Current {
    pub request_id: RequestId,
    pub trace: Trace,
}

impl Current {
    /// The request that this task works for; `None` where it works for none.
    pub fn get() -> Option<Current> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Answers this request in `work`.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, work)
    }
}

/// Work that another task does for the request of this one.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let current = Current::get();
    async move {
        match current {
            Some(current) => current.scope(work).await,
            None => work.await,
        }
    }
}

/// A job that another thread does for the request of this task.
pub fn carried_job<T>(job: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let current = Current::get();
    move || match current {
        Some(current) => CURRENT.sync_scope(current, job),
        None => job(),
    }
}
