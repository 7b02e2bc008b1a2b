//! The URLs below `/customers`: parse, call the service, render.

use super::error::CustomerError;
use super::model::{Customer, CustomerChanges, CustomerId, NewCustomer};
use super::service::{self, Customers};
use super::wire::{CreateCustomer, CustomerAnswer, CustomerList, UpdateCustomer};
use crate::kernel::db::{Rows, Tx};
use crate::kernel::http::{Conditions, Failure, JsonBody, StoredResponse, Tagged, answer_list};
use crate::kernel::idempotency::IdempotencyKey;
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
        );
}

async fn list_customers(
    request: HttpRequest,
    customers: web::Data<Customers>,
) -> Result<HttpResponse, Failure> {
    answer_list::<CustomerList, _, _>(&request, |filter, page| customers.list(filter, page)).await
}

async fn get_customer(
    request: HttpRequest,
    path: web::Path<String>,
    customers: web::Data<Customers>,
) -> Result<HttpResponse, Failure> {
    let (id, conditions) = (parse_id(path)?, Conditions::of(&request)?);
    let customer = customers.get(id).await?;
    conditions.respond(&customer, customer.tag(), &CustomerAnswer::with_spending(&customer))
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
        .tagged(customer)
    };
    customers.changes.make("customer.create", key, rows, create, render).await
}

async fn update_customer(
    request: HttpRequest,
    path: web::Path<String>,
    customers: web::Data<Customers>,
    JsonBody(body): JsonBody<UpdateCustomer>,
) -> Result<StoredResponse, Failure> {
    let id = parse_id(path)?;
    let (key, changes) = (IdempotencyKey::of(&request)?, CustomerChanges::try_from(body)?);
    let condition = Conditions::of(&request)?.into_precondition();
    let rows = Rows::named([service::row(&id)]);
    let update = move |tx: &mut Tx<'_>| service::update(tx, &id, &changes, &condition);
    let render = |customer: &Customer| {
        let message = Some("Customer updated successfully");
        StoredResponse::ok(&CustomerAnswer { message, ..CustomerAnswer::new(customer) })
            .tagged(customer)
    };
    customers.changes.make("customer.update", key, rows, update, render).await
}

async fn delete_customer(
    request: HttpRequest,
    path: web::Path<String>,
    customers: web::Data<Customers>,
) -> Result<StoredResponse, Failure> {
    let (key, id) = (IdempotencyKey::of(&request)?, parse_id(path)?);
    let condition = Conditions::of(&request)?.into_precondition();
    let rows = Rows::named([service::row(&id)]);
    let delete = move |tx: &mut Tx<'_>| service::delete(tx, &id, &condition);
    let render = |customer: &Customer| {
        let message = Some("Customer deleted successfully");
        StoredResponse::ok(&CustomerAnswer { message, ..CustomerAnswer::new(customer) })
    };
    customers.changes.make("customer.delete", key, rows, delete, render).await
}

fn parse_id(path: web::Path<String>) -> Result<CustomerId, CustomerError> {
    Ok(CustomerId::parse("id", path.into_inner())?)
}
