//! The limit as a layer around the routes of a listener.
//!
//! It says by which bucket a request is counted, and lets actix-governor decide inside of it; so the
//! one that Redis has decided passes there uncounted. actix-governor wants a future that may move
//! from what it wraps: the routes are boxed first.

use super::address::client_address;
use super::local::{Bucket, Decider};
use super::verdict::{Wait, refusal};
use super::{RateLimit, Ruling, X_RATELIMIT_REMAINING, X_RATELIMIT_WHITELISTED};
use crate::kernel::config::TrustedProxies;
use crate::kernel::telemetry::RequestOrigin;
use actix_service::boxed::{RcService, rc_service};
use actix_service::{Service, Transform};
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use futures_util::future::{Either, LocalBoxFuture, MapOk, TryFutureExt};
use std::future::{Ready, ready};
use std::rc::Rc;
use std::task::{Context, Poll};

/// The layer; it counts nothing by default.
#[derive(Clone, Default)]
pub struct LimitRate(Option<RateLimit>);

impl LimitRate {
    pub fn by(limit: Option<&RateLimit>) -> LimitRate {
        LimitRate(limit.cloned())
    }
}

type Routes<B> = RcService<ServiceRequest, ServiceResponse<B>, Error>;

/// What is around the routes of a worker.
pub enum Limited<S, B: 'static> {
    Uncounted(S),
    Counted { limit: RateLimit, decider: Rc<Decider<Routes<B>>> },
}

impl<S, B> Transform<S, ServiceRequest> for LimitRate
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = Limited<S, B>;
    type InitError = ();
    type Future = Ready<Result<Limited<S, B>, ()>>;

    fn new_transform(&self, routes: S) -> Self::Future {
        ready(match &self.0 {
            None => Ok(Limited::Uncounted(routes)),
            Some(limit) => {
                let routes = rc_service(routes);
                let decider = limit.0.local.governor().new_transform(routes).into_inner();
                let limit = limit.clone();
                decider.map(|decider| Limited::Counted { limit, decider: Rc::new(decider) })
            }
        })
    }
}

/// An answer on its way, with the body's type of both kinds of routes.
type IntoLeft<F, B> = MapOk<F, fn(ServiceResponse<B>) -> ServiceResponse<EitherBody<B>>>;

impl<S, B> Service<ServiceRequest> for Limited<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future =
        Either<IntoLeft<S::Future, B>, LocalBoxFuture<'static, Result<Self::Response, Error>>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self {
            Limited::Uncounted(routes) => routes.poll_ready(context),
            Limited::Counted { decider, .. } => decider.poll_ready(context),
        }
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        // For the log: which client stands behind trusted proxies.
        if let Some(trusted) = request.app_data::<Data<TrustedProxies>>() {
            RequestOrigin::comes_from(&request, client_address(&request, trusted));
        }
        match self {
            Limited::Uncounted(routes) => {
                Either::Left(routes.call(request).map_ok(ServiceResponse::map_into_left_body))
            }
            Limited::Counted { limit, decider } => {
                Either::Right(Box::pin(count(limit.clone(), Rc::clone(decider), request)))
            }
        }
    }
}

/// # Errors
/// Those of the routes; a request above the limit is answered with 429.
async fn count<B: MessageBody + 'static>(
    limit: RateLimit,
    decider: Rc<Decider<Routes<B>>>,
    request: ServiceRequest,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let ruling = limit.rule(&request).await;
    let bucket = match ruling {
        Ruling::Refused { wait } => {
            limit.0.refused.inc();
            let mut answer = request.into_response(refusal(wait)).map_into_right_body();
            limit.write_headers(answer.headers_mut(), 0, Wait::of(wait).0);
            return Ok(answer);
        }
        Ruling::Open { client } => Bucket::Of(client),
        Ruling::Admitted { .. } | Ruling::Uncounted => Bucket::Free,
    };
    request.extensions_mut().insert(bucket);
    let mut answer = decider.call(request).await?;
    answer.headers_mut().remove(X_RATELIMIT_WHITELISTED);
    let refused = answer.response().extensions().get::<Wait>().copied();
    let (left, next_in_seconds) = match (refused, ruling) {
        (Some(wait), _) => {
            limit.0.refused.inc();
            (0, wait.0)
        }
        (None, Ruling::Admitted { left }) => (left, limit.interval_in_seconds()),
        (None, Ruling::Open { .. }) => (told_left(answer.headers()), limit.interval_in_seconds()),
        (None, Ruling::Uncounted | Ruling::Refused { .. }) => return Ok(answer),
    };
    limit.write_headers(answer.headers_mut(), left, next_in_seconds);
    Ok(answer)
}

/// What actix-governor says is left.
fn told_left(headers: &HeaderMap) -> u32 {
    let left = headers.get(X_RATELIMIT_REMAINING).and_then(|left| left.to_str().ok());
    left.and_then(|left| left.parse().ok()).unwrap_or(0)
}
