use std::collections::BTreeSet;

use sangam_cwmp_proto::message::Inform;
use sangam_cwmp_proto::{DateTime, ParameterValue};

use super::super::date::date;
use super::super::device::{Context, Device};
use super::super::quirks::Quirk;
use super::super::tree::{Slot, Tree};

/// The schemas say 64 (Annex A, table 31).
const EVENTS_MAX: usize = 64;

impl Device {
    /// Who it is, why it comes, and the parameters that belong to that.
    pub(super) fn inform(&self, cx: &mut Context<'_>) -> Inform {
        let tree = self.tree(cx.world, cx.now);
        let mut slots: BTreeSet<Slot> = tree.model.forced.iter().map(|index| Slot::fixed(*index)).collect();
        slots.extend(self.changed(&tree));
        let events: Vec<_> = self.events.iter().take(EVENTS_MAX).cloned().collect();
        for event in &events {
            cx.tally.event(&event.code).told += 1;
        }
        let has_clock = !self.quirks.has(Quirk::NoClock);
        Inform {
            device_id: cx.world.identity(self.facts.number, self.quirks),
            events,
            max_envelopes: if self.quirks.has(Quirk::ManyEnvelopes) { 32 } else { 1 },
            current_time: if has_clock { date(cx.now.wall) } else { DateTime::unknown() },
            retry_count: self.failures,
            parameters: slots.into_iter().filter_map(|slot| value_of(&tree, slot)).collect(),
        }
    }

    /// Parameters that are told when they change, and did.
    fn changed(&self, tree: &Tree<'_>) -> Vec<Slot> {
        let named = tree.model.named;
        let watched = self.differences.watched.iter().filter(|it| matches!(it.notification, 1 | 2));
        let mut slots: Vec<Slot> = watched.filter(|it| tree.value(it.slot) != *it.told).map(|it| it.slot).collect();
        // Told without being asked (TR-098, TR-181: forced active notification).
        slots.extend(self.address_changed.then(|| Slot::fixed(named.address)));
        slots.extend(self.software_changed.then(|| Slot::fixed(named.software)));
        if self.binding_changed {
            slots.extend([named.udp_address, named.nat_detected].map(Slot::fixed));
        }
        slots
    }

    /// The ACS knows now what the Inform told.
    pub(super) fn note_told(&mut self, cx: &Context<'_>) {
        let tree = self.tree(cx.world, cx.now);
        let told: Vec<Box<str>> = self.differences.watched.iter().map(|it| tree.value(it.slot).into()).collect();
        for (watched, told) in self.differences.watched.iter_mut().zip(told) {
            watched.told = told;
        }
        (self.address_changed, self.software_changed, self.binding_changed) = (false, false, false);
    }
}

/// A parameter with its value, as messages have it.
pub(super) fn value_of(tree: &Tree<'_>, slot: Slot) -> Option<ParameterValue> {
    let kind = tree.parameter(slot)?.kind.clone();
    Some(ParameterValue::new(tree.path(slot), tree.value(slot), kind))
}
