//! The tables as diesel sees them: one description for both databases.
//!
//! `Json` is the local SQL type that is JSONB in PostgreSQL and TEXT in SQLite; amounts are cents.
//! The schema itself, with its constraints, is in `migrations/`.

diesel::table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamp};
    use crate::kernel::db::Json;

    products (id) {
        id -> Text,
        name -> Text,
        brand -> Text,
        price -> BigInt,
        stock -> Integer,
        category -> Text,
        metadata -> Nullable<Json>,
        version -> BigInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        reserved -> Integer,
        low_stock_at -> Nullable<Integer>,
    }
}

diesel::table! {
    stock_holds (id) {
        id -> BigInt,
        kind -> Text,
        state -> Text,
        order_id -> Nullable<BigInt>,
        customer_id -> Nullable<Text>,
        expires_at -> Nullable<Timestamp>,
        reason -> Nullable<Text>,
        actor -> Text,
        version -> BigInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    stock_hold_items (hold_id, product_id) {
        hold_id -> BigInt,
        product_id -> Text,
        quantity -> Integer,
        open_quantity -> Integer,
    }
}

diesel::table! {
    stock_ledger (product_id, version) {
        product_id -> Text,
        version -> BigInt,
        kind -> Text,
        on_hand_delta -> Integer,
        reserved_delta -> Integer,
        on_hand_after -> Integer,
        reserved_after -> Integer,
        source -> Nullable<Text>,
        reason -> Nullable<Text>,
        note -> Nullable<Text>,
        actor -> Text,
        request_id -> Nullable<Text>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text, Timestamp};
    use crate::kernel::db::Json;

    customers (id) {
        id -> Text,
        email -> Text,
        name -> Text,
        tier -> Text,
        phone -> Nullable<Text>,
        address -> Nullable<Json>,
        version -> BigInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        total_spent -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamp};
    use crate::kernel::db::Json;

    orders (id) {
        id -> BigInt,
        order_number -> Nullable<Text>,
        customer_id -> Text,
        total_amount -> BigInt,
        status -> Text,
        payment_method -> Nullable<Text>,
        shipping_address -> Nullable<Json>,
        notes -> Nullable<Text>,
        version -> BigInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        discount_amount -> BigInt,
        shipping_amount -> BigInt,
        tax_amount -> BigInt,
        source -> Text,
        currency -> Nullable<Text>,
        reference -> Nullable<Text>,
        items_amount -> BigInt,
        discount_tier -> Nullable<Text>,
        discount_rate -> Integer,
        tax_mode -> Text,
        tax_rate -> Integer,
        tax_exempt_reason -> Nullable<Text>,
        original_amount -> BigInt,
        taken_back_amount -> BigInt,
        allowance_amount -> BigInt,
        import_difference -> BigInt,
        paid_amount -> BigInt,
        refunded_amount -> BigInt,
        pieces -> BigInt,
        pieces_cancelled -> BigInt,
        pieces_fulfilled -> BigInt,
        pieces_returned -> BigInt,
        placed_at -> Nullable<Timestamp>,
        valid_until -> Nullable<Timestamp>,
        pay_by -> Nullable<Timestamp>,
        completed_at -> Nullable<Timestamp>,
        cancelled_at -> Nullable<Timestamp>,
        cancel_reason -> Nullable<Text>,
        payment_status -> Text,
        fulfilment_status -> Text,
    }
}

diesel::table! {
    order_items (order_id, line) {
        order_id -> BigInt,
        line -> Integer,
        product_id -> Text,
        product_name -> Text,
        quantity -> Integer,
        price -> BigInt,
        discount_amount -> BigInt,
        tax_amount -> BigInt,
        total_amount -> BigInt,
        fulfilled -> Integer,
        cancelled -> Integer,
        returned -> Integer,
    }
}

diesel::table! {
    payments (id) {
        id -> BigInt,
        order_id -> BigInt,
        direction -> Text,
        amount -> BigInt,
        method -> Text,
        reference -> Nullable<Text>,
        reason -> Nullable<Text>,
        actor -> Text,
        received_at -> Timestamp,
        created_at -> Timestamp,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamp};
    use crate::kernel::db::Json;

    fulfilments (id) {
        id -> BigInt,
        order_id -> BigInt,
        kind -> Text,
        carrier -> Nullable<Text>,
        tracking_number -> Nullable<Text>,
        papers -> Nullable<Json>,
        restock -> Bool,
        reason -> Nullable<Text>,
        actor -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    fulfilment_items (fulfilment_id, line) {
        fulfilment_id -> BigInt,
        order_id -> BigInt,
        line -> Integer,
        quantity -> Integer,
    }
}

diesel::table! {
    order_serials (fulfilment_id, line, serial) {
        fulfilment_id -> BigInt,
        order_id -> BigInt,
        line -> Integer,
        product_id -> Text,
        serial -> Text,
        returned_by -> Nullable<BigInt>,
    }
}

diesel::joinable!(stock_hold_items -> stock_holds (hold_id));
diesel::joinable!(orders -> customers (customer_id));
diesel::joinable!(order_items -> orders (order_id));
diesel::allow_tables_to_appear_in_same_query!(
    products,
    stock_holds,
    stock_hold_items,
    stock_ledger,
    customers,
    orders,
    order_items,
    payments,
    fulfilments,
    fulfilment_items,
    order_serials,
);
