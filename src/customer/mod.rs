//! The customers. Owns the table `customers`.
//!
//! What a customer has spent is kept in their row: the orders, which stand above this slice, add to it
//! in their own transactions. A customer with orders cannot be deleted.

mod error;
mod model;
mod openapi;
mod routes;
mod service;
mod store;
mod wire;

pub use error::CustomerError;
pub use model::{Address, Customer, CustomerId, CustomerRecord, Tier, VipTier, parse_address};
pub use openapi::{TAG, describe};
pub use routes::routes;
pub use service::{Customers, add_spent, find, lock, require, row};
pub use store::{delete_all, insert_record, is_empty};

// What fuzz/ calls.
#[cfg(fuzzing)]
pub use model::{CustomerChanges, NewCustomer};
#[cfg(fuzzing)]
pub use wire::{CreateCustomer, UpdateCustomer};
