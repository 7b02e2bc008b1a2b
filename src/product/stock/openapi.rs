//! What the routes of the stock take and answer. The examples are those of the example store.

use super::model::{HoldState, MoveKind};
use super::wire::{
    Adjust, CreateHold, ExtendHold, HoldAnswer, HoldList, HoldView, LedgerAnswer, LedgerList,
    LedgerView, LevelAnswer, LowList, LowView, ProofAnswer, ReleaseHold, UpdateStock,
};
use crate::kernel::http::Code;
use crate::kernel::openapi::{Answer, Route, choice, id_or_none, time, whole};
use actix_web::http::StatusCode;
use serde_json::{Value, json};
use utoipa::openapi::path::HttpMethod;

/// The heading, and what stands below it.
pub const TAG: (&str, &str) = (
    "stock",
    "The pieces of the products: what is on hand, reserved and available, holds, and the books that \
     prove it",
);
const NO_PRODUCT: &[Code] = &[Code::ProductNotFound];
const NO_HOLD: &[Code] = &[Code::HoldNotFound];
const MISSING: &[Code] = &[Code::MissingFields];
const NOT_OPEN: &[Code] = &[Code::HoldExpired, Code::HoldNotOpen];

/// The routes below `/products/{id}/stock`, `/stock` and `/holds`.
pub fn describe() -> Vec<Route> {
    vec![
        level(),
        update_stock(),
        adjust(),
        ledger_of_product(),
        ledger(),
        low(),
        proof(),
        list_holds(),
        create_hold(),
        read_hold(),
        extend_hold(),
        release_hold(),
    ]
}

fn route(method: HttpMethod, path: &'static str, id: &'static str, summary: &'static str) -> Route {
    Route::guarded(TAG.0, method, path, id, summary)
}

fn of_product(
    method: HttpMethod,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
) -> Route {
    route(method, path, id, summary)
        .path_id("id", "The id of the product", "prod_002")
        .fails(NO_PRODUCT)
}

fn of_hold(
    method: HttpMethod,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    example: &str,
) -> Route {
    route(method, path, id, summary)
        .path("id", "The id of the hold", whole(1, i64::MAX, 1), example)
        .fails(NO_HOLD)
        .fails(&[Code::InvalidPath])
}

fn level() -> Route {
    let answer = json!({ "success": true, "data": level_example(None) });
    of_product(HttpMethod::Get, "/products/{id}/stock", "getStock", "Read the stock of a product")
        .describe("Never from a cache.")
        .conditional()
        .answers(Answer::json::<LevelAnswer>(StatusCode::OK, "The stock", answer).header("ETag"))
        .answers(Answer::not_modified())
}

fn update_stock() -> Route {
    let answer = json!({ "success": true, "data": level_example(Some(2)) });
    of_product(
        HttpMethod::Put,
        "/products/{id}/stock",
        "updateStock",
        "Say when the stock of a product is low",
    )
    .describe("No piece moves.")
    .change()
    .conditional()
    .body::<UpdateStock>(json!({ "low_stock_at": 2 }))
    .answers(
        Answer::json::<LevelAnswer>(StatusCode::OK, "The stock as it is now", answer)
            .header("ETag"),
    )
    .fails(&[Code::NoFields])
}

fn level_example(low_stock_at: Option<i32>) -> Value {
    json!({
        "product_id": "prod_002", "on_hand": 7, "reserved": 1, "available": 6,
        "low_stock_at": low_stock_at,
    })
}

fn adjust() -> Route {
    let answer = json!({ "success": true, "data": entry() });
    of_product(
        HttpMethod::Post,
        "/products/{id}/stock/adjustments",
        "adjustStock",
        "Correct how many pieces of a product there are",
    )
    .describe(
        "Either `delta`, or `counted`: what is on the shelf, held pieces included. What is reserved \
         stays reserved.",
    )
    .keyed_change()
    .conditional()
    .body::<Adjust>(json!({ "counted": 8, "reason": "count", "note": "Shelf B" }))
    .answers(
        Answer::json::<LedgerAnswer>(StatusCode::CREATED, "The line of the ledger", answer)
            .header("ETag"),
    )
    .fails(MISSING)
    .fails(&[Code::BelowReserved])
}

fn entry() -> Value {
    json!({
        "product_id": "prod_002", "version": 1_795_687_200_000_002_i64, "kind": "adjustment",
        "on_hand_delta": 1, "reserved_delta": 0, "on_hand_after": 8, "reserved_after": 1,
        "available_after": 7, "source": null, "reason": "count", "note": "Shelf B",
        "actor": "anna", "request_id": "4f6a0c6ad2a1e5f0b1c2d3e4f5a6b7c8",
        "created_at": "2026-11-26T12:00:00.000Z",
    })
}

fn opening(id: &str, pieces: i32) -> Value {
    json!({
        "product_id": id, "version": 1_795_687_200_000_001_i64, "kind": "opening",
        "on_hand_delta": pieces, "reserved_delta": 0, "on_hand_after": pieces,
        "reserved_after": 0, "available_after": pieces, "source": null, "reason": null,
        "note": null, "actor": "seed", "request_id": null,
        "created_at": "2026-11-26T12:00:00.000Z",
    })
}

fn ledger_filters(route: Route, (id, pieces): (&str, i32), total: i32) -> Route {
    let kinds = MoveKind::ALL.map(MoveKind::as_str);
    let page = json!({
        "success": true,
        "data": [opening(id, pieces)],
        "pagination": { "limit": 1, "offset": 0, "total": total, "hasMore": true },
    });
    route
        .query("kind", "Only moves of this kind", choice(&kinds))
        .query("from", "Only from this time on", time())
        .query("to", "Only before this time", time())
        .list::<LedgerList>()
        .asked_with("sort", "created_at")
        .asked_with("limit", 1)
        .answers(Answer::page::<LedgerList, LedgerView>("LedgerPage", "A page of the ledger", page))
}

fn ledger_of_product() -> Route {
    ledger_filters(
        route(
            HttpMethod::Get,
            "/products/{id}/stock/ledger",
            "listLedgerOfProduct",
            "List the moves of a product, newest first",
        )
        .path_id("id", "The id of the product, which may be gone", "prod_002"),
        ("prod_002", 6),
        2,
    )
}

fn ledger() -> Route {
    let route = route(
        HttpMethod::Get,
        "/stock/ledger",
        "listLedger",
        "List the moves of all products, newest first",
    );
    ledger_filters(route, ("prod_001", 12), 128)
}

fn low() -> Route {
    let page = json!({
        "success": true,
        "data": [{
            "product_id": "prod_092", "name": "Saxonia Thin", "on_hand": 1, "reserved": 1,
            "available": 0, "low_stock_at": null, "threshold": 3,
        }],
        "pagination": { "limit": 1, "offset": 0, "total": 63, "hasMore": true },
    });
    route(HttpMethod::Get, "/stock/low", "listLowStock", "List products whose stock is low")
        .describe(
            "At their own `low_stock_at` or below, or at LOW_STOCK_THRESHOLD where they have none; the \
             furthest below first.",
        )
        .list::<LowList>()
        .asked_with("limit", 1)
        .answers(Answer::page::<LowList, LowView>("LowStockPage", "A page of products", page))
}

fn proof() -> Route {
    let answer = json!({
        "success": true, "data": { "proved": true, "products": 112, "next": null, "drift": [] },
    });
    route(HttpMethod::Get, "/stock/proof", "proveStock", "Prove the stock by its books")
        .describe(
            "What is on hand is what the ledger adds up to, what is reserved is what open holds have, \
             each line of the ledger follows from the one before, and a hold of an order ends with it. \
             At most 1000 products, as one state of the store has them.",
        )
        .query("product_id", "Only this product, which may be gone", id_or_none())
        .query("after", "Only products behind this one: the `next` of the answer before", id_or_none())
        .answers(Answer::json::<ProofAnswer>(StatusCode::OK, "What was found", answer))
}

fn hold(state: &str, reason: &str) -> Value {
    let open = i32::from(state == "open");
    json!({
        "id": 16, "kind": "hold", "state": state, "customer_id": "cust_001", "order_id": null,
        "items": [{ "product_id": "prod_001", "quantity": 1, "open_quantity": open }],
        "reason": reason, "actor": "anna",
        "expires_at": "2026-11-28T12:00:00.000Z", "created_at": "2026-11-26T12:00:00.000Z",
        "updated_at": "2026-11-26T12:00:00.000Z",
    })
}

fn hold_of_order() -> Value {
    json!({
        "id": 15, "kind": "order", "state": "open", "customer_id": "cust_021", "order_id": 120,
        "items": [{ "product_id": "prod_003", "quantity": 1, "open_quantity": 1 }],
        "reason": null, "actor": "seed", "expires_at": null,
        "created_at": "2026-11-26T12:00:00.000Z", "updated_at": "2026-11-26T12:00:00.000Z",
    })
}

fn list_holds() -> Route {
    let page = json!({
        "success": true,
        "data": [hold_of_order()],
        "pagination": { "limit": 1, "offset": 0, "total": 15, "hasMore": true },
    });
    route(HttpMethod::Get, "/holds", "listHolds", "List holds, newest first")
        .query("state", "Only of this state", choice(&HoldState::NAMES))
        .query("customer_id", "Only for this customer", id_or_none())
        .query("product_id", "Only those with this product", id_or_none())
        .list::<HoldList>()
        .asked_with("limit", 1)
        .answers(Answer::page::<HoldList, HoldView>("HoldPage", "A page of the holds", page))
}

fn create_hold() -> Route {
    let body = json!({
        "items": [{ "product_id": "prod_001", "quantity": 1 }], "expires_in_seconds": 172_800,
        "customer_id": "cust_001", "reason": "Decides until Friday",
    });
    let answer = json!({ "success": true, "data": hold("open", "Decides until Friday") });
    route(HttpMethod::Post, "/holds", "createHold", "Hold pieces for a client")
        .describe(
            "All pieces or none. Nobody else can have them until the hold ends: from `expires_at` on \
             by itself.",
        )
        .keyed_change()
        .body::<CreateHold>(body)
        .answers(
            Answer::json::<HoldAnswer>(StatusCode::CREATED, "The new hold", answer)
                .header("Location")
                .header("ETag"),
        )
        .fails(MISSING)
        .fails(&[Code::ProductNotFound, Code::CustomerNotFound, Code::OutOfStock])
}

fn read_hold() -> Route {
    let answer = json!({ "success": true, "data": hold_of_order() });
    of_hold(HttpMethod::Get, "/holds/{id}", "getHold", "Read a hold", "15")
        .conditional()
        .answers(Answer::json::<HoldAnswer>(StatusCode::OK, "The hold", answer).header("ETag"))
        .answers(Answer::not_modified())
}

fn extend_hold() -> Route {
    let answer = json!({ "success": true, "data": hold("open", "Comes back on Friday") });
    let body = json!({ "expires_in_seconds": 172_800, "reason": "Comes back on Friday" });
    of_hold(HttpMethod::Post, "/holds/{id}/extend", "extendHold", "Give a hold another end", "16")
        .keyed_change()
        .conditional()
        .body::<ExtendHold>(body)
        .answers(Answer::json::<HoldAnswer>(StatusCode::OK, "The hold", answer).header("ETag"))
        .fails(MISSING)
        .fails(NOT_OPEN)
}

fn release_hold() -> Route {
    let answer = json!({ "success": true, "data": hold("released", "Comes back on Friday") });
    of_hold(
        HttpMethod::Post,
        "/holds/{id}/release",
        "releaseHold",
        "Give back what a hold has",
        "16",
    )
    .keyed_change()
    .conditional()
    .body::<ReleaseHold>(json!({ "reason": "Bought another one" }))
    .answers(Answer::json::<HoldAnswer>(StatusCode::OK, "The hold", answer).header("ETag"))
    .fails(NOT_OPEN)
}
