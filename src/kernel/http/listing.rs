//! The answer of a list: its rows are rendered one by one where they are read, until the page is
//! full or the answer is as long as one may be. Long answers share a budget of memory.

use super::{Failure, next_link};
use crate::kernel::page::{Cursor, Page, Pagination, Show};
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{ContentType, LINK};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The longest answer. Rows beyond it are for the next page; one row alone may be longer.
const MAX_BYTES: usize = 1024 * 1024;
/// The longest answer of a page of at most [`SMALL_PAGE`] rows, for which there is always room.
const MAX_SMALL_BYTES: usize = 256 * 1024;
const SMALL_PAGE: i64 = 10;
/// An answer up to this length is not counted.
const UNCOUNTED_BYTES: usize = 64 * 1024;
/// How much of an answer is given to the connection at once; the rest stays in the budget.
const CHUNK_BYTES: usize = 32 * 1024;
/// For all answers that are being rendered, or that wait for their clients to take them, in KiB.
const ROOM_KIB: usize = 24 * 1024;
static ROOM: Semaphore = Semaphore::const_new(ROOM_KIB);
/// How long a request waits for room.
const ROOM_TIMEOUT: Duration = Duration::from_secs(3);

type Room = SemaphorePermit<'static>;

/// How the rows of a list look, and where in its order each is.
pub struct RowView<T> {
    pub render: fn(&T, &mut Vec<u8>),
    pub cursor: fn(&T) -> Cursor,
    /// The parameters that a link to the next page keeps.
    pub filters: &'static [&'static str],
}

/// The answer of a list that is still to be rendered, and the room for it.
pub struct Listing<T> {
    page: Page,
    view: RowView<T>,
    max_bytes: usize,
    room: Option<Room>,
}

impl<T> Listing<T> {
    /// Waits until there is room for the answer.
    ///
    /// # Errors
    /// 503 when there is none in time.
    pub async fn begin(page: Page, view: RowView<T>) -> Result<Listing<T>, Failure> {
        if page.limit <= SMALL_PAGE {
            return Ok(Listing { page, view, max_bytes: MAX_SMALL_BYTES, room: None });
        }
        let acquiring = ROOM.acquire_many(in_kib(MAX_BYTES));
        let room = tokio::time::timeout(ROOM_TIMEOUT, acquiring)
            .await
            .map_err(|_| Failure::unavailable().because("no room for a long list"))?
            .expect("the semaphore is never closed");
        Ok(Listing { page, view, max_bytes: MAX_BYTES, room: Some(room) })
    }

    /// Renders the page. `load` loads the rows of one part of it, exactly up to the part's limit;
    /// parts are of `part_rows`, so that rows which are not shown are not in memory either.
    ///
    /// # Errors
    /// Those of `load`, after which the page may be rendered again from its start.
    pub fn fill<E>(
        &mut self,
        part_rows: i64,
        mut load: impl FnMut(&Page, Show<'_, T>) -> Result<(), E>,
    ) -> Result<Rendered, E> {
        let mut rendered = Rendered::new(self.page.clone(), self.view.filters);
        let mut part = self.page.clone();
        // One row more than is shown tells whether more follow.
        let mut wanted = self.page.limit + 1;
        while wanted > 0 && !rendered.has_more {
            part.limit = wanted.min(part_rows);
            let mut loaded = 0;
            load(&part, &mut |row| {
                loaded += 1;
                rendered.show(&row, &self.view, self.max_bytes)
            })?;
            if loaded < part.limit {
                break;
            }
            wanted -= loaded;
            part = Page { after: rendered.last.clone(), offset: 0, ..part };
        }
        rendered.keep_of(self.room.take());
        Ok(rendered)
    }
}

/// The rows of a list as they are sent.
pub struct Rendered {
    page: Page,
    bytes: Vec<u8>,
    shown: i64,
    last: Option<Cursor>,
    has_more: bool,
    filters: &'static [&'static str],
    room: Option<Room>,
}

impl Rendered {
    fn new(page: Page, filters: &'static [&'static str]) -> Rendered {
        let bytes = br#"{"success":true,"data":["#.to_vec();
        Rendered { page, bytes, shown: 0, last: None, has_more: false, filters, room: None }
    }

    fn show<T>(&mut self, row: &T, view: &RowView<T>, max_bytes: usize) -> ControlFlow<()> {
        let before = self.bytes.len();
        if self.shown > 0 {
            self.bytes.push(b',');
        }
        if self.shown < self.page.limit {
            (view.render)(row, &mut self.bytes);
        }
        let is_too_long = self.shown > 0 && self.bytes.len() > max_bytes;
        if self.shown == self.page.limit || is_too_long {
            self.bytes.truncate(before);
            self.has_more = true;
            return ControlFlow::Break(());
        }
        self.shown += 1;
        self.last = Some((view.cursor)(row));
        ControlFlow::Continue(())
    }

    /// Keeps as much of the room as the answer needs.
    fn keep_of(&mut self, room: Option<Room>) {
        self.bytes.shrink_to_fit();
        let length = self.bytes.len();
        if let Some(mut room) = room.filter(|_| length > UNCOUNTED_BYTES) {
            let needed = usize::try_from(in_kib(length)).unwrap_or(usize::MAX);
            self.room = room.split(needed.min(room.num_permits()));
        }
    }

    /// How many rows are shown.
    pub fn count(&self) -> i64 {
        self.shown
    }

    /// What the answer says of the page.
    pub fn pagination(&self, total: i64) -> Pagination {
        let Page { limit, offset, .. } = self.page;
        Pagination { limit, offset, total, has_more: self.has_more }
    }

    /// The whole answer; `end` has the members that follow `data`.
    pub fn respond(mut self, request: &HttpRequest, end: &impl Serialize) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        response.insert_header(ContentType::json());
        let last = self.last.as_ref().filter(|_| self.has_more);
        if let Some(link) = last.and_then(|last| next_link(request, self.filters, last)) {
            response.insert_header((LINK, link));
        }
        self.bytes.extend(b"],");
        let start = self.bytes.len();
        write_json(&mut self.bytes, end);
        // The brace that opens `end`: the answer is open already.
        self.bytes.remove(start);
        let bytes = Bytes::from(self.bytes);
        if bytes.len() <= CHUNK_BYTES {
            return response.body(bytes);
        }
        response.body(BoxBody::new(LongBody { bytes, _room: self.room }))
    }
}

/// Appends a view as JSON.
pub fn write_json(bytes: &mut Vec<u8>, view: &impl Serialize) {
    serde_json::to_writer(bytes, view).expect("a view has string keys and no other error");
}

fn in_kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

/// An answer that keeps its room until the last of it is with the connection.
struct LongBody {
    bytes: Bytes,
    _room: Option<Room>,
}

impl MessageBody for LongBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(u64::try_from(self.bytes.len()).unwrap_or(u64::MAX))
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let bytes = &mut self.get_mut().bytes;
        if bytes.is_empty() {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(bytes.split_to(CHUNK_BYTES.min(bytes.len())))))
    }
}

#[cfg(test)]
mod tests {
    use super::{Listing, Rendered, RowView};
    use crate::kernel::ids::Id;
    use crate::kernel::page::{Cursor, Page};
    use chrono::DateTime;
    use proptest::collection::vec;
    use proptest::{prop_assert, prop_assert_eq, proptest};

    /// A row, by its number and its length.
    type Row = (usize, usize);

    fn cursor(row: &Row) -> Cursor {
        let created_at = DateTime::from_timestamp_millis(0).expect("in range");
        Cursor { created_at, id: Id::parse("id", row.0.to_string()).expect("digits") }
    }

    fn view() -> RowView<Row> {
        RowView {
            render: |row, bytes| bytes.extend(std::iter::repeat_n(b'x', row.1)),
            cursor,
            filters: &[],
        }
    }

    proptest! {
        /// Pages as a client walks them, by their links or by offsets that move on by what is shown.
        #[test]
        fn pages_within_a_bound_show_every_row_once(
            lengths in vec(1_usize..60, 0..200), limit in 1_i64..=60, part in 1_i64..=20,
            max_bytes in 1_usize..400, by_offset in proptest::bool::ANY,
        ) {
            let rows: Vec<Row> = lengths.into_iter().enumerate().collect();
            let mut page = Page { limit, offset: 0, after: None };
            let mut seen = 0;
            loop {
                let mut listing = Listing { page: page.clone(), view: view(), max_bytes, room: None };
                let filled: Result<Rendered, ()> = listing.fill(part, |part, show| {
                    let after = part.after.as_ref().map(|cursor| cursor.id.as_str().parse::<usize>());
                    let start = after.map_or(0, |id| id.expect("digits") + 1);
                    let start = start + usize::try_from(part.offset).expect("small");
                    let wanted = usize::try_from(part.limit).expect("small");
                    for row in rows.iter().skip(start).take(wanted) {
                        if show(*row).is_break() {
                            break;
                        }
                    }
                    Ok(())
                });
                let listing = filled.expect("nothing fails");
                prop_assert!(listing.count() <= limit);
                prop_assert!(listing.count() <= 1 || listing.bytes.len() <= max_bytes);
                seen += usize::try_from(listing.count()).expect("small");
                prop_assert_eq!(listing.has_more, seen < rows.len());
                prop_assert!(listing.count() > 0 || rows.is_empty());
                if !listing.has_more {
                    break;
                }
                if by_offset {
                    page.offset += listing.count();
                } else {
                    page.after = listing.last;
                }
            }
            prop_assert_eq!(seen, rows.len());
        }
    }
}
