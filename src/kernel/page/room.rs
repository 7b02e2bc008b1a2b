//! Memory for the pages that are being written, or that wait for their clients to take them: all share
//! one budget.

use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// For all pages together, in KiB.
const ROOM_KIB: usize = 24 * 1024;
static ROOM: Semaphore = Semaphore::const_new(ROOM_KIB);
/// How long a page waits for room.
const ROOM_TIMEOUT: Duration = Duration::from_secs(3);
/// A page up to this length is not counted once it is written.
const UNCOUNTED_BYTES: usize = 64 * 1024;

/// A share of the budget, until it is dropped.
#[derive(Debug)]
pub struct Room(SemaphorePermit<'static>);

/// No room came free in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no room for a long list")]
pub struct NoRoom;

impl Room {
    /// Waits for room for so many bytes.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn for_bytes(bytes: usize) -> Result<Room, NoRoom> {
        let acquiring = ROOM.acquire_many(in_kib(bytes));
        let room = tokio::time::timeout(ROOM_TIMEOUT, acquiring).await.map_err(|_| NoRoom)?;
        Ok(Room(room.expect("the semaphore is never closed")))
    }

    /// Keeps as much as a page of this length needs, and gives the rest back.
    pub fn keep(mut self, bytes: usize) -> Option<Room> {
        if bytes <= UNCOUNTED_BYTES {
            return None;
        }
        let needed = usize::try_from(in_kib(bytes)).unwrap_or(usize::MAX);
        self.0.split(needed.min(self.0.num_permits())).map(Room)
    }
}

fn in_kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}
