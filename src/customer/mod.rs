//! The customers and what they have bought. Owns the tables `customers`, `orders` and
//! `order_items`.
//!
//! Customers are read, written and deleted over HTTP; orders come from the data files and are only
//! read. A customer with orders cannot be deleted: a foreign key holds that, so that no order is
//! ever left without its customer, whatever happens at once.

mod error;
mod model;
mod routes;
mod service;
mod store;
mod wire;

pub use error::CustomerError;
pub use model::{Customer, CustomerId, OrderItem, OrderStatus};
pub use routes::routes;
pub use service::Customers;
pub use store::{
    delete_all, insert_order, insert_record, is_empty, number_orders_from_the_highest,
};
pub use wire::{CustomerRecord, OrderRecord};

// What fuzz/ calls.
#[cfg(fuzzing)]
pub use model::{CustomerChanges, NewCustomer};
#[cfg(fuzzing)]
pub use wire::{CreateCustomer, UpdateCustomer};
