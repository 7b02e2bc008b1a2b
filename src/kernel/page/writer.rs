//! A page as it is written: its rows become JSON one by one where they are read, until the page is full
//! or as long as one may be.

use super::{Cursor, NoRoom, Page, Pagination, Placed, Room, Show};
use serde::Serialize;
use std::ops::ControlFlow;

/// The longest page. Rows beyond it are for the next one; one row alone may be longer.
const MAX_BYTES: usize = 1024 * 1024;
/// The longest page of at most [`SMALL_PAGE`] rows, for which there is always room.
const MAX_SMALL_BYTES: usize = 256 * 1024;
const SMALL_PAGE: i64 = 10;

/// A page that is still to be written, and the room for it.
pub struct PageWriter<T> {
    page: Page,
    /// What stands before the first row.
    opening: &'static str,
    write_row: fn(&T, &mut Vec<u8>),
    max_bytes: usize,
    room: Option<Room>,
}

impl<T: Placed> PageWriter<T> {
    /// Waits until there is room for the page. `opening` stands before its rows, which `write_row`
    /// appends; a comma stands between two.
    ///
    /// # Errors
    /// When there is no room in time.
    pub async fn begin(
        page: Page,
        opening: &'static str,
        write_row: fn(&T, &mut Vec<u8>),
    ) -> Result<PageWriter<T>, NoRoom> {
        let (max_bytes, room) = if page.limit <= SMALL_PAGE {
            (MAX_SMALL_BYTES, None)
        } else {
            (MAX_BYTES, Some(Room::for_bytes(MAX_BYTES).await?))
        };
        Ok(PageWriter { page, opening, write_row, max_bytes, room })
    }

    /// Writes the page. `load` loads the rows of one part of it, exactly up to the part's limit;
    /// parts are of `part_rows`, so that rows which are not shown are not in memory either.
    ///
    /// # Errors
    /// Those of `load`, after which the page may be written again from its start.
    pub fn fill<E>(
        &mut self,
        part_rows: i64,
        mut load: impl FnMut(&Page, Show<'_, T>) -> Result<(), E>,
    ) -> Result<WrittenPage, E> {
        let mut rows =
            Rows { bytes: self.opening.as_bytes().to_vec(), shown: 0, last: None, has_more: false };
        let mut part = self.page.clone();
        // One row more than is shown tells whether more follow.
        let mut wanted = self.page.limit + 1;
        while wanted > 0 && !rows.has_more {
            part.limit = wanted.min(part_rows);
            let mut loaded = 0;
            load(&part, &mut |row| {
                loaded += 1;
                self.show(row, &mut rows)
            })?;
            if loaded < part.limit {
                break;
            }
            wanted -= loaded;
            part = Page { after: rows.last_place(), offset: 0, ..part };
        }
        Ok(self.end(rows))
    }

    fn show(&self, row: T, rows: &mut Rows<T>) -> ControlFlow<()> {
        let before = rows.bytes.len();
        if rows.shown > 0 {
            rows.bytes.push(b',');
        }
        if rows.shown < self.page.limit {
            (self.write_row)(&row, &mut rows.bytes);
        }
        let is_too_long = rows.shown > 0 && rows.bytes.len() > self.max_bytes;
        if rows.shown == self.page.limit || is_too_long {
            rows.bytes.truncate(before);
            rows.has_more = true;
            return ControlFlow::Break(());
        }
        rows.shown += 1;
        rows.last = Some(row);
        ControlFlow::Continue(())
    }

    fn end(&mut self, rows: Rows<T>) -> WrittenPage {
        let last = if rows.has_more { rows.last_place() } else { None };
        let Rows { mut bytes, shown, .. } = rows;
        bytes.shrink_to_fit();
        let room = self.room.take().and_then(|room| room.keep(bytes.len()));
        WrittenPage { page: self.page.clone(), bytes, shown, last, total: None, room }
    }
}

/// The rows that are written so far.
struct Rows<T> {
    bytes: Vec<u8>,
    shown: i64,
    last: Option<T>,
    has_more: bool,
}

impl<T: Placed> Rows<T> {
    fn last_place(&self) -> Option<Cursor> {
        self.last.as_ref().map(T::place)
    }
}

/// A page whose rows are written.
pub struct WrittenPage {
    page: Page,
    bytes: Vec<u8>,
    shown: i64,
    /// The place of the last row, where more follow.
    last: Option<Cursor>,
    total: Option<i64>,
    room: Option<Room>,
}

impl WrittenPage {
    /// Of a list of so many rows.
    pub fn of_total(mut self, total: Option<i64>) -> WrittenPage {
        self.total = total;
        self
    }

    /// How many rows are shown.
    pub fn count(&self) -> i64 {
        self.shown
    }

    /// The place after which the next page begins; `None` where this one is the last.
    pub fn next(&self) -> Option<&Cursor> {
        self.last.as_ref()
    }

    /// What an answer says of the page, where all rows of the list were counted.
    pub fn pagination(&self) -> Option<Pagination> {
        let Page { limit, offset, .. } = self.page;
        let has_more = self.last.is_some();
        self.total.map(|total| Pagination { limit, offset, total, has_more })
    }

    /// The opening and the rows, and the room that they take.
    pub fn into_bytes(self) -> (Vec<u8>, Option<Room>) {
        (self.bytes, self.room)
    }
}

/// Appends a view as JSON.
pub fn write_json(bytes: &mut Vec<u8>, view: &impl Serialize) {
    serde_json::to_writer(bytes, view).expect("a view has string keys and no other error");
}

#[cfg(test)]
mod tests {
    use super::{PageWriter, WrittenPage};
    use crate::kernel::ids::Id;
    use crate::kernel::page::{Cursor, Page, Placed};
    use chrono::DateTime;
    use proptest::collection::vec;
    use proptest::{prop_assert, prop_assert_eq, proptest};

    #[derive(Clone, Copy)]
    struct Row {
        number: usize,
        length: usize,
    }

    impl Placed for Row {
        fn place(&self) -> Cursor {
            let created_at = DateTime::from_timestamp_millis(0).expect("in range");
            Cursor { created_at, id: Id::parse("id", self.number.to_string()).expect("digits") }
        }
    }

    fn write_row(row: &Row, bytes: &mut Vec<u8>) {
        bytes.extend(std::iter::repeat_n(b'x', row.length));
    }

    proptest! {
        /// Pages as a client walks them, by their links or by offsets that move on by what is shown.
        #[test]
        fn pages_within_a_bound_show_every_row_once(
            lengths in vec(1_usize..60, 0..200), limit in 1_i64..=60, part in 1_i64..=20,
            max_bytes in 1_usize..400, by_offset in proptest::bool::ANY,
        ) {
            let rows = lengths.into_iter().enumerate();
            let rows: Vec<Row> = rows.map(|(number, length)| Row { number, length }).collect();
            let mut page = Page { limit, offset: 0, after: None };
            let mut seen = 0;
            loop {
                let (page_wanted, room) = (page.clone(), None);
                let mut writer =
                    PageWriter { page: page_wanted, opening: "", write_row, max_bytes, room };
                let filled: Result<WrittenPage, ()> = writer.fill(part, |part, show| {
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
                let written = filled.expect("nothing fails");
                prop_assert!(written.count() <= limit);
                prop_assert!(written.count() <= 1 || written.bytes.len() <= max_bytes);
                seen += usize::try_from(written.count()).expect("small");
                prop_assert_eq!(written.next().is_some(), seen < rows.len());
                prop_assert!(written.count() > 0 || rows.is_empty());
                let Some(last) = written.next() else {
                    break;
                };
                if by_offset {
                    page.offset += written.count();
                } else {
                    page.after = Some(last.clone());
                }
            }
            prop_assert_eq!(seen, rows.len());
        }
    }
}
