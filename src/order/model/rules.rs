//! What can be done with an order, in which state, and what one must be allowed to for it.

use super::OrderStatus;

/// Something that happens to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    ChangeDraft,
    DeleteDraft,
    Place,
    Pay,
    /// Money that comes for an order that was cancelled, and is due back.
    PayCancelled,
    Fulfil,
    Cancel,
    Return,
    Refund,
    Note,
    /// The address, the way of payment, the notes, the last day to pay.
    Change,
}

impl Action {
    pub const ALL: [Action; 11] = [
        Action::ChangeDraft,
        Action::DeleteDraft,
        Action::Place,
        Action::Pay,
        Action::PayCancelled,
        Action::Fulfil,
        Action::Cancel,
        Action::Return,
        Action::Refund,
        Action::Note,
        Action::Change,
    ];

    /// What staff must be allowed to do it. Whoever has a valid token may do everything today.
    pub fn permission(self) -> &'static str {
        match self {
            Action::ChangeDraft
            | Action::DeleteDraft
            | Action::Place
            | Action::Note
            | Action::Change => "order:write",
            Action::Pay | Action::PayCancelled => "payment:write",
            Action::Fulfil => "order:fulfil",
            Action::Cancel => "order:cancel",
            Action::Return => "order:return",
            Action::Refund => "refund:write",
        }
    }
}

impl OrderStatus {
    /// Whether something may happen to an order of this status, as far as the status says.
    pub(in crate::order) fn allows(self, action: Action) -> bool {
        use OrderStatus::{Cancelled, Completed, Draft, Pending};
        match action {
            Action::ChangeDraft | Action::DeleteDraft | Action::Place => self == Draft,
            Action::Pay => matches!(self, Pending | Completed),
            Action::PayCancelled => self == Cancelled,
            Action::Fulfil | Action::Cancel => self == Pending,
            Action::Return => matches!(self, Pending | Completed),
            Action::Refund | Action::Note | Action::Change => {
                matches!(self, Pending | Completed | Cancelled)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Action;
    use crate::order::model::OrderStatus;

    #[test]
    fn what_is_final_moves_no_piece_but_back() {
        for action in Action::ALL {
            let of = |status: OrderStatus| status.allows(action);
            let expected = match action {
                Action::ChangeDraft | Action::DeleteDraft | Action::Place => {
                    [true, false, false, false]
                }
                Action::Fulfil | Action::Cancel => [false, true, false, false],
                Action::Pay | Action::Return => [false, true, true, false],
                Action::PayCancelled => [false, false, false, true],
                Action::Refund | Action::Note | Action::Change => [false, true, true, true],
            };
            assert_eq!(OrderStatus::ALL.map(of), expected, "{action:?}");
            assert!(action.permission().contains(':'));
        }
    }
}
