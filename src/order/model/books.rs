//! What happens to an order: pieces and money, by pure functions. The database holds the same rules as
//! CHECKs, which nothing here ever meets.

use super::order::{Order, OrderStatus};
use super::pricing::value_of;
use super::rules::Action;
use crate::kernel::money::Cents;
use chrono::{DateTime, Utc};

/// Pieces of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinePieces {
    pub line: i32,
    /// At least one.
    pub quantity: i32,
    pub serials: Vec<String>,
}

/// Why something cannot happen to an order. Nothing of it has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the order is {}", .0.as_str())]
    State(OrderStatus),
    #[error("{fulfilled} pieces have left already: they can come back, and lines can be cancelled")]
    HasLeft { fulfilled: i64 },
    #[error("there is no line {0}")]
    NoSuchLine(i32),
    /// More pieces of a line than there are to fulfil, cancel or return.
    #[error("line {line} has {open} such pieces")]
    ExceedsOpen { line: i32, open: i32 },
    #[error("no piece is open")]
    NothingOpen,
    #[error("{0} are due")]
    ExceedsDue(Cents),
    #[error("{0} can be refunded")]
    ExceedsPaid(Cents),
    #[error("the order is not paid: {0} are due")]
    Unpaid(Cents),
    #[error("the amounts come to more than 64 bits of cents")]
    TooLarge,
}

impl Order {
    /// # Errors
    /// [`Refused::State`].
    pub fn require(&self, action: Action) -> Result<(), Refused> {
        if self.status.allows(action) { Ok(()) } else { Err(Refused::State(self.status)) }
    }

    /// Takes money in: the whole that is due, where no amount is said. Returns the amount.
    ///
    /// # Errors
    /// [`Refused::State`]; [`Refused::ExceedsDue`], unless more than is due was meant.
    pub fn pay(&mut self, amount: Option<Cents>, is_more_meant: bool) -> Result<Cents, Refused> {
        match self.status {
            // Money that is there is a fact, and is due back.
            OrderStatus::Cancelled if is_more_meant => self.require(Action::PayCancelled)?,
            OrderStatus::Cancelled => return Err(Refused::ExceedsDue(Cents::ZERO)),
            _ => self.require(Action::Pay)?,
        }
        let due = Cents::new(self.due().max(0));
        let amount = amount.unwrap_or(due);
        if amount == Cents::ZERO || (amount > due && !is_more_meant) {
            return Err(Refused::ExceedsDue(due));
        }
        self.money.paid = self.money.paid.checked_add(amount).ok_or(Refused::TooLarge)?;
        Ok(amount)
    }

    /// Pieces leave the house.
    ///
    /// # Errors
    /// [`Refused::State`], [`Refused::Unpaid`] where they leave for money alone, and those of the lines.
    pub fn fulfil(&mut self, pieces: &[LinePieces], for_money_alone: bool) -> Result<(), Refused> {
        self.require(Action::Fulfil)?;
        if for_money_alone && self.due() > 0 {
            return Err(Refused::Unpaid(Cents::new(self.due())));
        }
        self.each(pieces, |line| line.open(), |line, quantity| line.fulfilled += quantity)
    }

    /// Pieces that are still in the house are not sold after all.
    ///
    /// # Errors
    /// [`Refused::State`], and those of the lines.
    pub fn cancel(&mut self, pieces: &[LinePieces]) -> Result<(), Refused> {
        self.require(Action::Cancel)?;
        let before = self.values();
        self.each(pieces, |line| line.open(), |line, quantity| line.cancelled += quantity)?;
        self.take_back(before);
        Ok(())
    }

    /// The whole order is not sold after all. It stays what it was, and no longer counts.
    ///
    /// # Errors
    /// [`Refused::State`]; [`Refused::HasLeft`].
    pub fn cancel_whole(&mut self, reason: &str, now: DateTime<Utc>) -> Result<(), Refused> {
        self.require(Action::Cancel)?;
        let fulfilled = self.pieces().fulfilled;
        if fulfilled > 0 {
            return Err(Refused::HasLeft { fulfilled });
        }
        for line in &mut self.lines {
            line.cancelled = line.quantity;
        }
        self.status = OrderStatus::Cancelled;
        self.cancelled_at = Some(now);
        self.cancel_reason = Some(reason.to_owned());
        Ok(())
    }

    /// Pieces come back.
    ///
    /// # Errors
    /// [`Refused::State`], and those of the lines.
    pub fn bring_back(&mut self, pieces: &[LinePieces]) -> Result<(), Refused> {
        self.require(Action::Return)?;
        let before = self.values();
        self.each(pieces, |line| line.out(), |line, quantity| line.returned += quantity)?;
        self.take_back(before);
        Ok(())
    }

    /// Gives money back: all that is due back, where no amount is said. An allowance is what is given
    /// beyond that, and lets the total go down by as much. Returns the amount.
    ///
    /// # Errors
    /// [`Refused::State`]; [`Refused::ExceedsPaid`].
    pub fn refund(&mut self, amount: Option<Cents>, is_allowance: bool) -> Result<Cents, Refused> {
        self.require(Action::Refund)?;
        let (net, due_back) = (self.money.net(), (-self.due()).max(0));
        let refundable = match self.status {
            _ if is_allowance => net.min(self.money.total.get()),
            OrderStatus::Completed => due_back,
            _ => net,
        };
        let amount = amount.unwrap_or(Cents::new(due_back));
        if amount == Cents::ZERO || amount.get() > refundable {
            return Err(Refused::ExceedsPaid(Cents::new(refundable)));
        }
        let too_large = Refused::TooLarge;
        self.money.refunded = self.money.refunded.checked_add(amount).ok_or(too_large.clone())?;
        if is_allowance && self.status != OrderStatus::Cancelled {
            self.money.allowance = self.money.allowance.checked_add(amount).ok_or(too_large)?;
            self.add_up();
        }
        Ok(amount)
    }

    /// Completes an order of which every piece has left or was cancelled, and which is paid. Whether it
    /// did.
    pub fn settle(&mut self, now: DateTime<Utc>) -> bool {
        let pieces = self.pieces();
        let is_done = pieces.fulfilled > 0 && pieces.fulfilled + pieces.cancelled == pieces.all;
        if self.status != OrderStatus::Pending || !is_done || self.due() > 0 {
            return false;
        }
        self.status = OrderStatus::Completed;
        self.completed_at = Some(now);
        true
    }

    /// All pieces that are still to leave the house.
    pub fn open_pieces(&self) -> Vec<LinePieces> {
        let open = self.lines.iter().filter(|line| line.open() > 0);
        let pieces = |line: &super::Line| LinePieces {
            line: line.number,
            quantity: line.open(),
            serials: Vec::new(),
        };
        open.map(pieces).collect()
    }

    fn each(
        &mut self,
        pieces: &[LinePieces],
        there_are: fn(&super::Line) -> i32,
        go: fn(&mut super::Line, i32),
    ) -> Result<(), Refused> {
        if pieces.is_empty() {
            return Err(Refused::NothingOpen);
        }
        for LinePieces { line: number, quantity, .. } in pieces {
            let line = self.lines.iter_mut().find(|line| line.number == *number);
            let line = line.ok_or(Refused::NoSuchLine(*number))?;
            let open = there_are(line);
            if *quantity > open {
                return Err(Refused::ExceedsOpen { line: *number, open });
            }
            go(line, *quantity);
        }
        Ok(())
    }

    /// What the pieces are worth that are neither cancelled nor back.
    fn values(&self) -> i64 {
        let values = self.lines.iter().map(|it| value_of(it.total, it.kept(), it.quantity).get());
        values.sum()
    }

    fn take_back(&mut self, before: i64) {
        let money = &mut self.money;
        // An imported order may have been cheaper than its lines.
        let most = money.original.get() - money.taken_back.get();
        let value = (before - self.values()).min(most);
        let money = &mut self.money;
        money.taken_back = Cents::new(money.taken_back.get() + value);
        self.add_up();
    }

    /// What is to be paid now. What was let go of pieces that came back is not let go twice.
    fn add_up(&mut self) {
        let money = &mut self.money;
        let left = money.original.get() - money.taken_back.get();
        money.allowance = money.allowance.min(Cents::new(left));
        money.total = Cents::new(left - money.allowance.get());
    }
}

#[cfg(test)]
mod tests;
