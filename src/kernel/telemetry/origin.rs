//! Who calls, for the log.

use actix_web::HttpMessage;
use actix_web::dev::ServiceRequest;
use std::cell::{Cell, Ref, RefCell};
use std::net::IpAddr;
use std::rc::Rc;

/// Who calls, as the layers behind the outermost one find out: an extension of the request, whose
/// clones are the same.
#[derive(Debug, Clone, Default)]
pub struct RequestOrigin(Rc<Known>);

#[derive(Debug, Default)]
struct Known {
    client: Cell<Option<IpAddr>>,
    user: RefCell<Option<String>>,
}

impl RequestOrigin {
    /// The origin of a request, known by the peer of its connection alone.
    pub fn of_peer(peer: Option<IpAddr>) -> RequestOrigin {
        let origin = RequestOrigin::default();
        origin.0.client.set(peer.map(|peer| peer.to_canonical()));
        origin
    }

    /// The client that stands behind a proxy in front.
    pub fn comes_from(request: &ServiceRequest, client: IpAddr) {
        if let Some(origin) = request.extensions().get::<RequestOrigin>() {
            origin.0.client.set(Some(client));
        }
    }

    /// The user of the token.
    pub fn is_user(request: &ServiceRequest, user_id: &str) {
        if let Some(origin) = request.extensions().get::<RequestOrigin>() {
            origin.0.user.replace(Some(discreet_user(user_id)));
        }
    }

    pub(super) fn client(&self) -> Option<IpAddr> {
        self.0.client.get()
    }

    pub(super) fn user(&self) -> Ref<'_, Option<String>> {
        self.0.user.borrow()
    }
}

/// The user where they are named by an id, else `*`: it may be an e-mail address, or any other text.
fn discreet_user(user_id: &str) -> String {
    const MAX_LENGTH: usize = 50;
    let is_id = (1..=MAX_LENGTH).contains(&user_id.len())
        && user_id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if is_id { user_id.to_owned() } else { "*".to_owned() }
}
