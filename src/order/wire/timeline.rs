//! What has happened to an order.

use crate::kernel::error::{Invalid, Rule};
use crate::kernel::http::Query;
use crate::kernel::outbox::Published;
use crate::kernel::time;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = OrderEvent)]
pub(in crate::order) struct EventView<'a> {
    /// Grows with time; `after` takes it.
    id: i64,
    /// Such as `order.placed`.
    #[serde(rename = "type")]
    kind: &'a str,
    /// The version of the order after it.
    subject_version: i64,
    #[schema(value_type = Object)]
    data: &'a Map<String, Value>,
    /// Whether it is shown here alone.
    is_internal: bool,
    actor: &'a str,
    #[schema(format = DateTime)]
    created_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OrderTimeline)]
pub(in crate::order) struct TimelineView<'a> {
    success: bool,
    /// Oldest first; at most 1000.
    data: Vec<EventView<'a>>,
}

impl<'a> From<&'a [Published]> for TimelineView<'a> {
    fn from(events: &'a [Published]) -> Self {
        let data = events.iter().map(|event| EventView {
            id: event.id,
            kind: &event.kind,
            subject_version: event.subject_version,
            data: &event.data,
            is_internal: event.is_internal,
            actor: &event.actor,
            created_at: time::rfc3339(event.created_at),
        });
        TimelineView { success: true, data: data.collect() }
    }
}

/// Behind which event to go on.
///
/// # Errors
/// Names `after` where it is no id of an event.
pub(in crate::order) fn parse_after(query: &str) -> Result<i64, Invalid> {
    let query = Query::parse(query)?;
    let Some(text) = query.get("after")? else {
        return Ok(0);
    };
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| is_plain)
        .ok_or_else(|| Invalid::new("after", Rule::OutOfRange, "must be the id of an event"))
}
