//! Sales, from quote to refund. Owns the tables `orders`, `order_items`, `payments`, `fulfilments`,
//! `fulfilment_items` and `order_serials`.
//!
//! Stands above `customer` and `product`, whose fronts it calls in its own transactions: each order that
//! counts is in what its customer has spent, and each piece that is sold has left the stock, by the same
//! transaction. `model` says what can happen to an order, and what becomes of its pieces and its money.

mod error;
mod export;
mod model;
mod openapi;
mod routes;
mod service;
mod store;
mod wire;

pub use error::OrderError;
pub use model::{
    BasisPoints, FulfilmentKind, FulfilmentStatus, NewOrder, OrderItem, OrderStatus, PaymentStatus,
    SaleRules, TaxMode, TaxRule,
};
pub use openapi::{TAG, describe, describe_of_customers};
pub use routes::{routes, routes_of_customers};
pub use service::{Orders, insert_record, prove};
pub use store::{delete_all, find_other_currency, is_empty, number_from_the_highest};
