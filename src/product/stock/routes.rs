//! The URLs of the stock: parse, call the service, render.

use super::error::StockError;
use super::model::{Adjusted, Hold, LedgerFilter, Level};
use super::service::{self, Stock};
use super::wire::{
    Adjust, Answered, CreateHold, ExtendHold, HoldList, HoldView, LedgerList, LedgerView,
    LevelView, LowList, ProofView, ReleaseHold, UpdateStock, low_filter, parse_hold_id,
    parse_proved,
};
use crate::kernel::auth::Actor;
use crate::kernel::db::{Rows, Tx};
use crate::kernel::http::{Conditions, Failure, JsonBody, StoredResponse, Tagged, answer_list};
use crate::kernel::idempotency::IdempotencyKey;
use crate::product::model::ProductId;
use crate::product::service::row;
use actix_web::{HttpRequest, HttpResponse, web};

/// Mounts the stock of each product into a scope named `/products`, beside the products themselves.
pub fn routes_of_products(config: &mut web::ServiceConfig, stock: Stock) {
    config
        .app_data(web::Data::new(stock))
        .service(
            web::resource("/{id}/stock")
                .route(web::get().to(get_level))
                .route(web::head().to(get_level))
                .route(web::put().to(update_stock)),
        )
        .service(web::resource("/{id}/stock/adjustments").route(web::post().to(adjust)))
        .service(
            web::resource("/{id}/stock/ledger")
                .route(web::get().to(list_ledger_of_product))
                .route(web::head().to(list_ledger_of_product)),
        );
}

/// Mounts what is about the stock of all products into a scope named `/stock`.
pub fn routes_of_stock(config: &mut web::ServiceConfig, stock: Stock) {
    config
        .app_data(web::Data::new(stock))
        .service(
            web::resource("/ledger")
                .route(web::get().to(list_ledger))
                .route(web::head().to(list_ledger)),
        )
        .service(
            web::resource("/low").route(web::get().to(list_low)).route(web::head().to(list_low)),
        )
        .service(web::resource("/proof").route(web::get().to(prove)).route(web::head().to(prove)));
}

/// Mounts the holds into a scope named `/holds`.
pub fn routes_of_holds(config: &mut web::ServiceConfig, stock: Stock) {
    config
        .app_data(web::Data::new(stock))
        .service(
            web::resource("")
                .route(web::get().to(list_holds))
                .route(web::head().to(list_holds))
                .route(web::post().to(create_hold)),
        )
        .service(
            web::resource("/{id}").route(web::get().to(get_hold)).route(web::head().to(get_hold)),
        )
        .service(web::resource("/{id}/extend").route(web::post().to(extend_hold)))
        .service(web::resource("/{id}/release").route(web::post().to(release_hold)));
}

async fn get_level(
    request: HttpRequest,
    path: web::Path<String>,
    stock: web::Data<Stock>,
) -> Result<HttpResponse, Failure> {
    let (id, conditions) = (parse_id(path)?, Conditions::of(&request)?);
    let level = stock.level(id.clone()).await?;
    conditions.respond(&level, level.tag(), &Answered::new(LevelView::new(&id, &level)))
}

async fn update_stock(
    request: HttpRequest,
    path: web::Path<String>,
    stock: web::Data<Stock>,
    JsonBody(body): JsonBody<UpdateStock>,
) -> Result<StoredResponse, Failure> {
    let id = parse_id(path)?;
    let (key, low_stock_at) = (IdempotencyKey::of(&request)?, body.parse()?);
    let condition = Conditions::of(&request)?.into_precondition();
    let rows = Rows::named([row(&id)]);
    let update = move |tx: &mut Tx<'_>| {
        let level = service::set_low_stock_at(tx, &id, low_stock_at, &condition)?;
        Ok::<_, StockError>((id.clone(), level))
    };
    let render = |(id, level): &(ProductId, Level)| {
        StoredResponse::ok(&Answered::new(LevelView::new(id, level))).tagged(level)
    };
    stock.changes.make("stock.set_threshold", key, rows, update, render).await
}

async fn adjust(
    request: HttpRequest,
    path: web::Path<String>,
    stock: web::Data<Stock>,
    JsonBody(body): JsonBody<Adjust>,
) -> Result<StoredResponse, Failure> {
    let id = parse_id(path)?;
    let (key, adjustment) = (IdempotencyKey::required(&request)?, body.parse()?);
    let condition = Conditions::of(&request)?.into_precondition();
    let rows = Rows::named([row(&id)]);
    let actor = Actor::of(&request);
    let adjust = move |tx: &mut Tx<'_>| service::adjust(tx, &id, &adjustment, &condition, &actor);
    let render = |adjusted: &Adjusted| {
        StoredResponse::added(&Answered::new(LedgerView::from(&adjusted.entry)))
            .tagged(&adjusted.level)
    };
    stock.changes.make("stock.adjust", Some(key), rows, adjust, render).await
}

async fn list_ledger_of_product(
    request: HttpRequest,
    path: web::Path<String>,
    stock: web::Data<Stock>,
) -> Result<HttpResponse, Failure> {
    let product_id = Some(parse_id(path)?);
    let of_product = |filter, page| stock.list_ledger(LedgerFilter { product_id, ..filter }, page);
    answer_list::<LedgerList, _, _>(&request, of_product).await
}

async fn list_ledger(
    request: HttpRequest,
    stock: web::Data<Stock>,
) -> Result<HttpResponse, Failure> {
    answer_list::<LedgerList, _, _>(&request, |filter, page| stock.list_ledger(filter, page)).await
}

async fn list_low(request: HttpRequest, stock: web::Data<Stock>) -> Result<HttpResponse, Failure> {
    let filter = low_filter(stock.low_stock_threshold);
    answer_list::<LowList, _, _>(&request, |(), page| stock.list_low(filter, page)).await
}

async fn prove(request: HttpRequest, stock: web::Data<Stock>) -> Result<HttpResponse, Failure> {
    let proof = stock.prove(parse_proved(request.query_string())?).await?;
    Ok(HttpResponse::Ok().json(Answered::new(ProofView::from(&proof))))
}

async fn list_holds(
    request: HttpRequest,
    stock: web::Data<Stock>,
) -> Result<HttpResponse, Failure> {
    answer_list::<HoldList, _, _>(&request, |filter, page| stock.list_holds(filter, page)).await
}

async fn get_hold(
    request: HttpRequest,
    path: web::Path<String>,
    stock: web::Data<Stock>,
) -> Result<HttpResponse, Failure> {
    let (id, conditions) = (parse_hold_id(&path)?, Conditions::of(&request)?);
    let hold = stock.hold(id).await?;
    conditions.respond(&hold, hold.tag(), &Answered::new(HoldView::from(&hold)))
}

async fn create_hold(
    request: HttpRequest,
    stock: web::Data<Stock>,
    JsonBody(body): JsonBody<CreateHold>,
) -> Result<StoredResponse, Failure> {
    let key = IdempotencyKey::required(&request)?;
    let (hold, items) = body.parse(stock.hold_max_days)?;
    let rows = Rows::named(items.product_ids().map(row));
    let actor = Actor::of(&request);
    let create = move |tx: &mut Tx<'_>| service::create_hold(tx, &hold, &items, &actor);
    let render = |hold: &Hold| {
        let location = format!("holds/{}", hold.id);
        StoredResponse::created(location, &Answered::new(HoldView::from(hold))).tagged(hold)
    };
    stock.changes.make("stock.create_hold", Some(key), rows, create, render).await
}

async fn extend_hold(
    request: HttpRequest,
    path: web::Path<String>,
    stock: web::Data<Stock>,
    JsonBody(body): JsonBody<ExtendHold>,
) -> Result<StoredResponse, Failure> {
    let (id, key) = (parse_hold_id(&path)?, IdempotencyKey::required(&request)?);
    let (end, reason) = body.parse(stock.hold_max_days)?;
    let condition = Conditions::of(&request)?.into_precondition();
    let rows = Rows::named([format!("hold:{id}")]);
    let extend = move |tx: &mut Tx<'_>| service::extend(tx, id, (end, &reason), &condition);
    stock.changes.make("stock.extend_hold", Some(key), rows, extend, changed).await
}

async fn release_hold(
    request: HttpRequest,
    path: web::Path<String>,
    stock: web::Data<Stock>,
    JsonBody(body): JsonBody<ReleaseHold>,
) -> Result<StoredResponse, Failure> {
    let (id, key) = (parse_hold_id(&path)?, IdempotencyKey::required(&request)?);
    let (reason, actor) = (body.parse()?, Actor::of(&request));
    let condition = Conditions::of(&request)?.into_precondition();
    let rows = Rows::named([format!("hold:{id}")]);
    let release =
        move |tx: &mut Tx<'_>| service::release(tx, id, reason.as_deref(), &condition, &actor);
    stock.changes.make("stock.release_hold", Some(key), rows, release, changed).await
}

/// The answer to a change of a hold.
fn changed(hold: &Hold) -> StoredResponse {
    StoredResponse::ok(&Answered::new(HoldView::from(hold))).tagged(hold)
}

fn parse_id(path: web::Path<String>) -> Result<ProductId, StockError> {
    Ok(ProductId::parse("id", path.into_inner())?)
}
