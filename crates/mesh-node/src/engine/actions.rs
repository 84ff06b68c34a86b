use std::net::SocketAddr;
use std::sync::Arc;

use sangam_mesh_proto::identity::Proof;
use sangam_mesh_proto::mesh::{self, Action, Gathering};
use sangam_mesh_proto::sdp::{self, CandidateLine, Mark};
use sangam_mesh_proto::state::GLOBAL;
use sangam_mesh_proto::{
    Candidate, Description, DescriptionKind, Failure, LinkId, LinkState, PeerId, Profile, Signal, Via,
};

use super::Engine;
use super::book::Entry;
use super::describing::{Kind, Task};
use crate::endpoint::LocalCandidate;
use crate::webrtc::{LinkError, with_end_of_candidates};

/// The data channel's name where the peer is an agent, and elsewhere. Both accept any; these are what they use.
const AGENT_LABEL: &str = "if-agent-messaging";
const NODE_LABEL: &str = "synapse-data";

impl Engine {
    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::Offer { link, peer, profile, gathering } => {
                self.enter(link, &peer, profile);
                let label = if profile == Profile::Agent { AGENT_LABEL } else { NODE_LABEL };
                // Whoever is known by signaling servers alone may be an agent.
                let trickles = gathering == Gathering::Trickle;
                let remembers = profile == Profile::Agent || (profile == Profile::Unknown && trickles);
                self.describe(Task { link, peer, kind: Kind::Offer { label, remembers }, gathering });
            }
            Action::Answer { link, peer, profile, offer, gathering } => {
                self.enter(link, &peer, profile);
                self.describe(Task { link, peer, kind: Kind::Answer { offer }, gathering });
            }
            Action::Restart { link, gathering } => self.describe_again(link, Kind::Restart, gathering),
            Action::Reanswer { link, offer, gathering } => self.describe_again(link, Kind::Answer { offer }, gathering),
            Action::Accept { link, answer } => self.accept(link, &answer),
            Action::AddCandidate { link, candidate } => self.add_remote(link, &candidate),
            Action::Close { link, why } => self.close(link, why),
            Action::Send { to, via, signal } => self.send_signal(&to, via, &signal),
        }
    }

    fn enter(&mut self, link: LinkId, peer: &PeerId, profile: Profile) {
        let (instant, _) = self.clock.now();
        let lookups_max = self.options.links.candidates_max;
        self.book.insert(link, Entry::new(peer.clone(), profile, lookups_max, instant));
        self.told_link_state(link, LinkState::Connecting);
    }

    fn describe_again(&mut self, link: LinkId, kind: Kind, gathering: Gathering) {
        let Some(peer) = self.book.get(link).map(|entry| entry.peer.clone()) else { return };
        self.describe(Task { link, peer, kind, gathering });
    }

    fn describe(&mut self, task: Task) {
        let (_, now) = self.clock.now();
        if let Some(task) = self.describing.wait(task, self.endpoint.gathered(), now.mono) {
            self.describe_now(task);
        }
    }

    /// Makes the descriptions that need not wait any longer.
    pub(super) fn describe_due(&mut self) {
        let (_, now) = self.clock.now();
        for task in self.describing.due(self.endpoint.gathered(), now.mono) {
            self.describe_now(task);
        }
    }

    fn describe_now(&mut self, task: Task) {
        let locals = self.endpoint.candidates();
        let is_whole = matches!(task.gathering, Gathering::Whole { .. });
        let made = self.make(&task, &locals).map(|text| if is_whole { with_end_of_candidates(&text) } else { text });
        let kind = match task.kind {
            Kind::Offer { .. } | Kind::Restart => DescriptionKind::Offer,
            Kind::Answer { .. } => DescriptionKind::Answer,
        };
        let described = made.map(|text| self.marked(&task.peer, kind, &text));
        let sdp = match described {
            Ok(sdp) => sdp,
            Err(error) => {
                tracing::debug!(peer = %task.peer, %error, "no description could be made");
                self.tell_mesh(mesh::Input::Refused { link: task.link, why: error.failure() });
                return;
            }
        };
        for candidate in &locals {
            self.told_candidate(task.link, candidate);
        }
        self.told_description(task.link, kind, &sdp);
        let ufrag = sdp::ufrag(&sdp).map(str::to_owned);
        let description = Description { kind, sdp: Arc::from(sdp) };
        self.tell_mesh(mesh::Input::Described { link: task.link, description });
        if !is_whole && self.endpoint.gathered() {
            self.tell_mesh(mesh::Input::GatheringDone { link: task.link, ufrag });
        }
    }

    fn make(&mut self, task: &Task, locals: &[LocalCandidate]) -> Result<String, LinkError> {
        let (instant, _) = self.clock.now();
        match &task.kind {
            Kind::Offer { label, remembers: false } => self.links.offer(task.link, label, locals, instant),
            Kind::Offer { label, remembers: true } => self.links.offer_anew(task.link, label, locals, instant),
            Kind::Restart => self.links.restart(task.link, locals, instant),
            Kind::Answer { offer } => {
                let answer = self.links.answer(task.link, &sdp::unmarked(&offer.sdp), locals, instant)?;
                self.note_signer(task.link, &offer.sdp);
                self.on_remote_candidates(task.link, &offer.sdp);
                Ok(answer)
            }
        }
    }

    /// Says in the description who we are, with proof where one can be made.
    fn marked(&self, peer: &PeerId, kind: DescriptionKind, text: &str) -> String {
        let (_, now) = self.clock.now();
        let proof = Proof::make(&self.identity, Some(peer), kind, text, now.wall);
        if let Err(error) = &proof {
            tracing::debug!(%error, "a description goes without proof");
        }
        let mark = Mark::new(self.us.clone(), proof.ok());
        sdp::mark(text, &mark).unwrap_or_else(|_| text.to_owned())
    }

    fn accept(&mut self, link: LinkId, answer: &Description) {
        let (instant, _) = self.clock.now();
        match self.links.accept(link, &sdp::unmarked(&answer.sdp), instant) {
            Ok(()) => {
                self.note_signer(link, &answer.sdp);
                self.on_remote_candidates(link, &answer.sdp);
            }
            Err(error) => {
                tracing::debug!(%error, "an answer is of no use");
                self.tell_mesh(mesh::Input::Refused { link, why: error.failure() });
            }
        }
    }

    /// Candidates in a peer's description: they may use the relays, and names among them are resolved.
    fn on_remote_candidates(&mut self, link: LinkId, text: &str) {
        for line in sdp::candidates(text).unwrap_or_default() {
            self.on_remote_line(link, &line);
        }
        self.resolve_names(link, text);
    }

    pub(super) fn on_remote_line(&mut self, link: LinkId, line: &CandidateLine) {
        self.heard_candidate(link, line);
        if let Some(address) = line.address() {
            self.permit(link, address);
        }
    }

    fn permit(&mut self, link: LinkId, address: SocketAddr) {
        let Some(entry) = self.book.get_mut(link) else { return };
        let has_room = entry.permitted.len() < self.options.links.candidates_max;
        if has_room && !entry.permitted.contains(&address) {
            entry.permitted.push(address);
            self.endpoint.permit(address);
        }
    }

    fn close(&mut self, link: LinkId, why: Failure) {
        let (instant, _) = self.clock.now();
        self.links.close(link, instant);
        self.told_link_state(link, LinkState::Closed(why));
        self.leave(link, why);
    }

    /// The link is over: whatever was kept for it goes.
    pub(super) fn leave(&mut self, link: LinkId, why: Failure) {
        self.describing.forget(link);
        self.told_link_state(link, LinkState::Closed(why));
        let Some(entry) = self.book.remove(link) else { return };
        for address in entry.permitted {
            self.endpoint.forget(address);
        }
        if entry.is_up {
            let (_, now) = self.clock.now();
            self.gossip.handle_input(now, sangam_mesh_proto::gossip::Input::Down { link });
            self.tell_relays();
        }
        tracing::debug!(peer = %entry.peer, why = why.as_str(), "a link is over");
    }

    fn send_signal(&mut self, to: &PeerId, via: Option<Via>, signal: &Signal) {
        let view = self.mesh.peer(to);
        let url = view.as_ref().and_then(|view| view.url.clone());
        let is_whole = view.as_ref().is_some_and(|view| !view.profile.takes_candidates());
        let via = via.map(|via| if is_whole { self.heard_way(via) } else { via });
        self.told_signal(to, via.as_ref(), signal);
        let is_offer = matches!(signal, Signal::Description(description) if description.kind == DescriptionKind::Offer);
        let introduction = if is_whole && is_offer { self.introduction() } else { None };
        match introduction {
            Some(packet) => self.discovery.send_introduced(to, via, url.as_deref(), signal, packet),
            None => self.discovery.send(to, via, url.as_deref(), signal, is_whole),
        }
    }

    /// The packet that tells a Synapse-NG node where we are: it sends its answer there.
    fn introduction(&mut self) -> Option<serde_json::Value> {
        let (_, now) = self.clock.now();
        let packet = self.state.packet(&self.identity, GLOBAL, now.wall)?;
        Some(serde_json::json!(packet))
    }

    /// A Synapse-NG node passes signals on over its links, where another one does not listen: the peer's own HTTP API comes first.
    fn heard_way(&self, via: Via) -> Via {
        match &via {
            Via::Peer(relay) if self.mesh.peer(relay).is_some_and(|view| view.profile == Profile::Synapse) => Via::Http,
            _ => via,
        }
    }

    /// A candidate of ours was found after descriptions had been made.
    pub(super) fn on_candidate_found(&mut self, candidate: &LocalCandidate) {
        let (instant, _) = self.clock.now();
        for (link, trickled) in self.links.add_local(candidate, instant) {
            self.told_candidate(link, candidate);
            self.tell_mesh(mesh::Input::Gathered { link, candidate: trickled });
        }
    }

    /// All of them are known.
    pub(super) fn on_gathered(&mut self) {
        self.describe_due();
        let links: Vec<LinkId> = self.book.iter().map(|(link, _)| link).collect();
        for link in links {
            self.tell_mesh(mesh::Input::GatheringDone { link, ufrag: None });
        }
    }

    fn add_remote(&mut self, link: LinkId, candidate: &Candidate) {
        let Ok(line) = CandidateLine::parse(&candidate.line) else { return };
        if line.address().is_none() {
            return self.resolve(link, candidate.clone());
        }
        self.on_remote_line(link, &line);
        let (instant, _) = self.clock.now();
        if let Err(error) = self.links.add_remote(link, candidate, instant) {
            tracing::debug!(%error, "a candidate is of no use");
        }
    }
}
