//! Whether the database answers now: one ping speaks for all who ask meanwhile.

use super::connection::Pooled;
use super::{Db, DbError};
use std::time::{Duration, Instant};

/// What the last ping found; whoever pings holds it.
pub(super) type LastPing = tokio::sync::Mutex<Option<Ping>>;

/// What a ping found.
pub(super) struct Ping {
    began_at: Instant,
    was_answered: bool,
}

impl Db {
    /// Whether a query gets an answer now; waits at most `limit`.
    pub async fn is_available(&self, limit: Duration) -> bool {
        let asked_at = Instant::now();
        let answer = async {
            let mut last = self.0.last_ping.lock().await;
            // However many ask at once, one ping speaks for all who came before it.
            if let Some(ping) = last.as_ref().filter(|ping| ping.began_at >= asked_at) {
                return ping.was_answered;
            }
            let began_at = Instant::now();
            let was_answered = self.ping().await.is_ok();
            *last = Some(Ping { began_at, was_answered });
            was_answered
        };
        self.is_migrated() && matches!(tokio::time::timeout(limit, answer).await, Ok(true))
    }

    async fn ping(&self) -> Result<(), DbError> {
        use diesel::connection::SimpleConnection;
        let select = |pooled: &mut Pooled| pooled.conn.batch_execute("SELECT 1");
        self.0.pings.run("database.ping", move |pooled| select(pooled).map_err(DbError::from)).await
    }
}
