//! How long the gateway waits for a service, in the order in which a request meets these.
//!
//! [`PROBE_AFTER`] and [`PROBE_TIMEOUT`] together are shorter than [`ANSWER_TIMEOUT`]; and
//! [`IDLE_TIMEOUT`] is shorter than the services' `KEEP_ALIVE_TIMEOUT` (`net/timeouts.rs`).

use std::time::Duration;

/// For a connection to be made.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a service may leave open whether it wants a body: one that knows nothing of `Expect`
/// never says so.
pub(super) const CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);
/// After this time without an answer a service is probed, so that it is known by the end of
/// [`ANSWER_TIMEOUT`] whether it is silent to everybody.
pub(super) const PROBE_AFTER: Duration = Duration::from_millis(3_600);
/// The whole of a probe.
pub(super) const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// From the last byte of the request to the first part of the answer, and between two parts of it.
/// Shorter than the 5 seconds in which a client is promised an answer.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_millis(4_800);
/// Shorter than the services keep an idle connection open, so that they never close one that is
/// about to carry a request.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
