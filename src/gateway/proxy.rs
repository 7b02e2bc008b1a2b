//! Forwarding to a service in another process: raw path, streams both ways, nothing twice.
//!
//! hyper is used below the level of a friendly client because a friendly client normalises `..`,
//! follows redirects and merges headers.

use super::error::GatewayError;
use super::forwarding;
use crate::kernel::config::{Secret, TrustedProxies, UpstreamUrl};
use crate::kernel::http::{Failure, MAX_BODY_BYTES};
use crate::kernel::telemetry::RequestId;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, rt, web};
use futures_util::StreamExt;
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody as UpstreamBody;
use hyper::body::{Body, Frame, Incoming};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// From the last byte of the request to the head of the answer, and between two parts of it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Shorter than the services keep an idle connection open, so that they never close one that is
/// about to carry a request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// Parts of a request body that may wait for the upstream.
const BODY_QUEUE: usize = 8;

/// A pool of connections to the upstreams; one for each worker, so that a connection is driven by
/// the thread that uses it.
#[derive(Clone)]
pub struct Proxy {
    trusted: TrustedProxies,
    /// What the services ask of their callers.
    authorization: Option<http::HeaderValue>,
    client: Client<HttpConnector, UpstreamBody<Bytes, GatewayError>>,
}

impl Proxy {
    /// `trusted` are the proxies in front whose forwarding headers are handed on; `service_token`
    /// is told to every service.
    pub fn new(trusted: &TrustedProxies, service_token: Option<&Secret>) -> Proxy {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(TokioTimer::new())
            // A request goes out once. What hyper would try again is safe to try, but the upstream
            // must see one request for one request of a client.
            .retry_canceled_requests(false)
            .build(connector);
        let authorization = service_token.map(|token| {
            let bytes = [b"Bearer ", token.expose()].concat();
            let mut value = http::HeaderValue::from_bytes(&bytes).expect("checked at the start");
            value.set_sensitive(true);
            value
        });
        Proxy { trusted: trusted.clone(), authorization, client }
    }

    async fn forward(
        &self,
        upstream: &UpstreamUrl,
        request: HttpRequest,
        payload: web::Payload,
    ) -> Result<HttpResponse, Failure> {
        let (body, sending) = stream_body(&request, payload);
        let mut sending = Box::pin(sending);
        let outgoing = self.outgoing_request(upstream, &request, body)?;
        let answer = self.client.request(outgoing);
        tokio::pin!(answer);
        let too_slow = |what| {
            Failure::from(GatewayError::UpstreamSlow).because(format!("{upstream} {what} in time"))
        };
        // The body is sent from here and not from a task: actix closes the connection at a broken
        // body, and sends only the answer that is ready by then.
        let answer = tokio::select! {
            biased;
            // The clock starts when the body is sent: a client that uploads slowly is not the
            // upstream's fault.
            sent = &mut sending => match sent {
                Ok(()) => tokio::time::timeout(ANSWER_TIMEOUT, &mut answer)
                    .await
                    .map_err(|_| too_slow("did not answer"))?,
                Err(GatewayError::UpstreamSlow) => return Err(too_slow("did not take the body")),
                Err(error) => return Err(error.into()),
            },
            answer = &mut answer => {
                // It came before the end of the body, which may still be wanted.
                rt::spawn(sending);
                answer
            }
        };
        let answer = answer.map_err(|error| failure_of(upstream, &error))?;
        if answer.status() == http::StatusCode::UNAUTHORIZED {
            // It is the gateway that is refused. The client's token was good, and it must not be
            // told otherwise.
            return Err(Failure::from(GatewayError::UpstreamRefused).because(format!(
                "{upstream} refuses this gateway with 401: give both the same SERVICE_TOKEN"
            )));
        }
        Ok(incoming_response(request.method(), answer))
    }

    fn outgoing_request(
        &self,
        upstream: &UpstreamUrl,
        request: &HttpRequest,
        body: UpstreamBody<Bytes, GatewayError>,
    ) -> Result<hyper::Request<UpstreamBody<Bytes, GatewayError>>, Failure> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let mut outgoing = hyper::Request::builder()
            .method(request.method().as_str())
            .uri(format!("{upstream}{path}"))
            .body(body)
            .map_err(|_| Failure::bad_request("INVALID_PATH", "Invalid path"))?;
        let headers = outgoing.headers_mut();
        for (name, value) in forwarding::request_headers(request, &self.trusted) {
            if let (Ok(name), Ok(value)) = (
                http::HeaderName::from_bytes(name.as_str().as_bytes()),
                http::HeaderValue::from_bytes(value.as_bytes()),
            ) {
                headers.append(name, value);
            }
        }
        if let Some(id) = RequestId::current(request)
            && let Ok(value) = http::HeaderValue::from_str(id.as_str())
        {
            headers.insert("x-request-id", value);
        }
        if let Some(authorization) = &self.authorization {
            headers.insert("authorization", authorization.clone());
        }
        Ok(outgoing)
    }
}

/// Forwards everything below a scope to `upstream`.
pub fn proxy(config: &mut web::ServiceConfig, proxy: Proxy, upstream: UpstreamUrl) {
    config.default_service(web::to(move |request: HttpRequest, payload: web::Payload| {
        let (proxy, upstream) = (proxy.clone(), upstream.clone());
        async move { proxy.forward(&upstream, request, payload).await }
    }));
}

/// The client's body as hyper takes it, and the work of sending it, which tells how it ended.
fn stream_body(
    request: &HttpRequest,
    mut payload: web::Payload,
) -> (UpstreamBody<Bytes, GatewayError>, impl Future<Output = Result<(), GatewayError>> + use<>) {
    let has_body = request.headers().contains_key(CONTENT_LENGTH)
        || request.headers().contains_key(TRANSFER_ENCODING);
    let (parts, receiver) = mpsc::channel(BODY_QUEUE);
    let body = if has_body {
        PartsBody(receiver).boxed()
    } else {
        http_body_util::Empty::new().map_err(|never| match never {}).boxed()
    };
    // A payload of actix belongs to its thread, and hyper wants a body that can move: so the parts
    // are handed over. When hyper drops the body, it needs no more of them.
    let sending = async move {
        if !has_body {
            return Ok(());
        }
        let mut length = 0;
        while let Some(part) = payload.next().await {
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

fn incoming_response(method: &Method, answer: hyper::Response<Incoming>) -> HttpResponse {
    let (head, body) = answer.into_parts();
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
        body: Box::pin(body),
        timer: Box::pin(tokio::time::sleep(ANSWER_TIMEOUT)),
    })
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
    body: Pin<Box<Incoming>>,
    timer: Pin<Box<tokio::time::Sleep>>,
}

impl MessageBody for AnswerBody {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        match self.body.size_hint().exact() {
            Some(length) => BodySize::Sized(length),
            None => BodySize::Stream,
        }
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        loop {
            match self.body.as_mut().poll_frame(cx) {
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

fn failure_of(upstream: &UpstreamUrl, error: &ClientError) -> Failure {
    let mut causes: Vec<String> = Vec::new();
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    Failure::from(GatewayError::UpstreamGone)
        .because(format!("forwarding to {upstream}: {}", causes.join(": ")))
}
