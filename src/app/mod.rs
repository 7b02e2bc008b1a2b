//! The composition root: the commands, and all that names every module.

mod banner;
#[cfg(all(feature = "database", any(feature = "product", feature = "customer")))]
mod health;
mod listeners;
mod metrics;
mod migration;
mod modules;
mod openapi;
mod probes;
mod proof;
mod seed;
mod serve;
mod settings;
mod shared;
mod stop;
mod token;

pub use modules::{MODULES, Module};
pub use openapi::openapi;
pub use proof::proof;
pub use seed::seed;
pub use serve::serve;
pub use settings::{OpenApiArgs, ProofArgs, SeedArgs, ServeArgs, TokenArgs};
pub use token::token;
