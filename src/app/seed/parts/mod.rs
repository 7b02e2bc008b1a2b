//! The parts of a store, one for each module that has a file.

mod customers;
mod orders;
mod products;

use super::part::Part;

pub(crate) const PRODUCTS: Option<&Part> = Some(&products::PRODUCTS);
pub(crate) const CUSTOMERS: Option<&Part> = Some(&customers::CUSTOMERS);
pub(crate) const ORDERS: Option<&Part> = Some(&orders::ORDERS);
