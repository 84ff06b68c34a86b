//! What we say: offers, answers, candidates, and again if they may have been lost.

use std::sync::Arc;

use sangam_types::Mono;

use super::heard::Heard;
use super::link::{Link, Remote, Renewal, Said, Stage};
use super::peer::Peer;
use super::session::{self, MarkKind};
use super::us::Us;
use super::{Action, Event, Gathering};
use crate::{Candidate, Description, DescriptionKind, Failure, LinkId, Profile, Signal, Via};

impl Peer {
    fn gathering(us: &Us, now: Mono, trickles: bool) -> Gathering {
        if trickles { Gathering::Trickle } else { Gathering::Whole { until: now + us.options.gather_timeout } }
    }

    /// Begins an attempt of ours.
    pub(crate) fn offer(&mut self, us: &mut Us, now: Mono) {
        let (id, session, trickles) = (us.name_link(&self.id), us.draw(), self.trickles());
        self.link = Some(Link::new(id, true, session, trickles, (now, us.deadline(now))));
        us.tell(Event::Attempt { link: id, peer: self.id.clone(), ours: true, number: self.attempts + 1 });
        let gathering = Self::gathering(us, now, trickles);
        us.act(Action::Offer { link: id, peer: self.id.clone(), profile: self.profile, gathering });
    }

    /// Answers a new session. The caller has made room for it: as the link, or beside one that is open.
    pub(crate) fn answer(&mut self, us: &mut Us, now: Mono, heard: Heard) {
        let (id, trickles) = (us.name_link(&self.id), self.trickles());
        let session = heard.mark.as_ref().map_or(0, |mark| mark.session);
        let mut link = Link::new(id, false, session, trickles, (now, us.deadline(now)));
        link.remote = Some(Remote::new(&heard));
        link.proven = heard.proven;
        us.tell(Event::Attempt { link: id, peer: self.id.clone(), ours: false, number: self.attempts + 1 });
        let gathering = Self::gathering(us, now, trickles);
        let (peer, profile) = (self.id.clone(), self.profile);
        us.act(Action::Answer { link: id, peer, profile, offer: heard.description, gathering });
        for candidate in us.early.take(now, &self.id, &heard.ufrag) {
            us.act(Action::AddCandidate { link: id, candidate });
        }
        let slot = if self.link.is_some() { &mut self.next } else { &mut self.link };
        *slot = Some(link);
        self.had_session = true;
    }

    /// Offers new ICE credentials on the link.
    pub(crate) fn restart(&mut self, us: &mut Us, now: Mono) {
        let trickles = self.trickles();
        let Some(link) = self.link.as_mut().filter(|link| link.was_open()) else { return };
        link.trickles = trickles;
        link.renewal = Some(Renewal::Describing { until: now + us.options.restart_timeout, ours: true });
        us.act(Action::Restart { link: link.id, gathering: Self::gathering(us, now, trickles) });
    }

    /// Answers new ICE credentials of the peer.
    pub(crate) fn renew(&mut self, us: &mut Us, now: Mono, heard: Heard) {
        let trickles = self.trickles();
        let Some(link) = self.link.as_mut() else { return };
        link.trickles = trickles;
        link.remote = Some(Remote::new(&heard));
        link.renewal = Some(Renewal::Describing { until: now + us.options.restart_timeout, ours: false });
        let id = link.id;
        us.act(Action::Reanswer { link: id, offer: heard.description, gathering: Self::gathering(us, now, trickles) });
        for candidate in us.early.take(now, &self.id, &heard.ufrag) {
            us.act(Action::AddCandidate { link: id, candidate });
        }
    }

    /// The driver made a description.
    pub(crate) fn described(&mut self, us: &mut Us, now: Mono, id: LinkId, description: Description) {
        let again = (self.profile == Profile::Sangam).then(|| now + us.options.resend_after);
        let marks = matches!(self.profile, Profile::Sangam | Profile::Unknown);
        let Some(link) = self.link_mut(id) else { return };
        let answered = || MarkKind::Answer(link.remote.as_ref().map(|r| r.ufrag.clone()).unwrap_or_default());
        let kind = match (link.stage, link.renewal, link.ours) {
            (Stage::Describing { .. }, _, true) => MarkKind::New,
            (Stage::Describing { .. }, _, false) | (_, Some(Renewal::Describing { ours: false, .. }), _) => answered(),
            (_, Some(Renewal::Describing { ours: true, .. }), _) => MarkKind::Restart,
            _ => return,
        };
        // What was begun before the peer's offer came in between is of no use any more.
        if (description.kind == DescriptionKind::Answer) != matches!(kind, MarkKind::Answer(_)) {
            return;
        }
        let kept = if kind == MarkKind::Restart { us.options.restart_timeout } else { us.options.connect_timeout };
        match (link.stage, &kind) {
            (Stage::Describing { .. }, MarkKind::New) => {
                link.stage = Stage::Offered { until: now + us.options.answer_timeout, again };
            }
            (Stage::Describing { .. }, _) => {
                link.stage = Stage::Connecting { until: now + us.options.connect_timeout, path: false };
            }
            (_, MarkKind::Restart) => {
                link.renewal = Some(Renewal::Offered { until: now + us.options.restart_timeout, again });
            }
            (Stage::Interrupted { .. }, _) => {
                link.renewal = Some(Renewal::Waiting { until: now + us.options.restart_timeout });
            }
            _ => link.renewal = None,
        }
        link.ufrag = session::ufrag(&description.sdp).unwrap_or_default().to_owned();
        let description = if marks {
            let mark = us.mark(link.session, kind);
            Description { kind: description.kind, sdp: Arc::from(mark.write(&description.sdp)) }
        } else {
            description
        };
        link.said = again.map(|_| Said {
            description: description.clone(),
            candidates: Vec::new(),
            until: now + kept.max(us.options.answer_timeout),
        });
        self.had_session |= self.profile == Profile::Agent;
        self.send(us, Signal::Description(description));
    }

    /// The driver could not make or take a description.
    pub(crate) fn refused(&mut self, us: &mut Us, now: Mono, id: LinkId, why: Failure) {
        let Some(link) = self.link_mut(id) else { return };
        if !link.was_open() {
            self.fail(us, now, id, why, false);
        } else if link.is_interrupted() {
            self.lose(us, now, Failure::Silence);
        } else {
            link.renewal = None;
        }
    }

    /// One more candidate of ours.
    pub(crate) fn gathered(&mut self, us: &mut Us, id: LinkId, candidate: Candidate) {
        let Some(link) = self.link_mut(id).filter(|link| link.trickles) else { return };
        if let Some(said) = &mut link.said {
            said.keep(candidate.clone());
        }
        self.send(us, Signal::Candidate(candidate));
    }

    /// No more of them: one of us likes to know, nobody else needs to.
    pub(crate) fn gathering_done(&mut self, us: &mut Us, id: LinkId, ufrag: Option<String>) {
        if self.profile == Profile::Sangam && self.link_mut(id).is_some_and(|link| link.trickles) {
            self.send(us, Signal::EndOfCandidates { ufrag });
        }
    }

    /// Says again what the link's other end may not have heard. The session itself carries it if it still can.
    pub(crate) fn say_again(&mut self, us: &mut Us, id: LinkId) {
        let Some(link) = self.link_mut(id) else { return };
        let Some(said) = link.said.clone() else { return };
        let open = link.stage == Stage::Open;
        let via = if open { Some(Via::Link) } else { self.via.clone() };
        let candidates = said.candidates.into_iter().map(Signal::Candidate);
        for signal in std::iter::once(Signal::Description(said.description)).chain(candidates) {
            us.act(Action::Send { to: self.id.clone(), via: via.clone(), signal });
        }
    }

    fn send(&self, us: &mut Us, signal: Signal) {
        us.act(Action::Send { to: self.id.clone(), via: self.via.clone(), signal });
    }
}
