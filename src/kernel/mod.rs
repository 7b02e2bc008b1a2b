//! What two modules need, and nothing that knows either of them.
//!
//! Nothing in here imports a slice, the gateway or the server.

pub mod auth;
pub mod cache;
pub mod config;
#[cfg(feature = "database")]
pub mod db;
pub mod effect;
pub mod error;
pub mod http;
#[cfg(feature = "database")]
pub mod idempotency;
pub mod ids;
pub mod json;
pub mod metrics;
pub mod money;
pub mod openapi;
#[cfg(feature = "database")]
pub mod outbox;
pub mod page;
pub mod precondition;
pub mod problems;
pub mod record;
pub mod redis;
pub mod streams;
pub mod task;
pub mod telemetry;
pub mod text;
pub mod time;
pub mod wire;
