//! Products as JSON, as on the network and in the data files. Raw strings and numbers stop here.

use super::error::ProductError;
use super::model::{
    Metadata, NewProduct, Product, ProductChanges, ProductFilter, ProductId, Purchase, Quantity,
    parse_brand, parse_category, parse_metadata, parse_name, parse_stock,
};
use crate::kernel::error::Invalid;
use crate::kernel::http::{Query, parse_page};
use crate::kernel::money::Cents;
use crate::kernel::page::{Page, Pagination};
use crate::kernel::time;
use crate::kernel::wire::{Whole, not_null, present, whole};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Number;
use serde_json::value::RawValue;

const DEFAULT_LIMIT: i64 = 10;
/// The parameters that choose products: what [`parse_list_query`] reads beside the page.
pub const FILTERS: [&str; 4] = ["category", "brand", "minPrice", "maxPrice"];

/// Reads the query of `GET /products`.
///
/// # Errors
/// Names the parameter that is wrong.
pub fn parse_list_query(query: &Query) -> Result<(ProductFilter, Page), Invalid> {
    let price = |name| query.get(name)?.map(|text| Cents::parse(name, text)).transpose();
    let filter = ProductFilter {
        category: query.get("category")?.map(str::to_owned),
        brand: query.get("brand")?.map(str::to_owned),
        min_price: price("minPrice")?,
        max_price: price("maxPrice")?,
    };
    if filter.min_price.zip(filter.max_price).is_some_and(|(min, max)| min > max) {
        return Err(Invalid::new("minPrice", "must not be greater than maxPrice"));
    }
    Ok((filter, parse_page(query, DEFAULT_LIMIT)?))
}

/// The body of `POST /products`.
#[derive(Deserialize)]
pub struct CreateProduct {
    id: Option<String>,
    name: Option<String>,
    brand: Option<String>,
    price: Option<Box<RawValue>>,
    stock: Option<Whole>,
    category: Option<String>,
    metadata: Option<Metadata>,
}

impl TryFrom<CreateProduct> for NewProduct {
    type Error = ProductError;

    fn try_from(body: CreateProduct) -> Result<NewProduct, ProductError> {
        let CreateProduct { id, name, brand, price, stock, category, metadata } = body;
        // `null` counts as missing; a raw value keeps it as text.
        let price = price.filter(|raw| raw.get() != "null");
        let missing: Vec<&'static str> = [
            ("id", id.is_none()),
            ("name", name.is_none()),
            ("brand", brand.is_none()),
            ("price", price.is_none()),
            ("stock", stock.is_none()),
            ("category", category.is_none()),
        ]
        .into_iter()
        .filter_map(|(field, is_missing)| is_missing.then_some(field))
        .collect();
        let (Some(id), Some(name), Some(brand), Some(price), Some(stock), Some(category)) =
            (id, name, brand, price, stock, category)
        else {
            return Err(ProductError::MissingFields(missing));
        };
        Ok(NewProduct {
            id: ProductId::parse("id", id)?,
            name: parse_name(name)?,
            brand: parse_brand(brand)?,
            price: Cents::from_json("price", &price)?.into_price("price")?,
            stock: parse_stock(stock.0)?,
            category: parse_category(category)?,
            metadata: metadata.map(parse_metadata).transpose()?,
        })
    }
}

/// The body of `PUT /products/{id}`.
#[derive(Deserialize)]
pub struct UpdateProduct {
    #[serde(default, deserialize_with = "present")]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    brand: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    price: Option<Option<Box<RawValue>>>,
    #[serde(default, deserialize_with = "present")]
    stock: Option<Option<Whole>>,
    #[serde(default, deserialize_with = "present")]
    category: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    metadata: Option<Option<Metadata>>,
}

impl TryFrom<UpdateProduct> for ProductChanges {
    type Error = ProductError;

    fn try_from(body: UpdateProduct) -> Result<ProductChanges, ProductError> {
        let price = |raw: Box<RawValue>| Cents::from_json("price", &raw)?.into_price("price");
        let stock = |stock: Whole| parse_stock(stock.0);
        let metadata = |metadata: Option<Metadata>| metadata.map(parse_metadata).transpose();
        let changes = ProductChanges {
            name: not_null("name", body.name)?.map(parse_name).transpose()?,
            brand: not_null("brand", body.brand)?.map(parse_brand).transpose()?,
            price: not_null("price", body.price)?.map(price).transpose()?,
            stock: not_null("stock", body.stock)?.map(stock).transpose()?,
            category: not_null("category", body.category)?.map(parse_category).transpose()?,
            metadata: body.metadata.map(metadata).transpose()?,
        };
        if changes.is_empty() { Err(ProductError::NothingToUpdate) } else { Ok(changes) }
    }
}

/// The body of `PATCH /products/{id}/inventory`.
#[derive(Deserialize)]
pub struct TakeStock {
    quantity: Option<Box<RawValue>>,
}

impl TryFrom<TakeStock> for Quantity {
    type Error = ProductError;

    fn try_from(body: TakeStock) -> Result<Quantity, ProductError> {
        let number = body.quantity.and_then(|raw| serde_json::from_str::<Number>(raw.get()).ok());
        let pieces = |number: Number| {
            let of_float = || u64::try_from(whole(number.as_f64()?)?).ok();
            number.as_u64().or_else(of_float)
        };
        number.and_then(pieces).and_then(Quantity::new).ok_or(ProductError::NotAQuantity)
    }
}

/// A product as clients see it.
#[derive(Debug, Serialize)]
pub struct ProductView<'a> {
    id: &'a str,
    name: &'a str,
    brand: &'a str,
    price: String,
    stock: i32,
    category: &'a str,
    metadata: Option<&'a Metadata>,
    created_at: String,
    updated_at: String,
}

impl<'a> From<&'a Product> for ProductView<'a> {
    fn from(product: &'a Product) -> Self {
        ProductView {
            id: product.id.as_str(),
            name: &product.name,
            brand: &product.brand,
            price: product.price.to_string(),
            stock: product.stock,
            category: &product.category,
            metadata: product.metadata.as_ref(),
            created_at: time::rfc3339(product.created_at),
            updated_at: time::rfc3339(product.updated_at),
        }
    }
}

/// `{success, data}`, with `cached` where a cache may have answered.
#[derive(Serialize)]
pub struct ProductAnswer<'a> {
    pub success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'static str>,
    pub data: ProductView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached: Option<bool>,
}

impl<'a> ProductAnswer<'a> {
    pub fn new(product: &'a Product) -> Self {
        ProductAnswer { success: true, message: None, data: product.into(), cached: None }
    }
}

/// What follows the products of a list.
#[derive(Serialize)]
pub struct ProductListEnd {
    pub pagination: Pagination,
}

/// What `PATCH /products/{id}/inventory` answers.
#[derive(Serialize)]
pub struct PurchaseAnswer<'a> {
    success: bool,
    message: &'static str,
    data: PurchaseView<'a>,
}

#[derive(Serialize)]
struct PurchaseView<'a> {
    product_id: &'a str,
    product_name: &'a str,
    quantity_purchased: u64,
    remaining_stock: i32,
    price_per_unit: String,
    total_cost: String,
}

impl<'a> From<&'a Purchase> for PurchaseAnswer<'a> {
    fn from(purchase: &'a Purchase) -> Self {
        PurchaseAnswer {
            success: true,
            message: "Inventory updated successfully",
            data: PurchaseView {
                product_id: purchase.product.id.as_str(),
                product_name: &purchase.product.name,
                quantity_purchased: purchase.quantity.get(),
                remaining_stock: purchase.product.stock,
                price_per_unit: purchase.product.price.to_string(),
                total_cost: purchase.total_cost.to_string(),
            },
        }
    }
}

/// A record of `products.json`: a product as clients send it, with optional times.
pub struct ProductRecord {
    pub product: NewProduct,
    pub created_at: Option<DateTime<Utc>>,
    pub updated_at: Option<DateTime<Utc>>,
}

impl<'de> Deserialize<'de> for ProductRecord {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Raw {
            id: Option<String>,
            name: Option<String>,
            brand: Option<String>,
            price: Option<Box<RawValue>>,
            stock: Option<Whole>,
            category: Option<String>,
            metadata: Option<Metadata>,
            created_at: Option<String>,
            updated_at: Option<String>,
        }
        let Raw { id, name, brand, price, stock, category, metadata, created_at, updated_at } =
            Raw::deserialize(deserializer)?;
        let body = CreateProduct { id, name, brand, price, stock, category, metadata };
        let product = NewProduct::try_from(body).map_err(serde::de::Error::custom)?;
        let time = |field, text: Option<String>| {
            text.map(|text| time::parse(field, &text)).transpose().map_err(serde::de::Error::custom)
        };
        let (created_at, updated_at) =
            (time("created_at", created_at)?, time("updated_at", updated_at)?);
        Ok(ProductRecord { product, created_at, updated_at })
    }
}
