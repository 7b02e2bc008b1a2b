//! The client's body on its way to a service: in parts, as they come, and never half of it as whole.

use super::timeouts::{ANSWER_TIMEOUT, CONTINUE_TIMEOUT};
use crate::gateway::error::GatewayError;
use crate::gateway::upstream::Carries;
use crate::kernel::http::{BODY_TIMEOUT, MAX_BODY_BYTES};
use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::web::{self, Bytes};
use futures_util::StreamExt;
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Frame};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout, timeout_at};

/// Parts of a request body that may wait for the upstream.
const BODY_QUEUE: usize = 2;

pub(super) type RequestBody = BoxBody<Bytes, GatewayError>;

/// Whether a request announces a body.
pub(super) fn carried_by(request: &HttpRequest) -> Carries {
    let mut framing = [CONTENT_LENGTH, TRANSFER_ENCODING].into_iter();
    match framing.any(|name| request.headers().contains_key(name)) {
        true => Carries::ABody,
        false => Carries::Nothing,
    }
}

/// What a service says to a request whose client waits to be asked for its body: nothing is read of
/// that before the service wants it.
#[derive(Clone)]
pub(super) struct Continue(Arc<Notify>);

impl Continue {
    /// `None` for a client that sends its body unasked, or has none.
    pub(super) fn expected_by(request: &HttpRequest) -> Option<Continue> {
        let expects = request.head().expect() && carried_by(request) == Carries::ABody;
        expects.then(|| Continue(Arc::default()))
    }

    /// Asks the service, too.
    pub(super) fn ask<B>(self, outgoing: &mut hyper::Request<B>) {
        outgoing.headers_mut().insert("expect", http::HeaderValue::from_static("100-continue"));
        hyper::ext::on_informational(outgoing, move |answer| {
            if answer.status() == http::StatusCode::CONTINUE {
                self.0.notify_one();
            }
        });
    }

    pub(super) async fn heard(&self) {
        // Without a word in time, the body is sent all the same.
        let _late = timeout(CONTINUE_TIMEOUT, self.0.notified()).await;
    }
}

/// The client's body as hyper takes it, and the work of sending it, which tells how it ended.
///
/// Without a payload, the request is one without a body.
pub(super) fn stream(
    request: &HttpRequest,
    payload: Option<web::Payload>,
) -> (RequestBody, impl Future<Output = Result<(), GatewayError>> + use<>) {
    let payload = payload.filter(|_| carried_by(request) == Carries::ABody);
    let (parts, receiver) = mpsc::channel(BODY_QUEUE);
    let body = if payload.is_some() {
        PartsBody(receiver).boxed()
    } else {
        http_body_util::Empty::new().map_err(|never| match never {}).boxed()
    };
    // A payload of actix belongs to its thread, and hyper wants a body that can move: so the parts
    // are handed over. When hyper drops the body, it needs no more of them.
    let sending = async move {
        let Some(mut payload) = payload else {
            return Ok(());
        };
        let mut length = 0;
        let give_up_at = Instant::now() + BODY_TIMEOUT;
        let too_slow = |_| GatewayError::SlowBody;
        while let Some(part) = timeout_at(give_up_at, payload.next()).await.map_err(too_slow)? {
            let data = part.map_err(|_| GatewayError::BrokenBody)?;
            length += data.len();
            if length > MAX_BODY_BYTES {
                return Err(GatewayError::TooLarge);
            }
            if !hand_over(&parts, Part::Data(data)).await? {
                return Ok(());
            }
        }
        hand_over(&parts, Part::End).await.map(drop)
    };
    (body, sending)
}

/// Whether the upstream still wants the body.
async fn hand_over(parts: &mpsc::Sender<Part>, part: Part) -> Result<bool, GatewayError> {
    match tokio::time::timeout(ANSWER_TIMEOUT, parts.send(part)).await {
        Ok(taken) => Ok(taken.is_ok()),
        Err(_) => Err(GatewayError::UpstreamSlow),
    }
}

/// A part of a body, or the word that it is complete.
enum Part {
    Data(Bytes),
    End,
}

/// Parts of a body as they come. When they stop without [`Part::End`] the request is broken off:
/// half a body must not look like a whole one.
struct PartsBody(mpsc::Receiver<Part>);

impl Body for PartsBody {
    type Data = Bytes;
    type Error = GatewayError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GatewayError>>> {
        self.0.poll_recv(cx).map(|part| match part {
            Some(Part::Data(data)) => Some(Ok(Frame::data(data))),
            Some(Part::End) => None,
            None => Some(Err(GatewayError::BrokenBody)),
        })
    }
}
