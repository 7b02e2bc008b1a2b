//! The URLs of the orders: parse, call the service, render.

use super::error::OrderError;
use super::model::OrderFilter;
use super::service::Orders;
use super::wire::OrderList;
use crate::customer::CustomerId;
use crate::kernel::http::{Failure, answer_list};
use actix_web::{HttpRequest, HttpResponse, web};

/// Mounts the orders of a customer into a scope named `/customers`, beside the customers themselves.
pub fn routes_of_customers(config: &mut web::ServiceConfig, orders: Orders) {
    config.app_data(web::Data::new(orders)).service(
        web::resource("/{id}/orders")
            .route(web::get().to(list_orders_of_customer))
            .route(web::head().to(list_orders_of_customer)),
    );
}

async fn list_orders_of_customer(
    request: HttpRequest,
    path: web::Path<String>,
    orders: web::Data<Orders>,
) -> Result<HttpResponse, Failure> {
    let customer_id = CustomerId::parse("id", path.into_inner()).map_err(OrderError::from)?;
    let of_customer = |(), page| orders.list(OrderFilter { customer_id }, page);
    answer_list::<OrderList, _, _>(&request, of_customer).await
}
