//! The URLs below `/customers`: parse, call the service, render.

use super::error::CustomerError;
use super::model::{Customer, CustomerChanges, CustomerId, NewCustomer};
use super::service::Customers;
use super::wire::{
    CreateCustomer, CustomerAnswer, CustomerView, FILTERS, ListAnswer, OrderView, UpdateCustomer,
    parse_list_query,
};
use crate::kernel::http::{
    Answer, Cursor, Failure, IdempotencyKey, JsonBody, Pagination, Query, next_link,
};
use crate::kernel::idempotency::Reply;
use actix_web::http::header::LINK;
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
    let (rows, total) = customers.list(filter, page.clone()).await?;
    let (rows, has_more) = page.cut(rows);
    let mut response = HttpResponse::Ok();
    if let (true, Some(last)) = (has_more, rows.last()) {
        let cursor = Cursor { created_at: last.created_at, id: last.id.clone() };
        if let Some(link) = next_link(&request, &FILTERS, &cursor) {
            response.insert_header((LINK, link));
        }
    }
    let pagination = Pagination { limit: page.limit, offset: page.offset, total, has_more };
    Ok(response.json(ListAnswer::<CustomerView<'_>>::new(&rows, Some(pagination))))
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
) -> Result<Answer, Failure> {
    let reply = Reply::new(IdempotencyKey::of(&request)?, |customer: &Customer| {
        Answer::created(format!("/customers/{}", customer.id), &CustomerAnswer::new(customer))
    });
    Ok(customers.create(NewCustomer::try_from(body)?, reply).await?)
}

async fn update_customer(
    request: HttpRequest,
    path: web::Path<String>,
    customers: web::Data<Customers>,
    JsonBody(body): JsonBody<UpdateCustomer>,
) -> Result<Answer, Failure> {
    let id = parse_id(path)?;
    let reply = Reply::new(IdempotencyKey::of(&request)?, |customer| {
        let message = Some("Customer updated successfully");
        Answer::ok(&CustomerAnswer { message, ..CustomerAnswer::new(customer) })
    });
    Ok(customers.update(id, CustomerChanges::try_from(body)?, reply).await?)
}

async fn delete_customer(
    request: HttpRequest,
    path: web::Path<String>,
    customers: web::Data<Customers>,
) -> Result<Answer, Failure> {
    let reply = Reply::new(IdempotencyKey::of(&request)?, |customer| {
        let message = Some("Customer deleted successfully");
        Answer::ok(&CustomerAnswer { message, ..CustomerAnswer::new(customer) })
    });
    Ok(customers.delete(parse_id(path)?, reply).await?)
}

async fn list_orders(
    path: web::Path<String>,
    customers: web::Data<Customers>,
) -> Result<HttpResponse, Failure> {
    let orders = customers.orders(parse_id(path)?).await?;
    Ok(HttpResponse::Ok().json(ListAnswer::<OrderView<'_>>::new(&orders, None)))
}

fn parse_id(path: web::Path<String>) -> Result<CustomerId, CustomerError> {
    Ok(CustomerId::parse("id", path.into_inner())?)
}
