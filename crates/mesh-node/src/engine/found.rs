use std::time::SystemTime;

use sangam_mesh_proto::mesh::{self, Sighting, Source};
use sangam_mesh_proto::state::{Packet, Received};
use sangam_mesh_proto::{PeerId, Profile, Signal, Via};
use serde::Deserialize as _;
use serde_json::Value;

use super::Engine;
use super::topics::Heard;
use crate::discovery::{self, Discovered};
use crate::endpoint::{IceServer, ServerUrl};

impl Engine {
    pub(super) fn on_discovered(&mut self, discovered: Discovered) {
        match discovered {
            Discovered::Seen(sighting) => self.on_seen(sighting),
            Discovered::Left { peer, source } => self.tell_mesh(mesh::Input::Left { peer, source }),
            Discovered::Signal { from, via, signal } => {
                self.on_signal(from, via, signal);
            }
            Discovered::IceServers { servers, expires_at, from } => {
                let servers = servers.into_iter().map(|server| read_server(server, expires_at)).collect();
                self.on_ice_servers(from, servers);
            }
            Discovered::Source { source, up, detail } => self.told_source(source, up, &detail),
            Discovered::Undeliverable { to, signal } => self.on_undeliverable(to, signal),
            Discovered::GossipReply(packet) => self.on_gossip_reply(&packet),
            Discovered::StateOf(url, document) => self.on_state_of(&url, &document.value),
            Discovered::Channels { url, common } => self.gossip_with(&url, &common),
            Discovered::OwnUrl(url) => self.on_own_url(url),
        }
    }

    fn on_seen(&mut self, sighting: Sighting) {
        if self.is_us(&sighting.peer) {
            return;
        }
        let (_, now) = self.clock.now();
        // Agents and browsers are no nodes of the state document.
        if sighting.url.is_some() {
            let is_mdns = sighting.source == Source::Mdns;
            self.state.seen(&sighting.peer, sighting.url.as_deref(), is_mdns, now.wall);
        }
        self.tell_mesh(mesh::Input::Seen(sighting));
    }

    /// Servers of one source take the place of those it gave before; the configured ones stay.
    fn on_ice_servers(&mut self, from: Source, servers: Vec<IceServer>) {
        if !self.options.take_servers {
            return;
        }
        self.handed_out.insert(from, servers);
        let handed_out = self.handed_out.values().flatten();
        let servers = self.options.endpoint.servers.iter().chain(handed_out).cloned().collect();
        self.endpoint.set_servers(servers);
    }

    /// No server and no HTTP API took a signal: linked nodes may pass it on.
    fn on_undeliverable(&mut self, to: PeerId, signal: Option<Signal>) {
        let us = self.us.clone();
        if !signal.is_some_and(|signal| self.relay_by_links(&us, &to, &signal)) {
            self.tell_mesh(mesh::Input::Undeliverable { to });
        }
    }

    /// A node's whole document, from its HTTP API.
    fn on_state_of(&mut self, url: &str, document: &Value) {
        let (_, now) = self.clock.now();
        let merged = self.state.merge_document(document, now.wall);
        self.see_nodes(&merged.renewed);
        let Some(node) = self.state.node_at(url) else { return };
        let (peer, profile) = (node.id.clone(), node.profile());
        let url = Some(url.to_owned());
        self.on_seen(Sighting { peer, source: Source::Gossip, url, profile });
    }

    /// Tells the mesh of nodes whose record others have made newer just now.
    pub(super) fn see_nodes(&mut self, renewed: &[PeerId]) {
        for id in renewed {
            let told = self.state.node(id).filter(|node| node.last_seen > 0.0 && !self.is_us(id));
            let sighting = told.map(|node| {
                let (peer, profile, url) = (node.id.clone(), node.profile(), node.url.map(str::to_owned));
                Sighting { peer, source: Source::Gossip, url, profile }
            });
            if let Some(sighting) = sighting {
                self.tell_mesh(mesh::Input::Seen(sighting));
            }
        }
    }

    fn gossip_with(&mut self, url: &str, common: &[String]) {
        let (_, now) = self.clock.now();
        for channel in common {
            if let Some(packet) = self.state.packet(&self.identity, channel, now.wall) {
                self.discovery.gossip(url, serde_json::json!(packet));
            }
        }
    }

    fn on_gossip_reply(&mut self, packet: &Value) {
        let (_, now) = self.clock.now();
        let Ok(packet) = Packet::deserialize(packet) else { return };
        match self.state.receive(&packet, now.wall) {
            Ok(Received::Merged(merged)) => self.on_merged(&packet.channel_id, &merged, Heard::OneNode),
            Ok(Received::Unsubscribed) => {}
            Err(error) => tracing::debug!(%error, "a node's gossip is refused"),
        }
    }

    fn on_own_url(&mut self, url: String) {
        let (_, now) = self.clock.now();
        tracing::info!(%url, "others reach this node's API here");
        self.state.set_url(Some(url.clone()), now.wall);
        self.url = Some(url);
    }

    /// Passes a signal to everybody who may know its receiver: to the receiver itself if it is linked, else to every node like
    /// ours, that passes it on once.
    pub(super) fn relay_by_links(&mut self, from: &PeerId, to: &PeerId, signal: &Signal) -> bool {
        let receivers: Vec<_> = match self.book.open_with(to) {
            Some((link, entry)) => vec![(link, entry.profile)],
            None => self
                .book
                .iter()
                .filter(|(_, entry)| entry.is_up && entry.profile == Profile::Sangam && entry.peer != *from)
                .map(|(link, entry)| (link, entry.profile))
                .collect(),
        };
        let mut is_sent = false;
        for (link, profile) in receivers {
            is_sent |= self.send_relayed(link, profile, from, to, signal, 1);
        }
        is_sent
    }

    /// A signal that a linked peer passes on.
    pub(super) fn on_relayed(&mut self, by: PeerId, from: PeerId, signal: Signal) {
        self.on_signal(from, Via::Peer(by), signal);
    }
}

/// What can be read of it: a URL that makes no sense is left out.
fn read_server(server: discovery::IceServer, expires: Option<SystemTime>) -> IceServer {
    let discovery::IceServer { urls, username, credential } = server;
    let read = |url: &String| {
        let parsed = ServerUrl::parse(url);
        parsed.inspect_err(|error| tracing::warn!(%url, %error, "a handed out server is left out")).ok()
    };
    IceServer { urls: urls.iter().filter_map(read).collect(), username, credential, expires }
}
