//! Turnstiles: a few places for each key, so that one key that is in great demand cannot take what
//! all share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A turnstile for each key that somebody uses or waits for; clones share them.
#[derive(Clone)]
pub struct Turnstiles(Arc<Inner>);

struct Inner {
    places: usize,
    in_use: Mutex<HashMap<String, Turnstile>>,
}

struct Turnstile {
    places: Arc<Semaphore>,
    users: usize,
}

/// A place, given back when this is dropped.
pub struct Turn {
    // In this order: whoever waits is let in before the turnstile can be forgotten.
    _place: OwnedSemaphorePermit,
    _user: User,
}

impl Turnstiles {
    /// Turnstiles of so many places each.
    pub fn new(places: usize) -> Turnstiles {
        Turnstiles(Arc::new(Inner { places, in_use: Mutex::default() }))
    }

    /// Waits for a place at the turnstile of `key`, in order.
    pub async fn enter(&self, key: &str) -> Turn {
        let (user, places) = self.queue(key);
        let place = places.acquire_owned().await.expect("the semaphore is never closed");
        Turn { _place: place, _user: user }
    }

    fn queue(&self, key: &str) -> (User, Arc<Semaphore>) {
        let mut in_use = self.0.lock();
        let turnstile = in_use.entry(key.to_owned()).or_insert_with(|| Turnstile {
            places: Arc::new(Semaphore::new(self.0.places)),
            users: 0,
        });
        turnstile.users += 1;
        let user = User { turnstiles: self.clone(), key: key.to_owned() };
        (user, Arc::clone(&turnstile.places))
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Turnstile>> {
        // Nothing panics while the lock is held.
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody at a turnstile; the last one to leave takes it away.
struct User {
    turnstiles: Turnstiles,
    key: String,
}

impl Drop for User {
    fn drop(&mut self) {
        let mut in_use = self.turnstiles.0.lock();
        if let Some(turnstile) = in_use.get_mut(&self.key) {
            turnstile.users -= 1;
            if turnstile.users == 0 {
                in_use.remove(&self.key);
            }
        }
    }
}
