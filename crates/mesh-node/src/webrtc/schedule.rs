use std::collections::BTreeSet;
use std::time::Instant;

use sangam_mesh_proto::LinkId;

/// When each link is due. Links that are not due cost nothing.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    order: BTreeSet<(Instant, LinkId)>,
}

impl Schedule {
    /// Moves a link from its old moment to its new one.
    pub(super) fn set(&mut self, link: LinkId, old: Option<Instant>, new: Option<Instant>) {
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.order.remove(&(old, link));
        }
        if let Some(new) = new {
            self.order.insert((new, link));
        }
    }

    /// The first moment at which any is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes one that is due out.
    pub(super) fn pop(&mut self, now: Instant) -> Option<LinkId> {
        if self.next()? > now {
            return None;
        }
        self.order.pop_first().map(|(_, link)| link)
    }
}
