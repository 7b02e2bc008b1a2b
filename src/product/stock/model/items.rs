//! How many pieces of which products.

use super::holds::Hold;
use crate::product::model::ProductId;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// The most lines that one hold has.
pub(in crate::product::stock) const MAX_LINES: usize = 100;

/// How many pieces of which products: each product once, in the order in which their rows are locked,
/// which is that of the bytes of their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Items(BTreeMap<ProductId, i32>);

impl Items {
    /// Adds up the pieces of each product; `None` where a line has none, or a sum is more than any stock
    /// can be.
    pub fn summed(lines: impl IntoIterator<Item = (ProductId, i32)>) -> Option<Items> {
        let mut items = BTreeMap::new();
        for (id, quantity) in lines {
            if quantity < 1 {
                return None;
            }
            match items.entry(id) {
                Entry::Vacant(entry) => {
                    entry.insert(quantity);
                }
                Entry::Occupied(mut entry) => {
                    *entry.get_mut() = entry.get().checked_add(quantity)?
                }
            }
        }
        Some(Items(items))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&ProductId, i32)> {
        self.0.iter().map(|(id, quantity)| (id, *quantity))
    }

    /// How many pieces of a product; 0 where it is none of them.
    pub fn of(&self, id: &ProductId) -> i32 {
        self.0.get(id).copied().unwrap_or(0)
    }

    pub fn product_ids(&self) -> impl Iterator<Item = &ProductId> {
        self.0.keys()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The products of both, in their order.
    pub(in crate::product::stock) fn united<'a>(
        &'a self,
        other: &'a Items,
    ) -> BTreeSet<&'a ProductId> {
        self.product_ids().chain(other.product_ids()).collect()
    }

    /// Those of products that a hold has, or had.
    pub(in crate::product::stock) fn only_those_of(&self, hold: &Hold) -> Items {
        let is_in = |id: &ProductId| hold.items.iter().any(|item| item.product_id == *id);
        let items = self.0.iter().filter(|(id, _)| is_in(id));
        Items(items.map(|(id, quantity)| (id.clone(), *quantity)).collect())
    }
}
