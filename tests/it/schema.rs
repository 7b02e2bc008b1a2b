//! To be filled.

use crate::cases;

cases![];
