//! How long a connection of a client may take for each thing. A body is timed where it is read
//! (`kernel/http/body.rs`).

use std::time::Duration;

/// From its first byte to the end of the head, for every request; and for that first byte, on a
/// connection that has carried none yet.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_millis(4_500);
/// Between an answer and the next request. Longer than the gateway keeps an idle connection, so
/// that it never sends a request into one that is being closed here.
pub(super) const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(75);
/// For which a client may make the process wait until it takes an answer, all in all.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(28);
/// For which the rest of a request is read away behind an answer that ends the connection: one
/// that is closed at once would take the answer with it.
pub(super) const LINGER_TIMEOUT: Duration = Duration::from_secs(2);
/// For a client to read an answer that ends its connection before its own last bytes were read.
pub(super) const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// For a request on a connection that was just made when the process began to close.
pub(super) const CLOSING_TIMEOUT: Duration = Duration::from_secs(1);
/// For which the network may swallow what is sent: the kernel then gives the client up.
pub(super) const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);
