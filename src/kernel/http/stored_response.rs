//! An answer to a change, rendered before its transaction commits: what is sent, and what a
//! repeated request gets again.

use super::Tagged;
use super::conditions::header_of;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, ETAG, HeaderName, HeaderValue, LOCATION};
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::Serialize;

const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    pub status: u16,
    /// Where the new thing is, seen from the list that it was posted to: `products/x` there leads to
    /// `/products/x`, and under a proxy's prefix to `/api/products/x`.
    pub location: Option<String>,
    /// Names what the change has made.
    pub tag: Option<String>,
    /// JSON.
    pub body: String,
    /// Whether it was made for an earlier request.
    pub is_replayed: bool,
}

impl StoredResponse {
    pub fn ok(view: &impl Serialize) -> StoredResponse {
        StoredResponse::of(StatusCode::OK, None, view)
    }

    /// What was added has no address of its own.
    pub fn added(view: &impl Serialize) -> StoredResponse {
        StoredResponse::of(StatusCode::CREATED, None, view)
    }

    pub fn created(location: String, view: &impl Serialize) -> StoredResponse {
        StoredResponse::of(StatusCode::CREATED, Some(location), view)
    }

    /// With the tag of the row as it is after the change.
    pub fn tagged(self, row: &impl Tagged) -> StoredResponse {
        StoredResponse { tag: Some(row.tag()), ..self }
    }

    fn of(status: StatusCode, location: Option<String>, view: &impl Serialize) -> StoredResponse {
        let body = serde_json::to_string(view).expect("a view has string keys and no other error");
        StoredResponse { status: status.as_u16(), location, tag: None, body, is_replayed: false }
    }
}

impl Responder for StoredResponse {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut response = HttpResponse::build(status);
        response.insert_header(ContentType::json());
        if let Some(location) = self.location {
            response.insert_header((LOCATION, location));
        }
        if let Some(tag) = self.tag {
            response.insert_header((ETAG, header_of(tag)));
        }
        if self.is_replayed {
            response.insert_header((IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true")));
        }
        response.body(self.body)
    }
}
