//! One TCP connection of ours: its socket, its state and deadlines, the registry of a worker, and how
//! all of them end.
//!
//! actix serves what these hand to it: docs/adr/0006 says why they are our own.

mod connection;
mod descriptors;
mod drain;
mod expect;
mod framing;
mod incoming;
mod lifecycle;
mod outgoing;
mod registry;
mod sockets;
mod state;
mod timeouts;

pub use descriptors::Capacity;
pub use drain::Drain;
pub use sockets::{Closer, Guards, bind, server};
