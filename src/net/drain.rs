//! How far the process is on its way to its end: shared by the signals, which decide it, and by
//! what serves, which follows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

/// Begun: everything is still served, but no connection outlives its answer, and the process is no
/// longer ready. Closing: what nobody is using ends. Clones share it.
#[derive(Clone)]
pub struct Drain(Arc<Inner>);

struct Inner {
    has_begun: AtomicBool,
    is_closing: watch::Sender<bool>,
}

impl Drain {
    pub fn begin(&self) {
        self.0.has_begun.store(true, Ordering::Release);
    }

    pub fn has_begun(&self) -> bool {
        self.0.has_begun.load(Ordering::Acquire)
    }

    pub fn close(&self) {
        self.begin();
        self.0.is_closing.send_replace(true);
    }

    pub fn is_closing(&self) -> bool {
        *self.0.is_closing.borrow()
    }

    /// Returns when [`Drain::close`] has been called.
    pub async fn closing(&self) {
        // The sender is in `self`, so that it cannot have gone.
        let mut stage = self.0.is_closing.subscribe();
        let _closing = stage.wait_for(|is_closing| *is_closing).await;
    }
}

impl Default for Drain {
    fn default() -> Drain {
        let is_closing = watch::Sender::new(false);
        Drain(Arc::new(Inner { has_begun: AtomicBool::new(false), is_closing }))
    }
}
