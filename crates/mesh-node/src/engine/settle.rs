use std::time::Instant;

use sangam_mesh_proto::{gossip, mesh};
use sangam_types::Now;

use super::Engine;
use crate::webrtc::LinksOutput;

/// What one machine says may concern another; after so many rounds the rest waits for the next turn.
const ROUNDS_MAX: usize = 64;

impl Engine {
    /// Carries out whatever the machines want, until none wants anything.
    pub(super) fn settle(&mut self) {
        self.wanted.rest = None;
        let mut rounds = 0..ROUNDS_MAX;
        loop {
            let (instant, now) = self.clock.now();
            let is_busy = [self.settle_mesh(now), self.settle_gossip(now), self.settle_links(instant)];
            if !is_busy.contains(&true) {
                break;
            }
            if rounds.next().is_none() {
                // Packets and commands have their turn first; nothing else would wake us for the rest.
                self.wanted.rest = Some(instant);
                break;
            }
        }
        self.endpoint.flush();
        self.wanted.describing = self.describing.deadline().map(|at| self.clock.instant_of(at));
    }

    fn settle_mesh(&mut self, now: Now) -> bool {
        let mut is_busy = false;
        loop {
            match self.mesh.poll_output(now) {
                mesh::Output::Act(action) => self.act(action),
                mesh::Output::Event(event) => self.on_mesh_event(event),
                mesh::Output::Wait(at) => {
                    self.wanted.mesh = at.map(|at| self.clock.instant_of(at));
                    return is_busy;
                }
            }
            is_busy = true;
        }
    }

    pub(super) fn settle_gossip(&mut self, now: Now) -> bool {
        let mut is_busy = false;
        loop {
            match self.gossip.poll_output(now) {
                gossip::Output::Send { link, frame } => self.send_frame(link, &frame),
                gossip::Output::Deliver(delivery) => self.on_delivery(delivery),
                gossip::Output::Other { link, incoming } => self.on_incoming(link, incoming),
                gossip::Output::Refused { link, why } => self.on_refused(link, why),
                gossip::Output::Wait(at) => {
                    self.wanted.gossip = at.map(|at| self.clock.instant_of(at));
                    return is_busy;
                }
            }
            is_busy = true;
        }
    }

    fn settle_links(&mut self, instant: Instant) -> bool {
        let mut is_busy = false;
        loop {
            match self.links.poll(instant) {
                LinksOutput::Transmit { local, to, bytes } => {
                    self.endpoint.queue(local, to, bytes);
                    continue;
                }
                LinksOutput::Event(link, event) => self.on_link_event(link, event),
                LinksOutput::Wait(at) => {
                    self.wanted.links = at;
                    return is_busy;
                }
            }
            is_busy = true;
        }
    }
}
