//! The URLs below `/products`: parse, call the service, render.

use super::error::ProductError;
use super::model::{NewProduct, Product, ProductChanges, ProductId, Quantity};
use super::service::Products;
use super::wire::{
    CreateProduct, FILTERS, ProductAnswer, ProductListAnswer, PurchaseAnswer, TakeStock,
    UpdateProduct, parse_list_query,
};
use crate::kernel::cache::Origin;
use crate::kernel::http::{
    Answer, Cursor, Failure, IdempotencyKey, JsonBody, Pagination, Query, next_link,
};
use crate::kernel::idempotency::Reply;
use actix_web::http::header::LINK;
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
    let (rows, total) = products.list(filter, page.clone()).await?;
    let (rows, has_more) = page.cut(rows);
    let mut response = HttpResponse::Ok();
    if let (true, Some(last)) = (has_more, rows.last()) {
        let cursor = Cursor { created_at: last.created_at, id: last.id.clone() };
        if let Some(link) = next_link(&request, &FILTERS, &cursor) {
            response.insert_header((LINK, link));
        }
    }
    Ok(response.json(ProductListAnswer {
        success: true,
        data: rows.iter().map(Into::into).collect(),
        pagination: Pagination { limit: page.limit, offset: page.offset, total, has_more },
    }))
}

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
        Answer::created(format!("/products/{}", product.id), &ProductAnswer::new(product))
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
