//! What breaks things on purpose, and what watches while they are broken.
//!
//! - [`Postgres`] and [`Redis`]: servers of one test, to kill, freeze, restart, start late;
//! - [`Gate`]: a TCP proxy that holds answers back, or cuts;
//! - [`Fleet`]: stores of real processes, to kill and start again where they were;
//! - [`load`]: requests from many clients at once, with a history that is checked.

pub mod bars;
mod caller;
mod fleet;
mod gate;
pub mod history;
pub mod load;
mod postgres;
mod redis;
mod server;

pub use bars::{Mebibytes, Percent, figure};
pub use caller::{Caller, Outcome};
pub use fleet::Fleet;
pub use gate::Gate;
pub use postgres::Postgres;
pub use redis::Redis;
pub use server::{free_port, status_of};

use crate::app::{App, Combination, Process, Storage};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for something that is promised within seconds.
const CONDITION_TIMEOUT: Duration = Duration::from_secs(30);

/// Lets this process open as many files as it may, for the tests of many clients; returns how many.
pub fn raise_descriptor_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).expect("up to the hard limit is allowed");
    usize::try_from(limit.maximum.unwrap_or(1 << 20)).expect("a small number")
}

/// Asks again until it is so. The pause only spares the processor: nothing depends on its length.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let give_up_at = Instant::now() + CONDITION_TIMEOUT;
    while !is_so() {
        assert!(Instant::now() < give_up_at, "waited {CONDITION_TIMEOUT:?} until {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until the health of a service reports Redis as `state`.
#[track_caller]
pub fn until_redis_is(app: &App, service: &str, state: &str) {
    until(&format!("Redis is {state}"), || {
        app.client.send("GET", &format!("{service}/health"), &[], None).json["redis"] == state
    });
}

/// How much of something a test does: `usual`, or as many as this variable says. The long runs are
/// the same tests with greater numbers.
pub fn size(variable: &str, usual: usize) -> usize {
    let value = std::env::var(variable).ok();
    value.map_or(usual, |value| value.parse().unwrap_or_else(|_| panic!("{variable}={value}")))
}

/// How long `job` takes.
pub fn timed<T>(job: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let value = job();
    (value, start.elapsed())
}

/// A storage on PostgreSQL whose connections all go through a gate.
pub fn storage_behind_gate(combination: &Combination) -> (Storage, Gate) {
    let mut storage = Storage::seeded(&combination.backend);
    let (before, rest) = storage.database_url.split_once('@').expect("a user in the URL");
    let (target, name) = rest.split_once('/').expect("a database in the URL");
    let gate = Gate::to(target);
    storage.database_url = format!("{before}@{}/{name}", gate.address());
    (storage, gate)
}

/// A store whose way to PostgreSQL goes through a gate, beside a product service that has its own.
pub struct GatedStore {
    pub app: App,
    /// The same database, past the gate.
    pub storage: Storage,
    pub gate: Gate,
    pub other: Process,
}

pub fn gated_store(combination: &Combination, settings: &[(&str, &str)]) -> GatedStore {
    let crate::app::Backend::Postgres(servers) = &combination.backend else {
        panic!("a gate is for PostgreSQL");
    };
    let (storage, gate) = storage_behind_gate(combination);
    let name = storage.database_url.rsplit('/').next().expect("a name");
    let past_the_gate = Storage::at(servers.database(name), storage.redis_url.clone());
    let other = Process::start(storage.folder.path(), "product", &past_the_gate.settings());
    let mut all = vec![("RUST_LOG", "chronos=debug")];
    all.extend(settings);
    let app = App::start(combination, storage, &all);
    GatedStore { app, storage: past_the_gate, gate, other }
}

/// A store behind a gate, with the cache in the process: what it holds depends on nothing else.
pub fn gated_store_with_own_cache(combination: &Combination) -> (App, Gate) {
    let (mut storage, gate) = storage_behind_gate(combination);
    storage.redis_url = None;
    (App::start(combination, storage, &[]), gate)
}
