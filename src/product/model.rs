//! The nouns of the catalogue and their rules. No I/O.

use crate::kernel::error::{Invalid, Rule};
use crate::kernel::ids::Id;
use crate::kernel::json;
use crate::kernel::money::Cents;
use crate::kernel::page::{Kind, Place, PlaceValue, Placed, SortKey, folded};
use crate::kernel::record::Record;
use crate::kernel::text;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub type ProductId = Id;
pub(super) type Metadata = Map<String, Value>;

/// A watch that is for sale. Serialised for the cache alone; the network sees `wire.rs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Product {
    pub id: ProductId,
    pub name: String,
    pub brand: String,
    pub price: Cents,
    pub stock: i32,
    pub category: String,
    pub metadata: Option<Metadata>,
    /// +1 with every change.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// By what products can be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProductKey {
    CreatedAt,
    Price,
    Name,
    Stock,
}

impl SortKey for ProductKey {
    const KEYS: &'static [(&'static str, ProductKey, Kind)] = &[
        ("created_at", ProductKey::CreatedAt, Kind::Time),
        ("price", ProductKey::Price, Kind::Number),
        ("name", ProductKey::Name, Kind::Text),
        ("stock", ProductKey::Stock, Kind::Number),
    ];
}

impl Placed for Product {
    type Key = ProductKey;

    fn place(&self, key: ProductKey) -> Place {
        let value = match key {
            ProductKey::CreatedAt => PlaceValue::Time(self.created_at),
            ProductKey::Price => PlaceValue::Number(self.price.get()),
            ProductKey::Name => PlaceValue::Text(folded(&self.name)),
            ProductKey::Stock => PlaceValue::Number(self.stock.into()),
        };
        Place { value, id: self.id.clone() }
    }
}

/// A product to be added.
#[derive(Debug, Clone)]
pub struct NewProduct {
    pub id: ProductId,
    pub name: String,
    pub brand: String,
    pub price: Cents,
    pub stock: i32,
    pub category: String,
    pub metadata: Option<Metadata>,
}

/// A product of a data file.
pub type ProductRecord = Record<NewProduct>;

/// What to change: only what is `Some`; the metadata can also be set to nothing.
#[derive(Debug, Clone, Default)]
#[cfg_attr(not(fuzzing), expect(unreachable_pub, reason = "fuzz/ reaches it"))]
pub struct ProductChanges {
    pub name: Option<String>,
    pub brand: Option<String>,
    pub price: Option<Cents>,
    pub stock: Option<i32>,
    pub category: Option<String>,
    pub metadata: Option<Option<Metadata>>,
}

impl ProductChanges {
    pub(super) fn is_of_stock_alone(&self) -> bool {
        let ProductChanges { name, brand, price, stock: _, category, metadata } = self;
        name.is_none()
            && brand.is_none()
            && price.is_none()
            && category.is_none()
            && metadata.is_none()
    }
}

/// Which products to list; prices are inclusive.
#[derive(Debug, Clone, Default)]
pub struct ProductFilter {
    pub category: Option<String>,
    pub brand: Option<String>,
    pub min_price: Option<Cents>,
    pub max_price: Option<Cents>,
    pub ids: Option<Vec<ProductId>>,
    /// Whether there is a piece.
    pub in_stock: Option<bool>,
    pub search: Option<Search>,
}

/// The words that a product is looked for by: each occurs somewhere in its name, brand, category or
/// reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search(Vec<String>);

/// In characters.
const MAX_SEARCH: usize = 200;
const MAX_WORDS: usize = 10;

impl Search {
    /// # Errors
    /// When the text is too long, has no word, or too many.
    pub(super) fn parse(field: &'static str, text: &str) -> Result<Search, Invalid> {
        let text = text::bounded(field, text.to_owned(), MAX_SEARCH)?;
        let words = text.split(|c: char| c.is_whitespace() || c.is_control());
        let words: Vec<String> = words.filter(|word| !word.is_empty()).map(search_text).collect();
        if words.is_empty() {
            return Err(Invalid::new(field, Rule::Empty, "must have a word"));
        }
        if words.len() > MAX_WORDS {
            let reason = format!("must have at most {MAX_WORDS} words");
            return Err(Invalid::new(field, Rule::TooLong, reason));
        }
        Ok(Search(words))
    }

    /// As they stand in the column `search_text`.
    pub(super) fn words(&self) -> &[String] {
        &self.0
    }
}

/// A text as both databases keep it to be found: a letter of Latin, Greek or Cyrillic in lower case,
/// where that is one letter, and all else as it is.
fn search_text(text: &str) -> String {
    let lower = |letter: char| match letter {
        'A'..='Z' | 'À'..='Þ' | 'Ā'..='ž' | 'Ά'..='Ϋ' | 'Ѐ'..='Я' => {
            let mut lower = letter.to_lowercase();
            lower.next().filter(|_| lower.next().is_none()).unwrap_or(letter)
        }
        _ => letter,
    };
    text.chars().map(lower).collect()
}

/// What is there among some products.
#[derive(Debug)]
pub(super) struct Facets {
    pub total: i64,
    /// Of how many there is a piece.
    pub in_stock: i64,
    /// The lowest and the highest, where there is a product.
    pub prices: Option<(Cents, Cents)>,
    /// How many products have each value: the most frequent first, and of as many by bytes.
    pub brands: Vec<(String, i64)>,
    pub categories: Vec<(String, i64)>,
}

/// How many pieces to take: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(fuzzing), expect(unreachable_pub, reason = "fuzz/ reaches it"))]
pub struct Quantity(u64);

impl Quantity {
    /// `None` unless the number is positive.
    pub(super) fn new(pieces: u64) -> Option<Quantity> {
        (pieces > 0).then_some(Quantity(pieces))
    }

    #[cfg_attr(not(fuzzing), expect(unreachable_pub, reason = "fuzz/ reaches it"))]
    pub fn get(self) -> u64 {
        self.0
    }

    /// The quantity as a stock counts, or `None` when it is more than any stock can be.
    pub(super) fn as_stock(self) -> Option<i32> {
        i32::try_from(self.0).ok()
    }
}

/// What a taking of stock comes to.
#[derive(Debug)]
pub(super) struct Purchase {
    /// As it is afterwards.
    pub product: Product,
    pub quantity: Quantity,
    pub total_cost: Cents,
}

/// The id of a product that is added.
pub(super) fn parse_new_id(text: String) -> Result<ProductId, Invalid> {
    match ProductId::parse("id", text)? {
        id if id.as_str() == "facets" => {
            let reason = "must not be 'facets', which is a path of its own below /products";
            Err(Invalid::new("id", Rule::Reserved, reason))
        }
        id => Ok(id),
    }
}

pub(super) fn parse_name(text: String) -> Result<String, Invalid> {
    text::required("name", text, 255)
}

pub(super) fn parse_brand(text: String) -> Result<String, Invalid> {
    text::required("brand", text, 100)
}

pub(super) fn parse_category(text: String) -> Result<String, Invalid> {
    text::required("category", text, 50)
}

pub(super) fn parse_metadata(metadata: Metadata) -> Result<Metadata, Invalid> {
    json::bounded("metadata", metadata)
}

pub(super) fn parse_stock(pieces: i64) -> Result<i32, Invalid> {
    i32::try_from(pieces).ok().filter(|pieces| *pieces >= 0).ok_or_else(|| {
        let reason = "must be a whole number from 0 to 2147483647";
        Invalid::new("stock", Rule::OutOfRange, reason)
    })
}

#[cfg(test)]
mod tests {
    use super::search_text;

    #[test]
    fn both_migrations_know_the_letters_of_a_search() {
        let letters =
            ('\u{80}'..='\u{ffff}').filter(|&c| search_text(&c.to_string()) != c.to_string());
        let upper: String = letters.collect();
        let lower = search_text(&upper);
        assert_eq!(upper.chars().count(), 173);
        for sql in [
            include_str!("../../migrations/postgres/2026-11-27-000001_search_products/up.sql"),
            include_str!("../../migrations/sqlite/2026-11-27-000001_search_products/up.sql"),
        ] {
            assert!(sql.contains(&format!("'{upper}'")) && sql.contains(&format!("'{lower}'")));
        }
    }
}
