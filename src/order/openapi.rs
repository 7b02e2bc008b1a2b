//! What the routes of the orders take and answer. The examples are those of the example store.

use super::model::{FulfilmentStatus, OrderStatus, PaymentStatus};
use super::wire::{
    AddNote, CancelOrder, ChangeOrder, CreateOrder, FulfilOrder, ListedOrderView, OrderAnswer,
    OrderList, OrderView, OrdersOfCustomer, PayOrder, PlaceOrder, RefundOrder, ReturnOrder,
    TierAnswer, TimelineView,
};
use crate::kernel::http::Code;
use crate::kernel::openapi::{
    Answer, Route, choice, id_or_none, money, number_or_name, text, time, whole,
};
use actix_web::http::StatusCode;
use serde_json::{Value, json};
use utoipa::openapi::path::HttpMethod;

/// The heading, and what stands below it.
pub const TAG: (&str, &str) =
    ("orders", "Sales, from quote to refund: what was ordered, paid, delivered and taken back");

const NO_ORDER: &[Code] = &[Code::OrderNotFound];
const MISSING: &[Code] = &[Code::MissingFields];
const STATE: &[Code] = &[Code::OrderState];
const OPEN: &[Code] = &[Code::OrderState, Code::QuantityExceedsOpen];
const SALE: &[Code] = &[Code::OutOfStock, Code::PriceChanged, Code::ProductNotFound];

/// The routes below `/orders`.
pub fn describe() -> Vec<Route> {
    vec![
        list(),
        create(),
        export(),
        read(),
        change(),
        delete(),
        place(),
        pay(),
        refund(),
        fulfil(),
        cancel(),
        bring_back(),
        note(),
        timeline(),
    ]
}

fn route(method: HttpMethod, path: &'static str, id: &'static str, summary: &'static str) -> Route {
    Route::guarded(TAG.0, method, path, id, summary)
}

fn of_order(
    method: HttpMethod,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    example: &str,
) -> Route {
    let description = "The id of the order; for reads, its number as well";
    route(method, path, id, summary)
        .path("id", description, number_or_name(), example)
        .fails(NO_ORDER)
        .fails(&[Code::InvalidPath])
}

/// A change of money or pieces.
fn step(path: &'static str, id: &'static str, summary: &'static str, example: &str) -> Route {
    of_order(HttpMethod::Post, path, id, summary, example)
        .keyed_change()
        .conditional()
        .fails(MISSING)
}

fn answer(status: StatusCode, description: &'static str, example: Value) -> Answer {
    let answer = json!({ "success": true, "data": example });
    Answer::json::<OrderAnswer>(status, description, answer).header("ETag")
}

fn filters(route: Route) -> Route {
    route
        .query(
            "status",
            "Only orders of this status; drafts stand under theirs alone",
            choice(&OrderStatus::NAMES),
        )
        .query("payment_status", "Only orders that are so far paid", choice(&PaymentStatus::NAMES))
        .query(
            "fulfilment_status",
            "Only orders that are so far delivered",
            choice(&FulfilmentStatus::NAMES),
        )
        .query("customer_id", "Only orders of this customer", id_or_none())
        .query("product_id", "Only orders with this product", id_or_none())
        .query("serial", "Only orders by which the piece with this serial number left", text(100))
        .query("order_number", "Only the order with this number", text(50))
        .query("reference", "Only orders with this reference", text(100))
        .query("from", "Only orders made at this time or later", time())
        .query("to", "Only orders made before this time", time())
        .query("minTotal", "Only orders that come to this or more", money())
        .query("maxTotal", "Only orders that come to this or less", money())
}

fn list() -> Route {
    let page = json!({
        "success": true, "data": [listed()],
        "pagination": { "limit": 1, "offset": 0, "total": 1, "hasMore": false },
    });
    filters(route(HttpMethod::Get, "/orders", "listOrders", "List orders, newest first"))
        .describe("Without the drafts, which are no orders yet.")
        .list::<OrderList>()
        .asked_with("limit", 1)
        .asked_with("order_number", "CHR-2025-000119")
        .answers(Answer::page::<OrderList, OrderView>(
            "AllOrdersPage",
            "A page of the orders",
            page,
        ))
}

fn create() -> Route {
    let body = json!({
        "customer_id": "cust_003", "items": [{ "product_id": "prod_001", "quantity": 1 }],
        "payment_method": "bank_transfer", "reference": "POS-7781",
        "payment": { "method": "card", "reference": "ch_1" },
    });
    route(HttpMethod::Post, "/orders", "createOrder", "Sell, or make a quote")
        .describe(
            "All pieces or none: they are reserved at the prices of this moment, and nobody else can \
             have them. With `draft`, nothing is sold yet: the prices stand until `valid_until`.",
        )
        .keyed_change()
        .body::<CreateOrder>(body)
        .answers(answer(StatusCode::CREATED, "The new order", placed()).header("Location"))
        .fails(MISSING)
        .fails(SALE)
        .fails(&[
            Code::CustomerNotFound,
            Code::HoldNotFound,
            Code::HoldExpired,
            Code::HoldNotOpen,
            Code::OrderExists,
            Code::PaymentExceedsDue,
            Code::AmountTooLarge,
        ])
}

fn export() -> Route {
    filters(route(HttpMethod::Get, "/orders/export", "exportOrders", "Export orders as CSV"))
        .describe(
            "All that the filters choose, newest first, in a stream. A cell that a spreadsheet would \
             read as a formula begins with an apostrophe.",
        )
        .answers(Answer::csv("A line for each order, below their headings"))
}

fn read() -> Route {
    of_order(HttpMethod::Get, "/orders/{id}", "getOrder", "Read an order", "119")
        .describe("With its lines, payments, deliveries and serial numbers.")
        .conditional()
        .answers(answer(StatusCode::OK, "The order", detail(listed())))
        .answers(Answer::not_modified())
}

fn change() -> Route {
    let mut after = detail(listed());
    after["notes"] = json!("Gift wrap");
    of_order(HttpMethod::Put, "/orders/{id}", "changeOrder", "Change an order", "119")
        .describe("What was sold stays: less is a cancellation, more a new order. Of a draft, everything.")
        .change()
        .conditional()
        .body::<ChangeOrder>(json!({ "notes": "Gift wrap" }))
        .answers(answer(StatusCode::OK, "The order as it is now", after))
        .fails(&[Code::NoFields, Code::OrderExists, Code::AmountTooLarge, Code::ProductNotFound])
        .fails(&[Code::OutOfStock])
        .fails(STATE)
}

fn delete() -> Route {
    of_order(HttpMethod::Delete, "/orders/{id}", "deleteDraft", "Throw a draft away", "122")
        .describe("What it held can be sold.")
        .change()
        .conditional()
        .answers(Answer::of::<OrderAnswer>(StatusCode::OK, "The draft as it was"))
        .fails(STATE)
}

fn place() -> Route {
    of_order(
        HttpMethod::Post,
        "/orders/{id}/place",
        "placeOrder",
        "Make an order of a draft",
        "122",
    )
    .keyed_change()
    .conditional()
    .describe("At the prices that were quoted.")
    .body::<PlaceOrder>(json!({ "expected_total": "12325.00" }))
    .answers(Answer::of::<OrderAnswer>(StatusCode::OK, "The order as it is now").header("ETag"))
    .fails(SALE)
    .fails(&[Code::QuoteExpired])
    .fails(STATE)
}

fn pay() -> Route {
    let body = json!({ "method": "bank_transfer", "amount": "1000.00", "reference": "tx-1" });
    step("/orders/{id}/payments", "payOrder", "Write down money that came in", "119")
        .describe("Without an amount, all that is due. Nothing is charged: this is the book alone.")
        .body::<PayOrder>(body)
        .answers(Answer::of::<OrderAnswer>(StatusCode::OK, "The order as it is now").header("ETag"))
        .fails(&[Code::PaymentExceedsDue, Code::PaymentExists, Code::AmountTooLarge])
        .fails(STATE)
}

fn refund() -> Route {
    let body = json!({
        "method": "bank_transfer", "amount": "100.00", "reason": "A scratch", "allowance": true,
    });
    step("/orders/{id}/refunds", "refundOrder", "Write down money that went back", "1")
        .describe("Without an amount, all that is due back.")
        .body::<RefundOrder>(body)
        .answers(Answer::of::<OrderAnswer>(StatusCode::OK, "The order as it is now").header("ETag"))
        .fails(&[Code::RefundExceedsPaid, Code::PaymentExists, Code::AmountTooLarge])
        .fails(STATE)
}

fn fulfil() -> Route {
    let body = json!({
        "lines": [{ "line": 1, "quantity": 1, "serials": ["A-1"] }], "kind": "handover",
        "papers": { "certificate": "C-77" },
    });
    step("/orders/{id}/fulfilments", "fulfilOrder", "Hand pieces out", "119")
        .describe("Without lines, all that is open. They leave the stock.")
        .body::<FulfilOrder>(body)
        .answers(Answer::of::<OrderAnswer>(StatusCode::OK, "The order as it is now").header("ETag"))
        .fails(&[Code::SerialSold, Code::OrderUnpaid])
        .fails(OPEN)
}

fn cancel() -> Route {
    step("/orders/{id}/cancel", "cancelOrder", "Cancel an order, or lines of it", "119")
        .describe("Without lines, the whole order. What was reserved can be sold.")
        .body::<CancelOrder>(json!({ "reason": "The client changed their mind" }))
        .answers(Answer::of::<OrderAnswer>(StatusCode::OK, "The order as it is now").header("ETag"))
        .fails(OPEN)
}

fn bring_back() -> Route {
    let body = json!({
        "lines": [{ "line": 1, "quantity": 1 }], "restock": true, "reason": "Too large",
    });
    step("/orders/{id}/returns", "returnOrder", "Take pieces back", "1")
        .describe("What they were worth is due back.")
        .body::<ReturnOrder>(body)
        .answers(Answer::of::<OrderAnswer>(StatusCode::OK, "The order as it is now").header("ETag"))
        .fails(OPEN)
}

fn note() -> Route {
    of_order(
        HttpMethod::Post,
        "/orders/{id}/notes",
        "noteOrder",
        "Write a note into the history of an order",
        "119",
    )
    .change()
    .conditional()
    .body::<AddNote>(json!({ "text": "Called: comes on Friday" }))
    .answers(Answer::of::<OrderAnswer>(StatusCode::OK, "The order as it is now").header("ETag"))
    .fails(MISSING)
    .fails(STATE)
}

fn timeline() -> Route {
    of_order(
        HttpMethod::Get,
        "/orders/{id}/timeline",
        "getTimeline",
        "Read what has happened to an order",
        "119",
    )
    .describe("Oldest first, at most 1000 events: go on behind the last one with `after`.")
    .query("after", "Only events behind the one with this id", whole(0, i64::MAX, 0))
    .answers(Answer::json::<TimelineView>(
        StatusCode::OK,
        "The events",
        json!({ "success": true, "data": [] }),
    ))
}

/// The routes of orders that stand below `/customers`.
pub fn describe_of_customers() -> Vec<Route> {
    let example = json!({
        "success": true,
        "data": [{
            "id": 119, "order_number": "CHR-2025-000119", "customer_id": "cust_001",
            "items": [{
                "product_id": "prod_004", "product_name": "Villeret Ultraplate", "quantity": 3,
                "price": "7100.00",
            }],
            "total_amount": "21300.00", "status": "pending", "payment_method": "credit_card",
            "shipping_address": address(), "notes": null,
            "created_at": "2025-10-27T15:54:01.527Z", "updated_at": "2025-10-27T16:27:01.329Z",
        }],
        "count": 1,
    });
    let list = route(
        HttpMethod::Get,
        "/customers/{id}/orders",
        "listOrdersOfCustomer",
        "List the orders of a customer, newest first",
    );
    let page = Answer::page::<OrdersOfCustomer, ListedOrderView>(
        "OrderPage",
        "A page of the orders",
        example,
    );
    let tier = json!({
        "success": true,
        "data": {
            "customer_id": "cust_040", "vip_tier": "Bronze", "total_spent": "0.00",
            "thresholds": [
                { "vip_tier": "Silver", "above": "5000.00" }, { "vip_tier": "Gold", "above": "10000.00" },
            ],
            "next": { "vip_tier": "Silver", "missing": "5000.01" },
            "orders": [],
        },
    });
    vec![
        list.path_id("id", "The id of the customer", "cust_001")
            .describe("The page has no `pagination`: follow its `Link`.")
            .list::<OrdersOfCustomer>()
            .asked_with("limit", 1)
            .answers(page)
            .fails(&[Code::CustomerNotFound]),
        route(
            HttpMethod::Get,
            "/customers/{id}/tier",
            "explainTier",
            "Explain the tier of a customer",
        )
        .path_id("id", "The id of the customer", "cust_040")
        .describe(
            "Which orders count, from what sums on a tier begins, and what is missing to the next.",
        )
        .answers(Answer::json::<TierAnswer>(StatusCode::OK, "The tier", tier))
        .fails(&[Code::CustomerNotFound]),
    ]
}

fn address() -> Value {
    json!({
        "city": "Genève", "country": "Switzerland", "postal_code": "1201",
        "street": "Quai du Mont-Blanc 19",
    })
}

/// The newest order of the example store.
fn listed() -> Value {
    json!({
        "id": 119, "order_number": "CHR-2025-000119", "customer_id": "cust_001", "status": "pending",
        "payment_status": "unpaid", "fulfilment_status": "unfulfilled", "currency": null,
        "reference": null,
        "items": [line("prod_004", "Villeret Ultraplate", (3, "7100.00"), ["0.00", "21300.00"])],
        "items_amount": "21300.00",
        "discount": { "tier": null, "rate": "0.00", "amount": "0.00" }, "shipping_amount": "0.00",
        "tax": { "mode": "none", "rate": "0.00", "amount": "0.00", "exempt_reason": null },
        "original_amount": "21300.00", "taken_back_amount": "0.00", "allowance_amount": "0.00",
        "import_difference": "0.00", "total_amount": "21300.00", "paid_amount": "0.00",
        "refunded_amount": "0.00", "due_amount": "21300.00", "refund_due_amount": "0.00",
        "payment_method": "credit_card", "shipping_address": address(), "notes": null,
        "placed_at": "2025-10-27T15:54:01.527Z", "valid_until": null, "pay_by": null,
        "completed_at": null, "cancelled_at": null, "cancel_reason": null,
        "created_at": "2025-10-27T15:54:01.527Z", "updated_at": "2025-10-27T16:27:01.329Z",
    })
}

fn line(
    product_id: &str,
    name: &str,
    (quantity, price): (i32, &str),
    [discount, total]: [&str; 2],
) -> Value {
    json!({
        "line": 1, "product_id": product_id, "product_name": name, "quantity": quantity,
        "price": price, "discount_amount": discount, "tax_amount": "0.00", "total_amount": total,
        "fulfilled": 0, "cancelled": 0, "returned": 0,
    })
}

fn detail(mut order: Value) -> Value {
    order["payments"] = json!([]);
    order["fulfilments"] = json!([]);
    order
}

/// What `createOrder` makes.
fn placed() -> Value {
    let mut order = detail(listed());
    for (member, value) in [
        ("id", json!(121)),
        ("order_number", json!("CHR-2026-000121")),
        ("customer_id", json!("cust_003")),
        ("payment_status", json!("paid")),
        ("currency", json!("USD")),
        ("reference", json!("POS-7781")),
        (
            "items",
            json!([line("prod_001", "Submariner Date", (1, "14500.00"), ["2175.00", "12325.00"])]),
        ),
        ("items_amount", json!("14500.00")),
        ("discount", json!({ "tier": "platinum", "rate": "15.00", "amount": "2175.00" })),
        ("original_amount", json!("12325.00")),
        ("total_amount", json!("12325.00")),
        ("paid_amount", json!("12325.00")),
        ("due_amount", json!("0.00")),
        ("payment_method", json!("bank_transfer")),
        ("shipping_address", json!(null)),
        ("placed_at", json!("2026-11-26T12:00:00.000Z")),
        ("created_at", json!("2026-11-26T12:00:00.000Z")),
        ("updated_at", json!("2026-11-26T12:00:00.000Z")),
        (
            "payments",
            json!([{
                "id": 83, "direction": "in", "amount": "12325.00", "method": "card",
                "reference": "ch_1", "reason": null, "actor": "anna",
                "received_at": "2026-11-26T12:00:00.000Z", "created_at": "2026-11-26T12:00:00.000Z",
            }]),
        ),
    ] {
        order[member] = value;
    }
    order
}
