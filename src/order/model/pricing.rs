//! What lines come to: discount, shipping and tax, exact to the cent.
//!
//! The order: items, discount, shipping, tax, total. A share of the whole is rounded once, for the whole;
//! the lines get parts of it by largest remainder, so that they add up to it.

use crate::kernel::money::Cents;
use utoipa::ToSchema;

/// A share in hundredths of a percent: 750 is 7.5 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BasisPoints(i32);

/// Of the whole.
const WHOLE: i128 = 10_000;

impl BasisPoints {
    pub const ZERO: BasisPoints = BasisPoints(0);

    /// `None` where it is not from 0 to 10 000.
    pub fn new(points: i32) -> Option<BasisPoints> {
        (0..=10_000).contains(&points).then_some(BasisPoints(points))
    }

    pub fn get(self) -> i32 {
        self.0
    }
}

/// Whether prices hold a tax, or have it on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum TaxMode {
    None,
    Included,
    Added,
}

impl TaxMode {
    pub const ALL: [TaxMode; 3] = [TaxMode::None, TaxMode::Included, TaxMode::Added];

    pub fn as_str(self) -> &'static str {
        match self {
            TaxMode::None => "none",
            TaxMode::Included => "included",
            TaxMode::Added => "added",
        }
    }

    pub fn parse(text: &str) -> Option<TaxMode> {
        TaxMode::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaxRule {
    pub mode: TaxMode,
    pub rate: BasisPoints,
}

impl TaxRule {
    pub const NONE: TaxRule = TaxRule { mode: TaxMode::None, rate: BasisPoints::ZERO };
}

/// What is taken off the items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::order) enum Reduction {
    Rate(BasisPoints),
    /// No more than the items come to.
    Amount(Cents),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::order) struct Priced {
    /// In the order of the lines.
    pub lines: Vec<PricedLine>,
    pub items: Cents,
    pub discount: Cents,
    /// That of the lines and of shipping.
    pub tax: Cents,
    pub total: Cents,
}

/// All pieces of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::order) struct PricedLine {
    pub discount: Cents,
    pub tax: Cents,
    pub total: Cents,
}

/// Why lines have no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PricingError {
    #[error("the amounts come to more than 64 bits of cents")]
    TooLarge,
    #[error("the discount is more than the items, which come to {0}")]
    DiscountTooLarge(Cents),
}

/// Prices lines, each of which is the price of a piece and a number of pieces.
///
/// # Errors
/// [`PricingError`].
pub(in crate::order) fn price(
    lines: &[(Cents, i32)],
    reduction: Reduction,
    shipping: Cents,
    tax: TaxRule,
) -> Result<Priced, PricingError> {
    let too_large = PricingError::TooLarge;
    let amounts = lines.iter().map(|(price, quantity)| price.checked_mul(i64::from(*quantity)));
    let amounts: Vec<Cents> = amounts.collect::<Option<_>>().ok_or(too_large)?;
    let items = sum(&amounts).ok_or(too_large)?;
    let discount = match reduction {
        Reduction::Rate(rate) => share(items, i128::from(rate.get()), WHOLE),
        Reduction::Amount(amount) if amount > items => {
            return Err(PricingError::DiscountTooLarge(items));
        }
        Reduction::Amount(amount) => amount,
    };
    let discounts = allocate(discount, &amounts);
    let nets: Vec<Cents> = amounts.iter().zip(&discounts).map(|(a, d)| minus(*a, *d)).collect();
    let net = minus(items, discount);
    let of_lines = tax_of(net, tax);
    let taxes = allocate(of_lines, &nets);
    let of_shipping = tax_of(shipping, tax);
    let lines =
        nets.iter().zip(discounts.iter().zip(&taxes)).map(|(net, (discount, tax_amount))| {
            let added = if tax.mode == TaxMode::Added { *tax_amount } else { Cents::ZERO };
            let total = net.checked_add(added)?;
            Some(PricedLine { discount: *discount, tax: *tax_amount, total })
        });
    let lines: Vec<PricedLine> = lines.collect::<Option<_>>().ok_or(too_large)?;
    let all_tax = of_lines.checked_add(of_shipping).ok_or(too_large)?;
    let added = if tax.mode == TaxMode::Added { all_tax } else { Cents::ZERO };
    let total = net.checked_add(shipping).and_then(|sum| sum.checked_add(added));
    let total = total.ok_or(too_large)?;
    Ok(Priced { lines, items, discount, tax: all_tax, total })
}

/// The tax of an amount, in it or on it.
fn tax_of(amount: Cents, tax: TaxRule) -> Cents {
    let rate = i128::from(tax.rate.get());
    match tax.mode {
        TaxMode::None => Cents::ZERO,
        TaxMode::Added => share(amount, rate, WHOLE),
        TaxMode::Included => minus(amount, share(amount, WHOLE, WHOLE + rate)),
    }
}

/// `amount × part ÷ whole`, to the nearest cent, and half a cent up. Neither is negative, and the part is
/// not greater than the whole.
fn share(amount: Cents, part: i128, whole: i128) -> Cents {
    cents((2 * i128::from(amount.get()) * part + whole) / (2 * whole))
}

/// Shares `amount` out by weight: each gets its part cut to the cent, and those that lost most by that
/// get one cent more, the first of equals first. Nobody gets more than their weight where all of them
/// together do not.
pub(in crate::order) fn allocate(amount: Cents, weights: &[Cents]) -> Vec<Cents> {
    let all: i128 = weights.iter().map(|weight| i128::from(weight.get())).sum();
    if all == 0 {
        return vec![Cents::ZERO; weights.len()];
    }
    let products = weights.iter().map(|weight| i128::from(amount.get()) * i128::from(weight.get()));
    let (mut parts, remainders): (Vec<i128>, Vec<i128>) =
        products.map(|product| (product / all, product % all)).unzip();
    let mut left = i128::from(amount.get()) - parts.iter().sum::<i128>();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    by_remainder.sort_by_key(|index| std::cmp::Reverse(remainders[*index]));
    for index in by_remainder {
        if left == 0 {
            break;
        }
        parts[index] += 1;
        left -= 1;
    }
    parts.into_iter().map(cents).collect()
}

/// What `kept` pieces of a line are worth: whatever the order in which pieces go, all of them together
/// are the line, to the cent.
pub(in crate::order) fn value_of(total: Cents, kept: i32, quantity: i32) -> Cents {
    cents(i128::from(total.get()) * i128::from(kept) / i128::from(quantity.max(1)))
}

fn sum(amounts: &[Cents]) -> Option<Cents> {
    amounts.iter().try_fold(Cents::ZERO, |sum, amount| sum.checked_add(*amount))
}

/// A difference of two amounts, of which the second is a part of the first.
fn minus(whole: Cents, part: Cents) -> Cents {
    Cents::new(whole.get() - part.get())
}

/// What is a part of 64 bits of cents.
fn cents(amount: i128) -> Cents {
    Cents::new(i64::try_from(amount).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{
        BasisPoints, PricingError, Reduction, TaxMode, TaxRule, allocate, price, value_of,
    };
    use crate::kernel::money::Cents;
    use proptest::collection::vec;
    use proptest::{prop_assert, prop_assert_eq, proptest};

    const NO_DISCOUNT: Reduction = Reduction::Rate(BasisPoints::ZERO);

    fn rate(points: i32) -> BasisPoints {
        BasisPoints::new(points).expect("a share")
    }

    fn cents(amounts: &[i64]) -> Vec<Cents> {
        amounts.iter().copied().map(Cents::new).collect()
    }

    fn totals(amounts: &[i64], points: i32, tax: TaxRule) -> (Vec<i64>, i64, i64, i64) {
        let lines: Vec<(Cents, i32)> = amounts.iter().map(|it| (Cents::new(*it), 1)).collect();
        let reduction = Reduction::Rate(rate(points));
        let priced = price(&lines, reduction, Cents::ZERO, tax).expect("small");
        let of_lines = priced.lines.iter().map(|line| line.total.get()).collect();
        (of_lines, priced.discount.get(), priced.tax.get(), priced.total.get())
    }

    #[test]
    fn a_discount_is_rounded_once_and_shared_out_by_largest_remainder() {
        // The example of the design: 0.23 over three equal lines is 0.08, 0.08, 0.07.
        assert_eq!(allocate(Cents::new(23), &cents(&[5, 5, 5])), cents(&[8, 8, 7]));
        assert_eq!(
            totals(&[1_450_000], 1_500, TaxRule::NONE),
            (vec![1_232_500], 217_500, 0, 1_232_500)
        );
        // 7.5 % of 10.01 is 0.75075.
        assert_eq!(totals(&[1_001], 750, TaxRule::NONE).1, 75);
        // Half a cent is rounded up.
        assert_eq!(totals(&[10], 500, TaxRule::NONE).1, 1);
    }

    #[test]
    fn a_tax_is_in_the_price_or_on_it() {
        let included = TaxRule { mode: TaxMode::Included, rate: rate(810) };
        // 100.00 at 8.1 %: 100 - 100 / 1.081 = 7.49.
        assert_eq!(totals(&[10_000], 0, included), (vec![10_000], 0, 749, 10_000));
        let added = TaxRule { mode: TaxMode::Added, rate: rate(2_000) };
        assert_eq!(totals(&[10_000], 1_000, added), (vec![10_800], 1_000, 1_800, 10_800));
        let shipped = price(&[(Cents::new(100), 1)], NO_DISCOUNT, Cents::new(50), added);
        assert_eq!(shipped.map(|it| (it.tax.get(), it.total.get())), Ok((30, 180)));
    }

    #[test]
    fn what_has_no_price_is_refused() {
        let dear = Cents::new(9_999_999_999);
        let lines = [(dear, i32::MAX)];
        let priced = price(&lines, NO_DISCOUNT, Cents::ZERO, TaxRule::NONE);
        assert_eq!(priced, Err(PricingError::TooLarge));
        let priced = price(&[(dear, 1)], NO_DISCOUNT, Cents::new(i64::MAX), TaxRule::NONE);
        assert_eq!(priced, Err(PricingError::TooLarge));
        let reduction = Reduction::Amount(Cents::new(11));
        let priced = price(&[(Cents::new(10), 1)], reduction, Cents::ZERO, TaxRule::NONE);
        assert_eq!(priced, Err(PricingError::DiscountTooLarge(Cents::new(10))));
    }

    #[test]
    fn pieces_of_a_line_are_worth_the_line() {
        // 10.01 over 3: 3.33, 3.34, 3.34, from the last piece to the first.
        let of = |kept| value_of(Cents::new(1_001), kept, 3).get();
        assert_eq!([of(1), of(2) - of(1), of(3) - of(2)], [333, 334, 334]);
    }

    proptest! {
        /// Lesson 17: lines add up to their order.
        #[test]
        fn lines_add_up_to_the_order(
            lines in vec((0..=9_999_999_999_i64, 1..=1_000_i32), 1..=100),
            points in 0..=10_000_i32,
            tax in 0..=10_000_i32,
            mode in proptest::sample::select(TaxMode::ALL.to_vec()),
            shipping in 0..=100_000_i64,
        ) {
            let lines: Vec<(Cents, i32)> =
                lines.into_iter().map(|(price, quantity)| (Cents::new(price), quantity)).collect();
            let rule = TaxRule { mode, rate: rate(tax) };
            let reduction = Reduction::Rate(rate(points));
            let priced = price(&lines, reduction, Cents::new(shipping), rule).expect("small enough");
            let of_lines = |of: fn(&super::PricedLine) -> Cents| -> i64 {
                priced.lines.iter().map(|line| of(line).get()).sum()
            };
            prop_assert_eq!(of_lines(|line| line.discount), priced.discount.get());
            let of_shipping = priced.tax.get() - of_lines(|line| line.tax);
            prop_assert!(of_shipping >= 0);
            let added = if mode == TaxMode::Added { of_shipping } else { 0 };
            prop_assert_eq!(of_lines(|line| line.total) + shipping + added, priced.total.get());
            for (line, (unit, quantity)) in priced.lines.iter().zip(&lines) {
                prop_assert!((0..=unit.get() * i64::from(*quantity)).contains(&line.discount.get()));
                prop_assert!(line.tax.get() >= 0 && line.total.get() >= 0);
            }
        }

        /// Lesson 14: whatever the order in which pieces go, all of them are worth the line.
        #[test]
        fn values_of_pieces_add_up(total in 0..=i64::MAX, steps in vec(1..=5_i32, 1..=20)) {
            let quantity: i32 = steps.iter().sum();
            let (mut kept, mut taken) = (quantity, 0_i64);
            for step in steps {
                let after = kept - step;
                let value = value_of(Cents::new(total), kept, quantity).get()
                    - value_of(Cents::new(total), after, quantity).get();
                prop_assert!(value >= 0);
                taken += value;
                kept = after;
            }
            prop_assert_eq!(taken, total);
        }
    }
}
