//! The URLs below `/products`: parse, call the service, render.

use super::error::ProductError;
use super::model::{NewProduct, Product, ProductChanges, ProductId, Quantity};
use super::service::Products;
use super::wire::{
    CreateProduct, FILTERS, ProductAnswer, ProductListEnd, ProductView, PurchaseAnswer, TakeStock,
    UpdateProduct, parse_list_query,
};
use crate::kernel::cache::Origin;
use crate::kernel::http::{
    Answer, Cursor, Failure, IdempotencyKey, JsonBody, Listing, Query, RowView, write_json,
};
use crate::kernel::idempotency::Reply;
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
    let query = Query::parse(request.query_string())?;
    let (filter, page) = parse_list_query(&query)?;
    let listing = Listing::begin(page, IN_LISTS).await?;
    let (rows, total) = products.list(filter, listing).await?;
    let end = ProductListEnd { pagination: rows.pagination(total) };
    Ok(rows.respond(&request, &end))
}

const IN_LISTS: RowView<Product> = RowView {
    render: |product, bytes| write_json(bytes, &ProductView::from(product)),
    cursor: |product| Cursor { created_at: product.created_at, id: product.id.clone() },
    filters: &FILTERS,
};

async fn get_product(
    path: web::Path<String>,
    products: web::Data<Products>,
) -> Result<HttpResponse, Failure> {
    let (product, origin) = products.get(&parse_id(path)?).await?;
    let cached = Some(origin == Origin::Cache);
    Ok(HttpResponse::Ok().json(ProductAnswer { cached, ..ProductAnswer::new(&product) }))
}

async fn create_product(
    request: HttpRequest,
    products: web::Data<Products>,
    JsonBody(body): JsonBody<CreateProduct>,
) -> Result<Answer, Failure> {
    let reply = Reply::new(IdempotencyKey::of(&request)?, |product: &Product| {
        Answer::created(format!("products/{}", product.id), &ProductAnswer::new(product))
    });
    Ok(products.create(NewProduct::try_from(body)?, reply).await?)
}

async fn update_product(
    request: HttpRequest,
    path: web::Path<String>,
    products: web::Data<Products>,
    JsonBody(body): JsonBody<UpdateProduct>,
) -> Result<Answer, Failure> {
    let id = parse_id(path)?;
    let reply = Reply::new(IdempotencyKey::of(&request)?, |product| {
        Answer::ok(&ProductAnswer::new(product))
    });
    Ok(products.update(id, ProductChanges::try_from(body)?, reply).await?)
}

async fn take_stock(
    request: HttpRequest,
    path: web::Path<String>,
    products: web::Data<Products>,
    JsonBody(body): JsonBody<TakeStock>,
) -> Result<Answer, Failure> {
    let id = parse_id(path)?;
    let reply = Reply::new(IdempotencyKey::of(&request)?, |purchase| {
        Answer::ok(&PurchaseAnswer::from(purchase))
    });
    Ok(products.take_stock(id, Quantity::try_from(body)?, reply).await?)
}

async fn delete_product(
    request: HttpRequest,
    path: web::Path<String>,
    products: web::Data<Products>,
) -> Result<Answer, Failure> {
    let reply = Reply::new(IdempotencyKey::of(&request)?, |product| {
        let message = Some("Product deleted successfully");
        Answer::ok(&ProductAnswer { message, ..ProductAnswer::new(product) })
    });
    Ok(products.delete(parse_id(path)?, reply).await?)
}

fn parse_id(path: web::Path<String>) -> Result<ProductId, ProductError> {
    Ok(ProductId::parse("id", path.into_inner())?)
}
