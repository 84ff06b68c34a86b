//! How the originals behave, weaknesses included.

use std::time::Duration;

use rand::RngExt as _;
use sangam_mesh_proto::{Description, DescriptionKind, PeerId, Signal};

use crate::node::{Kind, Mind};
use crate::stack::{Pc, PcState, read, write};
use crate::world::{Happening, World};

impl World {
    fn synapse(&mut self, node: usize) -> &mut crate::node::Synapse {
        let Some(Mind::Synapse(synapse)) = &mut self.nodes[node].mind else { panic!("no such node") };
        synapse
    }

    fn agent(&mut self, node: usize) -> &mut crate::node::Agent {
        let Some(Mind::Agent(agent)) = &mut self.nodes[node].mind else { panic!("no such agent") };
        agent
    }

    fn new_pc(&mut self, node: usize, offer: Option<&Description>) -> u64 {
        self.nodes[node].named += 1;
        let link = self.nodes[node].named;
        let local = self.new_credentials(node, link, &format!("{node}:{link}"));
        let pc = Pc::new(local, offer.map(read), self.now);
        self.nodes[node].pcs.insert(link, pc);
        link
    }

    /// It may dial whom it sees: a Synapse-NG node once, if it has no connection object; an agent if its application does.
    pub(crate) fn original_sees(&mut self, node: usize, of: usize) {
        let peer = self.nodes[of].id.clone();
        let dials = match self.nodes[node].kind {
            Kind::Synapse => !self.synapse(node).stored.contains_key(&peer) && self.dice.random_bool(0.3),
            Kind::Agent { dials, .. } => dials && !self.agent(node).stored.contains_key(&peer),
            Kind::Ours => false,
        };
        if dials && self.nodes[of].kind == Kind::Ours {
            self.original_dials(node, &peer);
        }
    }

    fn original_dials(&mut self, node: usize, peer: &PeerId) {
        let link = self.new_pc(node, None);
        let life = self.nodes[node].life;
        match &mut self.nodes[node].mind {
            Some(Mind::Synapse(synapse)) => {
                synapse.stored.insert(peer.clone(), link);
                synapse.asking.insert(link);
            }
            Some(Mind::Agent(agent)) => {
                agent.stored.insert(peer.clone(), link);
                agent.asking.insert(link);
                self.later(Duration::from_secs(5), Happening::Fallback { node, life, link });
            }
            _ => {}
        }
        self.says(node, peer, link, DescriptionKind::Offer);
    }

    fn says(&mut self, node: usize, peer: &PeerId, link: u64, kind: DescriptionKind) {
        let local = self.nodes[node].pcs[&link].local.clone();
        self.send(node, peer, None, Signal::Description(write(kind, &local)));
    }

    /// An agent that dialled and is not linked after five seconds throws its connection away and offers a new one, once.
    pub(crate) fn fall_back(&mut self, node: usize, life: u32, link: u64) {
        if self.nodes[node].life != life || !self.nodes[node].runs() {
            return;
        }
        let stored = self.agent(node).stored.iter().find(|(_, stored)| **stored == link);
        let Some(peer) = stored.map(|(peer, _)| peer.clone()) else { return };
        if self.nodes[node].pcs.get(&link).is_some_and(|pc| pc.state == PcState::Connecting) {
            self.nodes[node].pcs.remove(&link);
            let fresh = self.new_pc(node, None);
            let agent = self.agent(node);
            agent.stored.insert(peer.clone(), fresh);
            agent.asking.insert(fresh);
            self.says(node, &peer, fresh, DescriptionKind::Offer);
        }
    }

    pub(crate) fn original_hears(&mut self, node: usize, from: usize, signal: Signal) {
        let peer = self.nodes[from].id.clone();
        if self.nodes[node].kind != Kind::Synapse {
            self.agent_hears(node, &peer, signal);
            return;
        }
        let mail = self.synapse(node).mailbox.entry(peer).or_default();
        match signal {
            Signal::Description(description) if description.kind == DescriptionKind::Offer => {
                mail.offer = Some(description);
            }
            Signal::Description(description) => mail.answer = Some(description),
            Signal::Candidate(candidate) => mail.candidates.push(candidate),
            Signal::EndOfCandidates { .. } => panic!("a Synapse-NG node is told the end of candidates"),
        }
    }

    pub(crate) fn poll_mailbox(&mut self, node: usize, life: u32) {
        if self.nodes[node].life != life || self.nodes[node].mind.is_none() {
            return;
        }
        self.later(Duration::from_secs(2), Happening::Poll { node, life });
        if self.server_down || self.isolated.contains(&node) || !self.nodes[node].runs() {
            return;
        }
        for (peer, mail) in std::mem::take(&mut self.synapse(node).mailbox) {
            assert!(mail.candidates.is_empty(), "a Synapse-NG node loses its batch over a candidate");
            if let Some(offer) = mail.offer {
                let link = self.new_pc(node, Some(&offer));
                self.synapse(node).stored.insert(peer.clone(), link);
                self.says(node, &peer, link, DescriptionKind::Answer);
            }
            if let Some(answer) = mail.answer {
                let stored = self.synapse(node).stored.get(&peer).copied();
                let Some(link) = stored.filter(|link| self.synapse(node).asking.remove(link)) else {
                    return; // the exception, and with it the rest of the batch
                };
                if let Some(pc) = self.nodes[node].pcs.get_mut(&link) {
                    pc.remote = Some(read(&answer));
                }
            }
        }
    }

    fn agent_hears(&mut self, node: usize, peer: &PeerId, signal: Signal) {
        let stored = self.agent(node).stored.get(peer).copied();
        match signal {
            Signal::Description(description) if description.kind == DescriptionKind::Offer => {
                self.agent_hears_offer(node, peer, stored, &description);
            }
            Signal::Description(answer) => {
                let Some(link) = stored.filter(|link| self.agent(node).asking.remove(link)) else {
                    return self.agent_dies(node);
                };
                if let Some(pc) = self.nodes[node].pcs.get_mut(&link) {
                    pc.remote = Some(read(&answer));
                }
            }
            Signal::Candidate(_) if stored.is_none() => panic!("a candidate overtakes the offer and kills an agent"),
            Signal::Candidate(_) => {}
            Signal::EndOfCandidates { .. } => panic!("an agent is told the end of candidates"),
        }
    }

    fn agent_hears_offer(&mut self, node: usize, peer: &PeerId, stored: Option<u64>, offer: &Description) {
        let Some(link) = stored else {
            let link = self.new_pc(node, Some(offer));
            self.agent(node).stored.insert(peer.clone(), link);
            return self.says(node, peer, link, DescriptionKind::Answer);
        };
        if self.agent(node).asking.contains(&link) {
            return self.agent_dies(node);
        }
        let theirs = read(offer);
        let pc = &self.nodes[node].pcs[&link];
        let session = |ufrag: &str| self.ufrags.get(ufrag).copied();
        let (before, offered) = (pc.remote.as_ref().and_then(|r| session(&r.ufrag)), session(&theirs.ufrag));
        if let (Some(before), Some(offered)) = (before, offered) {
            let same_process = (before.0, before.1) == (offered.0, offered.1);
            assert!(!same_process || before.2 == offered.2, "an agent is offered a second session");
        }
        let fingerprint = pc.local.fingerprint.clone();
        let local = self.new_credentials(node, link, &fingerprint);
        let renews = matches!(self.nodes[node].kind, Kind::Agent { renews: true, .. });
        if let Some(pc) = self.nodes[node].pcs.get_mut(&link) {
            let is_new = pc.remote.as_ref().is_some_and(|remote| remote.fingerprint != theirs.fingerprint);
            if is_new && renews {
                (pc.partner, pc.state, pc.fits) = (None, PcState::Connecting, 0);
            }
            pc.remote = Some(theirs);
            pc.local = local;
        }
        self.says(node, peer, link, DescriptionKind::Answer);
    }

    /// An unhandled rejection ends the process; whoever runs it starts it anew.
    fn agent_dies(&mut self, node: usize) {
        self.deaths += 1;
        self.crash(node, Duration::from_secs(3));
    }
}
