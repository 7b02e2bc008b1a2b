//! The answer of a list, from the query to the `Link` header: the one way for every slice.

use super::{AskedPage, Code, Failure, Query, links, parse_page};
use crate::kernel::page::{
    Members, NoRoom, PageWriter, Pagination, Place, Placed, Room, SortKey, Start, WriteRow,
    WrittenPage, write_json,
};
use crate::kernel::problems::Problems;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{ContentType, HeaderValue, LINK};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How much of an answer is given to the connection at once; the rest stays in the budget of pages.
const CHUNK_BYTES: usize = 32 * 1024;

/// A list as clients ask for it and see it: what the `wire` of a slice says of one.
pub trait ListView {
    /// What its rows are; a cursor of one list leads nowhere in another.
    const NAME: &'static str;
    /// Which rows a query chooses.
    type Filter;
    type Row: Placed + 'static;
    /// How many rows a page has where the query names no limit.
    const DEFAULT_LIMIT: i64;
    /// The parameters that [`ListView::parse_filter`] reads: a link to the next page keeps them.
    const FILTERS: &'static [&'static str];
    /// The members that a row can have.
    const MEMBERS: &'static [&'static str];
    /// Whether the answer says how many rows the list has.
    const HAS_TOTAL: bool = true;
    /// Whether the answer says how many rows are shown.
    const SHOWS_COUNT: bool;

    /// What the query chooses; notes each parameter that is wrong.
    fn parse_filter(query: &Query, problems: &mut Problems) -> Option<Self::Filter>;

    /// Whether a row of this list can be at a place.
    fn has_place(_place: &Place) -> bool {
        true
    }

    /// A row as clients see it.
    fn view(row: &Self::Row) -> impl Serialize;
}

/// Answers the request for a list; `load` fills the page with the rows that the filter chooses.
///
/// # Errors
/// 400 for a query that is wrong, 503 where there is no room for a long page, and those of `load`.
pub async fn answer_list<V, E, Loading>(
    request: &HttpRequest,
    load: impl FnOnce(V::Filter, PageWriter<V::Row>) -> Loading,
) -> Result<HttpResponse, Failure>
where
    V: ListView,
    E: Into<Failure>,
    Loading: Future<Output = Result<WrittenPage, E>>,
{
    let query = Query::parse(request.query_string())?;
    let mut problems = Problems::default();
    let filter = V::parse_filter(&query, &mut problems);
    let chosen = chosen_rows::<V>(request, &query);
    let asked = parse_page(&query, V::DEFAULT_LIMIT, V::HAS_TOTAL, &chosen, &mut problems);
    refuse_no_place::<V, _>(asked.as_ref(), &mut problems);
    let members = query.get("fields");
    let members =
        members.and_then(|text| text.map(|text| Members::parse(text, V::MEMBERS)).transpose());
    let members = problems.take(members);
    let ((filter, asked), members) = problems.finish(filter.zip(asked).zip(members))?;
    if asked.is_of_another_list {
        return Err(Failure::new(Code::CursorMismatch));
    }
    let writer = PageWriter::begin(asked.page.clone(), OPENING, write_row::<V>(members)).await?;
    let page = load(filter, writer).await.map_err(Into::into)?;
    let links = links(request.query_string(), V::FILTERS, &asked, &page);
    Ok(respond::<V>(links, page))
}

/// How a row is written: with all of its members, or with those that are asked for.
fn write_row<V: ListView>(members: Option<Members>) -> WriteRow<V::Row> {
    match members {
        None => Box::new(|row, bytes| write_json(bytes, &V::view(row))),
        Some(members) => Box::new(move |row, bytes| {
            let mut whole = Vec::new();
            write_json(&mut whole, &V::view(row));
            members.pick(&whole, bytes);
        }),
    }
}

/// Which rows the list has, by the path and the filters: one text for each choice of them.
fn chosen_rows<V: ListView>(request: &HttpRequest, query: &Query) -> Vec<u8> {
    let mut chosen = format!("{}\0", V::NAME).into_bytes();
    for (_, part) in request.match_info().iter() {
        chosen.extend(part.bytes().chain([0]));
    }
    for name in V::FILTERS {
        // One that is repeated is refused already.
        if let Ok(Some(value)) = query.get(name) {
            chosen.extend(name.bytes().chain([b'=']).chain(value.bytes()).chain([0]));
        }
    }
    chosen
}

fn refuse_no_place<V: ListView, K: SortKey>(asked: Option<&AskedPage<K>>, problems: &mut Problems) {
    let (field, place) = match asked.and_then(|asked| asked.page.start.as_ref()) {
        Some(Start::After(place)) => ("after", place),
        Some(Start::Before(place)) => ("before", place),
        None => return,
    };
    if !V::has_place(place) {
        problems.note(Place::invalid(field));
    }
}

/// The beginning of every answer; its end is that of [`ListEnd`].
const OPENING: &str = r#"{"success":true,"data":["#;

/// What follows the rows.
#[derive(Serialize)]
struct ListEnd {
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pagination: Option<Pagination>,
}

fn respond<V: ListView>(links: Option<HeaderValue>, page: WrittenPage) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header(ContentType::json());
    if let Some(links) = links {
        response.insert_header((LINK, links));
    }
    let end =
        ListEnd { count: V::SHOWS_COUNT.then(|| page.count()), pagination: page.pagination() };
    let (mut bytes, room) = page.into_bytes();
    bytes.extend(b"],");
    let start = bytes.len();
    write_json(&mut bytes, &end);
    // The brace that opens `end`: the answer is open already.
    bytes.remove(start);
    let bytes = Bytes::from(bytes);
    if bytes.len() <= CHUNK_BYTES {
        return response.body(bytes);
    }
    response.body(BoxBody::new(LongBody { bytes, _room: room }))
}

impl From<NoRoom> for Failure {
    fn from(error: NoRoom) -> Failure {
        Failure::unavailable().because(error.to_string())
    }
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
