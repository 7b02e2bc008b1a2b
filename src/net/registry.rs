//! The connections of one worker: when they become many, the one that is idle the longest makes
//! room for a new one.

use super::drain::Drain;
use super::state::ConnectionState;
use slab::Slab;
use std::cell::RefCell;
use std::rc::Rc;

/// Clones are the same registry.
#[derive(Clone)]
pub struct Registry(Rc<Inner>);

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
    pub fn new(capacity: usize, drain: &Drain) -> Registry {
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

    /// A state and a place for a connection that was accepted.
    pub fn admit(&self) -> (Rc<ConnectionState>, Place) {
        if self.0.connections.borrow().len() >= self.0.eviction_threshold {
            self.evict_longest_idle();
        }
        let state = Rc::new(ConnectionState::new(self.0.drain.clone()));
        let place = self.0.connections.borrow_mut().insert(Rc::clone(&state));
        (state, Place { registry: self.clone(), place })
    }

    fn evict_longest_idle(&self) {
        let connections = self.0.connections.borrow();
        let idle = connections.iter().filter_map(|(_, state)| Some((state.idle_since()?, state)));
        if let Some((_, longest)) = idle.min_by_key(|(since, _)| *since) {
            longest.dismiss();
        }
    }
}

/// The place of a connection, given back when it ends.
pub struct Place {
    registry: Registry,
    place: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.registry.0.connections.borrow_mut().remove(self.place);
    }
}
