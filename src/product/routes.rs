//! The URLs below `/products`: parse, call the service, render.

use super::error::ProductError;
use super::model::{NewProduct, Product, ProductChanges, ProductId, Purchase, Quantity};
use super::service::{self, Products};
use super::wire::{
    CreateProduct, FacetsAnswer, ProductAnswer, ProductList, PurchaseAnswer, TakeStock,
    UpdateProduct,
};
use crate::kernel::auth::Actor;
use crate::kernel::cache::Origin;
use crate::kernel::db::{Rows, Tx};
use crate::kernel::http::{
    Conditions, Failure, JsonBody, ListView, Query, StoredResponse, answer_list,
};
use crate::kernel::idempotency::IdempotencyKey;
use crate::kernel::problems::Problems;
use actix_web::{HttpRequest, HttpResponse, web};

/// Mounts the catalogue into a scope named `/products`.
pub fn routes(config: &mut web::ServiceConfig, products: Products) {
    config
        .app_data(web::Data::new(products))
        .service(
            web::resource("")
                .route(web::get().to(list_products))
                .route(web::head().to(list_products))
                .route(web::post().to(create_product)),
        )
        .service(
            web::resource("/facets")
                .route(web::get().to(count_facets))
                .route(web::head().to(count_facets)),
        )
        .service(
            web::resource("/{id}")
                .route(web::get().to(get_product))
                .route(web::head().to(get_product))
                .route(web::put().to(update_product))
                .route(web::delete().to(delete_product)),
        )
        .service(web::resource("/{id}/inventory").route(web::patch().to(take_stock)));
}

async fn list_products(
    request: HttpRequest,
    products: web::Data<Products>,
) -> Result<HttpResponse, Failure> {
    answer_list::<ProductList, _, _>(&request, |filter, page| products.list(filter, page)).await
}

async fn count_facets(
    request: HttpRequest,
    products: web::Data<Products>,
) -> Result<HttpResponse, Failure> {
    let query = Query::parse(request.query_string())?;
    let mut problems = Problems::default();
    let filter = ProductList::parse_filter(&query, &mut problems);
    let facets = products.facets(problems.finish(filter)?).await?;
    Ok(HttpResponse::Ok().json(FacetsAnswer::from(&facets)))
}

async fn get_product(
    request: HttpRequest,
    path: web::Path<String>,
    products: web::Data<Products>,
) -> Result<HttpResponse, Failure> {
    let (id, conditions) = (parse_id(path)?, Conditions::of(&request)?);
    let (product, origin) = products.get(&id).await?;
    let cached = origin == Origin::Cache;
    let answer = ProductAnswer { cached: Some(cached), ..ProductAnswer::new(&product) };
    conditions.respond(&*product, product.tag_of(cached), &answer)
}

async fn create_product(
    request: HttpRequest,
    products: web::Data<Products>,
    JsonBody(body): JsonBody<CreateProduct>,
) -> Result<StoredResponse, Failure> {
    let (key, new) = (IdempotencyKey::of(&request)?, NewProduct::try_from(body)?);
    let rows = Rows::named([service::row(&new.id)]);
    let actor = Actor::of(&request);
    let create = move |tx: &mut Tx<'_>| service::create(tx, &new, &actor);
    let render = |product: &Product| {
        StoredResponse::created(format!("products/{}", product.id), &ProductAnswer::new(product))
            .tagged(product)
    };
    products.changes.make("product.create", key, rows, create, render).await
}

async fn update_product(
    request: HttpRequest,
    path: web::Path<String>,
    products: web::Data<Products>,
    JsonBody(body): JsonBody<UpdateProduct>,
) -> Result<StoredResponse, Failure> {
    let id = parse_id(path)?;
    let (key, changes) = (IdempotencyKey::of(&request)?, ProductChanges::try_from(body)?);
    let condition = Conditions::of(&request)?.into_precondition();
    let rows = Rows::named([service::row(&id)]);
    let actor = Actor::of(&request);
    let update = move |tx: &mut Tx<'_>| service::update(tx, &id, &changes, &condition, &actor);
    let render =
        |product: &Product| StoredResponse::ok(&ProductAnswer::new(product)).tagged(product);
    products.changes.make("product.update", key, rows, update, render).await
}

async fn take_stock(
    request: HttpRequest,
    path: web::Path<String>,
    products: web::Data<Products>,
    JsonBody(body): JsonBody<TakeStock>,
) -> Result<StoredResponse, Failure> {
    let id = parse_id(path)?;
    let (key, quantity) = (IdempotencyKey::of(&request)?, Quantity::try_from(body)?);
    let condition = Conditions::of(&request)?.into_precondition();
    let rows = Rows::named([service::row(&id)]);
    let actor = Actor::of(&request);
    let take = move |tx: &mut Tx<'_>| service::take_stock(tx, &id, quantity, &condition, &actor);
    let render = |purchase: &Purchase| {
        StoredResponse::ok(&PurchaseAnswer::from(purchase)).tagged(&purchase.product)
    };
    products.stock_changes.make("product.take_stock", key, rows, take, render).await
}

async fn delete_product(
    request: HttpRequest,
    path: web::Path<String>,
    products: web::Data<Products>,
) -> Result<StoredResponse, Failure> {
    let (key, id) = (IdempotencyKey::of(&request)?, parse_id(path)?);
    let condition = Conditions::of(&request)?.into_precondition();
    let rows = Rows::named([service::row(&id)]);
    let actor = Actor::of(&request);
    let delete = move |tx: &mut Tx<'_>| service::delete(tx, &id, &condition, &actor);
    let render = |product: &Product| {
        let message = Some("Product deleted successfully");
        StoredResponse::ok(&ProductAnswer { message, ..ProductAnswer::new(product) })
    };
    products.stock_changes.make("product.delete", key, rows, delete, render).await
}

fn parse_id(path: web::Path<String>) -> Result<ProductId, ProductError> {
    Ok(ProductId::parse("id", path.into_inner())?)
}
