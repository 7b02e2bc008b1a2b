//! A transaction: its connection, and what must follow its commit.

use super::DbConn;
use crate::kernel::effect::Effect;

/// What a use case that writes is given. The use case may run again, in another transaction, until
/// one is committed.
pub struct Tx<'a> {
    conn: &'a mut DbConn,
    effects: Vec<Effect>,
}

impl<'a> Tx<'a> {
    pub fn on(conn: &'a mut DbConn) -> Tx<'a> {
        Tx { conn, effects: Vec::new() }
    }

    /// The connection, for a `store`.
    pub fn conn(&mut self) -> &mut DbConn {
        self.conn
    }

    /// Registers what must follow the commit. To be called after the statement that changes the row:
    /// its lock then orders this transaction and the others that change the row.
    pub fn then(&mut self, effect: Effect) {
        if !self.effects.contains(&effect) {
            self.effects.push(effect);
        }
    }

    /// What was registered.
    pub fn into_effects(self) -> Vec<Effect> {
        self.effects
    }
}
