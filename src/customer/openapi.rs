//! What the routes of the customers take and answer. The examples are those of the example store.

use super::model::{MAX_EMAIL, MAX_NAME};
use super::wire::{CreateCustomer, CustomerAnswer, CustomerList, CustomerView, UpdateCustomer};
use crate::kernel::http::Code;
use crate::kernel::openapi::{Answer, Route, choice, money, phone, text};
use actix_web::http::StatusCode;
use serde_json::{Value, json};
use utoipa::openapi::path::HttpMethod;

/// The heading, and what stands below it.
pub const TAG: (&str, &str) =
    ("customers", "Customers: how to reach them, how the store ranks them, what they have spent");
const TIERS: &[&str] = &["bronze", "silver", "gold", "platinum"];
const NOT_THERE: &[Code] = &[Code::CustomerNotFound];

/// The routes below `/customers` that are the customers' own.
pub fn describe() -> Vec<Route> {
    vec![list(), create(), read(), update(), delete()]
}

fn route(method: HttpMethod, path: &'static str, id: &'static str, summary: &'static str) -> Route {
    Route::guarded(TAG.0, method, path, id, summary)
}

fn of_one(method: HttpMethod, example: &str, id: &'static str, summary: &'static str) -> Route {
    route(method, "/customers/{id}", id, summary)
        .path_id("id", "The id of the customer", example)
        .fails(NOT_THERE)
}

fn list() -> Route {
    route(HttpMethod::Get, "/customers", "listCustomers", "List customers, newest first")
        .query("tier", "Only of this tier", choice(TIERS))
        .query("email", "Only whose address contains this, in any case", text(MAX_EMAIL))
        .query("name", "Only whose name contains this, A to Z in any case", text(MAX_NAME))
        .query(
            "phone",
            "Only whose telephone number contains this; signs between digits do not count",
            phone(),
        )
        .query("vip_tier", "Only of this VIP tier", choice(&["Bronze", "Silver", "Gold"]))
        .query("min_spent", "Only who have spent this or more", money())
        .list::<CustomerList>()
        .asked_with("limit", 1)
        .answers(Answer::page::<CustomerList, CustomerView>(
            "CustomerPage",
            "A page of the customers",
            json!({
                "success": true,
                "data": [castellani()],
                "count": 1,
                "pagination": { "limit": 1, "offset": 0, "total": 40, "hasMore": true },
            }),
        ))
}

fn create() -> Route {
    let body = json!({
        "id": "cust_ines", "email": "ines@example.com", "name": "Inês Duarte", "tier": "silver",
    });
    let data = json!({
        "id": "cust_ines", "email": "ines@example.com", "name": "Inês Duarte", "tier": "silver",
        "phone": null, "address": null,
        "created_at": "2026-11-26T12:00:00.000Z", "updated_at": "2026-11-26T12:00:00.000Z",
    });
    let answer = json!({ "success": true, "data": data });
    route(HttpMethod::Post, "/customers", "createCustomer", "Add a customer")
        .change()
        .body::<CreateCustomer>(body)
        .answers(
            Answer::json::<CustomerAnswer>(StatusCode::CREATED, "The new customer", answer)
                .header("Location")
                .header("ETag"),
        )
        .fails(&[Code::MissingFields, Code::CustomerExists])
}

fn read() -> Route {
    let mut data = vautier("platinum");
    data["total_spent"] = json!(111_300.00);
    data["vip_tier"] = json!("Gold");
    let answer = json!({ "success": true, "data": data });
    of_one(HttpMethod::Get, "cust_001", "getCustomer", "Read a customer")
        .describe("With what the customer has spent, and the VIP tier that this makes.")
        .conditional()
        .answers(
            Answer::json::<CustomerAnswer>(StatusCode::OK, "The customer", answer).header("ETag"),
        )
        .answers(Answer::not_modified())
}

fn update() -> Route {
    let answer = json!({
        "success": true, "message": "Customer updated successfully", "data": vautier("gold"),
    });
    of_one(HttpMethod::Put, "cust_001", "updateCustomer", "Change members of a customer")
        .describe("Members that are left out stay as they are.")
        .change()
        .conditional()
        .body::<UpdateCustomer>(json!({ "tier": "gold" }))
        .answers(
            Answer::json::<CustomerAnswer>(StatusCode::OK, "The customer as it is now", answer)
                .header("ETag"),
        )
        .fails(&[Code::NoFields, Code::EmailInUse])
}

fn delete() -> Route {
    let answer = json!({
        "success": true, "message": "Customer deleted successfully", "data": castellani(),
    });
    of_one(HttpMethod::Delete, "cust_040", "deleteCustomer", "Delete a customer without orders")
        .change()
        .conditional()
        .answers(Answer::json::<CustomerAnswer>(StatusCode::OK, "The customer as it was", answer))
        .fails(&[Code::CustomerHasOrders])
}

fn vautier(tier: &str) -> Value {
    json!({
        "id": "cust_001", "email": "eleonore.vautier@example.com", "name": "Éléonore Vautier",
        "tier": tier, "phone": "+41 22 555 01 23",
        "address": {
            "city": "Genève", "country": "Switzerland", "postal_code": "1201",
            "street": "Quai du Mont-Blanc 19",
        },
        "created_at": "2023-06-12T09:14:07.382Z", "updated_at": "2023-06-12T09:14:07.382Z",
    })
}

fn castellani() -> Value {
    json!({
        "id": "cust_040", "email": "bruno.castellani@example.com", "name": "Bruno Castellani",
        "tier": "bronze", "phone": "+39 06 5555 0144",
        "address": {
            "city": "Roma", "country": "Italy", "postal_code": "00186", "state": "RM",
            "street": "Via dei Coronari 112",
        },
        "created_at": "2025-08-21T10:46:20.642Z", "updated_at": "2025-08-21T10:46:20.642Z",
    })
}
