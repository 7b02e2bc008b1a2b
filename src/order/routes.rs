//! The URLs of the orders: parse, call the service, render.

use super::error::OrderError;
use super::model::Order;
use super::service::Orders;
use super::wire::{OrderListEnd, OrderView, parse_list_query};
use crate::customer::CustomerId;
use crate::kernel::http::{Failure, Listing, Query, RowView, write_json};
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
    let id = CustomerId::parse("id", path.into_inner()).map_err(OrderError::from)?;
    let page = parse_list_query(&Query::parse(request.query_string())?)?;
    let view = RowView {
        render: |order, bytes| write_json(bytes, &OrderView::from(order)),
        cursor: Order::place,
        filters: &[],
    };
    let rows = orders.list_of(id, Listing::begin(page, view).await?).await?;
    let end = OrderListEnd { count: rows.count() };
    Ok(rows.respond(&request, &end))
}
