//! Waiting that counts only the time in which this process ran.
//!
//! A process that is stopped, or that has used up its share of the processor, hears nothing
//! meanwhile, and must not take its own absence for the silence of somebody else.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::timeout;

/// One turn of the thread that would hear an answer. However long the thread was kept from running
/// during a turn, the turn counts as one.
pub(super) const TURN: Duration = Duration::from_millis(10);

/// The turns are over, and nothing was heard.
#[derive(Debug)]
pub(super) struct OutOfTime;

/// Waits for `work`, at most for so many turns; also says how many it took. Must run on the thread
/// that reads what `work` waits for.
pub(super) async fn within<T>(
    turns: u32,
    work: impl Future<Output = T>,
) -> Result<(T, u32), OutOfTime> {
    let mut work = pin!(work);
    for turn in 0..turns {
        if let Ok(done) = timeout(TURN, work.as_mut()).await {
            return Ok((done, turn));
        }
    }
    // The process may have stood still in the last turn, and the answer may be here, unread. A task
    // that yields goes on after the thread has read whatever there is.
    for _ in 0..2 {
        yield_now().await;
        if let Ok(done) = timeout(Duration::ZERO, work.as_mut()).await {
            return Ok((done, turns));
        }
    }
    Err(OutOfTime)
}
