//! Pages of a list that is ordered by creation time, then id, newest first: which one is asked for,
//! and how its rows are written where they are read. No HTTP and no SQL.

mod room;
mod writer;

pub use room::{NoRoom, Room};
pub use writer::{PageWriter, WrittenPage, write_json};

use crate::kernel::error::{Invalid, Rule};
use crate::kernel::ids::Id;
use crate::kernel::time;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::fmt;
use std::ops::ControlFlow;
use utoipa::ToSchema;

/// Which part of a list to show.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// At most so many rows.
    pub limit: i64,
    /// Rows to leave out, from the start of the list or from the cursor.
    pub offset: i64,
    /// Show only what follows this row: unlike an offset, it does not shift while rows are added.
    pub after: Option<Cursor>,
}

/// Takes the rows of a part in order, for as long as more are wanted.
pub type Show<'a, T> = &'a mut dyn FnMut(T) -> ControlFlow<()>;

/// A row of a list, which knows where in the order of the list it is.
pub trait Placed {
    fn place(&self) -> Cursor;
}

/// The place of one row in the order of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Cursor {
    pub created_at: DateTime<Utc>,
    pub id: Id,
}

impl Cursor {
    /// The refusal of a text, or of a place, that no link leads to.
    pub fn invalid() -> Invalid {
        Invalid::new("after", Rule::NotACursor, "must be a cursor from a Link header")
    }

    /// Reads what [`Cursor`] displays.
    ///
    /// # Errors
    /// Names the parameter `after`.
    pub fn parse(text: &str) -> Result<Cursor, Invalid> {
        let invalid = Cursor::invalid;
        let (millis, id) = text.split_once('.').ok_or_else(invalid)?;
        let millis = millis.parse().map_err(|_| invalid())?;
        let created_at = DateTime::from_timestamp_millis(millis).ok_or_else(invalid)?;
        // No row is older or younger, and SQLite could not compare it.
        if !time::is_storable(created_at) {
            return Err(invalid());
        }
        Ok(Cursor { created_at, id: Id::parse("after", id).map_err(|_| invalid())? })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.created_at.timestamp_millis(), self.id)
    }
}

/// What an answer says of the page.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pagination {
    pub limit: i64,
    pub offset: i64,
    pub total: i64,
    #[serde(rename = "hasMore")]
    pub has_more: bool,
}
