//! The nouns around an order and their rules. No I/O.

mod books;
mod commands;
mod order;
mod pricing;
mod record;
mod rules;

pub(super) use books::{LinePieces, Refused};
pub use commands::SaleRules;
pub(super) use commands::{
    Changes, Discount, DraftChanges, NewFulfilment, NewLine, NewPayment, NewRefund, NewReturn,
    NewSale,
};
pub(super) use order::{
    FulfilledLine, Fulfilment, Line, Money, Order, OrderDetail, OrderFilter, OrderKey, OrderRef,
    Payment, TierReport, order_id_at,
};
pub use order::{FulfilmentKind, FulfilmentStatus, OrderStatus, PaymentStatus};
pub use pricing::{BasisPoints, TaxMode, TaxRule};
pub(super) use pricing::{PricingError, Reduction, price};
pub(super) use record::{Amounts, check_total, parse_order_id, parse_quantity, parse_status};
pub use record::{NewOrder, OrderItem};
pub(super) use rules::Action;
