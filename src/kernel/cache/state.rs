//! Where the cache is, and how what follows a commit reaches it.

use super::entry::key;
use super::shared;
use crate::kernel::effect::{Announcement, Effect, Effects};
use crate::kernel::ids::Id;
use crate::kernel::redis::RedisLink;
use futures_util::future::BoxFuture;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// How the cache is reached, for `/health`.
#[derive(Clone)]
pub enum CacheState {
    InProcess(LocalCaches),
    Redis(RedisLink),
}

impl CacheState {
    /// `connected`, `unavailable`, or `disabled` without Redis.
    pub fn as_str(&self) -> &'static str {
        match self {
            CacheState::InProcess(_) => "disabled",
            CacheState::Redis(link) if link.is_up() => "connected",
            CacheState::Redis(_) => "unavailable",
        }
    }
}

/// The caches of this process, by the kinds of their rows.
#[derive(Clone, Default)]
pub struct LocalCaches(Arc<RwLock<HashMap<&'static str, Arc<Forget>>>>);

/// Has a cache forget a row.
type Forget = dyn Fn(&Id) + Send + Sync;

impl LocalCaches {
    pub(super) fn register(&self, kind: &'static str, forget: Arc<Forget>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(kind, forget);
    }

    fn forget(&self, kind: &str, id: &Id) {
        if let Some(forget) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(kind) {
            forget(id);
        }
    }
}

impl Effects for CacheState {
    fn announce(&self, effects: &[Effect]) -> Announcement {
        let announcement = Announcement::fresh();
        // A cache in this process ends with the process.
        if let CacheState::Redis(link) = self
            && !effects.is_empty()
        {
            let keys = effects.iter().map(|Effect::Forget { kind, id }| key(kind, id)).collect();
            shared::announce(link, keys, announcement);
        }
        announcement
    }

    fn carry_out(
        &self,
        effects: Vec<Effect>,
        announcement: Announcement,
    ) -> BoxFuture<'static, ()> {
        let state = self.clone();
        Box::pin(async move {
            for Effect::Forget { kind, id } in effects {
                match &state {
                    CacheState::InProcess(caches) => caches.forget(kind, &id),
                    CacheState::Redis(link) => {
                        link.invalidate(key(kind, &id), announcement).await;
                    }
                }
            }
        })
    }
}
