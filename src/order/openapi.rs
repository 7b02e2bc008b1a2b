//! What the routes of the orders take and answer. The examples are those of the example store.

use super::wire::{OrderList, OrderView};
use crate::kernel::http::Code;
use crate::kernel::openapi::{Answer, Route};
use serde_json::json;
use utoipa::openapi::path::HttpMethod;

/// The heading, and what stands below it.
pub const TAG: (&str, &str) = ("orders", "What customers have ordered");

/// The routes of orders that stand below `/customers`.
pub fn describe_of_customers() -> Vec<Route> {
    let path = "/customers/{id}/orders";
    let example = json!({
        "success": true,
        "data": [{
            "id": 119, "order_number": "CHR-2025-000119", "customer_id": "cust_001",
            "items": [{
                "product_id": "prod_004", "product_name": "Villeret Ultraplate", "quantity": 3,
                "price": "7100.00",
            }],
            "total_amount": "21300.00", "status": "pending", "payment_method": "credit_card",
            "shipping_address": {
                "city": "Genève", "country": "Switzerland", "postal_code": "1201",
                "street": "Quai du Mont-Blanc 19",
            },
            "notes": null,
            "created_at": "2025-10-27T15:54:01.527Z", "updated_at": "2025-10-27T16:27:01.329Z",
        }],
        "count": 1,
    });
    let list = Route::guarded(
        TAG.0,
        HttpMethod::Get,
        path,
        "listOrdersOfCustomer",
        "List the orders of a customer, newest first",
    );
    let page = Answer::page::<OrderList, OrderView>("OrderPage", "A page of the orders", example);
    vec![
        list.path_id("id", "The id of the customer", "cust_001")
            .describe("The page has no `pagination`: follow its `Link`.")
            .list::<OrderList>()
            .asked_with("limit", 1)
            .answers(page)
            .fails(&[Code::CustomerNotFound]),
    ]
}
