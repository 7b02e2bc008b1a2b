//! Chronos, the management backend of a luxury watch store: a modular monolith.
//!
//! ```text
//! main ── cli            the command line
//!      └─ app            composition root: serve, seed, token; names every module
//! net                    one TCP connection of ours: its state, its deadlines, its end
//! gateway                the public door: rate limit, token, forwarding; no tables
//! order                  a slice above the other two, of the same files
//! product, customer      a slice each: routes · wire · model · service · store · error
//! schema                 the tables, as diesel sees them
//! kernel                 what two modules need, and knows none of them
//! ```
//!
//! Imports point downwards only. A slice calls only the fronts of slices below it, and the gateway
//! imports no slice: `app` hands it what to mount. `docs/ARCHITECTURE.md` walks one read and one write through.

pub mod app;
pub mod cli;
#[cfg(all(feature = "customer", feature = "database"))]
pub mod customer;
#[cfg(feature = "gateway")]
pub mod gateway;
pub mod kernel;
pub mod net;
#[cfg(all(feature = "order", feature = "database"))]
pub mod order;
#[cfg(all(feature = "product", feature = "database"))]
pub mod product;
#[cfg(feature = "database")]
pub mod schema;
