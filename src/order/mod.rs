//! What customers have bought. Owns the tables `orders` and `order_items`.
//!
//! Orders come from the data files and are only read over HTTP. Stands above `customer`, whose front
//! it calls: each order that counts is in what its customer has spent, by the same transaction. A
//! foreign key holds that no order is ever left without its customer.

mod error;
mod model;
mod openapi;
mod routes;
mod service;
mod store;
mod wire;

pub use error::OrderError;
pub use model::{NewOrder, OrderItem, OrderStatus};
pub use openapi::{TAG, describe_of_customers};
pub use routes::routes_of_customers;
pub use service::{Orders, insert_record};
pub use store::{delete_all, is_empty, number_from_the_highest};
