//! Data files into one transaction: a whole store, or everything as it was.
//!
//! A store has products, customers and orders: a binary that leaves a module out cannot load one.

use crate::app::settings::SeedArgs;

#[cfg(all(feature = "product", feature = "order", feature = "database"))]
mod command;
#[cfg(all(feature = "product", feature = "order", feature = "database"))]
mod files;
#[cfg(all(feature = "product", feature = "order", feature = "database"))]
mod mistakes;
#[cfg(all(feature = "product", feature = "order", feature = "database"))]
mod part;
#[cfg(all(feature = "product", feature = "order", feature = "database"))]
mod parts;
#[cfg(all(feature = "product", feature = "order", feature = "database"))]
mod records;

#[cfg(not(all(feature = "product", feature = "order", feature = "database")))]
pub(crate) use without_files::{CUSTOMERS, ORDERS, PRODUCTS, Part};
/// What each module has in a store of files; `None` in a binary that cannot load a store.
#[cfg(all(feature = "product", feature = "order", feature = "database"))]
pub(super) use {
    part::Part,
    parts::{CUSTOMERS, ORDERS, PRODUCTS},
};

#[cfg(not(all(feature = "product", feature = "order", feature = "database")))]
mod without_files {
    #[derive(Debug)]
    pub enum Part {}

    pub(crate) const PRODUCTS: Option<&Part> = None;
    pub(crate) const CUSTOMERS: Option<&Part> = None;
    pub(crate) const ORDERS: Option<&Part> = None;
}

/// Loads the store of `data/`, compiled in, where the binary can.
#[cfg(feature = "database")]
pub(super) const EMBEDDED_STORE: Option<crate::kernel::db::Load> = {
    #[cfg(all(feature = "product", feature = "order"))]
    {
        Some(command::load_embedded)
    }
    #[cfg(not(all(feature = "product", feature = "order")))]
    {
        None
    }
};

/// Migrates, then loads the files of a folder, or else the store that is compiled in.
///
/// # Errors
/// A [`crate::kernel::error::Refusal`] when the database holds rows and `--reset` is not given, or
/// a module is left out; bad files, with each line, record and reason; whatever the
/// database says. Nothing is changed then.
pub fn seed(args: &SeedArgs) -> anyhow::Result<()> {
    #[cfg(all(feature = "product", feature = "order", feature = "database"))]
    {
        command::seed(args)
    }
    #[cfg(not(all(feature = "product", feature = "order", feature = "database")))]
    {
        let _nothing_to_load = args;
        let missing = "seed needs the product, customer and order modules and a database; build with \
                       --features product,order,sqlite,postgres";
        Err(crate::kernel::error::Refusal(missing.into()).into())
    }
}
