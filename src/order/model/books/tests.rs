//! The books of an order under whatever happens to it.

use super::{LinePieces, Refused};
use crate::customer::CustomerId;
use crate::kernel::ids::Id;
use crate::kernel::money::Cents;
use crate::kernel::time;
use crate::order::model::pricing::{BasisPoints, Reduction, TaxRule, price, value_of};
use crate::order::model::{FulfilmentStatus, Line, Money, Order, OrderStatus, PaymentStatus};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::{prop_assert, prop_assert_eq, prop_oneof, proptest};

/// A pending order of lines at a discount.
fn placed(lines: &[(i64, i32)], points: i32, shipping: i64) -> Order {
    let amounts: Vec<(Cents, i32)> =
        lines.iter().map(|(price, quantity)| (Cents::new(*price), *quantity)).collect();
    let rate = BasisPoints::new(points).expect("a share");
    let shipping = Cents::new(shipping);
    let priced = price(&amounts, Reduction::Rate(rate), shipping, TaxRule::NONE).expect("small");
    let lines = priced.lines.iter().zip(&amounts).zip(1..);
    let lines = lines.map(|((priced, (price, quantity)), number)| Line {
        number,
        product_id: Id::parse("id", "p").expect("an id"),
        product_name: "P".to_owned(),
        quantity: *quantity,
        price: *price,
        discount: priced.discount,
        tax: priced.tax,
        total: priced.total,
        fulfilled: 0,
        cancelled: 0,
        returned: 0,
    });
    let money = Money {
        items: priced.items,
        discount: priced.discount,
        shipping,
        original: priced.total,
        total: priced.total,
        ..Money::NONE
    };
    let now = time::now();
    Order {
        id: 1,
        order_number: Some("N".to_owned()),
        customer_id: CustomerId::parse("id", "c").expect("an id"),
        status: OrderStatus::Pending,
        payment_status: PaymentStatus::Unpaid,
        fulfilment_status: FulfilmentStatus::Unfulfilled,
        is_imported: false,
        currency: None,
        reference: None,
        lines: lines.collect(),
        money,
        discount_tier: None,
        discount_rate: rate,
        tax: TaxRule::NONE,
        tax_exempt_reason: None,
        payment_method: None,
        shipping_address: None,
        notes: None,
        placed_at: Some(now),
        valid_until: None,
        pay_by: None,
        completed_at: None,
        cancelled_at: None,
        cancel_reason: None,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

fn pieces(line: i32, quantity: i32) -> Vec<LinePieces> {
    vec![LinePieces { line, quantity, serials: Vec::new() }]
}

/// The rules that the schema holds as CHECKs, and the sums over the lines.
fn check(order: &Order) {
    let money = &order.money;
    let all = order.pieces();
    assert!((0..=money.paid.get()).contains(&money.refunded.get()), "{order:?}");
    assert!(money.total >= Cents::ZERO && money.allowance >= Cents::ZERO, "{order:?}");
    let left = money.original.get() - money.taken_back.get();
    assert_eq!(money.total.get(), left - money.allowance.get(), "{order:?}");
    assert!(all.fulfilled + all.cancelled <= all.all && all.returned <= all.fulfilled, "{order:?}");
    if order.status == OrderStatus::Completed {
        assert!(money.net() >= money.total.get(), "{order:?}");
    }
    if order.status == OrderStatus::Cancelled {
        assert_eq!(all.fulfilled, 0, "{order:?}");
    } else {
        let back = order
            .lines
            .iter()
            .map(|line| line.total.get() - value_of(line.total, line.kept(), line.quantity).get());
        assert_eq!(money.taken_back.get(), back.sum::<i64>(), "{order:?}");
    }
}

/// Lesson 14: refunds are what came in, discounts included, to the cent.
#[test]
fn what_comes_back_piece_by_piece_is_refunded_to_the_cent() {
    let mut order = placed(&[(33_333, 3)], 750, 0);
    let paid = order.pay(None, false).expect("it is due");
    assert_eq!(paid.get(), 99_999 - 7_500);
    order.fulfil(&pieces(1, 3), true).expect("it is paid");
    assert!(order.settle(time::now()));
    let mut refunded = 0;
    for _ in 0..3 {
        order.bring_back(&pieces(1, 1)).expect("it is out");
        refunded += order.refund(None, false).expect("it is due back").get();
        check(&order);
    }
    assert_eq!((refunded, order.money.total), (paid.get(), Cents::ZERO));
    assert_eq!(order.refund(None, false), Err(Refused::ExceedsPaid(Cents::ZERO)));
    assert_eq!(order.bring_back(&pieces(1, 1)), Err(Refused::ExceedsOpen { line: 1, open: 0 }));
}

/// Lesson 11: money that comes for a cancelled order is written down, and due back.
#[test]
fn money_for_a_cancelled_order_is_due_back() {
    let mut order = placed(&[(100, 1)], 0, 0);
    order.cancel_whole("changed their mind", time::now()).expect("it is pending");
    assert_eq!(order.pay(Some(Cents::new(100)), false), Err(Refused::ExceedsDue(Cents::ZERO)));
    order.pay(Some(Cents::new(100)), true).expect("a fact");
    assert_eq!(order.due(), -100);
    assert_eq!(order.refund(None, false), Ok(Cents::new(100)));
    check(&order);
}

#[test]
fn an_allowance_is_given_once() {
    let mut order = placed(&[(10_000, 1)], 0, 0);
    order.pay(None, false).expect("it is due");
    order.fulfil(&pieces(1, 1), false).expect("it is open");
    assert!(order.settle(time::now()));
    let five = Some(Cents::new(500));
    assert_eq!(order.refund(five, false), Err(Refused::ExceedsPaid(Cents::ZERO)));
    order.refund(five, true).expect("goodwill");
    assert_eq!(order.money.total, Cents::new(9_500));
    order.bring_back(&pieces(1, 1)).expect("it is out");
    check(&order);
    assert_eq!(order.refund(None, false), Ok(Cents::new(9_500)));
    check(&order);
}

#[derive(Debug, Clone)]
enum Step {
    Pay(Option<i64>, bool),
    Fulfil(i32, i32),
    Cancel(i32, i32),
    Return(i32, i32),
    Refund(Option<i64>, bool),
    CancelWhole,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let amount = || prop_oneof![Just(None), (1..30_000_i64).prop_map(Some)];
    let of_line = || (1..=3_i32, 1..=3_i32);
    let step = prop_oneof![
        (amount(), any::<bool>()).prop_map(|(amount, flag)| Step::Pay(amount, flag)),
        of_line().prop_map(|(line, quantity)| Step::Fulfil(line, quantity)),
        of_line().prop_map(|(line, quantity)| Step::Cancel(line, quantity)),
        of_line().prop_map(|(line, quantity)| Step::Return(line, quantity)),
        (amount(), any::<bool>()).prop_map(|(amount, flag)| Step::Refund(amount, flag)),
        Just(Step::CancelWhole),
    ];
    vec(step, 1..40)
}

proptest! {
    /// Lesson 16: whatever happens, no cent is outstanding that nobody can account for.
    #[test]
    fn whatever_happens_the_books_add_up(
        lines in vec((0..20_000_i64, 1..=4_i32), 1..=3),
        points in 0..=10_000_i32,
        shipping in 0..500_i64,
        steps in steps(),
    ) {
        let mut order = placed(&lines, points, shipping);
        check(&order);
        for step in steps {
            let before = order.clone();
            let done = match step {
                Step::Pay(amount, flag) => order.pay(amount.map(Cents::new), flag).map(drop),
                Step::Fulfil(line, quantity) => order.fulfil(&pieces(line, quantity), false),
                Step::Cancel(line, quantity) => order.cancel(&pieces(line, quantity)),
                Step::Return(line, quantity) => order.bring_back(&pieces(line, quantity)),
                Step::Refund(amount, flag) => order.refund(amount.map(Cents::new), flag).map(drop),
                Step::CancelWhole => order.cancel_whole("so", time::now()),
            };
            if done.is_err() {
                order = before;
                continue;
            }
            order.settle(time::now());
            check(&order);
            if order.due() == 0 && order.status != OrderStatus::Cancelled {
                prop_assert_eq!(order.money.net(), order.money.total.get());
            }
        }
        // What is due back can be given back, and what is due can be paid.
        if order.due() < 0 {
            prop_assert!(order.refund(None, false).is_ok());
            prop_assert_eq!(order.due(), 0);
        }
        if order.due() > 0 && order.status != OrderStatus::Cancelled {
            prop_assert!(order.pay(None, false).is_ok());
            prop_assert_eq!(order.due(), 0);
        }
    }
}
