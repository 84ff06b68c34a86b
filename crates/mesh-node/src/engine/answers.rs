use std::time::Instant;

use sangam_mesh_proto::agent_event::AgentEventKind;
use sangam_mesh_proto::state::{Packet, Received};
use sangam_mesh_proto::{LinkId, PeerId, Profile, Signal, Via, mesh};
use tokio::sync::oneshot;

use super::book::Entry;
use super::topics::Heard;
use super::{Engine, GOODBYE, Stopping};
use crate::node::{Command, GossipOutcome, IceState, LinkView, NodeView, RelayOutcome, SignalOutcome, TopicsView};
use sangam_mesh_proto::LinkState;

/// URLs a handshake tells of at most, as in the original.
const KNOWN_PEERS_MAX: usize = 10;

impl Engine {
    pub(super) fn on_command(&mut self, command: Command) {
        match command {
            Command::Us(reply) => answer(reply, self.us()),
            Command::Links(reply) => answer(reply, self.link_views()),
            Command::Peers(reply) => answer(reply, self.mesh.peers().collect()),
            Command::IceMetrics(reply) => answer(reply, self.tally.to_json(self.clock.now().1.wall)),
            Command::Topics(reply) => {
                answer(reply, TopicsView { topics: self.gossip.topics(), stats: self.gossip.stats() });
            }
            Command::State(reply) => answer(reply, self.state.to_json()),
            Command::Gossip { packet, reply } => {
                let outcome = self.on_posted_packet(&packet);
                answer(reply, outcome);
            }
            Command::Handshake { peer, url, reply } => self.on_handshake(peer, url, reply),
            Command::Signal { from, signal, reply } => self.on_posted_signal(from, signal, reply),
            Command::Relay { from, to, signal, reply } => self.on_posted_relay(&from, &to, &signal, reply),
            Command::Publish { topic, payload, reply } => {
                let (_, now) = self.clock.now();
                answer(reply, self.gossip.publish(now, &topic, payload));
            }
            Command::Subscribe { topic, to, reply } => {
                self.subscribe(topic, to);
                answer(reply, ());
            }
            Command::SendIf { to, message, reply } => {
                let given = self.send_if(&to, &message);
                answer(reply, given);
            }
            Command::Dial(peer) => self.tell_mesh(mesh::Input::Dial(peer)),
            Command::Hang(peer) => self.tell_mesh(mesh::Input::Hang(peer)),
            Command::Vanish => self.vanished = true,
            Command::Stop(reply) => self.on_stop(reply),
        }
    }

    fn us(&self) -> NodeView {
        let channels = self.state.channels().map(str::to_owned).collect();
        NodeView { id: self.us.clone(), url: self.url.clone(), channels }
    }

    fn link_views(&self) -> Vec<LinkView> {
        let now = self.clock.now().0;
        self.book.iter().map(|(link, entry)| self.link_view(link, entry, now)).collect()
    }

    fn link_view(&self, link: LinkId, entry: &Entry, now: Instant) -> LinkView {
        let figures = self.links.figures(link).unwrap_or_default();
        let ice = match (entry.state, &entry.pair) {
            (LinkState::Connecting, None) => IceState::Checking,
            (LinkState::Connecting, Some(_)) => IceState::Connected,
            (LinkState::Open, _) => IceState::Completed,
            (LinkState::Interrupted, _) => IceState::Disconnected,
            (LinkState::Closed(_), _) => IceState::Closed,
        };
        LinkView {
            link,
            peer: entry.peer.clone(),
            profile: entry.profile,
            state: entry.state,
            ice,
            channel_open: entry.opened.is_some() && !matches!(entry.state, LinkState::Closed(_)),
            pair: self.links.pair(link).or_else(|| entry.pair.clone()),
            open_for: entry.opened.map(|opened| now.saturating_duration_since(opened)),
            connect_time: entry.connect_time(),
            bytes: (figures.bytes_sent, figures.bytes_received),
            messages: (figures.messages_sent, figures.messages_received),
            interruptions: entry.interruptions,
        }
    }

    fn on_posted_packet(&mut self, packet: &Packet) -> GossipOutcome {
        let (_, now) = self.clock.now();
        match self.state.receive(packet, now.wall) {
            Ok(Received::Unsubscribed) => GossipOutcome::Unsubscribed,
            Ok(Received::Merged(merged)) => {
                self.on_merged(&packet.channel_id, &merged, Heard::OneNode);
                let reply = self.state.packet(&self.identity, &packet.channel_id, now.wall);
                reply.map_or(GossipOutcome::Unsubscribed, GossipOutcome::Merged)
            }
            Err(error) => GossipOutcome::Refused(error),
        }
    }

    fn on_handshake(&mut self, peer: PeerId, url: String, reply: oneshot::Sender<Vec<String>>) {
        let known = self.mesh.peers().filter_map(|view| view.url);
        let known: Vec<String> = known.take(KNOWN_PEERS_MAX).collect();
        self.discovery.add_url(&url);
        let sighting =
            mesh::Sighting { peer, source: mesh::Source::Bootstrap, url: Some(url), profile: Profile::Unknown };
        self.tell_mesh(mesh::Input::Seen(sighting));
        answer(reply, known);
    }

    /// Answered when its answer has left: everything that comes of it is carried out first.
    fn on_posted_signal(&mut self, from: PeerId, signal: Signal, reply: oneshot::Sender<SignalOutcome>) {
        let outcome = self.on_signal(from, Via::Http, signal);
        self.settle();
        answer(reply, outcome);
    }

    fn on_posted_relay(&mut self, from: &PeerId, to: &PeerId, signal: &Signal, reply: oneshot::Sender<RelayOutcome>) {
        if self.is_us(to) {
            self.on_signal(from.clone(), Via::Http, signal.clone());
            return answer(reply, RelayOutcome::ByLink);
        }
        // An original node ignores what comes over its channel, but takes it by HTTP.
        let linked = self.book.open_with(to).map(|(link, entry)| (link, entry.profile));
        if let Some((link, profile)) = linked
            && profile != Profile::Synapse
            && self.send_relayed(link, profile, from, to, signal, 1)
        {
            return answer(reply, RelayOutcome::ByLink);
        }
        let url = self.mesh.peer(to).and_then(|view| view.url);
        let Some(url) = url else { return answer(reply, RelayOutcome::Unreachable) };
        let posted = self.discovery.pass_on(&url, from, signal);
        tokio::spawn(async move {
            let outcome = if posted.await { RelayOutcome::ByHttp } else { RelayOutcome::Unreachable };
            answer(reply, outcome);
        });
    }

    fn on_stop(&mut self, reply: oneshot::Sender<()>) {
        match &mut self.stopping {
            Some(stopping) => stopping.told.push(reply),
            None => {
                self.stopping = Some(Stopping { until: Instant::now() + GOODBYE, told: vec![reply] });
                self.wanted.stop = Some(Instant::now() + GOODBYE);
                self.emit(self.own_event(AgentEventKind::AgentDisconnected));
                self.tell_mesh(mesh::Input::Stop);
            }
        }
    }
}

/// Whoever asked may have gone.
fn answer<T>(reply: oneshot::Sender<T>, value: T) {
    let _gone: Result<(), T> = reply.send(value);
}
