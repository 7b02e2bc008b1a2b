//! How long Redis may take for each thing, and how often it is asked: the figures that the promises of
//! the cache rest on.
//!
//! They hold in this order. A read gives up ([`READ_TURNS`]) before a write does ([`WRITE_TURNS`]); a
//! silence that counts as harmless ([`HARMLESS_TURNS`], [`HARMLESS_SILENCE`]) is shorter than any
//! after which a write gives up its invalidation; what is sent within [`FRESH_FOR`] leaves an answer
//! time to come before that, and a link in use is pinged more often ([`PING_EVERY`]).

use std::time::Duration;

/// The whole of a read that a request waits for: turns of 10 ms, as all of these.
pub(super) const READ_TURNS: u32 = 5;
/// The whole of an invalidation: a lost one costs more than a wait.
pub(super) const WRITE_TURNS: u32 = 10;
/// Connecting, and the supervisor's own commands.
pub(super) const SUPERVISOR_TURNS: u32 = 50;
/// The supervisor's ping when Redis is suspected to be down.
pub(super) const SUSPICION_TURNS: u32 = 10;
/// After a silence of fewer turns no replica can have given up an invalidation.
pub(super) const HARMLESS_TURNS: u32 = WRITE_TURNS - 1;
/// The same, by the clock: an answer is believed if Redis is known to have lived less than this
/// before.
pub(super) const HARMLESS_SILENCE: Duration = Duration::from_millis(90);
/// A command that is sent later than this after Redis is known to have lived could not be believed.
pub(super) const FRESH_FOR: Duration = Duration::from_millis(60);
/// How many answers in a row, each at once, make Redis believed again after a silence. What another
/// replica had sent before the first one has been carried out when the last one comes.
pub(super) const CONFIRMATIONS: u32 = 3;
/// Between two pings while the link is in use, and while it is not.
pub(super) const PING_EVERY: Duration = Duration::from_millis(50);
pub(super) const IDLE_PING_EVERY: Duration = Duration::from_secs(1);
/// How long after its last use the link counts as in use.
pub(super) const IN_USE: Duration = Duration::from_secs(1);
/// Between two tries to connect.
pub(super) const CONNECT_EVERY: Duration = Duration::from_millis(250);
/// From a reconnection to the first read: several ticks, so that every replica that saw the
/// outage has delivered what was pending.
pub(super) const SETTLE_FOR: Duration = Duration::from_secs(1);
/// Between two checks, at the end, of what is still to be delivered.
pub(super) const CHECK_PENDING_EVERY: Duration = Duration::from_millis(10);
/// For Redis to be told what it may also miss.
pub(super) const TELL_TIMEOUT: Duration = Duration::from_millis(50);
