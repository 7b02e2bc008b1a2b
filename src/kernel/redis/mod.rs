//! The one connection to Redis: who is believed, and what has still to be delivered.
//!
//! Knows nothing of what is kept there, but for the epoch that every entry of the cache repeats, and
//! the place of the letter that tells an announcement.

mod belief;
mod clock;
mod connection;
mod link;
mod operations;
mod pending;
mod state;
mod supervisor;
mod timeouts;
mod turns;

pub use connection::{Connection, EPOCH_DIGITS, EPOCH_KEY, is_epoch, is_wrong_type};
pub use link::RedisLink;
