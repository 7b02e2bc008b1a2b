//! Pages of a list: which one is asked for, in which order, and how its rows are written where they are
//! read. No HTTP and no SQL.

mod counting;
mod members;
mod place;
mod room;
mod sort;
mod writer;

pub use counting::{Counting, Total};
pub use members::Members;
pub use place::{BadCursor, Cursor, ListTag, Place, PlaceValue, Placed, folded};
pub use room::{NoRoom, Room};
pub use sort::{Direction, Kind, Sort, SortKey};
pub use writer::{PageWriter, WriteRow, WrittenPage, write_json};

use serde::Serialize;
use std::ops::ControlFlow;
use utoipa::ToSchema;

/// Which part of a list to show.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<K> {
    /// At most so many rows.
    pub limit: i64,
    /// Rows to leave out, from the start of the list or from the place.
    pub offset: i64,
    pub sort: Sort<K>,
    /// Show only what is on one side of a row: unlike an offset, it does not shift while rows are
    /// added.
    pub start: Option<Start>,
    /// How the rows of the whole list are counted.
    pub counting: Counting,
}

/// A place at which a page begins or ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// The page begins with the row that follows.
    After(Place),
    /// The page ends with the row in front.
    Before(Place),
}

impl<K: SortKey> Page<K> {
    /// In which direction its rows are read: away from its place.
    pub fn direction(&self) -> Direction {
        if self.is_backward() { self.sort.direction.reversed() } else { self.sort.direction }
    }

    /// Whether its rows are read from the last to the first.
    pub fn is_backward(&self) -> bool {
        matches!(self.start, Some(Start::Before(_)))
    }

    /// The place from which its rows are read.
    pub fn place(&self) -> Option<&Place> {
        self.start.as_ref().map(|start| match start {
            Start::After(place) | Start::Before(place) => place,
        })
    }

    /// What is read after the row at a place.
    fn from(&self, place: Place) -> Page<K> {
        let start = if self.is_backward() { Start::Before(place) } else { Start::After(place) };
        Page { offset: 0, start: Some(start), ..*self }
    }
}

/// Takes the rows of a part in order, for as long as more are wanted.
pub type Show<'a, T> = &'a mut dyn FnMut(T) -> ControlFlow<()>;

/// What an answer says of the page.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pagination {
    pub limit: i64,
    pub offset: i64,
    /// How many rows the filters let through; left out with `count=none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub total: Option<i64>,
    /// `true` where `total` is an estimate; left out else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub estimated: Option<bool>,
    #[serde(rename = "hasMore")]
    pub has_more: bool,
}
