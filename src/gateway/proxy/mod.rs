//! Forwarding to a service in another process: raw path, streams both ways, no change sent twice.
//!
//! hyper is used below the level of a friendly client because a friendly client normalises `..`,
//! follows redirects and merges headers.

mod answer;
mod request_body;
mod timeouts;

use super::error::GatewayError;
use super::forwarding;
use super::metrics::Outcome;
use super::upstream::{Fault, Upstream, UpstreamPermit};
use crate::kernel::config::{Secret, TrustedProxies, UpstreamUrl};
use crate::kernel::http::{Code, Failure};
use crate::kernel::telemetry::{Current, TRACEPARENT, TRACESTATE, X_REQUEST_ID};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, rt, web};
use answer::Begun;
use http_body_util::Empty;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Builder, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use request_body::{Continue, RequestBody};
use std::cell::Cell;
use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use timeouts::{ANSWER_TIMEOUT, CONNECT_TIMEOUT, IDLE_TIMEOUT, PROBE_AFTER, PROBE_TIMEOUT};

/// What a connection may hold of a message in each direction: also more than any head has. hyper
/// would take 400 KiB, for each of however many uploads.
const MOST_BUFFERED: usize = 32 * 1024;

/// A pool of connections to the upstreams; one for each worker, so that a connection is driven by
/// the thread that uses it.
#[derive(Clone)]
pub struct Proxy {
    trusted: TrustedProxies,
    /// What the services ask of their callers.
    authorization: Option<http::HeaderValue>,
    client: Client<HttpConnector, RequestBody>,
    prober: Prober,
}

impl Proxy {
    /// `trusted` are the proxies in front whose forwarding headers are handed on; `service_token`
    /// is told to every service.
    pub fn new(trusted: &TrustedProxies, service_token: Option<&Secret>) -> Proxy {
        let client = client_builder().pool_idle_timeout(IDLE_TIMEOUT).build(connector());
        let authorization = service_token.map(|token| {
            let bytes = [b"Bearer ", token.expose()].concat();
            let mut value = http::HeaderValue::from_bytes(&bytes).expect("checked at the start");
            value.set_sensitive(true);
            value
        });
        Proxy { trusted: trusted.clone(), authorization, client, prober: Prober::new() }
    }

    async fn forward(
        &self,
        upstream: &Upstream,
        request: HttpRequest,
        payload: web::Payload,
    ) -> Result<HttpResponse, Failure> {
        let permit = upstream.permit(request_body::carried_by(&request))?;
        let mut answer = pin!(self.ask_twice(upstream, &request, payload));
        let outcome = tokio::select! {
            biased;
            outcome = &mut answer => outcome,
            () = self.probe_when_silent(&permit) => answer.await,
        };
        let (fault, cause) = match outcome {
            Ok(begun) => {
                permit.answered();
                return match begun.refuses_the_gateway() {
                    // The client's token was good, and it must not be told otherwise.
                    true => Err(Failure::from(GatewayError::UpstreamRefused)
                        .of_dependency(upstream.name())
                        .because(format!(
                            "{upstream} refuses this gateway with 401: give both the same \
                             SERVICE_TOKEN"
                        ))),
                    false => Ok(begun.into_response(request.method())),
                };
            }
            Err(ForwardError::OfClient(failure)) => return Err(failure),
            Err(ForwardError::Broken(cause) | ForwardError::Gone(cause)) => (Fault::Gone, cause),
            Err(ForwardError::Slow(what)) => (Fault::Slow, format!("{upstream} {what} in time")),
        };
        upstream.count(Outcome::Failed(fault));
        // Else it is this request's failure alone, and no reason to refuse another one.
        if !permit.is_alive(|url| self.prober.is_alive(url)).await {
            permit.failed(fault);
        }
        Err(fault.to_failure().of_dependency(upstream.name()).because(cause))
    }

    /// Probes a service that has left a request without an answer for long.
    async fn probe_when_silent(&self, permit: &UpstreamPermit) {
        tokio::time::sleep(PROBE_AFTER).await;
        permit.is_alive(|url| self.prober.is_alive(url)).await;
    }

    /// Sends a request, and once more where nothing can have come of it.
    async fn ask_twice(
        &self,
        upstream: &Upstream,
        request: &HttpRequest,
        payload: web::Payload,
    ) -> Result<Begun, ForwardError> {
        let outcome = self.ask(upstream.url(), request, Some(payload)).await;
        match outcome {
            Err(ForwardError::Broken(cause)) if is_repeatable(request.method()) => {
                log::debug!("once more: {cause}");
                self.ask(upstream.url(), request, None).await
            }
            outcome => outcome,
        }
    }

    /// Sends a request, once, and waits for the beginning of the answer.
    async fn ask(
        &self,
        upstream: &UpstreamUrl,
        request: &HttpRequest,
        payload: Option<web::Payload>,
    ) -> Result<Begun, ForwardError> {
        let (body, sending) = request_body::stream(request, payload);
        let mut outgoing =
            self.outgoing_request(upstream, request, body).map_err(ForwardError::OfClient)?;
        let expected = Continue::expected_by(request);
        if let Some(expected) = expected.clone() {
            expected.ask(&mut outgoing);
        }
        let is_waiting = Rc::new(Cell::new(expected.is_some()));
        let has_gone_on = Rc::clone(&is_waiting);
        let mut sending = Box::pin(async move {
            if let Some(expected) = expected {
                expected.heard().await;
                has_gone_on.set(false);
            }
            sending.await
        });
        let answer = async {
            let answer = self.client.request(outgoing).await;
            let answer = answer.map_err(|error| forward_error(upstream, &error))?;
            answer::begin(answer).await.map_err(|error| forward_error(upstream, &error))
        };
        tokio::pin!(answer);
        // The body is sent from here and not from a task: actix closes the connection at a broken
        // body, and sends only the answer that is ready by then.
        tokio::select! {
            biased;
            // The clock starts when the body is sent: a client that uploads slowly is not the
            // upstream's fault.
            sent = &mut sending => match sent {
                Ok(()) => tokio::time::timeout(ANSWER_TIMEOUT, &mut answer)
                    .await
                    .unwrap_or(Err(ForwardError::Slow("did not answer"))),
                Err(GatewayError::UpstreamSlow) => Err(ForwardError::Slow("did not take the body")),
                Err(error) => Err(ForwardError::OfClient(error.into())),
            },
            answer = &mut answer => {
                // It came before the end of the body, which may still be wanted, but not where the
                // client was never asked for it.
                if !is_waiting.get() {
                    rt::spawn(sending);
                }
                answer
            }
        }
    }

    fn outgoing_request(
        &self,
        upstream: &UpstreamUrl,
        request: &HttpRequest,
        body: RequestBody,
    ) -> Result<hyper::Request<RequestBody>, Failure> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let invalid = |_: http::Error| Failure::new(Code::InvalidPath);
        let mut outgoing = hyper::Request::builder()
            .method(request.method().as_str())
            .uri(upstream.uri(path).map_err(invalid)?)
            .body(body)
            .map_err(invalid)?;
        let headers = outgoing.headers_mut();
        for (name, value) in forwarding::request_headers(request, &self.trusted) {
            append(headers, &name, &value);
        }
        if let Some(Current { request_id, trace }) = Current::get() {
            append(headers, &X_REQUEST_ID, &request_id.to_header());
            append(headers, &TRACEPARENT, &trace.to_header());
            if !trace.is_continued() {
                // It speaks of a trace that nobody could read.
                headers.remove(TRACESTATE.as_str());
            }
        }
        if let Some(authorization) = &self.authorization {
            headers.insert("authorization", authorization.clone());
        }
        Ok(outgoing)
    }
}

/// Adds a header in the types of hyper, which are of another version of the same crate.
fn append(headers: &mut http::HeaderMap, name: &HeaderName, value: &HeaderValue) {
    if let (Ok(name), Ok(value)) = (
        http::HeaderName::from_bytes(name.as_str().as_bytes()),
        http::HeaderValue::from_bytes(value.as_bytes()),
    ) {
        headers.append(name, value);
    }
}

/// Forwards everything below a scope to `upstream`.
pub fn proxy(config: &mut web::ServiceConfig, proxy: Proxy, upstream: Upstream) {
    let forward = move |request: HttpRequest, payload: web::Payload| {
        let (proxy, upstream) = (proxy.clone(), upstream.clone());
        async move { proxy.forward(&upstream, request, payload).await }
    };
    // Two routes and not the default of the scope: the log and the metrics name requests by their
    // routes. Which ones the service has is for the service to know.
    config
        .service(web::resource("").to(forward.clone()))
        .service(web::resource("/{path}*").to(forward));
}

/// Looks after a service for as long as the process serves: see [`Upstream::look_after`].
pub async fn probe(upstream: Upstream) {
    let prober = Prober::new();
    upstream.look_after(|url| prober.is_alive(url)).await;
}

/// Asks services whether they live.
#[derive(Clone)]
struct Prober(Client<HttpConnector, Empty<web::Bytes>>);

impl Prober {
    fn new() -> Prober {
        // Nothing is kept: a connection from before a failure says nothing.
        Prober(client_builder().pool_max_idle_per_host(0).build(connector()))
    }

    /// Whether a service speaks, whatever it says.
    fn is_alive(&self, url: UpstreamUrl) -> impl Future<Output = bool> + use<> {
        let client = self.0.clone();
        async move {
            let Ok(uri) = url.uri("/livez") else {
                return false;
            };
            matches!(tokio::time::timeout(PROBE_TIMEOUT, client.get(uri)).await, Ok(Ok(_)))
        }
    }
}

fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector
}

fn client_builder() -> Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    // What is sent a second time is decided here, by the method.
    builder.pool_timer(TokioTimer::new()).retry_canceled_requests(false);
    builder.http1_max_buf_size(MOST_BUFFERED);
    builder
}

/// Whether a request changes nothing, so that it may arrive twice.
fn is_repeatable(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Why there is no answer to hand on; the text is for the log.
enum ForwardError {
    /// The client's own fault.
    OfClient(Failure),
    /// There was no connection, or it ended before the first part of an answer.
    Broken(String),
    /// Nobody took the connection in time, or what came is no HTTP.
    Gone(String),
    /// The service did not answer, or did not take the body, in time.
    Slow(&'static str),
}

fn forward_error(upstream: &UpstreamUrl, error: &(dyn Error + 'static)) -> ForwardError {
    let mut text = format!("forwarding to {upstream}");
    let mut is_break = true;
    let mut cause = Some(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        is_break &= !says_more_than_a_break(error);
        cause = error.source();
    }
    if is_break { ForwardError::Broken(text) } else { ForwardError::Gone(text) }
}

fn says_more_than_a_break(error: &(dyn Error + 'static)) -> bool {
    let no_http = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse);
    let io = error.downcast_ref::<io::Error>();
    no_http || io.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}
