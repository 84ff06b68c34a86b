use std::ops::Range;
use std::time::Instant;

use rand::RngExt as _;
use sangam_mesh_proto::{Candidate, LinkId};
use str0m::IceCreds;
use str0m::change::{SdpAnswer, SdpOffer};

use super::Links;
use crate::endpoint::LocalCandidate;
use crate::webrtc::checks::Checks;
use crate::webrtc::description::{Described, Ours, SECTION, renamed};
use crate::webrtc::guard::guarded;
use crate::webrtc::link::{Link, Reached};
use crate::webrtc::{LinkError, LinkEvent};

/// If a description says nothing of the size of messages (RFC 8841 §6.1).
const MESSAGE_BYTES_DEFAULT: u64 = 64 * 1024;

/// Of a connection's descriptions after the first, by libwebrtc, which counts from 2; others begin with the time, or at random.
const LATER_VERSIONS: Range<u64> = 3..1 << 24;

/// Among so many numbers a channel's is drawn where earlier ones may be taken; libwebrtc knows 512 of each parity.
const CHANNELS_SKIPPED_MAX: usize = 64;

impl Links {
    /// Makes a link and describes it, with one data channel, ordered and reliable.
    ///
    /// # Errors
    /// [`LinkError::Exists`], [`LinkError::TooMany`], [`LinkError::Broken`].
    pub fn offer(
        &mut self,
        id: LinkId,
        label: &str,
        locals: &[LocalCandidate],
        now: Instant,
    ) -> Result<String, LinkError> {
        self.offer_with(id, label, 0, locals, now)
    }

    /// As [`Links::offer`], for a peer that may hold a session with an earlier process of ours: it may take this one in its
    /// place, on the connection it has (libwebrtc and browsers do).
    ///
    /// Channels of the earlier process are open there, and one of the same number would not be taken: ours has one drawn at
    /// random. It has an SCTP association, too, and begins no other, but lets an end that was started anew begin one (RFC 9260
    /// §5.2.2): if the answer says that it is not the first of its connection, we do, whatever our part in the DTLS handshake. To
    /// such a peer no more than 64 KiB are sent at once.
    ///
    /// # Errors
    /// As [`Links::offer`].
    pub fn offer_anew(
        &mut self,
        id: LinkId,
        label: &str,
        locals: &[LocalCandidate],
        now: Instant,
    ) -> Result<String, LinkError> {
        let skipped = rand::rng().random_range(1..=CHANNELS_SKIPPED_MAX);
        let text = self.offer_with(id, label, skipped, locals, now)?;
        if let Some(link) = self.links.get_mut(&id) {
            link.anew = true;
        }
        Ok(text)
    }

    /// The channel's number is the first of its parity (RFC 8832 §6) after so many.
    fn offer_with(
        &mut self,
        id: LinkId,
        label: &str,
        skipped: usize,
        locals: &[LocalCandidate],
        now: Instant,
    ) -> Result<String, LinkError> {
        let mut link = self.make(id, locals, now)?;
        for _ in 0..skipped {
            // Numbers are given in this order, and one whose channel is never applied is not used.
            link.rtc.sdp_api().add_channel(String::new());
        }
        let mut changes = link.rtc.sdp_api();
        changes.add_channel(label.to_owned());
        let (offer, pending) = changes.apply().ok_or_else(|| LinkError::Broken("no offer was made".into()))?;
        let text = offer.to_sdp_string();
        link.pending = Some(pending);
        link.section = Some(Ours::read(&text).mid);
        self.links.insert(id, link);
        self.touch(id);
        Ok(self.described(id, &text))
    }

    /// Answers an offer: with a new link, or with the one that has this name, if the offer renews its ICE (RFC 8445 §9).
    ///
    /// # Errors
    /// [`LinkError::TooLarge`], [`LinkError::Description`]: no link is made, the one that is there stays.
    /// [`LinkError::OtherSession`]: the offer is of another certificate than the link's. [`LinkError::TooMany`].
    pub fn answer(
        &mut self,
        id: LinkId,
        offer: &str,
        locals: &[LocalCandidate],
        now: Instant,
    ) -> Result<String, LinkError> {
        let described = self.read(id, offer)?;
        let parsed = parse(&described, SdpOffer::from_sdp_string)?;
        if !self.links.contains_key(&id) {
            let link = self.make(id, locals, now)?;
            self.links.insert(id, link);
        }
        let link = self.links.get_mut(&id).ok_or(LinkError::Unknown)?;
        if !link.peer.fingerprint.is_empty() && link.peer.fingerprint != described.fingerprint {
            return Err(LinkError::OtherSession);
        }
        link.add_locals(locals);
        link.take_deferred()?;
        let first = link.peer.fingerprint.is_empty();
        match guarded(|| link.rtc.sdp_api().accept_offer(parsed)) {
            Some(Ok(answer)) => {
                link.pending = None;
                link.answered = (!link.secured).then(|| described.sdp.clone());
                let text = self.described(id, &answer.to_sdp_string());
                self.take(id, &described);
                Ok(text)
            }
            Some(Err(error)) => {
                if first {
                    self.remove(id)?;
                }
                Err(LinkError::Description(error.to_string()))
            }
            None => {
                self.broken(id);
                Err(LinkError::Broken("an offer".into()))
            }
        }
    }

    /// Renews the link's ICE (RFC 8445 §9) within the same DTLS session.
    ///
    /// # Errors
    /// [`LinkError::Unknown`], [`LinkError::Broken`].
    pub fn restart(&mut self, id: LinkId, locals: &[LocalCandidate], _now: Instant) -> Result<String, LinkError> {
        self.learn(locals);
        let link = self.links.get_mut(&id).filter(|link| link.is_alive()).ok_or(LinkError::Unknown)?;
        link.add_locals(locals);
        link.take_deferred()?;
        let mut changes = link.rtc.sdp_api();
        changes.ice_restart(true);
        let (offer, pending) = changes.apply().ok_or_else(|| LinkError::Broken("no offer was made".into()))?;
        link.pending = Some(pending);
        self.touch(id);
        Ok(self.described(id, &offer.to_sdp_string()))
    }

    /// Takes the answer to the offer that was made last.
    ///
    /// # Errors
    /// [`LinkError::NotOffered`], [`LinkError::TooLarge`], [`LinkError::Description`], [`LinkError::OtherSession`]: the link
    /// stays as it is, and waits on for its answer if it did.
    pub fn accept(&mut self, id: LinkId, answer: &str, _now: Instant) -> Result<(), LinkError> {
        let described = self.read(id, answer)?;
        let parsed = parse(&described, SdpAnswer::from_sdp_string)?;
        let link = self.links.get_mut(&id).filter(|link| link.is_alive()).ok_or(LinkError::Unknown)?;
        if !link.peer.fingerprint.is_empty() && link.peer.fingerprint != described.fingerprint {
            return Err(LinkError::OtherSession);
        }
        if link.pending.is_none() || link.deferred.is_some() {
            return Err(LinkError::NotOffered);
        }
        let first = link.peer.fingerprint.is_empty();
        if first {
            link.begins_sctp = link.anew && resumes(answer);
        }
        let taken = if first && link.reached == Reached::Nothing {
            let credentials = IceCreds { ufrag: described.fragment.clone(), pass: described.password.clone() };
            link.rtc.direct_api().set_remote_ice_credentials(credentials);
            link.deferred = Some(parsed);
            Ok(())
        } else {
            link.take_answer(parsed)
        };
        match &taken {
            Ok(()) => self.take(id, &described),
            Err(LinkError::Broken(_)) => self.broken(id),
            Err(_) => {}
        }
        taken
    }

    /// Adds a candidate of the peer that came by itself (RFC 8838). One that comes before the description it belongs to is
    /// kept for it. One that is of no use (TCP) is taken and forgotten.
    ///
    /// # Errors
    /// [`LinkError::Unknown`], [`LinkError::Candidate`]; [`LinkError::Name`]: resolve it first.
    pub fn add_remote(&mut self, id: LinkId, candidate: &Candidate, _now: Instant) -> Result<(), LinkError> {
        let link = self.links.get_mut(&id).filter(|link| link.is_alive()).ok_or(LinkError::Unknown)?;
        let added = link.add_remote(candidate, &self.options);
        if added.is_err() {
            self.figures.candidates_refused += 1;
        }
        self.hurry(id);
        added
    }

    /// Puts a new session in the place of one that has waited too long.
    pub(super) fn renew(&mut self, id: LinkId, now: Instant) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let own = link.rtc.direct_api().local_ice_credentials();
        let rtc = self.config.clone().set_local_ice_credentials(own).build(now);
        match guarded(|| link.renew(rtc, &self.locals, now)) {
            Some(Ok(())) => self.touch(id),
            Some(Err(_)) | None => self.broken(id),
        }
    }

    fn make(&mut self, id: LinkId, locals: &[LocalCandidate], now: Instant) -> Result<Link, LinkError> {
        let now = self.forward(now);
        if self.links.contains_key(&id) {
            return Err(LinkError::Exists);
        }
        if self.links.len() >= self.options.links_max {
            return Err(LinkError::TooMany);
        }
        self.learn(locals);
        self.born += 1;
        let checks = Checks::new(&self.options);
        let mut link = Link::new(self.config.clone().build(now), self.born, checks, now);
        link.add_locals(locals);
        Ok(link)
    }

    fn learn(&mut self, locals: &[LocalCandidate]) {
        for candidate in locals {
            if !self.locals.contains(candidate) {
                self.locals.push(candidate.clone());
            }
        }
    }

    /// A peer's description, its section named as the stack names it.
    fn read(&self, id: LinkId, text: &str) -> Result<Described, LinkError> {
        let mut described = Described::read(text, &self.options)?;
        if let Some(section) = self.links.get(&id).and_then(|link| link.section.as_deref()) {
            described.sdp = renamed(&described.sdp, SECTION, section);
        }
        Ok(described)
    }

    /// Remembers what our description says, and makes it fit to be sent.
    fn described(&mut self, id: LinkId, text: &str) -> String {
        let mut ours = Ours::read(text);
        let Some(link) = self.links.get_mut(&id) else { return ours.sdp };
        if let Some(section) = &link.section {
            ours.sdp = renamed(&ours.sdp, section, SECTION);
            SECTION.clone_into(&mut ours.mid);
        }
        link.mid = ours.mid;
        if !link.fragments.contains(&ours.fragment) {
            self.routes.name(&ours.fragment, id);
            link.fragments.push(ours.fragment);
        }
        // The running one, and the one that was offered last.
        while link.fragments.len() > 2 {
            self.routes.unname(&link.fragments.remove(0));
        }
        ours.sdp
    }

    /// What the peer's description says beside what the stack took.
    fn take(&mut self, id: LinkId, described: &Described) {
        self.figures.candidates_refused += described.candidates_over as u64;
        let Some(link) = self.links.get_mut(&id) else { return };
        link.peer.fingerprint.clone_from(&described.fingerprint);
        let told = described.message_bytes_max.unwrap_or(MESSAGE_BYTES_DEFAULT);
        let told = if told == 0 { usize::MAX } else { usize::try_from(told).unwrap_or(usize::MAX) };
        // An association that was begun before the answer was taken does not know what the answer says.
        let told = if link.begins_sctp { told.min(MESSAGE_BYTES_DEFAULT as usize) } else { told };
        link.peer.message_bytes_max = told.min(self.options.message_bytes_max);
        link.described_as(&described.fragment, &described.password);
        let lines = described.candidates.iter();
        let usable = lines.filter(|line| link.add_line(line, &self.options) == Ok(true)).count();
        link.take_early(&self.options);
        self.hurry(id);
        self.tell(id, LinkEvent::RemoteCandidates(usable));
    }
}

/// Whether an answer is a later one of its connection (`o=`, RFC 8866 §5.2), whose DTLS client the peer is.
fn resumes(answer: &str) -> bool {
    let origin = answer.lines().find_map(|line| line.strip_prefix("o="));
    let version = origin.and_then(|origin| origin.split(' ').nth(2)?.parse().ok());
    let is_client = answer.lines().any(|line| line == "a=setup:active");
    is_client && version.is_some_and(|version| LATER_VERSIONS.contains(&version))
}

fn parse<T, E: std::fmt::Display>(
    described: &Described,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, LinkError> {
    match guarded(|| read(&described.sdp)) {
        Some(Ok(parsed)) => Ok(parsed),
        Some(Err(error)) => Err(LinkError::Description(error.to_string())),
        None => Err(LinkError::Description("it cannot be parsed".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::resumes;

    #[test]
    fn a_later_answer_of_a_dtls_client_is_known_by_libwebrtcs_count() {
        let answer =
            |origin: &str, setup: &str| format!("v=0\r\no={origin}\r\ns=-\r\nm=application\r\na=setup:{setup}\r\n");
        for origin in ["- 8837329786389986127 3 IN IP4 127.0.0.1", "- 1 4 IN IP4 127.0.0.1"] {
            assert!(resumes(&answer(origin, "active")));
            assert!(!resumes(&answer(origin, "passive")));
        }
        // libwebrtc's first, libdatachannel's, aiortc's.
        for version in ["2", "0", "3971234567", "-", ""] {
            assert!(!resumes(&answer(&format!("- 1 {version} IN IP4 127.0.0.1"), "active")), "{version}");
        }
        assert!(!resumes("a=setup:active\r\n"));
    }
}
