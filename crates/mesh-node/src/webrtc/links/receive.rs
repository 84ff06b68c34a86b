use std::time::Instant;

use sangam_mesh_proto::{Failure, LinkId, LinkState};
use str0m::Input;
use str0m::net::{Protocol, Receive};

use super::Links;
use crate::webrtc::guard::guarded;
use crate::webrtc::link::Reached;
use crate::webrtc::record::Record;
use crate::webrtc::routes::{Path, Stun};

/// Of the sessions between the same two addresses, the newest so many are tried.
const SESSIONS_TRIED_MAX: usize = 4;

/// Whose a packet is.
enum Owner {
    Nobody,
    One(LinkId),
    /// One of those; each knows its own and drops the rest.
    Any(Vec<LinkId>),
}

impl Links {
    pub(super) fn receive(&mut self, path: Path, bytes: &[u8], now: Instant) -> bool {
        match self.owner(path, bytes) {
            Owner::Nobody => false,
            Owner::One(id) => self.give(id, path, bytes, now),
            Owner::Any(ids) => {
                for id in &ids {
                    self.give(*id, path, bytes, now);
                }
                !ids.is_empty()
            }
        }
    }

    fn owner(&self, path: Path, bytes: &[u8]) -> Owner {
        match Stun::read(bytes) {
            Some(Stun::Request(fragment)) => self.routes.named(fragment).map_or(Owner::Nobody, Owner::One),
            Some(Stun::Response) => match self.routes.on(path) {
                [id] => Owner::One(*id),
                ids => Owner::Any(ids.to_vec()),
            },
            Some(Stun::Other) => Owner::Nobody,
            None => match self.routes.on(path) {
                [] => Owner::Nobody,
                [id] => Owner::One(*id),
                ids => Record::first(bytes).map_or(Owner::Nobody, |record| Owner::Any(self.sessions(ids, record))),
            },
        }
    }

    /// Which of several sessions between the same two addresses a DTLS record may belong to. A handshake in the clear is that
    /// of the newest session that is not past it. What is protected is tried by all that have keys: who cannot open it drops it
    /// (RFC 6347 §4.1.2.7).
    fn sessions(&self, ids: &[LinkId], record: Record) -> Vec<LinkId> {
        let mut links: Vec<(u64, bool, LinkId)> =
            ids.iter().filter_map(|id| self.links.get(id).map(|link| (link.born, link.secured, *id))).collect();
        links.sort_unstable_by_key(|(born, ..)| u64::MAX - born);
        let shaking = links.iter().find(|(_, secured, _)| !secured).map(|(.., id)| *id);
        let secured = links.iter().filter(|(_, secured, _)| *secured).map(|(.., id)| *id);
        match (record.protected, record.data) {
            (false, _) => shaking.or(secured.take(1).next()).into_iter().collect(),
            (true, false) => shaking.into_iter().chain(secured.take(SESSIONS_TRIED_MAX)).collect(),
            (true, true) => secured.take(SESSIONS_TRIED_MAX).collect(),
        }
    }

    /// Hands a packet to a link. A packet that it cannot take costs that packet only: anyone could have sent it.
    fn give(&mut self, id: LinkId, path: Path, bytes: &[u8], now: Instant) -> bool {
        let Some(link) = self.links.get_mut(&id) else { return false };
        link.checks.received(path, bytes);
        if matches!(Stun::read(bytes), Some(Stun::Request(_))) {
            link.meets(path.1, &self.locals, &self.options);
        }
        let record = Record::first(bytes);
        let is_record = record.is_some();
        if is_record && link.reached == Reached::Nothing && link.early.len() < self.options.early_records_max {
            link.early.push_back((path, bytes.to_vec()));
            return true;
        }
        if is_record && link.take_deferred().is_err() {
            self.change_state(id, LinkState::Closed(Failure::Description));
            return true;
        }
        let may_wait = link.may_wait(record);
        self.feed(id, path, bytes, now);
        if may_wait {
            self.touch(id);
        } else {
            self.drive(id, now);
        }
        true
    }

    /// Hands over the next record that came before there was a path. Whether there was one.
    pub(super) fn give_early(&mut self, id: LinkId, now: Instant) -> bool {
        let link = self.links.get_mut(&id).filter(|link| link.reached > Reached::Nothing);
        let Some((path, bytes)) = link.and_then(|link| link.early.pop_front()) else { return false };
        self.feed(id, path, &bytes, now);
        true
    }

    fn feed(&mut self, id: LinkId, path: Path, bytes: &[u8], now: Instant) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let (destination, source) = path;
        let Ok(receive) = Receive::new(Protocol::Udp, source, destination, bytes) else {
            self.figures.packets_refused += 1;
            return;
        };
        let input = Input::Receive(now, receive);
        match guarded(|| link.rtc.accepts(&input) && link.rtc.handle_input(input).is_ok()) {
            Some(true) => {}
            Some(false) => self.figures.packets_refused += 1,
            None => self.broken(id),
        }
    }
}
