//! What the routes of each module take and answer, where the module was built.

use super::Describe;

#[cfg(all(feature = "product", feature = "database"))]
pub(super) const PRODUCT: Option<Describe> = Some(|| {
    let stock = (crate::product::stock::TAG, crate::product::stock::describe());
    vec![(crate::product::TAG, crate::product::describe()), stock]
});
#[cfg(not(all(feature = "product", feature = "database")))]
pub(super) const PRODUCT: Option<Describe> = None;

#[cfg(all(feature = "customer", feature = "database"))]
pub(super) const CUSTOMER: Option<Describe> = Some(|| {
    let customers = (crate::customer::TAG, crate::customer::describe());
    // The orders of a customer have their address among the customers.
    std::iter::once(customers).chain(orders_of_customers()).collect()
});
#[cfg(not(all(feature = "customer", feature = "database")))]
pub(super) const CUSTOMER: Option<Describe> = None;

#[cfg(all(feature = "order", feature = "database"))]
pub(super) const ORDER: Option<Describe> = Some(|| {
    let mut all = crate::order::describe();
    all.extend(crate::order::describe_of_customers());
    vec![(crate::order::TAG, all)]
});
#[cfg(not(all(feature = "order", feature = "database")))]
pub(super) const ORDER: Option<Describe> = None;

#[cfg(all(feature = "order", feature = "database"))]
fn orders_of_customers() -> Vec<(super::Tag, Vec<super::Route>)> {
    vec![(crate::order::TAG, crate::order::describe_of_customers())]
}

#[cfg(all(feature = "customer", feature = "database", not(feature = "order")))]
fn orders_of_customers() -> Vec<(super::Tag, Vec<super::Route>)> {
    Vec::new()
}
