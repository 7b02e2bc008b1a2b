//! The URLs of the orders: parse, call the service, render.

use super::error::OrderError;
use super::export::export;
use super::model::{Order, OrderDetail, OrderRef};
use super::service::{self, Orders};
use super::wire::{
    AddNote, CancelOrder, ChangeOrder, CreateOrder, FulfilOrder, OrderDetailView, OrderList,
    OrdersOfCustomer, PayOrder, PlaceOrder, RefundOrder, ReturnOrder, TierView, TimelineView,
    parse_after, parse_order_ref,
};
use crate::customer::{self, CustomerId};
use crate::kernel::auth::Actor;
use crate::kernel::db::{Rows, Tx};
use crate::kernel::http::{
    Conditions, Failure, JsonBody, ListView, Query, StoredResponse, Tagged, answer_list,
};
use crate::kernel::idempotency::IdempotencyKey;
use crate::kernel::precondition::Precondition;
use crate::kernel::problems::Problems;
use crate::kernel::wire::Answered;
use crate::product;
use actix_web::{HttpRequest, HttpResponse, web};

/// Mounts the orders of a customer into a scope named `/customers`, beside the customers themselves.
pub fn routes_of_customers(config: &mut web::ServiceConfig, orders: Orders) {
    config
        .app_data(web::Data::new(orders))
        .service(
            web::resource("/{id}/orders")
                .route(web::get().to(list_orders_of_customer))
                .route(web::head().to(list_orders_of_customer)),
        )
        .service(
            web::resource("/{id}/tier")
                .route(web::get().to(explain_tier))
                .route(web::head().to(explain_tier)),
        );
}

/// Mounts the orders into a scope named `/orders`.
pub fn routes(config: &mut web::ServiceConfig, orders: Orders) {
    config
        .app_data(web::Data::new(orders))
        .service(
            web::resource("")
                .route(web::get().to(list_orders))
                .route(web::head().to(list_orders))
                .route(web::post().to(create_order)),
        )
        .service(
            web::resource("/export")
                .route(web::get().to(export_orders))
                .route(web::head().to(export_orders)),
        )
        .service(
            web::resource("/{id}")
                .route(web::get().to(get_order))
                .route(web::head().to(get_order))
                .route(web::put().to(change_order))
                .route(web::delete().to(delete_order)),
        )
        .service(web::resource("/{id}/place").route(web::post().to(place_order)))
        .service(web::resource("/{id}/payments").route(web::post().to(pay_order)))
        .service(web::resource("/{id}/refunds").route(web::post().to(refund_order)))
        .service(web::resource("/{id}/fulfilments").route(web::post().to(fulfil_order)))
        .service(web::resource("/{id}/cancel").route(web::post().to(cancel_order)))
        .service(web::resource("/{id}/returns").route(web::post().to(return_order)))
        .service(web::resource("/{id}/notes").route(web::post().to(add_note)))
        .service(
            web::resource("/{id}/timeline")
                .route(web::get().to(read_timeline))
                .route(web::head().to(read_timeline)),
        );
}

async fn list_orders_of_customer(
    request: HttpRequest,
    path: web::Path<String>,
    orders: web::Data<Orders>,
) -> Result<HttpResponse, Failure> {
    let customer_id = CustomerId::parse("id", path.into_inner()).map_err(OrderError::from)?;
    let of_customer = |(), page| orders.list_of_customer(customer_id, page);
    answer_list::<OrdersOfCustomer, _, _>(&request, of_customer).await
}

async fn explain_tier(
    path: web::Path<String>,
    orders: web::Data<Orders>,
) -> Result<HttpResponse, Failure> {
    let customer_id = CustomerId::parse("id", path.into_inner()).map_err(OrderError::from)?;
    let report = orders.tier(customer_id).await?;
    Ok(HttpResponse::Ok().json(Answered::new(TierView::from(&report))))
}

async fn list_orders(
    request: HttpRequest,
    orders: web::Data<Orders>,
) -> Result<HttpResponse, Failure> {
    answer_list::<OrderList, _, _>(&request, |filter, page| orders.list(filter, page)).await
}

async fn export_orders(
    request: HttpRequest,
    orders: web::Data<Orders>,
) -> Result<HttpResponse, Failure> {
    let query = Query::parse(request.query_string())?;
    let mut problems = Problems::default();
    let filter = OrderList::parse_filter(&query, &mut problems);
    export(&orders, problems.finish(filter)?).await
}

async fn get_order(
    request: HttpRequest,
    path: web::Path<String>,
    orders: web::Data<Orders>,
) -> Result<HttpResponse, Failure> {
    let (order, conditions) = (parse_order_ref(&path)?, Conditions::of(&request)?);
    let detail = orders.detail(order).await?;
    conditions.respond(&detail, detail.tag(), &Answered::new(OrderDetailView::from(&detail)))
}

async fn read_timeline(
    request: HttpRequest,
    path: web::Path<String>,
    orders: web::Data<Orders>,
) -> Result<HttpResponse, Failure> {
    let order = parse_order_ref(&path)?;
    let events = orders.timeline(order, parse_after(request.query_string())?).await?;
    Ok(HttpResponse::Ok().json(TimelineView::from(events.as_slice())))
}

async fn create_order(
    request: HttpRequest,
    orders: web::Data<Orders>,
    JsonBody(body): JsonBody<CreateOrder>,
) -> Result<StoredResponse, Failure> {
    let key = IdempotencyKey::required(&request)?;
    let sale = body.parse(&orders.rules)?;
    let products = sale.lines.iter().map(|line| product::row(&line.product_id));
    let rows = Rows::named(products.chain([customer::row(&sale.customer_id)]));
    let (actor, rules) = (Actor::of(&request), orders.rules.clone());
    let create = move |tx: &mut Tx<'_>| service::create(tx, &sale, &rules, &actor);
    let render = |detail: &OrderDetail| {
        let location = format!("orders/{}", detail.order.id);
        let view = Answered::new(OrderDetailView::from(detail));
        StoredResponse::created(location, &view).tagged(detail)
    };
    orders.changes.make("order.create", Some(key), rows, create, render).await
}

/// What every change of an order that is there takes from its request.
struct Asked {
    id: i64,
    key: Option<IdempotencyKey>,
    condition: Precondition<Order>,
    actor: Actor,
}

impl Asked {
    fn of(
        request: &HttpRequest,
        path: &str,
        key: Option<IdempotencyKey>,
    ) -> Result<Asked, Failure> {
        Ok(Asked {
            id: parse_id(path)?,
            key,
            condition: Conditions::of(request)?.into_precondition(),
            actor: Actor::of(request),
        })
    }

    fn rows(&self) -> Rows {
        Rows::named([service::subject_of(self.id)])
    }
}

/// Changes name their order by its id.
fn parse_id(path: &str) -> Result<i64, OrderError> {
    match parse_order_ref(path)? {
        OrderRef::Id(id) => Ok(id),
        OrderRef::Number(_) => Err(OrderError::NotFound),
    }
}

/// Runs a change of an order, and answers with the order after it.
macro_rules! make {
    ($orders:expr, $name:literal, $asked:expr, |$tx:ident, $id:ident, $condition:ident, $actor:ident| $do:expr) => {{
        let asked = $asked;
        let rows = asked.rows();
        let Asked { id: $id, key, condition, actor } = asked;
        let use_case = move |$tx: &mut Tx<'_>| {
            let ($condition, $actor) = (&condition, &actor);
            $do
        };
        $orders.changes.make($name, key, rows, use_case, changed).await
    }};
}

/// The answer to a change of an order.
fn changed(detail: &OrderDetail) -> StoredResponse {
    StoredResponse::ok(&Answered::new(OrderDetailView::from(detail))).tagged(detail)
}

async fn change_order(
    request: HttpRequest,
    path: web::Path<String>,
    orders: web::Data<Orders>,
    JsonBody(body): JsonBody<ChangeOrder>,
) -> Result<StoredResponse, Failure> {
    let asked = Asked::of(&request, &path, IdempotencyKey::of(&request)?)?;
    let (changes, rules) = (body.parse()?, orders.rules.clone());
    make!(orders, "order.change", asked, |tx, id, condition, actor| {
        service::change(tx, id, &changes, &rules, condition, actor)
    })
}

async fn delete_order(
    request: HttpRequest,
    path: web::Path<String>,
    orders: web::Data<Orders>,
) -> Result<StoredResponse, Failure> {
    let asked = Asked::of(&request, &path, IdempotencyKey::of(&request)?)?;
    let rows = asked.rows();
    let Asked { id, key, condition, actor } = asked;
    let delete = move |tx: &mut Tx<'_>| service::delete_draft(tx, id, &condition, &actor);
    let render = |order: &Order| {
        let detail =
            OrderDetail { order: order.clone(), payments: Vec::new(), fulfilments: Vec::new() };
        StoredResponse::ok(&Answered::new(OrderDetailView::from(&detail)))
    };
    orders.changes.make("order.delete", key, rows, delete, render).await
}

async fn place_order(
    request: HttpRequest,
    path: web::Path<String>,
    orders: web::Data<Orders>,
    JsonBody(body): JsonBody<PlaceOrder>,
) -> Result<StoredResponse, Failure> {
    let asked = Asked::of(&request, &path, Some(IdempotencyKey::required(&request)?))?;
    let expected = body.parse()?;
    make!(orders, "order.place", asked, |tx, id, condition, actor| {
        service::place(tx, id, expected, condition, actor)
    })
}

async fn pay_order(
    request: HttpRequest,
    path: web::Path<String>,
    orders: web::Data<Orders>,
    JsonBody(body): JsonBody<PayOrder>,
) -> Result<StoredResponse, Failure> {
    let asked = Asked::of(&request, &path, Some(IdempotencyKey::required(&request)?))?;
    let payment = body.parse()?;
    make!(orders, "order.pay", asked, |tx, id, condition, actor| {
        service::pay(tx, id, &payment, condition, actor)
    })
}

async fn refund_order(
    request: HttpRequest,
    path: web::Path<String>,
    orders: web::Data<Orders>,
    JsonBody(body): JsonBody<RefundOrder>,
) -> Result<StoredResponse, Failure> {
    let asked = Asked::of(&request, &path, Some(IdempotencyKey::required(&request)?))?;
    let refund = body.parse()?;
    make!(orders, "order.refund", asked, |tx, id, condition, actor| {
        service::refund(tx, id, &refund, condition, actor)
    })
}

async fn fulfil_order(
    request: HttpRequest,
    path: web::Path<String>,
    orders: web::Data<Orders>,
    JsonBody(body): JsonBody<FulfilOrder>,
) -> Result<StoredResponse, Failure> {
    let asked = Asked::of(&request, &path, Some(IdempotencyKey::required(&request)?))?;
    let (fulfilment, rules) = (body.parse()?, orders.rules.clone());
    make!(orders, "order.fulfil", asked, |tx, id, condition, actor| {
        service::fulfil(tx, id, &fulfilment, &rules, condition, actor)
    })
}

async fn cancel_order(
    request: HttpRequest,
    path: web::Path<String>,
    orders: web::Data<Orders>,
    JsonBody(body): JsonBody<CancelOrder>,
) -> Result<StoredResponse, Failure> {
    let asked = Asked::of(&request, &path, Some(IdempotencyKey::required(&request)?))?;
    let (lines, reason) = body.parse()?;
    make!(orders, "order.cancel", asked, |tx, id, condition, actor| {
        service::cancel(tx, id, (lines.as_deref(), &reason), condition, actor)
    })
}

async fn return_order(
    request: HttpRequest,
    path: web::Path<String>,
    orders: web::Data<Orders>,
    JsonBody(body): JsonBody<ReturnOrder>,
) -> Result<StoredResponse, Failure> {
    let asked = Asked::of(&request, &path, Some(IdempotencyKey::required(&request)?))?;
    let back = body.parse()?;
    make!(orders, "order.return", asked, |tx, id, condition, actor| {
        service::bring_back(tx, id, &back, condition, actor)
    })
}

async fn add_note(
    request: HttpRequest,
    path: web::Path<String>,
    orders: web::Data<Orders>,
    JsonBody(body): JsonBody<AddNote>,
) -> Result<StoredResponse, Failure> {
    let asked = Asked::of(&request, &path, IdempotencyKey::of(&request)?)?;
    let text = body.parse()?;
    make!(orders, "order.note", asked, |tx, id, condition, actor| {
        service::add_note(tx, id, &text, condition, actor)
    })
}
