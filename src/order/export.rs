//! Orders as CSV: a stream of pages, each read by a transaction of its own, none of them in memory when the
//! next is read.

use super::error::OrderError;
use super::model::{Order, OrderFilter, OrderKey};
use super::service::Orders;
use crate::kernel::http::Failure;
use crate::kernel::money::Cents;
use crate::kernel::page::{Counting, Page, PageWriter, Sort, Start};
use crate::kernel::time;
use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_DISPOSITION, HeaderValue};
use actix_web::web::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream;
use std::io;

/// How many orders are read at once.
const BATCH: i64 = 500;

const HEADINGS: &str = "id,order_number,customer_id,status,payment_status,fulfilment_status,currency,\
                        reference,pieces,items_amount,discount_amount,shipping_amount,tax_amount,\
                        original_amount,total_amount,paid_amount,refunded_amount,due_amount,\
                        payment_method,placed_at,completed_at,cancelled_at,created_at,updated_at\r\n";

/// Answers with all orders that the filter chooses, newest first. The first page is read before the
/// answer begins, so that what is wrong by then is told as ever; what goes wrong later cuts the answer
/// off.
pub(super) async fn export(orders: &Orders, filter: OrderFilter) -> Result<HttpResponse, Failure> {
    let (first, next) = read(orders, &filter, None, HEADINGS).await?;
    let state = (orders.clone(), filter, next);
    let rest = stream::try_unfold(state, |(orders, filter, next)| async move {
        let Some(start) = next else {
            return Ok::<_, io::Error>(None);
        };
        let read = read(&orders, &filter, Some(start), "").await;
        let (bytes, next) = read.map_err(|_| io::Error::other("the export is cut off"))?;
        Ok(Some((bytes, (orders, filter, next))))
    });
    let all = stream::StreamExt::chain(stream::iter([Ok(first)]), rest);
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((
            CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"orders.csv\""),
        ))
        .streaming(all))
}

/// One page, and where the next begins.
async fn read(
    orders: &Orders,
    filter: &OrderFilter,
    start: Option<Start>,
    opening: &'static str,
) -> Result<(Bytes, Option<Start>), Failure> {
    let page = Page {
        limit: BATCH,
        offset: 0,
        sort: Sort::<OrderKey>::default(),
        start,
        counting: Counting::No,
    };
    let write_row = Box::new(|order: &Order, bytes: &mut Vec<u8>| write(order, bytes));
    let writer = PageWriter::begin(page, opening, write_row).await?.of_lines();
    let page = orders
        .export(filter.clone(), writer)
        .await
        .map_err(|error: OrderError| Failure::from(error))?;
    let next = page.next().cloned().map(Start::After);
    let (bytes, _) = page.into_bytes();
    Ok((Bytes::from(bytes), next))
}

fn write(order: &Order, bytes: &mut Vec<u8>) {
    let (money, pieces) = (&order.money, order.pieces());
    let at = |at: Option<DateTime<Utc>>| at.map(time::rfc3339).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let amount = |amount: Cents| amount.to_string();
    let cells = [
        order.id.to_string(),
        text(&order.order_number),
        order.customer_id.to_string(),
        order.status.as_str().to_owned(),
        order.payment_status.as_str().to_owned(),
        order.fulfilment_status.as_str().to_owned(),
        text(&order.currency),
        text(&order.reference),
        pieces.all.to_string(),
        amount(money.items),
        amount(money.discount),
        amount(money.shipping),
        amount(money.tax),
        amount(money.original),
        amount(money.total),
        amount(money.paid),
        amount(money.refunded),
        amount(Cents::new(order.due())),
        text(&order.payment_method),
        at(order.placed_at),
        at(order.completed_at),
        at(order.cancelled_at),
        time::rfc3339(order.created_at),
        time::rfc3339(order.updated_at),
    ];
    let mut line = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(bytes);
    let written = line.write_record(cells.iter().map(|cell| guarded(cell)));
    written.expect("a vector takes every byte, and a line is as long as the one before");
}

/// A cell that a spreadsheet would read as a formula begins with an apostrophe. An amount that is less
/// than nothing is none.
fn guarded(cell: &str) -> String {
    let is_amount = cell
        .strip_prefix('-')
        .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_amount;
    if is_formula { format!("'{cell}") } else { cell.to_owned() }
}
