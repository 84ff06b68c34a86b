use std::time::Duration;

use sangam_mesh_proto::agent_event::AgentEventKind;
use sangam_mesh_proto::mesh::{self, DialOutcome, Source};
use sangam_mesh_proto::sdp::{CandidateLine, Transport};
use sangam_mesh_proto::tally::Direction;
use sangam_mesh_proto::{Description, DescriptionKind, Failure, LinkId, LinkState, PeerId, SelectedPair, Signal, Via};
use sangam_telemetry::metrics::mesh::{MeshLink, MeshPath};

use super::Engine;
use super::book::Entry;
use crate::discovery::Report;
use crate::endpoint::LocalCandidate;

/// Between two times that relays and servers are asked whether they still know us.
const CHECK_PAUSE: Duration = Duration::from_secs(2);

impl Engine {
    /// What the mesh says happened.
    pub(super) fn on_mesh_event(&mut self, event: mesh::Event) {
        use mesh::Event;
        match event {
            Event::Discovered(sighting) => {
                tracing::info!(peer = %sighting.peer, by = source_word(sighting.source), "a peer was found");
            }
            Event::Forgotten(peer) => tracing::debug!(%peer, "a peer is forgotten"),
            Event::Attempt { link, peer, ours, number } => self.on_attempt(link, &peer, ours, number),
            Event::Attempted { link, peer, outcome } => self.on_attempted(link, &peer, outcome),
            Event::Up { link, peer, profile, again } => {
                tracing::info!(%peer, profile = profile.as_str(), again, "a link is open");
                self.on_up(link, &peer, profile);
            }
            Event::Interrupted { peer, .. } => {
                tracing::info!(%peer, "a peer fell silent");
                self.metrics.interrupted();
                self.check_ways();
            }
            Event::Down { link, peer, why } => self.on_down(link, &peer, why),
            Event::Retry { peer, at, number } => {
                let (_, now) = self.clock.now();
                let pause = at.saturating_since(now.mono);
                let event = self.event(AgentEventKind::ReconnectionScheduled, &peer).with("attempt_number", number);
                self.emit(event.with("backoff_delay_ms", pause.as_millis() as u64));
                tracing::debug!(%peer, ?pause, number, "the next attempt is planned");
            }
            Event::Glare { peer, kept } => {
                tracing::debug!(%peer, kept, "two offers crossed");
                self.metrics.glared(if kept { "kept" } else { "given_up" });
            }
            Event::Refused { peer, why } => {
                tracing::debug!(%peer, why = why.as_str(), "a signal is refused");
                self.metrics.signal_dropped(why.as_str());
            }
            Event::SignalDropped { peer } => {
                tracing::debug!(%peer, "a signal came late");
                self.metrics.signal_dropped("late");
            }
        }
    }

    /// A peer fell silent, but it may be us: what its link needs to come back is asked now, before it is needed. Many peers
    /// fall silent together.
    fn check_ways(&mut self) {
        let (instant, _) = self.clock.now();
        if self.checked.is_none_or(|at| at + CHECK_PAUSE <= instant) {
            self.checked = Some(instant);
            self.endpoint.check();
            self.discovery.check();
        }
    }

    fn on_attempt(&mut self, link: LinkId, peer: &PeerId, ours: bool, number: u32) {
        self.tally.attempted(direction(ours));
        self.metrics.attempted(ours);
        if let Some(entry) = self.book.get_mut(link) {
            entry.is_ours = ours;
        }
        self.attempts.insert(link, ours);
        tracing::debug!(%peer, ours, number, "an attempt begins");
    }

    fn on_attempted(&mut self, link: LinkId, peer: &PeerId, outcome: DialOutcome) {
        let direction = direction(self.attempts.remove(&link).unwrap_or_default());
        match outcome {
            DialOutcome::Established => {
                let entry = self.book.get(link);
                let took = entry.and_then(Entry::connect_time).unwrap_or_default();
                let pair = self.links.pair(link);
                self.tally.established(direction, took, pair.as_ref());
                if let Some(pair) = &pair {
                    self.metrics.established(path_of(pair), took);
                }
                self.discovery.report(peer, Report::Established { pair, took });
            }
            DialOutcome::Failed(why) => {
                self.tally.failed(direction, why);
                self.discovery.report(peer, Report::Failed(why));
                if why.is_fault() {
                    self.metrics.failed(why.as_str());
                    tracing::info!(%peer, why = why.as_str(), "no link came about");
                } else {
                    self.metrics.abandoned(why.as_str());
                }
            }
        }
    }

    fn on_down(&mut self, link: LinkId, peer: &PeerId, why: Failure) {
        tracing::info!(%peer, why = why.as_str(), "a link is over");
        self.tally.lost(why);
        self.metrics.closed(why.as_str(), why.is_fault());
        self.told_link_state(link, LinkState::Closed(why));
        self.emit(self.event(AgentEventKind::DataChannelClosed, peer));
        self.emit(self.event(AgentEventKind::PeerDisconnected, peer).with("reason", why.as_str()));
    }

    pub(super) fn told_link_state(&mut self, link: LinkId, state: LinkState) {
        let (_, now) = self.clock.now();
        let Some(entry) = self.book.get_mut(link) else { return };
        let is_over = matches!(state, LinkState::Closed(_));
        let after = (!is_over).then(|| MeshLink { state: state.as_str(), profile: entry.profile.as_str() });
        let before = std::mem::replace(&mut entry.counted, after);
        let path_before = entry.counted_path;
        if after.is_none() {
            entry.counted_path = None;
        }
        let (path_after, peer) = (entry.counted_path, entry.peer.clone());
        if before != after {
            let event =
                self.event(AgentEventKind::ConnectionStateChanged, &peer).with("state", state.connection_state());
            self.emit(match state {
                LinkState::Closed(why) => event.with("reason", why.as_str()),
                _ => event,
            });
            self.metrics.link_changed(before, after);
            if after.is_some() || self.book.open_with(&peer).is_none_or(|(open, _)| open == link) {
                self.tally.state(&peer, state, now.wall);
            }
        }
        if path_before != path_after {
            self.metrics.path_changed(path_before, path_after);
            self.tally.pair(&peer, None);
        }
    }

    pub(super) fn told_pair(&mut self, link: LinkId, pair: &SelectedPair) {
        let Some(entry) = self.book.get_mut(link) else { return };
        let after = Some(path_of(pair));
        let before = std::mem::replace(&mut entry.counted_path, after);
        let peer = entry.peer.clone();
        if before != after {
            self.metrics.path_changed(before, after);
            if pair.is_relayed() {
                let event = self.event(AgentEventKind::TurnConnectionDetected, &peer);
                self.emit(event.with("candidateType", pair.local_kind.as_str()));
            }
        }
        if let Some(round_trip) = pair.round_trip {
            self.metrics.round_trip(path_of(pair), round_trip);
        }
        self.tally.pair(&peer, Some(pair.clone()));
    }

    pub(super) fn told_channel_open(&mut self, link: LinkId) {
        let Some(entry) = self.book.get(link) else { return };
        self.emit(self.event(AgentEventKind::DataChannelOpen, &entry.peer));
        tracing::debug!(peer = %entry.peer, took = ?entry.connect_time(), "messages may pass");
    }

    pub(super) fn told_description(&mut self, link: LinkId, kind: DescriptionKind, sdp: &str) {
        let Some(entry) = self.book.get(link) else { return };
        let kind = match kind {
            DescriptionKind::Offer => AgentEventKind::OfferCreated,
            DescriptionKind::Answer => AgentEventKind::AnswerCreated,
        };
        self.emit(self.event(kind, &entry.peer).with_sdp(sdp));
    }

    /// A candidate of ours goes to a peer, in a description or after it. The line is the one that Synapse-NG's guide has
    /// operators look for; all that is relayed is UDP, whatever leads to the relay.
    pub(super) fn told_candidate(&mut self, link: LinkId, candidate: &LocalCandidate) {
        let kind = candidate.kind.as_str();
        self.tally.candidate_sent(candidate.kind);
        self.metrics.candidate("sent", kind);
        if let Some(entry) = self.book.get(link) {
            tracing::debug!("🧊 ICE candidate per {}...: type={kind}, protocol=udp", short(&entry.peer));
        }
    }

    pub(super) fn told_signal(&mut self, to: &PeerId, via: Option<&Via>, signal: &Signal) {
        tracing::trace!(%to, kind = signal_kind(signal), "a signal leaves");
        self.metrics.signal("sent", signal_kind(signal), via.map_or("any", via_word));
        if let Signal::Candidate(candidate) = signal {
            self.emit(self.event(AgentEventKind::IceCandidateSent, to).with_candidate(candidate.clone()));
        }
    }

    pub(super) fn heard_signal(&mut self, from: &PeerId, via: &Via, signal: &Signal) {
        tracing::trace!(%from, kind = signal_kind(signal), "a signal came");
        self.metrics.signal("received", signal_kind(signal), via_word(via));
        if let Signal::Description(Description { kind: DescriptionKind::Answer, sdp }) = signal {
            self.emit(self.event(AgentEventKind::AnswerReceived, from).with_sdp(sdp));
        }
    }

    pub(super) fn heard_candidate(&mut self, link: LinkId, line: &CandidateLine) {
        let kind = line.kind.as_str();
        self.tally.candidate_received(line.kind);
        self.metrics.candidate("received", kind);
        if let Some(entry) = self.book.get(link) {
            tracing::debug!(peer = %entry.peer, kind, protocol = transport_word(line.transport), "a candidate of a peer");
        }
    }

    pub(super) fn told_source(&mut self, source: Source, up: bool, detail: &str) {
        let (word, place) = (source_word(source), source_place(source));
        self.metrics.source(word, place, up);
        if up {
            self.tell_mesh(mesh::Input::SourceUp);
            tracing::info!(source = word, %detail, "a way to find peers works");
            if let Source::Signaling(place) = source {
                self.emit(self.own_event(AgentEventKind::SignalingConnected).with("server", place));
            }
        } else {
            tracing::warn!(source = word, %detail, "a way to find peers does not work; it is tried again");
            // A NAT that has forgotten this way has forgotten the others, and shows it here first.
            self.check_ways();
        }
    }
}

fn transport_word(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
    }
}

fn direction(ours: bool) -> Direction {
    if ours { Direction::Outbound } else { Direction::Inbound }
}

pub(super) fn path_of(pair: &SelectedPair) -> MeshPath {
    MeshPath { kind: pair.local_kind.as_str(), protocol: pair.protocol.as_str(), relayed: pair.is_relayed() }
}

fn source_word(source: Source) -> &'static str {
    match source {
        Source::Mdns => "mdns",
        Source::Rendezvous(_) => "rendezvous",
        Source::Bootstrap => "bootstrap",
        Source::Signaling(_) => "signaling",
        Source::Gossip => "gossip",
        Source::Contact => "contact",
    }
}

fn source_place(source: Source) -> u8 {
    match source {
        Source::Rendezvous(place) | Source::Signaling(place) => place,
        Source::Mdns | Source::Bootstrap | Source::Gossip | Source::Contact => 0,
    }
}

fn via_word(via: &Via) -> &'static str {
    match via {
        Via::Rendezvous(_) => "rendezvous",
        Via::Signaling(_) => "signaling",
        Via::Http => "http",
        Via::Peer(_) => "peer",
        Via::Link => "link",
    }
}

fn signal_kind(signal: &Signal) -> &'static str {
    match signal {
        Signal::Description(description) if description.kind == DescriptionKind::Offer => "offer",
        Signal::Description(_) => "answer",
        Signal::Candidate(_) => "candidate",
        Signal::EndOfCandidates { .. } => "end",
    }
}

/// The beginning of an id, as the originals' logs have it.
fn short(peer: &PeerId) -> String {
    peer.as_str().chars().take(8).collect()
}
