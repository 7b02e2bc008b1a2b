pub mod kernel;
#[cfg(all(feature = "product", feature = "database"))]
pub mod product;
#[cfg(feature = "database")]
pub mod schema;
