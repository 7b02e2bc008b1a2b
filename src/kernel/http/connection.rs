//! What the handling of a request tells its connection, whatever kind of connection that is.

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// A connection, as far as its requests are concerned.
pub trait ConnectionEvents {
    /// The head of a request is here.
    fn head_arrived(&self);
    /// Nothing that follows can be told from the request that is here.
    fn end_with_this_answer(&self);
    fn ends_with_this_answer(&self) -> bool;
    /// Whether the answers of this time end their connections.
    fn is_draining(&self) -> bool;
    /// Nothing more is read, until [`ConnectionEvents::release`].
    fn hold(&self);
    fn release(&self);
    /// The answer is complete, though not yet with the client.
    fn answered(&self);
    /// As [`ConnectionEvents::answered`], with an answer that ends the connection.
    fn answered_finally(&self);
}

/// By which a request says how far it is.
#[derive(Clone)]
pub struct ConnectionHandle(Rc<dyn ConnectionEvents>);

impl ConnectionHandle {
    pub fn of(connection: Rc<dyn ConnectionEvents>) -> ConnectionHandle {
        ConnectionHandle(connection)
    }

    /// The head of a request is here.
    pub fn head_arrived(&self) {
        self.0.head_arrived();
    }

    /// Nothing that follows can be told from the request that is here.
    pub fn end_with_this_answer(&self) {
        self.0.end_with_this_answer();
    }

    pub fn ends_with_this_answer(&self) -> bool {
        self.0.ends_with_this_answer()
    }

    /// Whether the answers of this time end their connections.
    pub fn is_draining(&self) -> bool {
        self.0.is_draining()
    }

    /// Reads nothing more while the guard lives: what the client sends stays with it.
    pub fn hold(&self) -> Hold {
        self.0.hold();
        Hold(Rc::clone(&self.0))
    }

    /// The answer is made, and ends the connection.
    pub fn answered_finally(&self) {
        self.0.answered_finally();
    }

    /// The answer is made. A body that is still to come is watched to its end.
    pub fn answered(self, body: BoxBody) -> BoxBody {
        if body.size() == BodySize::None {
            self.0.answered();
            return body;
        }
        match body.try_into_bytes() {
            Ok(bytes) => {
                self.0.answered();
                BoxBody::new(bytes)
            }
            Err(body) => BoxBody::new(WatchedBody { body, handle: self }),
        }
    }
}

/// See [`ConnectionHandle::hold`].
pub struct Hold(Rc<dyn ConnectionEvents>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// A body that comes from elsewhere, piece by piece.
struct WatchedBody {
    body: BoxBody,
    handle: ConnectionHandle,
}

impl MessageBody for WatchedBody {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        self.handle.0.answered();
    }
}
