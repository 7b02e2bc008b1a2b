//! How many products are sold out, or nearly, for whoever orders them.
//!
//! Nobody keeps these numbers: an index on the stock would make each sale write to all indexes of the
//! product. So the whole table is read, as lists are, and not again before a hundred times as long has
//! passed as that took. However many products there are and however often the metrics are asked for,
//! this costs one percent of one place for lists.

use super::{stock, store};
use crate::kernel::db::{Db, DbError};
use crate::kernel::metrics::{Collector, DescriptorEncoder, Levels, Metrics};
use crate::kernel::task::Tasks;
use crate::kernel::time;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The shortest pause between two counts.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a pause is, as a multiple of the count before it.
const PAUSES_FOR_A_COUNT: u32 = 99;

/// Has `metrics` tell how many products have no stock, and how many less than `low_below`.
pub fn observe_stock(db: &Db, tasks: &Tasks, metrics: &Metrics, low_below: u32) {
    let low_below = i32::try_from(low_below).unwrap_or(i32::MAX);
    let (db, tasks, state) = (db.clone(), tasks.clone(), Mutex::default());
    let stock = Arc::new(Stock { db, tasks, low_below, state });
    metrics.collect(Arc::clone(&stock));
    metrics.before_each(move || Box::pin(Arc::clone(&stock).count_where_due()));
}

struct Stock {
    db: Db,
    tasks: Tasks,
    low_below: i32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    counted: Option<Counted>,
    next_at: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Counted {
    none_left: i64,
    low: i64,
    open_holds: i64,
    /// In seconds of the epoch.
    at: i64,
}

impl Stock {
    async fn count_where_due(self: Arc<Self>) {
        {
            let mut state = self.state();
            let now = Instant::now();
            if state.next_at.is_some_and(|at| now < at) {
                return;
            }
            // Until this count has ended, which says better; it cannot take longer.
            state.next_at = Some(now + Duration::from_secs(10));
        }
        let (ended, has_ended) = oneshot::channel::<()>();
        // Whoever asks may give up: the count is for the next one, too.
        let counting = Arc::clone(&self);
        self.tasks.detach(async move {
            counting.count().await;
            drop(ended);
        });
        let _ended = has_ended.await;
    }

    async fn count(&self) {
        let (began, low_below) = (Instant::now(), self.low_below);
        let counted = self.db.list("product.count_low_stock", move |conn| {
            let amounts = store::count_low_stock(conn, low_below)?;
            Ok::<_, DbError>((amounts, stock::count_open_holds(conn)?))
        });
        let counted = counted.await;
        let took = began.elapsed();
        let mut state = self.state();
        let pause = (took * PAUSES_FOR_A_COUNT).max(SHORTEST_PAUSE);
        state.next_at = Some(Instant::now() + pause);
        match counted {
            Ok((amounts, open_holds)) => {
                let none_left =
                    amounts.iter().filter(|(stock, _)| *stock == 0).map(|(_, count)| count).sum();
                let low = amounts.iter().map(|(_, count)| count).sum();
                state.counted =
                    Some(Counted { none_left, low, open_holds, at: time::now().timestamp() });
            }
            // The numbers stay as they were, and so does when they were counted.
            Err(error) => log::debug!("counting the stock: {error}"),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Stock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stock")
    }
}

impl Collector for Stock {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut levels = Levels::of(encoder);
        levels.gauge(
            "chronos_products_low_stock_threshold",
            "LOW_STOCK_THRESHOLD: stock is low below it",
            self.low_below,
        )?;
        let Some(counted) = self.state().counted else {
            return Ok(());
        };
        levels.gauge(
            "chronos_products_out_of_stock",
            "Products of which none is left",
            counted.none_left,
        )?;
        levels.gauge(
            "chronos_products_low_stock",
            "Products of which fewer than the threshold are left, or none",
            counted.low,
        )?;
        levels.gauge(
            "chronos_holds_open",
            "Holds that have pieces, those of orders included",
            counted.open_holds,
        )?;
        levels.gauge(
            "chronos_products_counted_timestamp_seconds",
            "When the stock was counted, in seconds since 1970",
            counted.at,
        )
    }
}
