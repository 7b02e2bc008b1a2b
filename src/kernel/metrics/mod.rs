//! What the process counts, for `GET /metrics`. Each part registers its own, in a `metrics.rs` beside
//! what it counts, and nothing here knows any of them.
//!
//! Names begin with `chronos_`, but for those that every program has (`process_`). The values of a label
//! are words of the program, or patterns of its routes, and never what a client sends.

mod levels;
mod process;

pub use levels::Levels;
pub use prometheus_client::collector::Collector;
pub use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};
pub use prometheus_client::metrics::counter::Counter;
pub use prometheus_client::metrics::family::Family;
pub use prometheus_client::metrics::histogram::Histogram;

use futures_util::future::{BoxFuture, join_all};
use prometheus_client::encoding::{EncodeMetric, prometheus_text};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The type of what [`Metrics::to_text`] writes.
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// Bounds in seconds, from a hit of the cache to the longest that a client waits.
const SECONDS: [f64; 13] =
    [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// The metrics of a process; clones are the same.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Inner>);

#[derive(Default)]
struct Inner {
    registered: Mutex<Registered>,
    refreshed: Mutex<Vec<Box<Refresh>>>,
}

#[derive(Default)]
struct Registered {
    registry: Registry,
    /// What was registered by its name, for the second who asks for it.
    by_name: HashMap<&'static str, Box<dyn Any + Send>>,
}

/// Brings up to date what is too dear to be looked at each time.
type Refresh = dyn Fn() -> BoxFuture<'static, ()> + Send;

impl Metrics {
    /// Metrics that tell of the process itself, and of the program.
    pub fn of_process() -> Metrics {
        let metrics = Metrics::default();
        metrics.collect(process::Process::begun_now());
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        metrics.registered().registry.register("chronos_build", "The program that runs", build);
        metrics
    }

    /// A counter, of a name without its `_total`. Whoever asks for one name gets the same.
    pub fn counter(&self, name: &'static str, help: &'static str) -> Counter {
        self.registered().once(name, help, Counter::default)
    }

    /// Counters by their labels, likewise.
    pub fn counters<L: Labels>(
        &self,
        name: &'static str,
        help: &'static str,
    ) -> Family<L, Counter> {
        self.registered().once(name, help, Family::default)
    }

    /// Histograms of seconds, likewise.
    pub fn durations<L: Labels>(
        &self,
        name: &'static str,
        help: &'static str,
    ) -> Family<L, Histogram> {
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        self.registered().once(name, help, || Family::new_with_constructor(histogram))
    }

    /// Has `collector` write its values whenever they are asked for.
    pub fn collect(&self, collector: impl Collector) {
        self.registered().registry.register_collector(Box::new(collector));
    }

    /// Runs `refresh` whenever the values are asked for, before they are written.
    pub fn before_each(&self, refresh: impl Fn() -> BoxFuture<'static, ()> + Send + 'static) {
        let mut refreshed = self.0.refreshed.lock().unwrap_or_else(PoisonError::into_inner);
        refreshed.push(Box::new(refresh));
    }

    /// All values, in the text format of Prometheus, 0.0.4. What takes too long to bring up to date is
    /// written as it was.
    pub async fn to_text(&self) -> String {
        /// Well below what a scraper waits.
        const REFRESH_TIMEOUT: Duration = Duration::from_secs(1);
        let refreshing: Vec<BoxFuture<'_, ()>> = {
            let refreshed = self.0.refreshed.lock().unwrap_or_else(PoisonError::into_inner);
            refreshed.iter().map(|refresh| refresh()).collect()
        };
        let _in_time = tokio::time::timeout(REFRESH_TIMEOUT, join_all(refreshing)).await;
        let mut text = String::with_capacity(32 * 1024);
        prometheus_text::encode(&mut text, &self.registered().registry)
            .expect("a string takes all that is written");
        text
    }

    fn registered(&self) -> MutexGuard<'_, Registered> {
        // A collector that panics leaves the registry as it was.
        self.0.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registered {
    fn once<M>(&mut self, name: &'static str, help: &'static str, make: impl FnOnce() -> M) -> M
    where
        M: EncodeMetric + fmt::Debug + Clone + Send + Sync + 'static,
    {
        if let Some(known) = self.by_name.get(name).and_then(|known| known.downcast_ref::<M>()) {
            return known.clone();
        }
        let metric = make();
        self.registry.register(name, help, metric.clone());
        self.by_name.insert(name, Box::new(metric.clone()));
        metric
    }
}

/// A set of labels.
pub trait Labels: EncodeLabelSet + fmt::Debug + Clone + Hash + Eq + Send + Sync + 'static {}

impl<L: EncodeLabelSet + fmt::Debug + Clone + Hash + Eq + Send + Sync + 'static> Labels for L {}
