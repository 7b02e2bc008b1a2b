//! What the routes of the catalogue take and answer. The examples are those of the example store.

use super::wire::{
    CreateProduct, FacetsAnswer, ProductAnswer, ProductList, ProductView, PurchaseAnswer,
    TakeStock, UpdateProduct,
};
use crate::kernel::http::Code;
use crate::kernel::openapi::{Answer, Route, any_text, flag, ids, money, words};
use actix_web::http::StatusCode;
use serde_json::{Value, json};
use utoipa::openapi::path::HttpMethod;

/// The heading, and what stands below it.
pub const TAG: (&str, &str) = ("products", "The catalogue: products, their prices and their stock");
const NOT_THERE: &[Code] = &[Code::ProductNotFound];
const MISSING: &[Code] = &[Code::MissingFields];

/// The routes below `/products`.
pub fn describe() -> Vec<Route> {
    vec![list(), facets(), create(), read(), update(), take_stock(), delete()]
}

fn route(method: HttpMethod, path: &'static str, id: &'static str, summary: &'static str) -> Route {
    Route::guarded(TAG.0, method, path, id, summary)
}

fn of_one(method: HttpMethod, id: &'static str, summary: &'static str) -> Route {
    route(method, "/products/{id}", id, summary)
        .path_id("id", "The id of the product", "prod_001")
        .fails(NOT_THERE)
}

/// What chooses products.
fn filters(route: Route) -> Route {
    route
        .query("category", "Only of this category, letter by letter", any_text())
        .query("brand", "Only of this brand, letter by letter", any_text())
        .query("minPrice", "Only at this price or above", money())
        .query("maxPrice", "Only at this price or below", money())
        .query("ids", "Only these products: their ids, with commas between them", ids())
        .query(
            "in_stock",
            "`true`: only what there is a piece of; `false`: only what is sold out",
            flag(),
        )
        .query(
            "q",
            "Only what has all of these words, or parts of words, in its name, brand, category or \
             reference, in upper or lower case",
            words(),
        )
}

fn list() -> Route {
    filters(route(HttpMethod::Get, "/products", "listProducts", "List products, newest first"))
        .list::<ProductList>()
        .asked_with("brand", "Rolex")
        .asked_with("limit", 1)
        .answers(Answer::page::<ProductList, ProductView>(
            "ProductPage",
            "A page of the catalogue",
            json!({
                "success": true,
                "data": [gmt_master()],
                "pagination": { "limit": 1, "offset": 0, "total": 15, "hasMore": true },
            }),
        ))
}

fn facets() -> Route {
    let data = json!({
        "total": 15, "in_stock": 15, "price": { "min": "8300.00", "max": "41500.00" },
        "brands": [{ "value": "Rolex", "count": 15 }],
        "categories": [
            { "value": "dive", "count": 3 }, { "value": "luxury", "count": 3 },
            { "value": "sport", "count": 3 }, { "value": "vintage", "count": 3 },
            { "value": "pilot", "count": 2 }, { "value": "dress", "count": 1 },
        ],
    });
    let summary = "Count products by brand and category";
    filters(route(HttpMethod::Get, "/products/facets", "countProducts", summary))
        .describe(
            "Of the products that the filters let through: the 100 most frequent brands and categories, \
             and the lowest and the highest price. An id cannot be `facets`.",
        )
        .asked_with("brand", "Rolex")
        .answers(Answer::json::<FacetsAnswer>(
            StatusCode::OK,
            "What there is",
            json!({ "success": true, "data": data }),
        ))
}

fn create() -> Route {
    let body = json!({
        "id": "tudor-79830rb", "name": "Black Bay GMT", "brand": "Tudor", "price": "4450.00",
        "stock": 4, "category": "gmt", "metadata": { "reference": "79830RB" },
    });
    let data = json!({
        "id": "tudor-79830rb", "name": "Black Bay GMT", "brand": "Tudor", "price": "4450.00",
        "stock": 4, "category": "gmt", "metadata": { "reference": "79830RB" },
        "created_at": "2026-11-26T12:00:00.000Z", "updated_at": "2026-11-26T12:00:00.000Z",
    });
    let answer = json!({ "success": true, "data": data });
    route(HttpMethod::Post, "/products", "createProduct", "Add a product")
        .change()
        .body::<CreateProduct>(body)
        .answers(
            Answer::json::<ProductAnswer>(StatusCode::CREATED, "The new product", answer)
                .header("Location")
                .header("ETag"),
        )
        .fails(MISSING)
        .fails(&[Code::ProductExists])
}

fn read() -> Route {
    let answer = json!({ "success": true, "data": submariner(12), "cached": false });
    of_one(HttpMethod::Get, "getProduct", "Read a product")
        .describe("`cached` says whether a cache answered; the product is as new in either case.")
        .conditional()
        .answers(
            Answer::json::<ProductAnswer>(StatusCode::OK, "The product", answer).header("ETag"),
        )
        .answers(Answer::not_modified())
}

fn update() -> Route {
    let answer = json!({ "success": true, "data": submariner(20) });
    of_one(HttpMethod::Put, "updateProduct", "Change members of a product")
        .describe("Members that are left out stay as they are.")
        .change()
        .conditional()
        .body::<UpdateProduct>(json!({ "stock": 20 }))
        .answers(
            Answer::json::<ProductAnswer>(StatusCode::OK, "The product as it is now", answer)
                .header("ETag"),
        )
        .fails(&[Code::NoFields])
}

fn take_stock() -> Route {
    let answer = json!({
        "success": true,
        "message": "Inventory updated successfully",
        "data": {
            "product_id": "prod_001", "product_name": "Submariner Date", "quantity_purchased": 2,
            "remaining_stock": 10, "price_per_unit": "14500.00", "total_cost": "29000.00",
        },
    });
    route(
        HttpMethod::Patch,
        "/products/{id}/inventory",
        "takeStock",
        "Take pieces out of the stock",
    )
    .path_id("id", "The id of the product", "prod_001")
    .describe("All of them or none: the stock never goes below zero.")
    .change()
    .conditional()
    .body::<TakeStock>(json!({ "quantity": 2 }))
    .answers(
        Answer::json::<PurchaseAnswer>(StatusCode::OK, "What was taken", answer).header("ETag"),
    )
    .fails(NOT_THERE)
    .fails(&[Code::InvalidQuantity, Code::InsufficientStock, Code::CostTooLarge])
}

fn delete() -> Route {
    let message = "Product deleted successfully";
    let data = json!({
        "id": "prod_005", "name": "Marine 5517", "brand": "Breguet", "price": "12900.00",
        "stock": 2, "category": "luxury",
        "metadata": {
            "case_diameter": "40mm", "case_material": "Titanium", "condition": "excellent",
            "movement": "Automatic, Calibre 777A", "reference": "5517TI/G2/5ZU",
            "warranty_years": 2, "water_resistance": "100m", "year": 2021,
        },
        "created_at": "2023-06-10T17:15:10.476Z", "updated_at": "2023-06-10T17:15:10.476Z",
    });
    let answer = json!({ "success": true, "message": message, "data": data });
    route(HttpMethod::Delete, "/products/{id}", "deleteProduct", "Delete a product")
        .path_id("id", "The id of the product", "prod_005")
        .describe("A product with reserved pieces stays.")
        .fails(NOT_THERE)
        .change()
        .conditional()
        .answers(Answer::json::<ProductAnswer>(StatusCode::OK, "The product as it was", answer))
        .fails(&[Code::ProductReserved])
}

fn submariner(stock: i32) -> Value {
    json!({
        "id": "prod_001", "name": "Submariner Date", "brand": "Rolex", "price": "14500.00",
        "stock": stock, "category": "dive",
        "metadata": {
            "case_diameter": "41mm", "case_material": "Oystersteel", "condition": "new",
            "movement": "Automatic, Calibre 3235", "reference": "126610LN", "warranty_years": 5,
            "water_resistance": "300m", "year": 2023,
        },
        "created_at": "2023-06-01T08:30:12.214Z", "updated_at": "2023-06-01T08:30:12.214Z",
    })
}

fn gmt_master() -> Value {
    json!({
        "id": "prod_109", "name": "GMT-Master 1675", "brand": "Rolex", "price": "18900.00",
        "stock": 1, "category": "vintage",
        "metadata": {
            "case_diameter": "40mm", "case_material": "Stainless steel", "condition": "very good",
            "movement": "Automatic, Calibre 1575", "reference": "1675", "warranty_years": 1,
            "water_resistance": "50m", "year": 1968,
        },
        "created_at": "2025-08-10T11:15:37.539Z", "updated_at": "2025-08-10T11:15:37.539Z",
    })
}
