//! The one connection to Redis: who is believed, and what has still to be delivered.
//!
//! Knows nothing of what is kept there, but for the epoch that every entry of the cache repeats, and
//! how an announcement is written and told.

mod belief;
mod clock;
mod connection;
mod link;
mod metrics;
mod operations;
mod pending;
mod state;
mod supervisor;
mod timeouts;
mod turns;

pub use connection::{Connection, EPOCH_DIGITS, EPOCH_KEY, is_epoch, is_wrong_type};
pub use link::RedisLink;
