//! The stock of the products, with its books: holds, and a ledger that proves what there is. Owns the
//! tables `stock_holds`, `stock_hold_items` and `stock_ledger`, and of `products` the columns `stock`,
//! `reserved` and `low_stock_at`.
//!
//! One function moves pieces: what can be sold, what is reserved and the line of the ledger change in one
//! statement or one transaction. Whatever moves pieces of several products locks the hold first, then the
//! products by their ids.
//!
//! A hold has ended from its `expires_at` on, whether or not anybody has given its pieces back. Whoever
//! finds too few pieces looks for such holds, gives back what they have, and tries once more:
//! [`StockChanges`] does that for every change.

mod changes;
mod error;
mod model;
mod openapi;
mod routes;
mod service;
mod store;
mod wire;

pub use changes::StockChanges;
pub use error::{Shortage, StockError};
pub use model::{
    Drift, Hold, HoldItem, HoldKind, HoldState, Items, Level, NewHold, Proof, Reserved,
    ReservedProduct, Short,
};
pub(super) use model::{Move, MoveKind, MoveNote, Moved};
pub use openapi::{TAG, describe};
pub use routes::{routes_of_holds, routes_of_products, routes_of_stock};
pub(super) use service::{Outcome, apply, too_many};
pub use service::{
    Proved, Stock, adopt, claim_loaded, expire_due, fulfil, hold_of_order, prove, put_back,
    release_for_order, reserve,
};
pub use store::open_items_of_orders;
pub(super) use store::{
    count_open_holds, delete_all, find_level, is_empty, next_version, write_opening, write_removal,
};
