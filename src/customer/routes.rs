//! The URLs below `/customers`: parse, call the service, render.

use super::error::CustomerError;
use super::model::{Customer, CustomerChanges, CustomerId, NewCustomer, Order};
use super::service::{self, Customers};
use super::wire::{
    CreateCustomer, CustomerAnswer, CustomerView, FILTERS, ListEnd, OrderView, UpdateCustomer,
    parse_list_query, parse_orders_query,
};
use crate::kernel::db::{Rows, Tx};
use crate::kernel::http::{Failure, JsonBody, Listing, Query, RowView, StoredResponse, write_json};
use crate::kernel::idempotency::IdempotencyKey;
use crate::kernel::page::Cursor;
use actix_web::{HttpRequest, HttpResponse, web};

/// Mounts the customers into a scope named `/customers`.
pub fn routes(config: &mut web::ServiceConfig, customers: Customers) {
    config
        .app_data(web::Data::new(customers))
        .service(
            web::resource("")
                .route(web::get().to(list_customers))
                .route(web::head().to(list_customers))
                .route(web::post().to(create_customer)),
        )
        .service(
            web::resource("/{id}")
                .route(web::get().to(get_customer))
                .route(web::head().to(get_customer))
                .route(web::put().to(update_customer))
                .route(web::delete().to(delete_customer)),
        )
        .service(
            web::resource("/{id}/orders")
                .route(web::get().to(list_orders))
                .route(web::head().to(list_orders)),
        );
}

async fn list_customers(
    request: HttpRequest,
    customers: web::Data<Customers>,
) -> Result<HttpResponse, Failure> {
    let query = Query::parse(request.query_string())?;
    let (filter, page) = parse_list_query(&query)?;
    let view = RowView {
        render: |customer, bytes| write_json(bytes, &CustomerView::from(customer)),
        cursor: |customer: &Customer| Cursor {
            created_at: customer.created_at,
            id: customer.id.clone(),
        },
        filters: &FILTERS,
    };
    let listing = Listing::begin(page, view).await?;
    let (rows, total) = customers.list(filter, listing).await?;
    let end = ListEnd { count: rows.count(), pagination: Some(rows.pagination(total)) };
    Ok(rows.respond(&request, &end))
}

async fn get_customer(
    path: web::Path<String>,
    customers: web::Data<Customers>,
) -> Result<HttpResponse, Failure> {
    let profile = customers.get(parse_id(path)?).await?;
    Ok(HttpResponse::Ok().json(CustomerAnswer::of_profile(&profile)))
}

async fn create_customer(
    request: HttpRequest,
    customers: web::Data<Customers>,
    JsonBody(body): JsonBody<CreateCustomer>,
) -> Result<StoredResponse, Failure> {
    let (key, new) = (IdempotencyKey::of(&request)?, NewCustomer::try_from(body)?);
    let rows = Rows::named([service::row(&new.id)]);
    let create = move |tx: &mut Tx<'_>| service::create(tx, &new);
    let render = |customer: &Customer| {
        StoredResponse::created(
            format!("customers/{}", customer.id),
            &CustomerAnswer::new(customer),
        )
    };
    customers.changes.make(key, rows, create, render).await
}

async fn update_customer(
    request: HttpRequest,
    path: web::Path<String>,
    customers: web::Data<Customers>,
    JsonBody(body): JsonBody<UpdateCustomer>,
) -> Result<StoredResponse, Failure> {
    let id = parse_id(path)?;
    let (key, changes) = (IdempotencyKey::of(&request)?, CustomerChanges::try_from(body)?);
    let rows = Rows::named([service::row(&id)]);
    let update = move |tx: &mut Tx<'_>| service::update(tx, &id, &changes);
    let render = |customer: &Customer| {
        let message = Some("Customer updated successfully");
        StoredResponse::ok(&CustomerAnswer { message, ..CustomerAnswer::new(customer) })
    };
    customers.changes.make(key, rows, update, render).await
}

async fn delete_customer(
    request: HttpRequest,
    path: web::Path<String>,
    customers: web::Data<Customers>,
) -> Result<StoredResponse, Failure> {
    let (key, id) = (IdempotencyKey::of(&request)?, parse_id(path)?);
    let rows = Rows::named([service::row(&id)]);
    let delete = move |tx: &mut Tx<'_>| service::delete(tx, &id);
    let render = |customer: &Customer| {
        let message = Some("Customer deleted successfully");
        StoredResponse::ok(&CustomerAnswer { message, ..CustomerAnswer::new(customer) })
    };
    customers.changes.make(key, rows, delete, render).await
}

async fn list_orders(
    request: HttpRequest,
    path: web::Path<String>,
    customers: web::Data<Customers>,
) -> Result<HttpResponse, Failure> {
    let id = parse_id(path)?;
    let page = parse_orders_query(&Query::parse(request.query_string())?)?;
    let view = RowView {
        render: |order, bytes| write_json(bytes, &OrderView::from(order)),
        cursor: Order::place,
        filters: &[],
    };
    let rows = customers.orders(id, Listing::begin(page, view).await?).await?;
    let end = ListEnd { count: rows.count(), pagination: None };
    Ok(rows.respond(&request, &end))
}

fn parse_id(path: web::Path<String>) -> Result<CustomerId, CustomerError> {
    Ok(CustomerId::parse("id", path.into_inner())?)
}
