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
    use diesel::sql_types::{BigInt, Nullable, Text, Timestamp};
    use crate::kernel::db::Json;

    orders (id) {
        id -> BigInt,
        order_number -> Text,
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
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Integer, Text};

    order_items (order_id, line) {
        order_id -> BigInt,
        line -> Integer,
        product_id -> Text,
        product_name -> Text,
        quantity -> Integer,
        price -> BigInt,
    }
}

diesel::joinable!(orders -> customers (customer_id));
diesel::joinable!(order_items -> orders (order_id));
diesel::allow_tables_to_appear_in_same_query!(products, customers, orders, order_items);
