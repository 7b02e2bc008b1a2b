//! A page as it is written: its rows become JSON one by one where they are read, until the page is full
//! or as long as one may be.

use super::{Counting, NoRoom, Page, Pagination, Place, Placed, Room, Show, Start, Total};
use serde::Serialize;
use std::ops::ControlFlow;

/// The longest page. Rows beyond it are for the next one; one row alone may be longer.
const MAX_BYTES: usize = 1024 * 1024;
/// The longest page of at most [`SMALL_PAGE`] rows, for which there is always room.
const MAX_SMALL_BYTES: usize = 256 * 1024;
const SMALL_PAGE: i64 = 10;

/// Appends a row.
pub type WriteRow<T> = Box<dyn Fn(&T, &mut Vec<u8>) + Send>;

/// A page that is still to be written, and the room for it.
pub struct PageWriter<T: Placed> {
    page: Page<T::Key>,
    /// What stands before the first row.
    opening: &'static str,
    /// Whether a comma stands between two rows.
    is_json: bool,
    write_row: WriteRow<T>,
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
        page: Page<T::Key>,
        opening: &'static str,
        write_row: WriteRow<T>,
    ) -> Result<PageWriter<T>, NoRoom> {
        let (max_bytes, room) = if page.limit <= SMALL_PAGE {
            (MAX_SMALL_BYTES, None)
        } else {
            (MAX_BYTES, Some(Room::for_bytes(MAX_BYTES).await?))
        };
        Ok(PageWriter { page, opening, is_json: true, write_row, max_bytes, room })
    }

    /// Rows that end by themselves, with nothing between them. To be read forwards.
    pub fn of_lines(self) -> PageWriter<T> {
        PageWriter { is_json: false, ..self }
    }

    /// How the rows of the whole list are counted.
    pub fn counting(&self) -> Counting {
        self.page.counting
    }

    /// Writes the page. `load` loads the rows of one part of it, exactly up to the part's limit;
    /// parts are of `part_rows`, so that rows which are not shown are not in memory either.
    ///
    /// # Errors
    /// Those of `load`, after which the page may be written again from its start.
    pub fn fill<E>(
        &mut self,
        part_rows: i64,
        mut load: impl FnMut(&Page<T::Key>, Show<'_, T>) -> Result<(), E>,
    ) -> Result<WrittenPage, E> {
        let mut rows = Rows {
            bytes: self.opening.as_bytes().to_vec(),
            ends: Vec::new(),
            shown: 0,
            first: None,
            last: None,
            has_more: false,
        };
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
            if let Some(last) = &rows.last {
                part = part.from(last.clone());
            }
        }
        if !self.page.is_backward() {
            return Ok(self.end_forward(rows));
        }
        let mut follows = false;
        if let Some(nearest) = &rows.first {
            let start = Some(Start::After(nearest.clone()));
            load(&Page { limit: 1, offset: 0, start, ..part }, &mut |_| {
                follows = true;
                ControlFlow::Break(())
            })?;
        }
        Ok(self.end_backward(rows, follows))
    }

    fn show(&self, row: T, rows: &mut Rows) -> ControlFlow<()> {
        let before = rows.bytes.len();
        if rows.shown > 0 && self.is_json {
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
        let place = row.place(self.page.sort.key);
        if rows.first.is_none() {
            rows.first = Some(place.clone());
        }
        rows.last = Some(place);
        if self.page.is_backward() {
            rows.ends.push(rows.bytes.len());
        }
        ControlFlow::Continue(())
    }

    fn end_forward(&mut self, rows: Rows) -> WrittenPage {
        let begins_within = self.page.start.is_some() || self.page.offset > 0;
        WrittenPage {
            previous: rows.first.clone().filter(|_| begins_within),
            next: rows.last.clone().filter(|_| rows.has_more),
            ..self.end(rows)
        }
    }

    fn end_backward(&mut self, mut rows: Rows, follows: bool) -> WrittenPage {
        rows.turn_round(self.opening.len());
        WrittenPage {
            previous: rows.last.clone().filter(|_| rows.has_more),
            next: rows.first.clone().filter(|_| follows),
            ..self.end(rows)
        }
    }

    fn end(&mut self, rows: Rows) -> WrittenPage {
        let Rows { mut bytes, shown, .. } = rows;
        bytes.shrink_to_fit();
        let room = self.room.take().and_then(|room| room.keep(bytes.len()));
        let Page { limit, offset, .. } = self.page;
        WrittenPage {
            limit,
            offset,
            bytes,
            shown,
            previous: None,
            next: None,
            total: Total::NotSaid,
            room,
        }
    }
}

/// The rows that are written so far, in the order in which they are read.
struct Rows {
    bytes: Vec<u8>,
    /// Where each row ends that is read backward.
    ends: Vec<usize>,
    shown: i64,
    first: Option<Place>,
    last: Option<Place>,
    has_more: bool,
}

impl Rows {
    /// Puts rows that were read from the last to the first into their order: all bytes are turned
    /// round, and then those of each row, where they stand.
    fn turn_round(&mut self, opening: usize) {
        let Some(rows) = self.bytes.get_mut(opening..) else {
            return;
        };
        rows.reverse();
        let end_of_all = opening + rows.len();
        let mut start = opening;
        for end in self.ends.drain(..) {
            // A comma stands in front of each row but the first.
            let comma = usize::from(start > opening);
            let turned = end_of_all - end..end_of_all - (start + comma);
            if let Some(row) = rows.get_mut(turned) {
                row.reverse();
            }
            start = end;
        }
    }
}

/// A page whose rows are written.
pub struct WrittenPage {
    limit: i64,
    offset: i64,
    bytes: Vec<u8>,
    shown: i64,
    previous: Option<Place>,
    next: Option<Place>,
    total: Total,
    room: Option<Room>,
}

impl WrittenPage {
    /// Of a list of so many rows.
    pub fn of_total(mut self, total: Total) -> WrittenPage {
        self.total = total;
        self
    }

    /// How many rows are shown.
    pub fn count(&self) -> i64 {
        self.shown
    }

    /// The place after which the next page begins; `None` where this one is the last.
    pub fn next(&self) -> Option<&Place> {
        self.next.as_ref()
    }

    /// The place before which the previous page ends; `None` where this one is the first. The rows of
    /// the previous page may have been deleted.
    pub fn previous(&self) -> Option<&Place> {
        self.previous.as_ref()
    }

    /// What an answer says of the page, where it says how many rows the list has.
    pub fn pagination(&self) -> Option<Pagination> {
        let WrittenPage { limit, offset, .. } = *self;
        let has_more = self.next.is_some();
        let (total, estimated) = match self.total {
            Total::Exact(total) => (Some(total), None),
            Total::Estimated(total) => (Some(total), Some(true)),
            Total::NotCounted => (None, None),
            Total::NotSaid => return None,
        };
        Some(Pagination { limit, offset, total, estimated, has_more })
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
    use crate::kernel::page::{
        Counting, Direction, Kind, Page, Place, PlaceValue, Placed, Sort, SortKey, Start,
    };
    use proptest::collection::vec;
    use proptest::{prop_assert, prop_assert_eq, proptest};
    use std::cmp::Reverse;

    #[derive(Clone)]
    struct Row {
        number: i64,
        text: String,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    struct Number;

    impl SortKey for Number {
        const KEYS: &'static [(&'static str, Number, Kind)] = &[("number", Number, Kind::Number)];
    }

    impl Placed for Row {
        type Key = Number;

        fn place(&self, _: Number) -> Place {
            let id = Id::parse("id", self.number.to_string()).expect("digits");
            Place { value: PlaceValue::Number(self.number), id }
        }
    }

    fn write_row(row: &Row, bytes: &mut Vec<u8>) {
        bytes.extend(row.text.bytes());
    }

    /// Fills a page as a database would.
    fn fill(rows: &[Row], page: &Page<Number>, part: i64, max_bytes: usize) -> WrittenPage {
        let (page, room) = (page.clone(), None);
        let mut writer = PageWriter {
            page,
            opening: "[",
            is_json: true,
            write_row: Box::new(write_row),
            max_bytes,
            room,
        };
        let filled: Result<WrittenPage, ()> = writer.fill(part, |part, show| {
            let place = part.place().map(|place| match place.value {
                PlaceValue::Number(number) => number,
                _ => panic!("{place:?}"),
            });
            let mut rows: Vec<&Row> = rows.iter().collect();
            if part.direction() == Direction::Ascending {
                rows.retain(|row| place.is_none_or(|place| row.number > place));
            } else {
                rows.sort_by_key(|row| Reverse(row.number));
                rows.retain(|row| place.is_none_or(|place| row.number < place));
            }
            let count = |number: i64| usize::try_from(number).expect("small");
            for row in rows.into_iter().skip(count(part.offset)).take(count(part.limit)) {
                if show(row.clone()).is_break() {
                    break;
                }
            }
            Ok(())
        });
        filled.expect("nothing fails")
    }

    /// What a page shows.
    fn shown(page: &WrittenPage) -> Vec<String> {
        let text = String::from_utf8(page.bytes.clone()).expect("letters");
        let rows = text.strip_prefix('[').expect("the opening").split(',');
        rows.filter(|row| !row.is_empty()).map(str::to_owned).collect()
    }

    proptest! {
        /// Pages as a client walks them, by their links in both directions, or by offsets that move on
        /// by what is shown.
        #[test]
        fn pages_within_a_bound_show_every_row_once(
            texts in vec("[a-z]{1,60}", 0..200), limit in 1_i64..=60, part in 1_i64..=20,
            max_bytes in 1_usize..400, is_descending in proptest::bool::ANY,
        ) {
            let rows = (0..).zip(&texts).map(|(number, text)| Row { number, text: text.clone() });
            let rows: Vec<Row> = rows.collect();
            let sort: Sort<Number> =
                Sort::parse(if is_descending { "-number" } else { "number" }).expect("a key");
            let mut all = texts;
            if is_descending {
                all.reverse();
            }
            let first = Page { limit, offset: 0, sort, start: None, counting: Counting::No };
            let check = |written: &WrittenPage| {
                assert!(written.count() <= limit);
                assert!(written.count() <= 1 || written.bytes.len() <= max_bytes);
                assert_eq!(written.count(), i64::try_from(shown(written).len()).expect("small"));
            };
            let (mut seen, mut page, mut back) = (Vec::new(), first.clone(), None);
            loop {
                let written = fill(&rows, &page, part, max_bytes);
                check(&written);
                prop_assert_eq!(written.previous().is_some(), !seen.is_empty());
                seen.extend(shown(&written));
                prop_assert_eq!(written.next().is_some(), seen.len() < all.len());
                back = written.previous().cloned().or(back);
                let Some(next) = written.next() else { break };
                page.start = Some(Start::After(next.clone()));
            }
            prop_assert_eq!(&seen, &all);
            // What the last page showed is not behind it.
            let mut seen: Vec<String> = match &back {
                Some(_) => shown(&fill(&rows, &page, part, max_bytes)),
                None => all.clone(),
            };
            while let Some(place) = back {
                page.start = Some(Start::Before(place));
                let written = fill(&rows, &page, part, max_bytes);
                check(&written);
                prop_assert!(written.next().is_some());
                seen.splice(0..0, shown(&written));
                prop_assert_eq!(written.previous().is_some(), seen.len() < all.len());
                back = written.previous().cloned();
            }
            prop_assert_eq!(&seen, &all);
            let (mut seen, mut page) = (Vec::new(), first);
            loop {
                let written = fill(&rows, &page, part, max_bytes);
                seen.extend(shown(&written));
                page.offset += written.count();
                if written.next().is_none() {
                    break;
                }
            }
            prop_assert_eq!(&seen, &all);
        }
    }
}
