//! The answer of a service on its way to the client.

use super::timeouts::ANSWER_TIMEOUT;
use crate::gateway::forwarding;
use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use http::response::Parts;
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::{Body, Incoming};
use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The head of an answer, and the first part of its body where there is one.
pub(super) struct Begun {
    head: Parts,
    size: BodySize,
    first: Option<Bytes>,
    rest: Incoming,
}

/// Holds the head of an answer until the first part of its body is here: a service that dies in
/// between has answered nothing, and a client can still be told so.
///
/// # Errors
/// That of the connection.
pub(super) async fn begin(answer: Response<Incoming>) -> Result<Begun, hyper::Error> {
    let (head, mut rest) = answer.into_parts();
    let size = rest.size_hint().exact().map_or(BodySize::Stream, BodySize::Sized);
    let mut first = None;
    while first.is_none()
        && let Some(frame) = rest.frame().await
    {
        first = frame?.into_data().ok().filter(|data| !data.is_empty());
    }
    Ok(Begun { head, size, first, rest })
}

impl Begun {
    /// The services ask nobody for a token but the gateway.
    pub(super) fn refuses_the_gateway(&self) -> bool {
        self.head.status == http::StatusCode::UNAUTHORIZED
    }

    pub(super) fn into_response(self, method: &Method) -> HttpResponse {
        let head = self.head;
        let status =
            StatusCode::from_u16(head.status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        let connection_names = forwarding::named_by_connection(
            head.headers.get_all("connection").iter().filter_map(|value| value.to_str().ok()),
        );
        for (name, value) in &head.headers {
            if forwarding::is_dropped_from_answers(name.as_str(), &connection_names) {
                continue;
            }
            if let (Ok(name), Ok(value)) = (
                HeaderName::from_bytes(name.as_str().as_bytes()),
                HeaderValue::from_bytes(value.as_bytes()),
            ) {
                response.append_header((name, value));
            }
        }
        if method == Method::HEAD {
            let length = head.headers.get("content-length").and_then(|value| value.to_str().ok());
            return response.body(NoBody(length.and_then(|length| length.parse().ok())));
        }
        response.body(AnswerBody {
            size: self.size,
            first: self.first,
            rest: Box::pin(self.rest),
            timer: Box::pin(tokio::time::sleep(ANSWER_TIMEOUT)),
        })
    }
}

/// The body of an answer to HEAD: none, and the length that GET would have, where it is known.
struct NoBody(Option<u64>);

impl MessageBody for NoBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0.map_or(BodySize::None, BodySize::Sized)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}

/// The body of an answer on its way to the client. When the upstream breaks off or falls silent it
/// ends with an error, at which actix closes the connection: the client sees that it is cut.
struct AnswerBody {
    size: BodySize,
    first: Option<Bytes>,
    rest: Pin<Box<Incoming>>,
    timer: Pin<Box<tokio::time::Sleep>>,
}

impl MessageBody for AnswerBody {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        loop {
            match self.rest.as_mut().poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let deadline = tokio::time::Instant::now() + ANSWER_TIMEOUT;
                    self.timer.as_mut().reset(deadline);
                    // Anything but data is a trailer, which HTTP/1.1 clients need not get.
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    return match self.timer.as_mut().poll(cx) {
                        Poll::Ready(()) => {
                            Poll::Ready(Some(Err("the upstream fell silent".into())))
                        }
                        Poll::Pending => Poll::Pending,
                    };
                }
            }
        }
    }

    fn boxed(self) -> BoxBody {
        BoxBody::new(self)
    }
}
