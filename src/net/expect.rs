//! `Expect: 100-continue`: who asks before it sends a body is told at once when none is wanted.
//!
//! actix would ask for the body first, and only then give the request to the application. Here the
//! application begins with a body that has not come yet. Where it answers without having wanted the
//! body, that is the answer; where it wants the body, the client is asked for it, and the
//! application goes on where it was.

use crate::kernel::http::ConnectionHandle;
use actix_http::{BoxedPayloadStream, HttpMessage, Payload, Request, Response};
use actix_service::{Service, ServiceFactory, fn_factory};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::error::PayloadError;
use actix_web::http::ConnectionType;
use actix_web::web::Bytes;
use futures_util::future::{Either, LocalBoxFuture, select};
use futures_util::stream::Stream;
use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::future::{Future, poll_fn, ready};
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The application of one worker: `None` until it is made.
type SharedService<S> = Rc<RefCell<Option<Rc<S>>>>;

/// An application that goes on with requests that [`expecting`]'s other half has begun, and that
/// half, which actix calls with each request that has an `Expect`.
#[expect(clippy::type_complexity, reason = "a type of two `impl Trait` cannot be given a name")]
pub(super) fn expecting<F, B>(
    factory: F,
) -> (
    impl ServiceFactory<
        Request,
        Config = (),
        Response = F::Response,
        Error = Response<BoxBody>,
        InitError = F::InitError,
        Service = Continuing<F::Service>,
    >,
    impl ServiceFactory<
        Request,
        Config = (),
        Response = Request,
        Error = Response<BoxBody>,
        InitError = F::InitError,
    >,
)
where
    F: ServiceFactory<Request, Config = (), Error = Response<BoxBody>> + 'static,
    F::InitError: Debug,
    F::Response: Into<Response<B>>,
    F::Service: 'static,
    <F::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let made: SharedService<F::Service> = SharedService::default();
    let begins = Rc::clone(&made);
    let application = fn_factory(move || {
        let (making, made) = (factory.new_service(()), Rc::clone(&made));
        async move {
            let service = Rc::new(making.await?);
            made.replace(Some(Rc::clone(&service)));
            Ok(Continuing(service))
        }
    });
    let begin = fn_factory(move || {
        ready(Ok(ExpectHandler { made: Rc::clone(&begins), body: PhantomData::<fn() -> B> }))
    });
    (application, begin)
}

/// The application, also for requests that it has begun already.
pub(super) struct Continuing<S>(Rc<S>);

/// An answer that is being made, as an extension of the request that goes on.
struct Started<F>(Pin<Box<F>>);

impl<S> Service<Request> for Continuing<S>
where
    S: Service<Request>,
    S::Future: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, Pin<Box<S::Future>>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&self, request: Request) -> Self::Future {
        let begun = request.extensions_mut().remove::<Started<S::Future>>();
        match begun {
            Some(Started(answering)) => Either::Right(answering),
            None => Either::Left(self.0.call(request)),
        }
    }
}

struct ExpectHandler<S, B> {
    made: SharedService<S>,
    body: PhantomData<fn() -> B>,
}

impl<S, B> Service<Request> for ExpectHandler<S, B>
where
    S: Service<Request, Error = Response<BoxBody>>,
    S::Response: Into<Response<B>>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = Request;
    type Error = Response<BoxBody>;
    type Future = LocalBoxFuture<'static, Result<Request, Response<BoxBody>>>;

    actix_service::always_ready!();

    fn call(&self, request: Request) -> Self::Future {
        let Some(service) = self.made.borrow().clone() else {
            return Box::pin(ready(Ok(request)));
        };
        let connection = request.conn_data::<ConnectionHandle>().cloned();
        let body = DeferredBody::default();
        let stream: BoxedPayloadStream = Box::pin(body.clone());
        let (request, payload) = request.replace_payload(Payload::Stream { payload: stream });
        let has_body = !matches!(payload, Payload::None);
        let answering = Box::pin(service.call(request));
        Box::pin(async move {
            match select(answering, body.requested()).await {
                Either::Left((outcome, _)) => {
                    let answer = outcome.map(|answer| answer.into().map_into_boxed_body());
                    Err(refuse(answer.unwrap_or_else(|error| error), connection, has_body))
                }
                Either::Right(((), answering)) => {
                    body.supply(payload);
                    let request = Request::with_payload(Payload::None);
                    request.extensions_mut().insert(Started(answering));
                    Ok(request)
                }
            }
        })
    }
}

/// An answer in place of a body. The client may send the body all the same, or the next request in
/// its place: nobody could tell the two apart.
fn refuse(
    mut answer: Response<BoxBody>,
    connection: Option<ConnectionHandle>,
    has_body: bool,
) -> Response<BoxBody> {
    if has_body {
        answer.head_mut().set_connection_type(ConnectionType::Close);
        if let Some(connection) = connection {
            connection.answered_finally();
        }
    }
    answer
}

/// A body that is supplied once the application requests it; clones share it.
#[derive(Clone, Default)]
struct DeferredBody(Rc<DeferredState>);

#[derive(Default)]
struct DeferredState {
    is_requested: Cell<bool>,
    payload: RefCell<Option<Pin<Box<Payload>>>>,
    /// Of the task that waits for the request, and of the one that waits for the payload.
    request_waker: RefCell<Option<Waker>>,
    reader_waker: RefCell<Option<Waker>>,
}

impl DeferredBody {
    fn requested(&self) -> impl Future<Output = ()> + use<> {
        let body = Rc::clone(&self.0);
        poll_fn(move |context| {
            if body.is_requested.get() {
                return Poll::Ready(());
            }
            body.request_waker.replace(Some(context.waker().clone()));
            Poll::Pending
        })
    }

    fn supply(&self, payload: Payload) {
        self.0.payload.replace(Some(Box::pin(payload)));
        if let Some(reader) = self.0.reader_waker.take() {
            reader.wake();
        }
    }
}

impl Stream for DeferredBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let body = &self.0;
        if let Some(payload) = body.payload.borrow_mut().as_mut() {
            return payload.as_mut().poll_next(context);
        }
        body.reader_waker.replace(Some(context.waker().clone()));
        body.is_requested.set(true);
        if let Some(request_waker) = body.request_waker.take() {
            request_waker.wake();
        }
        Poll::Pending
    }
}
