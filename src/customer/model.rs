//! The nouns around a customer and their rules. No I/O.

use crate::kernel::error::{Invalid, Rule};
use crate::kernel::ids::Id;
use crate::kernel::json;
use crate::kernel::money::Cents;
use crate::kernel::page::{Kind, Place, PlaceValue, Placed, SortKey, folded};
use crate::kernel::record::Record;
use crate::kernel::text;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use utoipa::ToSchema;

pub type CustomerId = Id;
pub type Address = Map<String, Value>;

/// Someone who buys watches.
#[derive(Debug, Clone, PartialEq)]
pub struct Customer {
    pub id: CustomerId,
    pub email: Email,
    pub name: String,
    pub tier: Tier,
    pub phone: Option<String>,
    pub address: Option<Address>,
    /// +1 with every change.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Over the completed and the pending orders.
    pub total_spent: Cents,
}

/// By what customers can be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomerKey {
    CreatedAt,
    Name,
    TotalSpent,
}

impl SortKey for CustomerKey {
    const KEYS: &'static [(&'static str, CustomerKey, Kind)] = &[
        ("created_at", CustomerKey::CreatedAt, Kind::Time),
        ("name", CustomerKey::Name, Kind::Text),
        ("total_spent", CustomerKey::TotalSpent, Kind::Number),
    ];
}

impl Placed for Customer {
    type Key = CustomerKey;

    fn place(&self, key: CustomerKey) -> Place {
        let value = match key {
            CustomerKey::CreatedAt => PlaceValue::Time(self.created_at),
            CustomerKey::Name => PlaceValue::Text(folded(&self.name)),
            CustomerKey::TotalSpent => PlaceValue::Number(self.total_spent.get()),
        };
        Place { value, id: self.id.clone() }
    }
}

/// A customer to be added.
#[derive(Debug, Clone)]
pub struct NewCustomer {
    pub id: CustomerId,
    pub email: Email,
    pub name: String,
    pub tier: Tier,
    pub phone: Option<String>,
    pub address: Option<Address>,
}

/// A customer of a data file.
pub type CustomerRecord = Record<NewCustomer>;

/// What to change: only what is `Some`; phone and address can also be set to nothing.
#[derive(Debug, Clone, Default)]
#[cfg_attr(not(fuzzing), expect(unreachable_pub, reason = "fuzz/ reaches it"))]
pub struct CustomerChanges {
    pub email: Option<Email>,
    pub name: Option<String>,
    pub tier: Option<Tier>,
    pub phone: Option<Option<String>>,
    pub address: Option<Option<Address>>,
}

/// Which customers to list.
#[derive(Debug, Clone, Default)]
pub struct CustomerFilter {
    pub tier: Option<Tier>,
    /// Any part of the e-mail address, in any case.
    pub email_part: Option<String>,
    /// Any part of the name, with A to Z as a to z.
    pub name_part: Option<String>,
    /// Any part of the telephone number, as [`parse_phone_part`] reads it.
    pub phone_part: Option<String>,
    pub vip_tier: Option<VipTier>,
    pub min_spent: Option<Cents>,
}

/// The longest name, in characters.
pub(super) const MAX_NAME: usize = 255;

/// What does not count in a telephone number that is looked for: everybody writes it in a way of their
/// own.
pub(super) const PHONE_SIGNS: [char; 7] = [' ', '-', '.', '/', '(', ')', '+'];

/// A part of a telephone number, without the signs between its digits. A form writes a space as `+`.
///
/// # Errors
/// When it is longer than any number, or nothing is left of it.
pub(super) fn parse_phone_part(text: &str) -> Result<String, Invalid> {
    let text = text::bounded("phone", text.to_owned(), 50)?;
    let plain = text.replace(PHONE_SIGNS, "");
    if plain.is_empty() {
        return Err(Invalid::new("phone", Rule::Empty, "must have a digit"));
    }
    Ok(plain)
}

/// The longest e-mail address, in characters; no longer text can be a part of one.
pub(super) const MAX_EMAIL: usize = 255;

/// An e-mail address, as the customer writes it. ASCII only: both databases then fold its case in
/// the same way, which is what its uniqueness rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// # Errors
    /// When the text is too long, is not visible ASCII, or has not one `@` within it.
    pub fn parse(text: String) -> Result<Email, Invalid> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Invalid::new(
                "email",
                Rule::BadCharacter,
                "must be visible ASCII characters; write an internationalised domain as xn--",
            ));
        }
        if text.len() > MAX_EMAIL {
            let reason = format!("must be at most {MAX_EMAIL} characters long");
            return Err(Invalid::new("email", Rule::TooLong, reason));
        }
        match text.split_once('@') {
            Some((local, domain))
                if !local.is_empty() && !domain.is_empty() && !domain.contains('@') =>
            {
                Ok(Email(text))
            }
            _ => Err(Invalid::new(
                "email",
                Rule::NotAnEmail,
                "must have one '@', with something on both sides",
            )),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

/// How the store ranks a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Tier {
    Bronze,
    Silver,
    Gold,
    Platinum,
}

impl Tier {
    /// # Errors
    /// Names the four tiers; they are in lower case only.
    pub fn parse(text: &str) -> Result<Tier, Invalid> {
        match text {
            "bronze" => Ok(Tier::Bronze),
            "silver" => Ok(Tier::Silver),
            "gold" => Ok(Tier::Gold),
            "platinum" => Ok(Tier::Platinum),
            _ => Err(Invalid::new(
                "tier",
                Rule::NotOneOf,
                "must be one of bronze, silver, gold, platinum",
            )),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Bronze => "bronze",
            Tier::Silver => "silver",
            Tier::Gold => "gold",
            Tier::Platinum => "platinum",
        }
    }
}

/// What the money that a customer has spent makes of them; it has nothing to do with [`Tier`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
pub enum VipTier {
    Bronze,
    Silver,
    Gold,
}

impl VipTier {
    /// From the lowest.
    pub const ALL: [VipTier; 3] = [VipTier::Bronze, VipTier::Silver, VipTier::Gold];

    const GOLD_ABOVE: Cents = Cents::new(1_000_000);
    const SILVER_ABOVE: Cents = Cents::new(500_000);

    /// # Errors
    /// Names the three.
    pub(super) fn parse(text: &str) -> Result<VipTier, Invalid> {
        match text {
            "Bronze" => Ok(VipTier::Bronze),
            "Silver" => Ok(VipTier::Silver),
            "Gold" => Ok(VipTier::Gold),
            _ => {
                let reason = "must be one of Bronze, Silver, Gold";
                Err(Invalid::new("vip_tier", Rule::NotOneOf, reason))
            }
        }
    }

    /// What a customer of this tier has spent: more than the first, and at most the second.
    pub fn spent(self) -> (Option<Cents>, Option<Cents>) {
        match self {
            VipTier::Bronze => (None, Some(Self::SILVER_ABOVE)),
            VipTier::Silver => (Some(Self::SILVER_ABOVE), Some(Self::GOLD_ABOVE)),
            VipTier::Gold => (Some(Self::GOLD_ABOVE), None),
        }
    }

    pub fn of(total_spent: Cents) -> VipTier {
        if total_spent > Self::GOLD_ABOVE {
            VipTier::Gold
        } else if total_spent > Self::SILVER_ABOVE {
            VipTier::Silver
        } else {
            VipTier::Bronze
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            VipTier::Bronze => "Bronze",
            VipTier::Silver => "Silver",
            VipTier::Gold => "Gold",
        }
    }
}

pub(super) fn parse_name(text: String) -> Result<String, Invalid> {
    text::required("name", text, MAX_NAME)
}

pub(super) fn parse_phone(text: String) -> Result<String, Invalid> {
    text::required("phone", text, 50)
}

/// The field is `address`, or an order's `shipping_address`.
pub fn parse_address(field: &'static str, address: Address) -> Result<Address, Invalid> {
    json::bounded(field, address)
}

#[cfg(test)]
mod tests {
    use super::VipTier;
    use crate::kernel::money::Cents;
    use proptest::prelude::any;
    use proptest::{prop_assert_eq, proptest};

    /// D7: the last cent decides.
    #[test]
    fn a_vip_tier_begins_one_cent_above_its_bound() {
        for (spent, tier) in [
            ("0", "Bronze"),
            ("5000.00", "Bronze"),
            ("5000.01", "Silver"),
            ("10000.00", "Silver"),
            ("10000.01", "Gold"),
            ("92233720368547758.07", "Gold"),
        ] {
            let spent = Cents::parse("spent", spent).expect("an amount");
            assert_eq!(VipTier::of(spent).as_str(), tier, "{spent}");
        }
    }

    proptest! {
        /// D7: two sums on the same side of both bounds have the same tier, and others have not.
        #[test]
        fn a_vip_tier_changes_at_its_two_bounds_only(a in 0..=2_000_000_i64, b in any::<u32>()) {
            let b = i64::from(b);
            let side = |cents: i64| (cents > 500_000, cents > 1_000_000);
            let tier = |cents: i64| VipTier::of(Cents::new(cents));
            prop_assert_eq!(tier(a) == tier(b), side(a) == side(b));
        }
    }
}
