//! The table of the modules: all that the command line, the listeners, the gateway, the banner and
//! `seed` know of each service. A new service is a row here, and a function in `start`.
//!
//! The gateway is no row: it stands in front of the services and owns no table.

mod describe;
mod per_module;
#[cfg(feature = "database")]
mod prove;
mod roles;
mod start;

pub(super) use per_module::{ServicePorts, UpstreamUrls};
pub(super) use roles::Roles;
pub(super) use start::{Running, Scope};

use super::seed;
use super::settings::ServeArgs;
use super::shared::Shared;
use crate::kernel::openapi::Route;

/// A service. The order of the table is that of the slices: each stands above those before it.
#[derive(Debug)]
pub struct Module {
    /// The role, the cargo feature, the start of its settings' names, and its line in the banner.
    pub name: &'static str,
    /// What the probes and the log call the service.
    pub service: &'static str,
    pub default_port: u16,
    /// The paths that the gateway hands to this service; of two that fit, the longer one counts.
    pub mounts: &'static [&'static str],
    /// A path that shows something of a new store.
    pub first_request: &'static str,
    /// Makes the routes and starts the background work; `None` where the binary leaves it out.
    pub start: Option<Start>,
    /// What its routes take and answer, under their headings; `None` where the binary leaves it out.
    pub(crate) describe: Option<Describe>,
    /// Proves what the module keeps books of; `None` where there are none, or the binary leaves it out.
    #[cfg(feature = "database")]
    pub(crate) prove: Option<Prove>,
    /// The part of a store in files; `None` where there is none, or the binary cannot load stores.
    pub seed: Option<&'static seed::Part>,
}

/// Tells each thing that does not agree, and returns what was looked at, such as `112 products`.
#[cfg(feature = "database")]
pub(crate) type Prove =
    fn(&crate::kernel::db::Db, &mut dyn FnMut(String)) -> anyhow::Result<String>;

/// Makes the scopes of a module's own listener, and starts what runs beside them.
pub(super) type Start = fn(&ServeArgs, &Shared) -> Vec<Scope>;

/// Routes under their headings, as the description of the API has them.
pub(crate) type Describe = fn() -> Vec<(Tag, Vec<Route>)>;
/// A heading, and what stands below it.
pub(crate) type Tag = (&'static str, &'static str);

pub static MODULES: [Module; 3] = [
    Module {
        name: "product",
        service: "product-service",
        default_port: 3001,
        mounts: &["/products", "/stock", "/holds"],
        first_request: "/products/prod_001",
        start: start::PRODUCT,
        describe: describe::PRODUCT,
        #[cfg(feature = "database")]
        prove: prove::PRODUCT,
        seed: seed::PRODUCTS,
    },
    Module {
        name: "customer",
        service: "customer-service",
        default_port: 3002,
        mounts: &["/customers"],
        first_request: "/customers/cust_001",
        start: start::CUSTOMER,
        describe: describe::CUSTOMER,
        #[cfg(feature = "database")]
        prove: prove::CUSTOMER,
        seed: seed::CUSTOMERS,
    },
    Module {
        name: "order",
        service: "order-service",
        default_port: 3003,
        mounts: &["/orders"],
        first_request: "/customers/cust_001/orders",
        start: start::ORDER,
        describe: describe::ORDER,
        #[cfg(feature = "database")]
        prove: prove::ORDER,
        seed: seed::ORDERS,
    },
];

impl Module {
    /// The variable of a setting of this module, such as `PRODUCT_SERVICE_PORT`.
    pub fn setting(&self, of: &str) -> String {
        format!("{}_SERVICE_{of}", self.name.to_ascii_uppercase())
    }
}

/// Starts the modules that the process serves.
pub(super) fn start(args: &ServeArgs, shared: &Shared) -> Vec<Running> {
    let modules = args.roles.modules().iter();
    let running = modules.filter_map(|module| Running::start(module, args, shared));
    running.collect()
}
