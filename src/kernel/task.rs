//! Work that a client's disconnect must not cut short.

use std::future::Future;

/// Runs `work` in a task of its own and waits for it. actix drops a handler when its client goes
/// away; what follows a commit (the invalidation of the cache) must happen all the same.
pub async fn uncancelled<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work).await {
        Ok(value) => value,
        // Nobody aborts the task, so that it can only have panicked: the panic goes on here.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
