//! What a machine of ours asks for is done, and asserted to be possible.

use std::time::Duration;

use rand::RngExt as _;
use sangam_mesh_proto::mesh::{Action, Gathering, Input, Output};
use sangam_mesh_proto::{Candidate, Description, DescriptionKind, LinkId};

use crate::node::Mind;
use crate::stack::{Credentials, Pc, read, write};
use crate::world::{Happening, World};

impl World {
    pub(crate) fn feed(&mut self, node: usize, input: Input) {
        let clock = self.clock();
        if let Some(Mind::Ours(mesh)) = &mut self.nodes[node].mind {
            mesh.handle_input(clock, input);
        }
        while let Some(Mind::Ours(mesh)) = &mut self.nodes[node].mind {
            match mesh.poll_output(clock) {
                Output::Act(action) => self.act(node, action),
                Output::Event(event) => self.nodes[node].account.enter(&event),
                Output::Wait(wait) => {
                    assert!(wait.is_none_or(|wait| wait > clock.mono), "the machine does not rest");
                    self.nodes[node].wait = wait;
                    return;
                }
            }
        }
    }

    fn pc(&mut self, node: usize, link: LinkId) -> &mut Pc {
        self.nodes[node].pcs.get_mut(&link.0).expect("something is done to a link that is not there")
    }

    fn act(&mut self, node: usize, action: Action) {
        // All sessions of a process share a certificate.
        let certificate = format!("{node}:{}", self.nodes[node].life);
        let now = self.now;
        match action {
            Action::Offer { link, gathering, .. } => {
                let local = self.new_credentials(node, link.0, &certificate);
                let old = self.nodes[node].pcs.insert(link.0, Pc::new(local.clone(), None, now));
                assert!(old.is_none(), "a name is used twice");
                self.describe(node, link, DescriptionKind::Offer, &local, gathering);
            }
            Action::Answer { link, offer, gathering, .. } => {
                let local = self.new_credentials(node, link.0, &certificate);
                let old = self.nodes[node].pcs.insert(link.0, Pc::new(local.clone(), Some(read(&offer)), now));
                assert!(old.is_none(), "a name is used twice");
                self.describe(node, link, DescriptionKind::Answer, &local, gathering);
            }
            Action::Restart { link, gathering } => {
                let local = self.new_credentials(node, link.0, &certificate);
                self.pc(node, link).offered = Some(local.clone());
                self.describe(node, link, DescriptionKind::Offer, &local, gathering);
            }
            Action::Reanswer { link, offer, gathering } => {
                let local = self.new_credentials(node, link.0, &certificate);
                let pc = self.pc(node, link);
                pc.offered = None;
                pc.local = local.clone();
                pc.remote = Some(read(&offer));
                self.describe(node, link, DescriptionKind::Answer, &local, gathering);
            }
            Action::Accept { link, answer } => {
                let pc = self.pc(node, link);
                let offered = pc.offered.take();
                assert!(pc.remote.is_none() || offered.is_some(), "an answer without an offer");
                pc.local = offered.unwrap_or_else(|| pc.local.clone());
                pc.remote = Some(read(&answer));
            }
            Action::AddCandidate { link, candidate } => {
                let pc = self.pc(node, link);
                let remote = pc.remote.as_ref().expect("a candidate before the description");
                let named = candidate.ufrag.as_ref();
                assert!(named.is_none_or(|named| *named == remote.ufrag), "a candidate of another generation");
                pc.candidates += 1;
            }
            Action::Close { link, .. } => self.close(node, link.0),
            Action::Send { to, via, signal } => self.send(node, &to, via.as_ref(), signal),
        }
    }

    fn describe(
        &mut self,
        node: usize,
        link: LinkId,
        kind: DescriptionKind,
        local: &Credentials,
        gathering: Gathering,
    ) {
        let at = (node, self.nodes[node].life, link.0);
        let (delay, trickles) = match gathering {
            Gathering::Trickle => (self.some(5), true),
            Gathering::Whole { .. } => (Duration::from_millis(100) + self.some(900), false),
        };
        let description: Description = write(kind, local);
        self.later(delay, Happening::Described { at, description });
        for n in 0..if trickles { 2 } else { 0 } {
            let delay = delay + Duration::from_millis(10) + self.some(300);
            let ufrag = self.dice.random_bool(0.9).then(|| local.ufrag.clone());
            let line = format!("candidate:{n} 1 udp 1 192.0.2.1 9 typ host");
            let candidate = Candidate { line, mid: Some("0".into()), line_index: Some(0), ufrag };
            self.later(delay, Happening::Gathered { at, candidate });
        }
    }
}
