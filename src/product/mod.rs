//! The catalogue: products, their prices and their stock. Owns the table `products`.
//!
//! Reads of one product come from the cache; every write invalidates it. Stock is taken by one
//! guarded `UPDATE`, so that it never goes below zero, whatever happens at once.

mod error;
mod metrics;
mod model;
mod openapi;
mod routes;
mod service;
pub mod stock;
mod store;
mod wire;

pub use error::ProductError;
pub use metrics::observe_stock;
pub use model::{Product, ProductId, ProductRecord};
pub use openapi::{TAG, describe};
pub use routes::routes;
pub use service::{Products, row};
pub use store::{delete_all, find, insert_record, is_empty};

// What fuzz/ calls.
#[cfg(fuzzing)]
pub use model::{NewProduct, ProductChanges, Quantity};
#[cfg(fuzzing)]
pub use wire::{CreateProduct, TakeStock, UpdateProduct};
