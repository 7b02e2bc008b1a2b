//! Whether the books prove the orders, and what customers have spent.

use crate::kernel::db::DbConn;
use crate::order::store;
use crate::product::stock;
use diesel::QueryResult;
use std::collections::HashMap;

/// Tells each row that does not agree, and returns how many orders were looked at.
pub fn prove(conn: &mut DbConn, tell: &mut dyn FnMut(String)) -> QueryResult<i64> {
    let mut drift = store::drift_of_orders(conn)?;
    drift.extend(store::drift_of_customers(conn)?);
    for row in drift {
        tell(format!("{}: the row says {}, its books prove {}", row.subject, row.said, row.proved));
    }
    prove_claims(conn, tell)?;
    store::count_orders(conn)
}

/// What is still to leave by an order is what its hold has, of each product that the hold has.
fn prove_claims(conn: &mut DbConn, tell: &mut dyn FnMut(String)) -> QueryResult<()> {
    let open = store::open_pieces(conn)?;
    let open: HashMap<(i64, &str), i64> =
        open.iter().map(|(order, product, pieces)| ((*order, product.as_str()), *pieces)).collect();
    for (order, product, held) in stock::open_items_of_orders(conn)? {
        let wanted = open.get(&(order, product.as_str())).copied().unwrap_or(0);
        if wanted != held {
            tell(format!(
                "order {order} {product}: its hold has {held} pieces, and {wanted} are still to leave"
            ));
        }
    }
    Ok(())
}
