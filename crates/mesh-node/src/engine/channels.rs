use bytes::Bytes;
use sangam_mesh_proto::channel::{self, Incoming, Relay};
use sangam_mesh_proto::gossip::{self, Frame, RefuseReason};
use sangam_mesh_proto::state::{Packet, Received};
use sangam_mesh_proto::{LinkId, LinkState, PeerId, Profile, Signal, mesh};
use serde_json::Value;

use super::Engine;
use super::book::EARLY_MAX;
use super::topics::Heard;
use crate::discovery::{read_signal, signal_word, write_signal};
use crate::webrtc::LinkEvent;

/// Nodes a relayed signal may come through: the mesh is small in links, and what goes further is better sent by a server.
const RELAY_HOPS_MAX: u8 = 3;

impl Engine {
    pub(super) fn on_link_event(&mut self, link: LinkId, event: LinkEvent) {
        let (instant, _) = self.clock.now();
        match event {
            LinkEvent::State(state) => self.on_link_state(link, state),
            LinkEvent::Opened { label, message_bytes_max } => {
                tracing::debug!(?label, "a data channel is open");
                if let Some(entry) = self.book.get_mut(link) {
                    entry.message_bytes_max = message_bytes_max;
                    entry.opened.get_or_insert(instant);
                }
                self.told_channel_open(link);
            }
            LinkEvent::Message(frame) => {
                self.metrics.received(frame.bytes.len());
                self.on_frame(link, frame);
            }
            LinkEvent::Room(_) => self.tell_room(link),
            LinkEvent::Pair(pair) => self.on_pair(link, pair),
            LinkEvent::RemoteCandidates(_) => {}
        }
    }

    /// Tells topics how much a link takes, once what they gave for it already is in it: else they would give more than it takes,
    /// and that would be lost.
    fn tell_room(&mut self, link: LinkId) {
        let (_, now) = self.clock.now();
        self.settle_gossip(now);
        let bytes = self.links.room(link);
        self.gossip.handle_input(now, gossip::Input::Room { link, bytes });
    }

    fn on_frame(&mut self, link: LinkId, frame: Frame) {
        let (_, now) = self.clock.now();
        match self.book.get_mut(link) {
            Some(entry) if !entry.is_up && entry.early.len() < EARLY_MAX => entry.early.push(frame),
            _ => self.gossip.handle_input(now, gossip::Input::Frame { link, frame }),
        }
    }

    fn on_link_state(&mut self, link: LinkId, state: LinkState) {
        let (instant, _) = self.clock.now();
        let pair = self.links.pair(link);
        if let Some(entry) = self.book.get_mut(link) {
            entry.state = state;
            entry.pair.clone_from(&pair);
            match state {
                LinkState::Interrupted => {
                    entry.interruptions += 1;
                    entry.silent_since.get_or_insert(instant);
                }
                LinkState::Open => {
                    let silent_since = entry.silent_since.take();
                    let returned = silent_since.map(|since| instant.saturating_duration_since(since));
                    returned.inspect(|after| self.metrics.returned(*after));
                }
                LinkState::Connecting | LinkState::Closed(_) => {}
            }
        }
        self.told_link_state(link, state);
        self.tell_mesh(mesh::Input::Link { link, state, pair });
        if let LinkState::Closed(why) = state {
            self.leave(link, why);
        }
    }

    fn on_pair(&mut self, link: LinkId, pair: sangam_mesh_proto::SelectedPair) {
        self.told_pair(link, &pair);
        let state = self.book.get_mut(link).map(|entry| {
            entry.pair = Some(pair.clone());
            entry.state
        });
        if let Some(state @ (LinkState::Connecting | LinkState::Open)) = state {
            self.tell_mesh(mesh::Input::Link { link, state, pair: Some(pair) });
        }
    }

    /// A link may carry messages now.
    pub(super) fn on_up(&mut self, link: LinkId, peer: &PeerId, profile: Profile) {
        let (_, now) = self.clock.now();
        let Some(entry) = self.book.get_mut(link) else { return };
        entry.profile = profile;
        let was_up = std::mem::replace(&mut entry.is_up, true);
        let (frame_bytes_max, early) = (entry.message_bytes_max, std::mem::take(&mut entry.early));
        let real = entry.real.clone();
        if !was_up {
            let up = gossip::Input::Up { link, peer: peer.clone(), profile, frame_bytes_max };
            self.gossip.handle_input(now, up);
            self.tell_room(link);
            for frame in early {
                self.gossip.handle_input(now, gossip::Input::Frame { link, frame });
            }
            self.greet(link, profile);
            self.tell_relays();
        }
        if let Some(real) = real {
            self.tell_mesh(mesh::Input::Identified { link, peer: real });
        }
    }

    /// The peer learns our state at once.
    fn greet(&mut self, link: LinkId, profile: Profile) {
        if profile == Profile::Agent {
            return;
        }
        let channels: Vec<String> = self.state.channels().map(str::to_owned).collect();
        for channel in channels {
            self.send_packet(link, &channel);
        }
    }

    /// A signed packet in a legacy frame: an original node applies no other, ours take it as well.
    pub(super) fn send_packet(&mut self, link: LinkId, channel: &str) {
        let (_, now) = self.clock.now();
        let Some(packet) = self.state.packet(&self.identity, channel, now.wall) else { return };
        let Some(frame) = serde_json::to_vec(&packet).ok().and_then(|text| channel::legacy_gossip(&text)) else {
            return;
        };
        if let Err(error) = self.gossip.send(now, link, frame) {
            tracing::debug!(%channel, %error, "a peer is not told our state now");
        }
    }

    pub(super) fn send_frame(&mut self, link: LinkId, frame: &Frame) {
        match self.links.send(link, frame.binary, &frame.bytes) {
            Ok(()) => self.metrics.sent(frame.bytes.len()),
            Err(error) => tracing::debug!(?link, %error, "a frame is lost with its link"),
        }
    }

    /// Something that is not of topics.
    pub(super) fn on_incoming(&mut self, link: LinkId, incoming: Incoming) {
        let Some(peer) = self.book.get(link).map(|entry| entry.peer.clone()) else { return };
        match incoming {
            Incoming::LegacyGossip(packet) => self.on_packet(&peer, &packet),
            Incoming::Relay(relay) => self.on_relay(&peer, relay),
            Incoming::IfMessage(text) => self.on_if_message(&peer, &text),
            _ => tracing::trace!(%peer, "a frame of no use"),
        }
    }

    fn on_packet(&mut self, peer: &PeerId, text: &Bytes) {
        let (_, now) = self.clock.now();
        let Ok(packet) = serde_json::from_slice::<Packet>(text) else { return };
        // Nodes like ours say of themselves what they are; originals are known to their neighbours alone.
        let is_ours = self.book.open_with(peer).is_some_and(|(_, entry)| entry.profile == Profile::Sangam);
        let heard = if is_ours { Heard::OneOfOurs } else { Heard::OneNode };
        match self.state.receive(&packet, now.wall) {
            Ok(Received::Merged(merged)) => self.on_merged(&packet.channel_id, &merged, heard),
            Ok(Received::Unsubscribed) => {}
            Err(error) => tracing::debug!(%peer, %error, "a packet is refused"),
        }
    }

    fn on_relay(&mut self, by: &PeerId, relay: Relay) {
        let payload: Option<Value> = serde_json::from_slice(&relay.payload).ok();
        let signal = payload.and_then(|payload| read_signal(&relay.signal_type, &payload));
        let Some(signal) = signal else { return };
        let is_for_us = relay.to.as_ref().is_none_or(|to| self.is_us(to));
        if is_for_us {
            self.on_relayed(by.clone(), relay.from, signal);
        } else if let Some(to) = relay.to
            && relay.hops < RELAY_HOPS_MAX
            && let Some((link, entry)) = self.book.open_with(&to)
        {
            let profile = entry.profile;
            self.send_relayed(link, profile, &relay.from, &to, &signal, relay.hops + 1);
        }
    }

    /// Whether the link took it.
    pub(super) fn send_relayed(
        &mut self,
        link: LinkId,
        profile: Profile,
        from: &PeerId,
        to: &PeerId,
        signal: &Signal,
        hops: u8,
    ) -> bool {
        let (_, now) = self.clock.now();
        let payload = Bytes::from(write_signal(signal).to_string());
        let signal_type = signal_word(signal).to_owned();
        let relay = Relay { hops, from: from.clone(), to: Some(to.clone()), signal_type, payload };
        let frame = if profile == Profile::Sangam { Some(relay.encode()) } else { relay.encode_text() };
        frame.is_some_and(|frame| self.gossip.send(now, link, frame).is_ok())
    }

    pub(super) fn on_refused(&mut self, link: LinkId, why: RefuseReason) {
        self.metrics.refused(why.as_str());
        tracing::debug!(?link, ?why, "a peer's frame is refused");
    }

    /// Linked nodes' HTTP APIs, which pass signals on for us.
    pub(super) fn tell_relays(&self) {
        let up = self.book.iter().filter(|(_, entry)| entry.is_up);
        let urls = up.filter_map(|(_, entry)| self.mesh.peer(&entry.peer)?.url);
        self.discovery.set_relays(urls.collect());
    }
}
