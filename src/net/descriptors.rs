//! File descriptors: how many the process may have, and how many of them connections may take.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::num::NonZeroUsize;

/// Beside the connections of clients and of the database: what the process opens for itself, such
/// as its listeners, the log and Redis.
const FOR_THE_PROCESS: u64 = 128;
/// A connection to SQLite holds the file, its log and its index.
const FOR_EACH_DATABASE_CONNECTION: u64 = 4;
/// However many descriptors there are: a connection also takes about 20 KiB of memory.
const MOST_CONNECTIONS: u64 = 24_000;
/// However few descriptors there are.
const FEWEST_CONNECTIONS_OF_A_WORKER: usize = 8;

/// How many connections each listener may have: one that is flooded leaves the others theirs.
#[derive(Debug, Clone, Copy)]
pub struct Capacity {
    /// Threads of each listener.
    pub workers: usize,
    /// Connections of each of them.
    pub of_a_worker: usize,
}

impl Capacity {
    /// Raises the soft limit of the process to the hard one, and shares out what there is, for so
    /// many listeners and connections to the database, and so many descriptors for each connection of
    /// a client.
    pub fn claim(listeners: usize, database_connections: u32, for_each_client: u64) -> Capacity {
        let limit = raise_limit();
        let pool = u64::from(database_connections) + 1;
        let kept = FOR_THE_PROCESS + pool * FOR_EACH_DATABASE_CONNECTION;
        let connections =
            (limit.saturating_sub(kept) / for_each_client.max(1)).min(MOST_CONNECTIONS);
        let workers = std::thread::available_parallelism().map_or(2, NonZeroUsize::get);
        let all = usize::try_from(connections).unwrap_or(usize::MAX);
        let of_a_worker = (all / listeners.max(1) / workers).max(FEWEST_CONNECTIONS_OF_A_WORKER);
        log::debug!("{limit} descriptors: {} connections for each listener", of_a_worker * workers);
        Capacity { workers, of_a_worker }
    }
}

fn raise_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.current == limit.maximum || setrlimit(Resource::Nofile, raised).is_ok() {
        // No limit at all is none that matters here.
        limit.maximum.unwrap_or(u64::MAX)
    } else {
        limit.current.unwrap_or(u64::MAX)
    }
}
