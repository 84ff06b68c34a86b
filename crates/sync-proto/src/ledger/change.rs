use sangam_types::Wall;

use crate::rows::{Change, Replica};

use super::Ledger;

impl Ledger {
    /// What everything that was decided changes; `None`: nothing, and no replica is given either.
    ///
    /// Replicas alone do not make a database: of one that holds nothing they are not kept, as there is nothing that they could
    /// have got.
    #[must_use]
    pub fn into_change(self, replicas: Vec<Replica>, now: Wall) -> Option<Change> {
        let (settled, refused) = (self.settled.into_changed(), self.refused.into_changed());
        let entities = self.entities.into_changed();
        let nothing = entities.is_empty() && settled.is_empty() && refused.is_empty() && self.conflicts.is_empty();
        if nothing && (replicas.is_empty() || self.database.head == 0) {
            return None;
        }
        Some(Change {
            database: self.database,
            head_before: self.head_before,
            log: self.log,
            entities,
            settled,
            refused,
            conflicts: self.conflicts,
            replicas,
            at_ms: now.unix_millis(),
        })
    }
}
