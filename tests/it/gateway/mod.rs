//! The public door: who gets in, how often, and what crosses it on the way to a service.

mod door;
mod faults;
mod hosts;
mod keys;
mod paths;
mod proxy;
mod rate_limit;
mod shared_limit;
mod smuggling;
mod tokens;
mod trust;
mod upstreams;
pub mod wire;

use crate::Case;

pub fn cases() -> Vec<Case> {
    let cases = [
        door::cases(),
        tokens::cases(),
        keys::cases(),
        rate_limit::cases(),
        shared_limit::cases(),
        paths::cases(),
        smuggling::cases(),
        proxy::cases(),
        faults::cases(),
        trust::cases(),
        hosts::cases(),
        upstreams::cases(),
    ];
    cases.into_iter().flatten().collect()
}
