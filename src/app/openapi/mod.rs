//! The description of what a listener serves, and the pages that show it.

mod command;
mod described;
mod pages;
mod service_routes;
#[cfg(feature = "swagger")]
mod swagger;

pub use command::openapi;
pub(super) use pages::routes;

use super::listeners::Endpoint;
use super::modules::Module;
use crate::kernel::openapi::{Document, Listener};
use utoipa::openapi::OpenApi;

/// The document of a listener. That of the gateway covers all that stands behind it.
fn document(endpoint: Endpoint, modules: &[&'static Module]) -> OpenApi {
    let (listener, title) = match endpoint {
        Endpoint::Gateway => (Listener::Gateway, "Chronos".to_owned()),
        Endpoint::Module(module) => (Listener::Service, format!("Chronos, {}", module.service)),
    };
    let service = service_routes::describe(listener);
    let mut document = Document::new(listener, title).add(service_routes::TAG, service);
    for module in modules {
        for (tag, routes) in module.describe.map(|describe| describe()).unwrap_or_default() {
            document = document.add(tag, routes);
        }
    }
    document.build()
}
