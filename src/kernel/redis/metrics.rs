//! What is told of Redis.

use super::RedisLink;
use crate::kernel::metrics::{Collector, DescriptorEncoder, Levels, Metrics};
use std::fmt;

impl RedisLink {
    /// Has `metrics` tell of the link.
    pub fn observe(&self, metrics: &Metrics) {
        metrics.collect(Link(self.clone()));
    }
}

struct Link(RedisLink);

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link")
    }
}

impl Collector for Link {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut levels = Levels::of(encoder);
        levels.gauge("chronos_redis_up", "1 while Redis is used", u32::from(self.0.is_up()))?;
        levels.gauge(
            "chronos_redis_pending_invalidations",
            "Rows that Redis has not been told to forget yet",
            self.0.pending_invalidations(),
        )
    }
}
