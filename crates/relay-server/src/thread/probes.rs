//! Allocations of this server's own checks: counted apart, and in nobody's log.

use sangam_turn_proto::Event;

use super::RelayThread;
use crate::counters::Counter;

impl RelayThread {
    /// Takes note of what has happened to a client's allocation.
    pub(super) fn note(&mut self, event: &Event) {
        if !self.is_of_probe(event) {
            self.tell(event);
        }
    }

    fn is_of_probe(&mut self, event: &Event) -> bool {
        match event {
            Event::Allocated { allocation, username, .. } => {
                let is_probe = self.credentials.probe.is_ours(username);
                if is_probe {
                    self.probes.push(*allocation);
                    self.counters.count(Counter::ProbeAllocations);
                }
                is_probe
            }
            Event::Deleted { allocation, .. } => {
                let place = self.probes.iter().position(|probe| probe == allocation);
                place.map(|place| self.probes.swap_remove(place)).is_some()
            }
            Event::Refreshed { allocation, .. } | Event::RelayedEnded { allocation, .. } => {
                self.probes.contains(allocation)
            }
            Event::Moved { .. } | Event::Refused { .. } => false,
        }
    }
}
