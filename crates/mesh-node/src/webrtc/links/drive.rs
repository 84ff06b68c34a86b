use std::time::{Duration, Instant};

use bytes::Bytes;
use sangam_mesh_proto::gossip::Frame;
use sangam_mesh_proto::{Failure, LinkId, LinkState};
use str0m::channel::{ChannelData, ChannelId};
use str0m::stats::CandidatePairStats;
use str0m::{Event, IceConnectionState, Input, Output};

use super::Links;
use crate::webrtc::guard::guarded;
use crate::webrtc::link::{InUse, Link, Reached};
use crate::webrtc::record::Record;
use crate::webrtc::routes::Path;
use crate::webrtc::{LinkEvent, LinksOutput};

const LABEL_BYTES_MAX: usize = 256;

/// Between two times that all paths are built anew.
const REBUILD_PAUSE: Duration = Duration::from_secs(1);

/// The least pause between checks (Ta, RFC 8445 §14.2).
const HURRY_PACE: Duration = Duration::from_millis(5);
/// Long enough for each of a hundred pairs to be checked some times: where a third of all packets is lost each way, three checks of
/// five come to nothing.
const HURRY: Duration = Duration::from_secs(3);
/// The stack's own pause between checks: where it waits longer, all that it has to check was checked.
const PACE: Duration = Duration::from_millis(50);

/// Packets that lead the peer to a path that was taken into use, where there is nothing to say: one may be lost.
const LEADS: u8 = 3;

/// Bytes that connectivity checks begin with (RFC 7983 §7): those are not DTLS.
const STUN_FIRST_BYTE_MAX: u8 = 3;

impl Links {
    /// Tells a link the time, and takes what it has to give.
    pub(super) fn tick(&mut self, id: LinkId, now: Instant) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.touched = false;
        while let Some(((local, to), bytes)) = link.checks.due(now) {
            self.output.push_back(LinksOutput::Transmit { local, to, bytes });
        }
        match guarded(|| link.rtc.handle_input(Input::Timeout(now))) {
            Some(Ok(())) => self.drive(id, now),
            Some(Err(_)) => self.ended(id),
            None => self.broken(id),
        }
    }

    /// Takes what a link has to give, until it waits.
    pub(super) fn drive(&mut self, id: LinkId, now: Instant) {
        loop {
            let Some(link) = self.links.get_mut(&id) else { return };
            link.given = 0;
            let Link { rtc, burst, .. } = link;
            match burst.gather(|| guarded(|| rtc.poll_output())) {
                Some(Ok(Output::Transmit(packet))) => {
                    let path = (packet.source, packet.destination);
                    let bytes: Vec<u8> = packet.contents.into();
                    let followers = burst.after(&bytes);
                    self.transmit(id, path, bytes, now);
                    self.follow(path, followers);
                }
                Some(Ok(Output::Event(event))) => self.handle_event(id, event, now),
                Some(Ok(Output::Timeout(_))) if self.give_early(id, now) => {}
                Some(Ok(Output::Timeout(at))) => return self.settle(id, at, now),
                Some(Err(_)) => return self.ended(id),
                None => return self.broken(id),
            }
        }
    }

    fn transmit(&mut self, id: LinkId, path: Path, bytes: Vec<u8>, now: Instant) {
        if self.is_held_back(id, path, &bytes) {
            return;
        }
        self.use_path(id, path, bytes.first().is_some_and(|first| *first > STUN_FIRST_BYTE_MAX));
        if let Some(link) = self.links.get_mut(&id) {
            let in_use = link.in_use.filter(|in_use| in_use.path == path);
            link.checks.sent(path, &bytes, in_use.and_then(|in_use| in_use.round_trip), now);
            if link.secured && Record::first(&bytes).is_some_and(|record| record.data) {
                link.sent_data(&bytes);
            }
        }
        let (local, to) = path;
        self.output.push_back(LinksOutput::Transmit { local, to, bytes });
    }

    /// Packets of data that go the way of one before them.
    fn follow(&mut self, (local, to): Path, followers: Vec<Vec<u8>>) {
        self.output.extend(followers.into_iter().map(|bytes| LinksOutput::Transmit { local, to, bytes }));
    }

    /// Handshakes in the clear cannot be told apart, so between the same two addresses there is one at a time, the newest; what
    /// an older one sends is dropped, and is sent again when its timer says so.
    fn is_held_back(&self, id: LinkId, path: Path, bytes: &[u8]) -> bool {
        let others = self.routes.on(path);
        if others.len() < 2 || Record::first(bytes).is_none_or(|record| record.protected) {
            return false;
        }
        let Some(own) = self.links.get(&id) else { return false };
        let others = others.iter().filter_map(|other| self.links.get(other));
        !own.secured && others.into_iter().any(|other| !other.secured && other.born > own.born)
    }

    /// A packet of the link goes this way. What is not a check goes by the nominated pair.
    fn use_path(&mut self, id: LinkId, path: Path, nominated: bool) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if !link.paths.contains(&path) && link.paths.len() < self.options.paths_max {
            link.paths.push(path);
            self.routes.add(path, id);
        }
        if nominated && link.in_use.is_none_or(|in_use| in_use.path != path) {
            link.in_use = Some(InUse { path, answers: None, round_trip: None });
            self.tell_pair(id);
        }
    }

    fn tell_pair(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(pair) = link.selected(&self.locals) else { return };
        let known = link.pair.as_ref();
        let same = known.is_some_and(|known| {
            (known.local, known.remote, known.local_kind, known.remote_kind)
                == (pair.local, pair.remote, pair.local_kind, pair.remote_kind)
        });
        if !same {
            link.pair = Some(pair.clone());
            self.tell(id, LinkEvent::Pair(pair));
        }
    }

    fn handle_event(&mut self, id: LinkId, event: Event, now: Instant) {
        match event {
            Event::IceConnectionStateChange(state) => self.handle_ice(id, state, now),
            Event::Connected => {
                if let Some(link) = self.links.get_mut(&id) {
                    link.reached = link.reached.max(Reached::Path);
                    link.secured = true;
                    link.answered = None;
                }
            }
            Event::ChannelOpen(channel, label) => self.handle_open(id, channel, label, now),
            Event::ChannelData(data) => self.handle_message(id, data),
            Event::ChannelClose(channel) => self.handle_channel_close(id, channel),
            Event::PeerStats(stats) => self.handle_second(id, stats.selected_candidate_pair, now),
            // The rest of the goodbye is drained by the loop.
            Event::Closed => self.closed_by_peer(id),
            _ => {}
        }
    }

    fn handle_ice(&mut self, id: LinkId, state: IceConnectionState, now: Instant) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.pathless = state.is_disconnected();
        if state.is_connected() {
            link.reached = link.reached.max(Reached::Path);
            // Where we begin the SCTP association, its clock runs from then on, too: the peer's handshake comes first, which may still
            // go to where our earlier process was.
            let waits = link.begins_sctp && link.early.is_empty();
            if !waits && link.take_deferred().is_err() {
                self.change_state(id, LinkState::Closed(Failure::Description));
                return;
            }
        }
        if state.is_disconnected() && link.state == LinkState::Open {
            link.heard = now.checked_sub(self.options.consent).unwrap_or(link.heard);
            self.change_state(id, LinkState::Interrupted);
        }
    }

    /// The newest data channel replaces the one before it for what we send; all are heard.
    fn handle_open(&mut self, id: LinkId, channel: ChannelId, mut label: String, now: Instant) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.channels.len() >= self.options.channels_max {
            self.figures.channels_refused += 1;
            link.rtc.direct_api().close_data_channel(channel);
            return;
        }
        link.channels.push(channel);
        link.reached = Reached::Open;
        link.heard = now;
        let message_bytes_max = link.peer.message_bytes_max;
        label.truncate(label.floor_char_boundary(LABEL_BYTES_MAX));
        self.tell(id, LinkEvent::Opened { label, message_bytes_max });
        self.change_state(id, LinkState::Open);
    }

    fn handle_message(&mut self, id: LinkId, data: ChannelData) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.closing.is_some() {
            return;
        }
        link.figures.bytes_received += data.data.len() as u64;
        link.figures.messages_received += 1;
        let frame = Frame { binary: data.binary, bytes: Bytes::from(data.data) };
        self.tell(id, LinkEvent::Message(frame));
    }

    /// Without a channel a link is of no use to either side.
    fn handle_channel_close(&mut self, id: LinkId, channel: ChannelId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.channels.retain(|open| *open != channel);
        if link.channels.is_empty() && link.reached == Reached::Open && link.closing.is_none() {
            guarded(|| link.rtc.close().is_ok());
            self.closed_by_peer(id);
        }
    }

    fn closed_by_peer(&mut self, id: LinkId) {
        let Some(link) = self.links.get(&id) else { return };
        let why = link.failure();
        self.change_state(id, LinkState::Closed(why));
    }

    /// Once a second: the path in use, whether the peer still answers on it, and paths anew if none is left.
    fn handle_second(&mut self, id: LinkId, pair: Option<CandidatePairStats>, now: Instant) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if let Some(pair) = pair {
            let path = (pair.local.addr, pair.remote.addr);
            let before = link.in_use;
            let answers = pair.responses_received;
            link.in_use = Some(InUse { path, answers: Some(answers), round_trip: pair.current_round_trip_time });
            let answered = before.filter(|before| before.path == path).and_then(|before| before.answers);
            if answered.is_some_and(|before| answers > before) {
                link.heard = now;
            }
            if before.is_some_and(|before| before.path != path) {
                link.leads = LEADS;
            }
            if let Some(bytes) = link.lead() {
                let (local, to) = path;
                self.output.push_back(LinksOutput::Transmit { local, to, bytes });
            }
            self.tell_pair(id);
        }
        self.check_consent(id, now);
    }

    fn check_consent(&mut self, id: LinkId, now: Instant) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if !link.is_alive() {
            return;
        }
        let silent = now.duration_since(link.heard);
        let since_rebuilt = now.duration_since(link.rebuilt);
        match link.state {
            LinkState::Open if silent >= self.options.consent => {
                let base = link.in_use.map(|in_use| in_use.path.0);
                link.rebuild(&self.locals, base, now);
                self.change_state(id, LinkState::Interrupted);
            }
            LinkState::Interrupted if silent < self.options.check_interval * 2 => {
                self.change_state(id, LinkState::Open);
            }
            LinkState::Interrupted if since_rebuilt >= self.options.consent => link.rebuild(&self.locals, None, now),
            LinkState::Connecting if link.is_stale(now) => self.renew(id, now),
            LinkState::Connecting | LinkState::Interrupted if link.pathless && since_rebuilt >= REBUILD_PAUSE => {
                link.rebuild(&self.locals, None, now);
            }
            LinkState::Connecting | LinkState::Open | LinkState::Interrupted | LinkState::Closed(_) => {}
        }
    }

    /// There may be new pairs to check, or a request of the peer's has waited for its description. The stack does one thing of
    /// these at a time, each 50 ms, unless it is told the time more often: so it is until there is a path, and past the relay.
    pub(super) fn hurry(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.hurried = self.latest.map(|now| now + HURRY);
        }
        self.touch(id);
    }

    /// The link waits: for when, and whether it is over.
    fn settle(&mut self, id: LinkId, at: Instant, now: Instant) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let over = link.closing.is_some_and(|until| until <= now) || !link.rtc.is_alive();
        if over {
            return self.ended(id);
        }
        if matches!(link.state, LinkState::Closed(_)) && link.closing.is_none() {
            link.closing = Some(now + self.options.goodbye);
        }
        let at = link.checks.next(now).map_or(at, |next| next.min(at));
        // A moment that has come already is due at the next call, not within this one.
        let at = link.closing.map_or(at, |until| at.min(until)).max(now);
        let hurried = link.may_be_better() && at <= now + PACE && link.hurried.is_some_and(|until| now < until);
        let at = if hurried { at.min(now + HURRY_PACE) } else { at };
        self.schedule.set(id, link.due, Some(at));
        link.due = Some(at);
        if let Some(room) = link.take_room(&self.options) {
            self.tell(id, LinkEvent::Room(room));
        }
    }

    /// The stack is done with the link.
    pub(super) fn ended(&mut self, id: LinkId) {
        self.closed_by_peer(id);
        self.remove(id).ok();
    }

    /// The stack failed within itself.
    pub(super) fn broken(&mut self, id: LinkId) {
        self.figures.broken += 1;
        self.change_state(id, LinkState::Closed(Failure::Handshake));
        self.remove(id).ok();
    }
}
