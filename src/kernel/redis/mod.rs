//! The one connection to Redis: who is believed, and what has still to be delivered.
//!
//! Knows nothing of what is kept there, but for the epoch that every entry of the cache repeats, and
//! the place of the letter that tells an announcement.

mod link;
mod live;
mod pending;
mod supervisor;
mod timeouts;
mod turns;

pub use link::RedisLink;
pub use live::{EPOCH_DIGITS, EPOCH_KEY, Live, is_epoch, is_wrong_type};
