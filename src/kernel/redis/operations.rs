//! Operations that requests wait for: each as a whole under one deadline, and a read only where its
//! answer can be believed.

use super::connection::Connection;
use super::state::Event;
use super::supervisor::Supervisor;
use super::timeouts::READ_TURNS;
use super::turns::{OutOfTime, within};
use deadpool_redis::redis::RedisError;
use std::future::Future;

impl Supervisor {
    /// Runs what a reader waits for, twice where the first answer cannot be believed. `None` where
    /// it failed, ran out of time, or is not to be believed.
    pub(super) async fn read<T, F>(
        &self,
        connection: &Connection,
        operation: impl Fn(Connection) -> F,
    ) -> Option<T>
    where
        F: Future<Output = Result<T, RedisError>>,
    {
        let asking = async {
            for _ in 0..2 {
                if self.belief.ensure(|| self.now(), || connection.ping()).await? {
                    let sent = self.now();
                    let value = operation(connection.clone()).await?;
                    if self.belief.accept(sent, self.now()) {
                        return Ok(Some(value));
                    }
                }
            }
            Ok(None)
        };
        self.run(connection, READ_TURNS, asking).await.flatten()
    }

    /// Runs what needs no belief, for so many turns. `None` where it failed or ran out of time.
    pub(super) async fn ask<T>(
        &self,
        connection: &Connection,
        turns: u32,
        operation: impl Future<Output = Result<T, RedisError>>,
    ) -> Option<T> {
        let sent = self.now();
        let value = self.run(connection, turns, operation).await?;
        self.belief.accept(sent, self.now());
        Some(value)
    }

    /// Runs one operation for so many turns. One that runs out of time makes Redis suspect, so that
    /// the next request does not wait again; one that fails takes the link down.
    async fn run<T>(
        &self,
        connection: &Connection,
        turns: u32,
        operation: impl Future<Output = Result<T, RedisError>>,
    ) -> Option<T> {
        self.note_use();
        match within(turns, operation).await {
            Ok((Ok(value), _)) => Some(value),
            Ok((Err(error), _)) => {
                self.fail(connection, &error.to_string());
                None
            }
            Err(OutOfTime) => {
                self.apply(Event::OperationLate { connection: connection.clone(), turns });
                None
            }
        }
    }
}
