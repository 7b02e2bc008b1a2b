//! Customers and orders as JSON, as on the network and in the data files. Raw strings and numbers
//! stop here.

use super::error::CustomerError;
use super::model::{
    Address, Customer, CustomerChanges, CustomerFilter, CustomerId, Email, MAX_EMAIL, NewCustomer,
    Tier, VipTier, parse_address, parse_name, parse_phone,
};
use crate::kernel::error::Invalid;
use crate::kernel::http::{Query, parse_page};
use crate::kernel::page::{Page, Pagination};
use crate::kernel::wire::{not_null, present};
use crate::kernel::{text, time};
use chrono::{DateTime, Utc};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

const DEFAULT_LIMIT: i64 = 100;
/// The parameters that choose customers: what [`parse_list_query`] reads beside the page.
pub const FILTERS: [&str; 2] = ["tier", "email"];

/// Reads the query of `GET /customers`.
///
/// # Errors
/// Names the parameter that is wrong.
pub fn parse_list_query(query: &Query) -> Result<(CustomerFilter, Page), Invalid> {
    // No address holds a space, and many hold a `+`, which a form would have encoded.
    // A part longer than any address is a mistake, and SQLite fails on a very long pattern.
    let part = |text: &str| text::bounded("email", text.to_owned(), MAX_EMAIL);
    let filter = CustomerFilter {
        tier: query.get("tier")?.map(Tier::parse).transpose()?,
        email_part: query.get_with_plus("email")?.map(part).transpose()?,
    };
    Ok((filter, parse_page(query, DEFAULT_LIMIT)?))
}

/// The body of `POST /customers`.
#[derive(Deserialize)]
pub struct CreateCustomer {
    id: Option<String>,
    email: Option<String>,
    name: Option<String>,
    tier: Option<String>,
    phone: Option<String>,
    address: Option<Address>,
}

impl TryFrom<CreateCustomer> for NewCustomer {
    type Error = CustomerError;

    fn try_from(body: CreateCustomer) -> Result<NewCustomer, CustomerError> {
        let CreateCustomer { id, email, name, tier, phone, address } = body;
        let missing: Vec<&'static str> =
            [("id", &id), ("email", &email), ("name", &name), ("tier", &tier)]
                .into_iter()
                .filter_map(|(field, value)| value.is_none().then_some(field))
                .collect();
        let (Some(id), Some(email), Some(name), Some(tier)) = (id, email, name, tier) else {
            return Err(CustomerError::MissingFields(missing));
        };
        Ok(NewCustomer {
            id: CustomerId::parse("id", id)?,
            email: Email::parse(email)?,
            name: parse_name(name)?,
            tier: Tier::parse(&tier)?,
            phone: phone.map(parse_phone).transpose()?,
            address: address.map(|address| parse_address("address", address)).transpose()?,
        })
    }
}

/// The body of `PUT /customers/{id}`.
#[derive(Deserialize)]
pub struct UpdateCustomer {
    #[serde(default, deserialize_with = "present")]
    email: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    tier: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    phone: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    address: Option<Option<Address>>,
}

impl TryFrom<UpdateCustomer> for CustomerChanges {
    type Error = CustomerError;

    fn try_from(body: UpdateCustomer) -> Result<CustomerChanges, CustomerError> {
        let tier = |text: String| Tier::parse(&text);
        let phone = |phone: Option<String>| phone.map(parse_phone).transpose();
        let address = |address: Option<Address>| {
            address.map(|address| parse_address("address", address)).transpose()
        };
        let changes = CustomerChanges {
            email: not_null("email", body.email)?.map(Email::parse).transpose()?,
            name: not_null("name", body.name)?.map(parse_name).transpose()?,
            tier: not_null("tier", body.tier)?.map(tier).transpose()?,
            phone: body.phone.map(phone).transpose()?,
            address: body.address.map(address).transpose()?,
        };
        if changes.is_empty() { Err(CustomerError::NothingToUpdate) } else { Ok(changes) }
    }
}

/// A customer as clients see it; the last two only where one customer is asked for.
#[derive(Serialize)]
pub struct CustomerView<'a> {
    id: &'a str,
    email: &'a str,
    name: &'a str,
    tier: &'static str,
    phone: Option<&'a str>,
    address: Option<&'a Address>,
    created_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_spent: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vip_tier: Option<&'static str>,
}

impl<'a> From<&'a Customer> for CustomerView<'a> {
    fn from(customer: &'a Customer) -> Self {
        CustomerView {
            id: customer.id.as_str(),
            email: customer.email.as_str(),
            name: &customer.name,
            tier: customer.tier.as_str(),
            phone: customer.phone.as_deref(),
            address: customer.address.as_ref(),
            created_at: time::rfc3339(customer.created_at),
            updated_at: time::rfc3339(customer.updated_at),
            total_spent: None,
            vip_tier: None,
        }
    }
}

/// `{success, data}`, with a `message` where something was done.
#[derive(Serialize)]
pub struct CustomerAnswer<'a> {
    pub success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'static str>,
    pub data: CustomerView<'a>,
}

impl<'a> CustomerAnswer<'a> {
    pub fn new(customer: &'a Customer) -> Self {
        CustomerAnswer { success: true, message: None, data: customer.into() }
    }

    /// With what the orders say of the customer.
    pub fn with_spending(customer: &'a Customer) -> Self {
        let data = CustomerView {
            total_spent: Some(customer.total_spent.to_json_number()),
            vip_tier: Some(VipTier::of(customer.total_spent).as_str()),
            ..CustomerView::from(customer)
        };
        CustomerAnswer { success: true, message: None, data }
    }
}

/// What follows the rows of a list: how many are shown, and the page.
#[derive(Serialize)]
pub struct CustomerListEnd {
    pub count: i64,
    pub pagination: Pagination,
}

/// A record of `customers.json`: a customer as clients send it, with optional times.
pub struct CustomerRecord {
    pub customer: NewCustomer,
    pub created_at: Option<DateTime<Utc>>,
    pub updated_at: Option<DateTime<Utc>>,
}

impl<'de> Deserialize<'de> for CustomerRecord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Raw {
            id: Option<String>,
            email: Option<String>,
            name: Option<String>,
            tier: Option<String>,
            phone: Option<String>,
            address: Option<Address>,
            created_at: Option<String>,
            updated_at: Option<String>,
        }
        let Raw { id, email, name, tier, phone, address, created_at, updated_at } =
            Raw::deserialize(deserializer)?;
        let body = CreateCustomer { id, email, name, tier, phone, address };
        let customer = NewCustomer::try_from(body).map_err(D::Error::custom)?;
        let time = |field, text: Option<String>| {
            text.map(|text| time::parse(field, &text)).transpose().map_err(D::Error::custom)
        };
        let (created_at, updated_at) =
            (time("created_at", created_at)?, time("updated_at", updated_at)?);
        Ok(CustomerRecord { customer, created_at, updated_at })
    }
}
