//! The parts of a store, one for each module that has a file.

mod customers;
mod orders;
mod products;

use super::part::Part;

pub const PRODUCTS: Option<&Part> = Some(&products::PRODUCTS);
pub const CUSTOMERS: Option<&Part> = Some(&customers::CUSTOMERS);
pub const ORDERS: Option<&Part> = Some(&orders::ORDERS);
