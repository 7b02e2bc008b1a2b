//! The documents of a listener as bytes, made when they are first asked for.

use super::document;
use crate::app::listeners::Endpoint;
use crate::app::modules::Module;
use crate::kernel::openapi::to_version_30;
use actix_web::http::header::EntityTag;
use actix_web::web::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::sync::{Arc, OnceLock};

/// What a listener is, and serves.
#[derive(Clone)]
pub(super) struct Described {
    pub endpoint: Endpoint,
    modules: Arc<[&'static Module]>,
    version_31: Arc<OnceLock<Tagged>>,
    version_30: Arc<OnceLock<Tagged>>,
}

/// Bytes, and the tag that changes with them.
pub(super) struct Tagged {
    pub bytes: Bytes,
    pub tag: EntityTag,
}

impl Described {
    pub(super) fn new(endpoint: Endpoint, modules: &[&'static Module]) -> Described {
        Described {
            endpoint,
            modules: modules.into(),
            version_31: Arc::default(),
            version_30: Arc::default(),
        }
    }

    pub(super) fn version_31(&self) -> &Tagged {
        self.version_31.get_or_init(|| Tagged::of(&self.json()))
    }

    pub(super) fn version_30(&self) -> &Tagged {
        self.version_30.get_or_init(|| Tagged::of(&to_version_30(self.json())))
    }

    fn json(&self) -> Value {
        let document = document(self.endpoint, &self.modules);
        serde_json::to_value(document).expect("a document has names for its members")
    }
}

impl Tagged {
    fn of(document: &Value) -> Tagged {
        let bytes = Bytes::from(document.to_string());
        let mut tag = String::new();
        for byte in &Sha256::digest(&bytes)[..16] {
            // Writing into a string cannot fail.
            let _written = write!(tag, "{byte:02x}");
        }
        // A strong tag would name these very bytes, and the document is sent compressed, too.
        Tagged { bytes, tag: EntityTag::new_weak(tag) }
    }
}
