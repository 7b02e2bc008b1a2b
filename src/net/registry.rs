//! The connections of one worker: when they become many, the one that is idle the longest makes
//! room for a new one.

use super::drain::Drain;
use super::state::ConnectionState;
use slab::Slab;
use std::cell::RefCell;
use std::rc::Rc;

/// Clones are the same registry.
#[derive(Clone)]
pub(super) struct Registry(Rc<Inner>);

struct Inner {
    connections: RefCell<Slab<Rc<ConnectionState>>>,
    /// From this many on, idle ones go: fewer than the worker may have, so that the next one is
    /// never left waiting.
    eviction_threshold: usize,
    drain: Drain,
}

impl Registry {
    /// For a worker that may have `capacity` connections. To be called on its thread: it starts
    /// the task that ends idle connections when the process closes.
    pub(super) fn new(capacity: usize, drain: &Drain) -> Registry {
        let eviction_threshold = capacity - capacity / 4;
        let connections = RefCell::new(Slab::new());
        let registry =
            Registry(Rc::new(Inner { connections, eviction_threshold, drain: drain.clone() }));
        let closing = registry.clone();
        actix_web::rt::spawn(async move {
            closing.0.drain.closing().await;
            closing.0.connections.borrow().iter().for_each(|(_, state)| state.close());
        });
        registry
    }

    /// A state for a connection that was accepted, which is in the registry while the registration
    /// lives.
    pub(super) fn register(&self) -> (Rc<ConnectionState>, Registration) {
        if self.0.connections.borrow().len() >= self.0.eviction_threshold {
            self.evict_longest_idle();
        }
        let state = Rc::new(ConnectionState::new(self.0.drain.clone()));
        let key = self.0.connections.borrow_mut().insert(Rc::clone(&state));
        (state, Registration { registry: self.clone(), key })
    }

    fn evict_longest_idle(&self) {
        let connections = self.0.connections.borrow();
        let idle = connections.iter().filter_map(|(_, state)| Some((state.idle_since()?, state)));
        if let Some((_, longest)) = idle.min_by_key(|(since, _)| *since) {
            longest.evict();
        }
    }
}

/// Takes a connection out of its registry when it ends.
pub(super) struct Registration {
    registry: Registry,
    key: usize,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.registry.0.connections.borrow_mut().remove(self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::{ConnectionState, Drain, Registration, Registry};
    use crate::kernel::http::ConnectionEvents;
    use actix_web::rt::System;
    use std::rc::Rc;
    use tokio::time::Instant;

    /// A quarter of the places is kept free.
    const CAPACITY: usize = 5;

    fn is_evicted((state, _): &(Rc<ConnectionState>, Registration)) -> bool {
        state.read_deadline().is_some_and(|deadline| deadline <= Instant::now())
    }

    #[test]
    fn the_longest_idle_connection_makes_room_for_a_new_one() {
        System::new().block_on(async {
            let registry = Registry::new(CAPACITY, &Drain::default());
            let connections = [(); 4].map(|()| registry.register());
            assert!(!connections.iter().any(is_evicted));
            // The first of them is not idle any more.
            connections[0].0.head_arrived();
            let newer = [registry.register(), registry.register()];
            assert_eq!(connections.each_ref().map(is_evicted), [false, true, true, false]);
            drop(connections);
            let newest = registry.register();
            assert!(!newer.iter().any(is_evicted) && !is_evicted(&newest));
        });
    }

    #[test]
    fn when_the_process_closes_every_connection_learns_it() {
        System::new().block_on(async {
            let drain = Drain::default();
            let registry = Registry::new(CAPACITY, &drain);
            let (state, _registration) = registry.register();
            let usual = state.read_deadline();
            drain.close();
            actix_web::rt::task::yield_now().await;
            assert!(state.idle_since().is_none() && state.read_deadline() < usual);
        });
    }
}
