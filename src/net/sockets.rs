//! From an address to a server: the listening socket, what guards its connections, how it closes.
//!
//! This is what `actix_web::HttpServer` does, but for the connections, which are
//! [`Connection`]s: docs/adr/0006 says why.

use super::connection::Connection;
use super::descriptors::Capacity;
use super::drain::Drain;
use super::expect::expecting;
use super::registry::Registry;
use super::timeouts::DISCONNECT_TIMEOUT;
use crate::kernel::http::RequestObserver;
use actix_http::{HttpService, KeepAlive, Request, Response};
use actix_server::{Server, ServerBuilder};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config,
};
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::AppConfig;
use socket2::{Domain, SockFilter, SockRef, Socket, Type};
use std::fmt::Debug;
use std::future::ready;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpStream;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// How much of its answers the kernel keeps for a client that does not take them, in bytes. Left to
/// itself, it would keep megabytes, and the work for them would be done.
const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// Instructions of the kernel's packet filters, and what they look at.
const LOAD_BYTE: u16 = 0x30;
const AND: u16 = 0x54;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
const TCP_FLAGS: u32 = 13;
const SYN: u32 = 0x02;
const ACK: u32 = 0x10;

/// What a listener needs to know of the process.
#[derive(Clone)]
pub struct Guards {
    pub capacity: Capacity,
    pub drain: Drain,
    pub shutdown_timeout_seconds: u32,
}

/// Takes the address; nothing is accepted yet.
///
/// # Errors
/// When the address is taken or not of this machine.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // A process that starts again need not wait until the connections of the last one are gone.
    socket.set_reuse_address(true)?;
    // Connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A server for the socket, with an `app` for each worker. What never becomes a request of the app is
/// told to `requests`.
///
/// # Errors
/// When the socket cannot be used.
pub fn server<F, I, S, B>(
    listener: TcpListener,
    guards: Guards,
    requests: RequestObserver,
    app: F,
) -> io::Result<Server>
where
    F: Fn() -> I + Clone + Send + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: Debug,
    S::Response: Into<Response<B>> + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let capacity = guards.capacity;
    let builder = ServerBuilder::default()
        .workers(capacity.workers)
        .max_concurrent_connections(capacity.of_a_worker)
        .shutdown_timeout(guards.shutdown_timeout_seconds.into())
        .disable_signals();
    let serve_worker = move || {
        let registry = Registry::new(capacity.of_a_worker, &guards.drain);
        let requests = Rc::new(requests.clone());
        let app = app().into_factory().map_err(|error| {
            let error: Error = error.into();
            Response::from(error.error_response())
        });
        let (app, begin) = expecting(map_config(app, |()| AppConfig::default()));
        let http = HttpService::build()
            // Its timers stay off: a connection has its own.
            .keep_alive(KeepAlive::Os)
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(DISCONNECT_TIMEOUT)
            .on_connect_ext(|connection: &Connection, data| {
                data.insert(connection.handle());
            })
            .expect(begin)
            .h1(app);
        let accept = move |stream: TcpStream| {
            let peer = stream.peer_addr().ok();
            ready(Ok((Connection::new(stream, &registry, &requests), peer)))
        };
        fn_service(accept).and_then(http)
    };
    Ok(builder.listen("chronos", listener, serve_worker)?.run())
}

/// A second handle on a listening socket, to close it with.
pub struct Closer(TcpListener);

impl Closer {
    /// # Errors
    /// When no descriptor is left.
    pub fn of(listener: &TcpListener) -> io::Result<Closer> {
        listener.try_clone().map(Closer)
    }

    /// From now on nobody can connect, but whoever is connected already can be accepted: closing
    /// the socket would reset those. A client that tries finds it closed a moment later.
    pub fn refuse_new(self) {
        let filtered = SockRef::from(&self.0).attach_filter(&[
            // In the words of the kernel's filters: where only SYN is set of a segment's SYN and
            // ACK, drop it, else pass the whole of it.
            SockFilter::new(LOAD_BYTE, 0, 0, TCP_FLAGS),
            SockFilter::new(AND, 0, 0, SYN | ACK),
            SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
            SockFilter::new(RETURN, 0, 0, 0),
            SockFilter::new(RETURN, 0, 0, u32::MAX),
        ]);
        if let Err(error) = filtered {
            log::debug!("closing a listener without a filter: {error}");
        }
    }
}
