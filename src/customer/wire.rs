//! Customers as JSON, as on the network and in the data files. Raw strings and numbers stop here.

use super::error::CustomerError;
use super::model::{
    Address, Customer, CustomerChanges, CustomerFilter, CustomerId, Email, MAX_EMAIL, MAX_NAME,
    NewCustomer, Tier, VipTier, parse_address, parse_name, parse_phone, parse_phone_part,
};
use crate::kernel::error::Invalid;
use crate::kernel::http::{ListView, Query, Tagged};
use crate::kernel::money::{Cents, ExactNumber};
use crate::kernel::problems::Problems;
use crate::kernel::record::FromRecord;
use crate::kernel::wire::{BadBody, Member, Members, all};
use crate::kernel::{text, time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /customers`.
pub(super) struct CustomerList;

impl ListView for CustomerList {
    const NAME: &'static str = "customers";
    type Filter = CustomerFilter;
    type Row = Customer;
    const DEFAULT_LIMIT: i64 = 100;
    const FILTERS: &'static [&'static str] =
        &["tier", "email", "name", "phone", "vip_tier", "min_spent"];
    const MEMBERS: &'static [&'static str] =
        &["id", "email", "name", "tier", "phone", "address", "created_at", "updated_at"];
    const SHOWS_COUNT: bool = true;

    fn parse_filter(query: &Query, problems: &mut Problems) -> Option<CustomerFilter> {
        // No address holds a space, and many hold a `+`, which a form would have encoded.
        // A part longer than any address is a mistake, and SQLite fails on a very long pattern.
        let part = |text: &str| text::bounded("email", text.to_owned(), MAX_EMAIL);
        let tier = query.get("tier").and_then(|text| text.map(Tier::parse).transpose());
        let email_part = query.get_with_plus("email").and_then(|text| text.map(part).transpose());
        let (tier, email_part) = (problems.take(tier), problems.take(email_part));
        let name = |text: &str| text::bounded("name", text.to_owned(), MAX_NAME);
        let name = query.get("name").and_then(|text| text.map(name).transpose());
        let phone =
            query.get_with_plus("phone").and_then(|text| text.map(parse_phone_part).transpose());
        let vip_tier = query.get("vip_tier").and_then(|text| text.map(VipTier::parse).transpose());
        let spent = |text: &str| Cents::parse("min_spent", text);
        let min_spent = query.get("min_spent").and_then(|text| text.map(spent).transpose());
        let (name_part, phone_part) = (problems.take(name), problems.take(phone));
        let (vip_tier, min_spent) = (problems.take(vip_tier), problems.take(min_spent));
        all!(CustomerFilter { tier, email_part, name_part, phone_part, vip_tier, min_spent })
    }

    fn view(customer: &Customer) -> impl Serialize {
        CustomerView::from(customer)
    }
}

/// The body of `POST /customers`.
#[derive(Deserialize, ToSchema)]
pub struct CreateCustomer {
    #[schema(required = true, nullable = false, pattern = "^[A-Za-z0-9._-]{1,50}$")]
    id: Option<String>,
    #[schema(
        required = true,
        nullable = false,
        pattern = "^[!-?A-~]+@[!-?A-~]+$",
        max_length = 255
    )]
    email: Option<String>,
    #[schema(required = true, nullable = false, min_length = 1, max_length = 255, pattern = r"\S")]
    name: Option<String>,
    #[schema(required = true, value_type = Tier)]
    tier: Option<String>,
    #[schema(min_length = 1, max_length = 50, pattern = r"\S")]
    phone: Option<String>,
    /// Anything that an address has; at most 16 KiB of JSON.
    #[schema(value_type = Option<Object>)]
    address: Option<Address>,
}

impl TryFrom<CreateCustomer> for NewCustomer {
    type Error = CustomerError;

    fn try_from(body: CreateCustomer) -> Result<NewCustomer, CustomerError> {
        Ok(NewCustomer::from_record(body).map_err(BadBody::from)?)
    }
}

/// As a record of `customers.json` has it.
impl FromRecord for NewCustomer {
    type Raw = CreateCustomer;

    fn from_record(body: CreateCustomer) -> Result<NewCustomer, Problems> {
        let mut members = Members::default();
        let id = members.required("id", body.id, |id| CustomerId::parse("id", id));
        let email = members.required("email", body.email, Email::parse);
        let name = members.required("name", body.name, parse_name);
        let tier = members.required("tier", body.tier, |tier| Tier::parse(&tier));
        let phone = members.optional(body.phone, parse_phone);
        let address = members.optional(body.address, own_address);
        members.build(all!(NewCustomer { id, email, name, tier, phone, address }))
    }
}

fn own_address(address: Address) -> Result<Address, Invalid> {
    parse_address("address", address)
}

/// The body of `PUT /customers/{id}`.
#[derive(Deserialize, ToSchema)]
#[schema(min_properties = 1)]
#[cfg_attr(not(fuzzing), expect(unreachable_pub, reason = "fuzz/ reaches it"))]
pub struct UpdateCustomer {
    #[schema(value_type = String, pattern = "^[!-?A-~]+@[!-?A-~]+$", max_length = 255)]
    #[serde(default)]
    email: Member<String>,
    #[schema(value_type = String, min_length = 1, max_length = 255, pattern = r"\S")]
    #[serde(default)]
    name: Member<String>,
    #[schema(value_type = Tier)]
    #[serde(default)]
    tier: Member<String>,
    /// `null` clears it.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 50, pattern = r"\S")]
    #[serde(default)]
    phone: Member<String>,
    /// `null` clears it.
    #[schema(value_type = Option<Object>)]
    #[serde(default)]
    address: Member<Address>,
}

impl TryFrom<UpdateCustomer> for CustomerChanges {
    type Error = CustomerError;

    fn try_from(body: UpdateCustomer) -> Result<CustomerChanges, CustomerError> {
        let mut members = Members::default();
        let email = members.changed("email", body.email, Email::parse);
        let name = members.changed("name", body.name, parse_name);
        let tier = members.changed("tier", body.tier, |tier| Tier::parse(&tier));
        let phone = members.changed_or_cleared(body.phone, parse_phone);
        let address = members.changed_or_cleared(body.address, own_address);
        Ok(members.build_update(all!(CustomerChanges { email, name, tier, phone, address }))?)
    }
}

/// A customer as clients see it; the last two only where one customer is asked for.
#[derive(Serialize, ToSchema)]
#[schema(as = Customer)]
pub(super) struct CustomerView<'a> {
    id: &'a str,
    email: &'a str,
    name: &'a str,
    #[schema(value_type = Tier)]
    tier: &'static str,
    #[schema(required = true)]
    phone: Option<&'a str>,
    #[schema(required = true, value_type = Option<Object>)]
    address: Option<&'a Address>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    total_spent: Option<ExactNumber>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = VipTier, required = false)]
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

/// Stands in every tag. A change to what a customer's answer shows is a new number here: else clients
/// would be told that they have seen it.
const FORM: &str = "1";

impl Tagged for Customer {
    fn version(&self) -> i64 {
        self.version
    }

    /// Their tier among the buyers follows from what they have spent.
    fn tags(&self) -> Vec<String> {
        vec![format!("{FORM}.{}.{}", self.version, self.total_spent.get())]
    }
}

/// `{success, data}`, with a `message` where something was done.
#[derive(Serialize, ToSchema)]
pub(super) struct CustomerAnswer<'a> {
    pub success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub message: Option<&'static str>,
    pub data: CustomerView<'a>,
}

impl<'a> CustomerAnswer<'a> {
    pub(super) fn new(customer: &'a Customer) -> Self {
        CustomerAnswer { success: true, message: None, data: customer.into() }
    }

    /// With what the orders say of the customer.
    pub(super) fn with_spending(customer: &'a Customer) -> Self {
        let data = CustomerView {
            total_spent: Some(ExactNumber(customer.total_spent)),
            vip_tier: Some(VipTier::of(customer.total_spent).as_str()),
            ..CustomerView::from(customer)
        };
        CustomerAnswer { success: true, message: None, data }
    }
}
