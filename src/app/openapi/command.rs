//! `chronos openapi`: the document of the gateway, with every module of this binary.

use super::document;
use crate::app::listeners::Endpoint;
use crate::app::modules::MODULES;
use crate::app::settings::{OpenApiArgs, OpenApiVersion};
use crate::kernel::openapi::to_version_30;
use anyhow::Context;
use std::io::Write;

/// Prints the document.
///
/// # Errors
/// When the output is closed.
pub fn openapi(args: &OpenApiArgs) -> anyhow::Result<()> {
    let modules: Vec<_> = MODULES.iter().collect();
    let mut document = serde_json::to_value(document(Endpoint::Gateway, &modules))?;
    if args.version == OpenApiVersion::V30 {
        document = to_version_30(document);
    }
    let text = serde_json::to_string_pretty(&document)?;
    writeln!(std::io::stdout(), "{text}").context("the document cannot be written")
}
