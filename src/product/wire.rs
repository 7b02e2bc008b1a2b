//! Products as JSON, as on the network and in the data files. Raw strings and numbers stop here.

use super::error::ProductError;
use super::model::{
    Facets, Metadata, NewProduct, Product, ProductChanges, ProductFilter, Purchase, Quantity,
    Search, parse_brand, parse_category, parse_metadata, parse_name, parse_new_id, parse_stock,
};
use crate::kernel::error::{Invalid, Rule};
use crate::kernel::http::{ListView, Query, Tagged};
use crate::kernel::money::{Cents, JsonMoney, MoneyInput};
use crate::kernel::problems::Problems;
use crate::kernel::record::FromRecord;
use crate::kernel::time;
use crate::kernel::wire::{BadBody, Member, Members, Whole, all, whole};
use serde::{Deserialize, Serialize};
use serde_json::Number;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// `GET /products`.
pub(super) struct ProductList;

impl ListView for ProductList {
    const NAME: &'static str = "products";
    type Filter = ProductFilter;
    type Row = Product;
    const DEFAULT_LIMIT: i64 = 10;
    const FILTERS: &'static [&'static str] =
        &["category", "brand", "minPrice", "maxPrice", "ids", "in_stock", "q"];
    const MEMBERS: &'static [&'static str] = &[
        "id",
        "name",
        "brand",
        "price",
        "stock",
        "category",
        "metadata",
        "created_at",
        "updated_at",
    ];
    const SHOWS_COUNT: bool = false;

    fn parse_filter(query: &Query, problems: &mut Problems) -> Option<ProductFilter> {
        let text = |name| Ok(query.get(name)?.map(str::to_owned));
        let price = |name| query.get(name)?.map(|text| Cents::parse(name, text)).transpose();
        let category = problems.take(text("category"));
        let brand = problems.take(text("brand"));
        let min_price = problems.take(price("minPrice"));
        let max_price = problems.take(price("maxPrice"));
        let (min, max) = (min_price.flatten(), max_price.flatten());
        if min.zip(max).is_some_and(|(min, max)| min > max) {
            let reason = "must not be greater than maxPrice";
            problems.note(Invalid::new("minPrice", Rule::OutOfRange, reason));
        }
        let ids = problems.take(query.ids("ids"));
        let in_stock = problems.take(query.flag("in_stock"));
        let search =
            query.get("q").and_then(|text| text.map(|q| Search::parse("q", q)).transpose());
        let search = problems.take(search);
        all!(ProductFilter { category, brand, min_price, max_price, ids, in_stock, search })
    }

    fn view(product: &Product) -> impl Serialize {
        ProductView::from(product)
    }
}

/// The body of `POST /products`.
#[derive(Deserialize, ToSchema)]
pub struct CreateProduct {
    #[schema(required = true, nullable = false, pattern = "^[A-Za-z0-9._-]{1,50}$")]
    id: Option<String>,
    #[schema(required = true, nullable = false, min_length = 1, max_length = 255, pattern = r"\S")]
    name: Option<String>,
    #[schema(required = true, nullable = false, min_length = 1, max_length = 100, pattern = r"\S")]
    brand: Option<String>,
    #[schema(required = true, value_type = MoneyInput)]
    price: Option<JsonMoney>,
    #[schema(required = true, value_type = i32, minimum = 0)]
    stock: Option<Whole>,
    #[schema(required = true, nullable = false, min_length = 1, max_length = 50, pattern = r"\S")]
    category: Option<String>,
    /// Anything that the store keeps of a product; at most 16 KiB of JSON.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Metadata>,
}

impl TryFrom<CreateProduct> for NewProduct {
    type Error = ProductError;

    fn try_from(body: CreateProduct) -> Result<NewProduct, ProductError> {
        Ok(NewProduct::from_record(body).map_err(BadBody::from)?)
    }
}

/// As a record of `products.json` has it.
impl FromRecord for NewProduct {
    type Raw = CreateProduct;

    fn from_record(body: CreateProduct) -> Result<NewProduct, Problems> {
        let mut members = Members::default();
        let id = members.required("id", body.id, parse_new_id);
        let name = members.required("name", body.name, parse_name);
        let brand = members.required("brand", body.brand, parse_brand);
        let price = members.required("price", body.price, |price| price.price("price"));
        let stock = members.required("stock", body.stock, |stock| parse_stock(stock.0));
        let category = members.required("category", body.category, parse_category);
        let metadata = members.optional(body.metadata, parse_metadata);
        members.build(all!(NewProduct { id, name, brand, price, stock, category, metadata }))
    }
}

/// The body of `PUT /products/{id}`.
#[derive(Deserialize, ToSchema)]
#[schema(min_properties = 1)]
#[cfg_attr(not(fuzzing), expect(unreachable_pub, reason = "fuzz/ reaches it"))]
pub struct UpdateProduct {
    #[schema(value_type = String, min_length = 1, max_length = 255, pattern = r"\S")]
    #[serde(default)]
    name: Member<String>,
    #[schema(value_type = String, min_length = 1, max_length = 100, pattern = r"\S")]
    #[serde(default)]
    brand: Member<String>,
    #[schema(value_type = MoneyInput)]
    #[serde(default)]
    price: Member<JsonMoney>,
    #[schema(value_type = i32, minimum = 0)]
    #[serde(default)]
    stock: Member<Whole>,
    #[schema(value_type = String, min_length = 1, max_length = 50, pattern = r"\S")]
    #[serde(default)]
    category: Member<String>,
    /// `null` clears it.
    #[schema(value_type = Option<Object>)]
    #[serde(default)]
    metadata: Member<Metadata>,
}

impl TryFrom<UpdateProduct> for ProductChanges {
    type Error = ProductError;

    fn try_from(body: UpdateProduct) -> Result<ProductChanges, ProductError> {
        let mut members = Members::default();
        let name = members.changed("name", body.name, parse_name);
        let brand = members.changed("brand", body.brand, parse_brand);
        let price = members.changed("price", body.price, |price| price.price("price"));
        let stock = members.changed("stock", body.stock, |stock| parse_stock(stock.0));
        let category = members.changed("category", body.category, parse_category);
        let metadata = members.changed_or_cleared(body.metadata, parse_metadata);
        Ok(members.build_update(all!(ProductChanges {
            name,
            brand,
            price,
            stock,
            category,
            metadata
        }))?)
    }
}

/// The body of `PATCH /products/{id}/inventory`.
#[derive(Deserialize, ToSchema)]
#[cfg_attr(not(fuzzing), expect(unreachable_pub, reason = "fuzz/ reaches it"))]
pub struct TakeStock {
    /// How many pieces to take.
    #[schema(required = true, value_type = u64, minimum = 1)]
    quantity: Option<Box<RawValue>>,
}

impl TryFrom<TakeStock> for Quantity {
    type Error = ProductError;

    fn try_from(body: TakeStock) -> Result<Quantity, ProductError> {
        let pieces = |number: Number| {
            let of_float = || u64::try_from(whole(number.as_f64()?)?).ok();
            number.as_u64().or_else(of_float)
        };
        let refused = |rule, reason| {
            ProductError::NotAQuantity(Invalid::new("quantity", rule, reason).into())
        };
        let raw = body.quantity.ok_or_else(|| refused(Rule::Required, "is required"))?;
        let number = serde_json::from_str::<Number>(raw.get())
            .map_err(|_| refused(Rule::NotANumber, "must be a number"))?;
        let reason = "must be a whole number above 0";
        pieces(number).and_then(Quantity::new).ok_or_else(|| refused(Rule::OutOfRange, reason))
    }
}

/// A product as clients see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Product)]
pub(super) struct ProductView<'a> {
    id: &'a str,
    name: &'a str,
    brand: &'a str,
    price: JsonMoney,
    #[schema(minimum = 0)]
    stock: i32,
    category: &'a str,
    #[schema(required = true, value_type = Option<Object>)]
    metadata: Option<&'a Metadata>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl<'a> From<&'a Product> for ProductView<'a> {
    fn from(product: &'a Product) -> Self {
        ProductView {
            id: product.id.as_str(),
            name: &product.name,
            brand: &product.brand,
            price: product.price.into(),
            stock: product.stock,
            category: &product.category,
            metadata: product.metadata.as_ref(),
            created_at: time::rfc3339(product.created_at),
            updated_at: time::rfc3339(product.updated_at),
        }
    }
}

/// Stands in every tag. A change to what a product or its answer shows is a new number here: else
/// clients would be told that they have seen it.
const FORM: &str = "1";

impl Product {
    /// The tag of the answer to a read, which says whether it came from a cache.
    pub(super) fn tag_of(&self, cached: bool) -> String {
        let end = if cached { ".cached" } else { "" };
        format!("{FORM}.{}{end}", self.version)
    }
}

impl Tagged for Product {
    fn version(&self) -> i64 {
        self.version
    }

    fn tags(&self) -> Vec<String> {
        [false, true].map(|cached| self.tag_of(cached)).into()
    }
}

/// `{success, data}`, with `cached` where a cache may have answered.
#[derive(Serialize, ToSchema)]
pub(super) struct ProductAnswer<'a> {
    pub success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub message: Option<&'static str>,
    pub data: ProductView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cached: Option<bool>,
}

impl<'a> ProductAnswer<'a> {
    pub(super) fn new(product: &'a Product) -> Self {
        ProductAnswer { success: true, message: None, data: product.into(), cached: None }
    }
}

/// What `GET /products/facets` answers.
#[derive(Serialize, ToSchema)]
pub(super) struct FacetsAnswer<'a> {
    success: bool,
    data: FacetsView<'a>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Facets)]
struct FacetsView<'a> {
    #[schema(minimum = 0)]
    total: i64,
    #[schema(minimum = 0)]
    in_stock: i64,
    /// `null` where there is no product.
    #[schema(required = true)]
    price: Option<PriceRange>,
    #[schema(max_items = 100)]
    brands: Vec<FacetView<'a>>,
    #[schema(max_items = 100)]
    categories: Vec<FacetView<'a>>,
}

#[derive(Serialize, ToSchema)]
struct PriceRange {
    min: JsonMoney,
    max: JsonMoney,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Facet)]
struct FacetView<'a> {
    value: &'a str,
    #[schema(minimum = 1)]
    count: i64,
}

impl<'a> From<&'a Facets> for FacetsAnswer<'a> {
    fn from(facets: &'a Facets) -> Self {
        let view = |(value, count): &'a (String, i64)| FacetView { value, count: *count };
        let price = facets.prices.map(|(min, max)| PriceRange { min: min.into(), max: max.into() });
        FacetsAnswer {
            success: true,
            data: FacetsView {
                total: facets.total,
                in_stock: facets.in_stock,
                price,
                brands: facets.brands.iter().map(view).collect(),
                categories: facets.categories.iter().map(view).collect(),
            },
        }
    }
}

/// What `PATCH /products/{id}/inventory` answers.
#[derive(Serialize, ToSchema)]
pub(super) struct PurchaseAnswer<'a> {
    success: bool,
    message: &'static str,
    data: PurchaseView<'a>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Purchase)]
struct PurchaseView<'a> {
    product_id: &'a str,
    product_name: &'a str,
    quantity_purchased: u64,
    remaining_stock: i32,
    price_per_unit: JsonMoney,
    total_cost: JsonMoney,
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
                price_per_unit: purchase.product.price.into(),
                total_cost: purchase.total_cost.into(),
            },
        }
    }
}
