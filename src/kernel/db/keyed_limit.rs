//! A limit for each key: one key that is in great demand cannot take what all share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Few permits for each key that somebody uses or waits for; clones share them.
#[derive(Clone)]
pub struct KeyedLimit(Arc<Inner>);

struct Inner {
    permits: usize,
    in_use: Mutex<HashMap<String, Limit>>,
}

struct Limit {
    permits: Arc<Semaphore>,
    users: usize,
}

/// A permit for a key, given back when this is dropped.
pub struct KeyPermit {
    // In this order: whoever waits is let in before the key can be forgotten.
    _permit: OwnedSemaphorePermit,
    _user: User,
}

impl KeyedLimit {
    /// So many permits for each key.
    pub fn new(permits: usize) -> KeyedLimit {
        KeyedLimit(Arc::new(Inner { permits, in_use: Mutex::default() }))
    }

    /// Waits for a permit of `key`, in order.
    pub async fn acquire(&self, key: &str) -> KeyPermit {
        let (user, permits) = self.queue(key);
        let permit = permits.acquire_owned().await.expect("the semaphore is never closed");
        KeyPermit { _permit: permit, _user: user }
    }

    fn queue(&self, key: &str) -> (User, Arc<Semaphore>) {
        let mut in_use = self.0.lock();
        let limit = in_use.entry(key.to_owned()).or_insert_with(|| Limit {
            permits: Arc::new(Semaphore::new(self.0.permits)),
            users: 0,
        });
        limit.users += 1;
        let user = User { limits: self.clone(), key: key.to_owned() };
        (user, Arc::clone(&limit.permits))
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Limit>> {
        // Nothing panics while the lock is held.
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who uses a key or waits for it; the last one to leave forgets the key.
struct User {
    limits: KeyedLimit,
    key: String,
}

impl Drop for User {
    fn drop(&mut self) {
        let mut in_use = self.limits.0.lock();
        if let Some(limit) = in_use.get_mut(&self.key) {
            limit.users -= 1;
            if limit.users == 0 {
                in_use.remove(&self.key);
            }
        }
    }
}
