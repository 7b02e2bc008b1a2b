//! The holds and what is in them.

use crate::kernel::auth::Actor;
use crate::kernel::db::{
    DbConn, ListSource, MultiBackend, PageOf, count_rows, in_order, show_rows, unreadable,
};
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::ids::Id;
use crate::kernel::page::{Counting, Place, Show, Total};
use crate::kernel::time;
use crate::product::model::ProductId;
use crate::product::stock::model::{
    Hold, HoldFilter, HoldItem, HoldKey, HoldKind, HoldState, Items, NewHold, hold_id_at,
};
use crate::schema::{stock_hold_items as items, stock_holds as holds};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use std::collections::HashMap;

/// A row, in the order of the table's columns.
#[derive(Queryable)]
struct HoldRow {
    id: i64,
    kind: String,
    state: String,
    order_id: Option<i64>,
    customer_id: Option<String>,
    expires_at: Option<NaiveDateTime>,
    reason: Option<String>,
    actor: String,
    version: i64,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = items)]
struct ItemRow {
    hold_id: i64,
    product_id: String,
    quantity: i32,
    open_quantity: i32,
}

impl HoldRow {
    fn into_hold(self, items: Vec<HoldItem>, now: DateTime<Utc>) -> QueryResult<Hold> {
        let expires_at = self.expires_at.map(|at| at.and_utc());
        let state = HoldState::parse(&self.state).ok_or_else(|| unknown("state"))?;
        let has_ended = expires_at.is_some_and(|at| at <= now);
        let state = if state == HoldState::Open && has_ended { HoldState::Expired } else { state };
        let customer_id = self.customer_id.map(|id| Id::parse("customer_id", id));
        Ok(Hold {
            id: self.id,
            kind: HoldKind::parse(&self.kind).ok_or_else(|| unknown("kind"))?,
            state,
            order_id: self.order_id,
            customer_id: customer_id.transpose().map_err(unreadable)?,
            items,
            reason: self.reason,
            actor: self.actor,
            expires_at,
            version: self.version,
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
        })
    }
}

impl ItemRow {
    fn into_item(self) -> QueryResult<HoldItem> {
        Ok(HoldItem {
            product_id: Id::parse("product_id", self.product_id).map_err(unreadable)?,
            quantity: self.quantity,
            open_quantity: self.open_quantity,
        })
    }
}

fn unknown(field: &'static str) -> diesel::result::Error {
    unreadable(Invalid::new(field, Rule::NotOneOf, "is none that is known"))
}

pub(in crate::product::stock) fn find_hold(
    conn: &mut DbConn,
    id: i64,
) -> QueryResult<Option<Hold>> {
    let row: Option<HoldRow> = holds::table.find(id).first(conn).optional()?;
    with_items(conn, row)
}

/// As [`find_hold`], for a hold that this transaction changes.
pub(in crate::product::stock) fn find_hold_and_lock(
    conn: &mut DbConn,
    id: i64,
) -> QueryResult<Option<Hold>> {
    let query = holds::table.find(id);
    let row: Option<HoldRow> = match conn {
        #[cfg(feature = "postgres")]
        DbConn::Postgres(conn) => query.for_update().first(conn).optional()?,
        #[cfg(feature = "sqlite")]
        DbConn::Sqlite(conn) => query.first(conn).optional()?,
    };
    with_items(conn, row)
}

/// The hold of an order, or of a draft of one, that is still open, locked. Its end may have passed.
pub(in crate::product::stock) fn find_open_hold_of_order(
    conn: &mut DbConn,
    order_id: i64,
) -> QueryResult<Option<Hold>> {
    let query = holds::table.filter(holds::order_id.eq(order_id)).filter(holds::state.eq("open"));
    let row: Option<HoldRow> = match conn {
        #[cfg(feature = "postgres")]
        DbConn::Postgres(conn) => query.for_update().first(conn).optional()?,
        #[cfg(feature = "sqlite")]
        DbConn::Sqlite(conn) => query.first(conn).optional()?,
    };
    with_items(conn, row)
}

fn with_items(conn: &mut DbConn, row: Option<HoldRow>) -> QueryResult<Option<Hold>> {
    let Some(row) = row else {
        return Ok(None);
    };
    let items = items_of(conn, &[row.id])?.remove(&row.id).unwrap_or_default();
    row.into_hold(items, time::now()).map(Some)
}

/// The items of each of these holds, by product id.
fn items_of(conn: &mut DbConn, hold_ids: &[i64]) -> QueryResult<HashMap<i64, Vec<HoldItem>>> {
    let rows: Vec<ItemRow> = items::table
        .filter(items::hold_id.eq_any(hold_ids))
        .order((items::hold_id, items::product_id))
        .load(conn)?;
    let mut found: HashMap<i64, Vec<HoldItem>> = HashMap::new();
    for row in rows {
        found.entry(row.hold_id).or_default().push(row.into_item()?);
    }
    Ok(found)
}

/// Adds an open hold without items; returns its id.
pub(in crate::product::stock) fn insert_hold(
    conn: &mut DbConn,
    hold: &NewHold,
    actor: &Actor,
) -> QueryResult<i64> {
    let now = time::now().naive_utc();
    diesel::insert_into(holds::table)
        .values((
            holds::kind.eq(hold.kind.as_str()),
            holds::state.eq(HoldState::Open.as_str()),
            holds::order_id.eq(hold.order_id),
            holds::customer_id.eq(hold.customer_id.as_ref().map(Id::as_str)),
            holds::expires_at.eq(hold.expires_at.map(|at| at.naive_utc())),
            holds::reason.eq(hold.reason.as_deref()),
            holds::actor.eq(actor.name()),
            holds::version.eq(time::new_row_version()),
            holds::created_at.eq(now),
            holds::updated_at.eq(now),
        ))
        .returning(holds::id)
        .get_result(conn)
}

/// Adds an item, all of whose pieces are open.
pub(in crate::product::stock) fn insert_item(
    conn: &mut DbConn,
    hold_id: i64,
    product_id: &ProductId,
    quantity: i32,
) -> QueryResult<()> {
    let product_id = product_id.to_string();
    let row = ItemRow { hold_id, product_id, quantity, open_quantity: quantity };
    diesel::insert_into(items::table).values(row).execute(conn).map(drop)
}

/// Says how many pieces of an item are open, and so how many it has held at most.
pub(in crate::product::stock) fn set_open(
    conn: &mut DbConn,
    hold_id: i64,
    item: &HoldItem,
    open_quantity: i32,
) -> QueryResult<()> {
    let quantity = item.quantity.max(open_quantity);
    diesel::update(items::table.find((hold_id, item.product_id.as_str())))
        .set((items::quantity.eq(quantity), items::open_quantity.eq(open_quantity)))
        .execute(conn)
        .map(drop)
}

/// Takes pieces out of an item; whether there were so many.
pub(in crate::product::stock) fn take_from_item(
    conn: &mut DbConn,
    hold_id: i64,
    product_id: &ProductId,
    quantity: i32,
) -> QueryResult<bool> {
    let enough =
        items::table.find((hold_id, product_id.as_str())).filter(items::open_quantity.ge(quantity));
    let changed = diesel::update(enough)
        .set(items::open_quantity.eq(items::open_quantity - quantity))
        .execute(conn)?;
    Ok(changed == 1)
}

/// What becomes of a hold; what is `None` stays.
#[derive(AsChangeset, Default)]
#[diesel(table_name = holds)]
struct Changed<'a> {
    kind: Option<&'static str>,
    state: Option<&'static str>,
    order_id: Option<i64>,
    expires_at: Option<Option<NaiveDateTime>>,
    reason: Option<&'a str>,
}

fn change(conn: &mut DbConn, id: i64, changed: Changed<'_>) -> QueryResult<()> {
    diesel::update(holds::table.find(id))
        .set((
            changed,
            holds::version.eq(holds::version + 1),
            holds::updated_at.eq(time::now().naive_utc()),
        ))
        .execute(conn)
        .map(drop)
}

/// Notes that something in an open hold has changed.
pub(in crate::product::stock) fn touch(conn: &mut DbConn, id: i64) -> QueryResult<()> {
    change(conn, id, Changed::default())
}

/// Ends an open hold, none of whose pieces is open any more.
pub(in crate::product::stock) fn close(
    conn: &mut DbConn,
    id: i64,
    state: HoldState,
) -> QueryResult<()> {
    change(conn, id, Changed { state: Some(state.as_str()), ..Changed::default() })
}

/// Gives an open hold another end, and says why.
pub(in crate::product::stock) fn prolong(
    conn: &mut DbConn,
    id: i64,
    expires_at: DateTime<Utc>,
    reason: &str,
) -> QueryResult<()> {
    let expires_at = Some(Some(expires_at.naive_utc()));
    change(conn, id, Changed { expires_at, reason: Some(reason), ..Changed::default() })
}

/// Makes an open hold that of an order that is placed.
pub(in crate::product::stock) fn convert(
    conn: &mut DbConn,
    id: i64,
    order_id: i64,
) -> QueryResult<()> {
    let (kind, order_id) = (Some(HoldKind::Order.as_str()), Some(order_id));
    change(conn, id, Changed { kind, order_id, expires_at: Some(None), ..Changed::default() })
}

/// Deletes a hold that was just made and got no items.
pub(in crate::product::stock) fn forget_hold(conn: &mut DbConn, id: i64) -> QueryResult<()> {
    diesel::delete(holds::table.find(id)).execute(conn).map(drop)
}

/// Open holds whose end has passed, the lowest ids first; where products are named, those with open pieces
/// of one of them.
pub(in crate::product::stock) fn due_holds(
    conn: &mut DbConn,
    products: Option<&[ProductId]>,
    limit: i64,
) -> QueryResult<Vec<i64>> {
    let mut query = holds::table
        .filter(holds::state.eq(HoldState::Open.as_str()))
        .filter(holds::expires_at.le(time::now().naive_utc()))
        .select(holds::id)
        .order(holds::id)
        .limit(limit)
        .into_boxed();
    if let Some(products) = products {
        let held = items::table
            .filter(items::product_id.eq_any(products.iter().map(Id::as_str)))
            .filter(items::open_quantity.gt(0))
            .select(items::hold_id);
        query = query.filter(holds::id.eq_any(held));
    }
    query.load(conn)
}

/// How many holds have pieces; read from an index of those alone.
pub(in crate::product) fn count_open_holds(conn: &mut DbConn) -> QueryResult<i64> {
    holds::table.filter(holds::state.eq("open")).count().get_result(conn)
}

impl Hold {
    /// All that it still holds.
    pub(in crate::product::stock) fn open_items(&self) -> Items {
        let open = self.items.iter().filter(|item| item.open_quantity > 0);
        let open = open.map(|item| (item.product_id.clone(), item.open_quantity));
        Items::summed(open).expect("an item of a hold is of one product, and open")
    }
}

impl ListSource for HoldFilter {
    type Row = Hold;
    /// All of them are in memory, with their items.
    const PART_ROWS: i64 = 16;

    fn load(
        &self,
        conn: &mut DbConn,
        page: &PageOf<Hold>,
        show: Show<'_, Hold>,
    ) -> QueryResult<()> {
        let key = match page.sort.key {
            HoldKey::CreatedAt => "stock_holds.created_at",
        };
        let now = time::now();
        let query = in_order!(
            filtered(self, now), page, key, "stock_holds.id",
            place => BigInt = hold_id_at(place).ok_or_else(|| unreadable(Place::invalid("after")))?
        );
        let rows: Vec<HoldRow> = query.load(conn)?;
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let mut items = items_of(conn, &ids)?;
        let with_items = |row: HoldRow| {
            let items = items.remove(&row.id).unwrap_or_default();
            row.into_hold(items, now)
        };
        show_rows(rows.into_iter().map(Ok), with_items, show)
    }

    fn count(&self, conn: &mut DbConn, counting: Counting) -> QueryResult<Total> {
        let now = time::now();
        count_rows!(conn, counting, filtered(self, now), holds::id)
    }
}

fn filtered(filter: &HoldFilter, now: DateTime<Utc>) -> holds::BoxedQuery<'_, MultiBackend> {
    let now = now.naive_utc();
    let mut query = holds::table.into_boxed();
    if let Some(state) = filter.state {
        let open = HoldState::Open.as_str();
        query = match state {
            HoldState::Open => query.filter(holds::state.eq(open)).filter(
                holds::expires_at.is_null().or(holds::expires_at.gt(now).assume_not_null()),
            ),
            HoldState::Expired => query.filter(
                holds::state
                    .eq(state.as_str())
                    .or(holds::state.eq(open).and(holds::expires_at.le(now).assume_not_null())),
            ),
            HoldState::Consumed | HoldState::Released => {
                query.filter(holds::state.eq(state.as_str()))
            }
        };
    }
    if let Some(customer_id) = &filter.customer_id {
        query = query.filter(holds::customer_id.eq(customer_id.as_str()));
    }
    if let Some(product_id) = &filter.product_id {
        let held = items::table.filter(items::product_id.eq(product_id.as_str()));
        query = query.filter(holds::id.eq_any(held.select(items::hold_id)));
    }
    query
}

/// How many pieces of each product the open holds of orders that were placed have: order, product, pieces.
pub fn open_items_of_orders(conn: &mut DbConn) -> QueryResult<Vec<(i64, String, i64)>> {
    use crate::schema::{stock_hold_items, stock_holds};

    let rows: Vec<(Option<i64>, String, i32)> = stock_hold_items::table
        .inner_join(stock_holds::table)
        .filter(stock_holds::state.eq("open").and(stock_holds::kind.eq("order")))
        .select((
            stock_holds::order_id,
            stock_hold_items::product_id,
            stock_hold_items::open_quantity,
        ))
        .load(conn)?;
    let of_orders = rows
        .into_iter()
        .filter_map(|(order, product, open)| Some((order?, product, i64::from(open))));
    Ok(of_orders.collect())
}
