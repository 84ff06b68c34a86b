//! How an attempt fails, and how a link that fell silent comes back.

use std::time::Duration;

use sangam_types::Mono;

use super::link::{Link, Renewal, Stage};
use super::peer::Peer;
use super::us::Us;
use super::{DialOutcome, Event};
use crate::{Failure, LinkId, LinkState, Profile};

/// Restarts after the network changed are spread over so long.
const SPREAD: Duration = Duration::from_millis(200);

/// Attempts at an agent that takes a session and does not come to an open channel.
const AGENT_ATTEMPTS: u32 = 3;

impl Peer {
    /// The stack says how a link is.
    pub(crate) fn link_is(&mut self, us: &mut Us, now: Mono, id: LinkId, state: LinkState, has_path: bool) {
        let Some(link) = self.link_mut(id) else { return };
        match (state, link.stage) {
            (LinkState::Connecting, Stage::Connecting { until, path }) => {
                // A path that was found late leaves time for the handshake, once.
                let least = now + us.options.connect_timeout / 2;
                let until = if has_path && !path { until.max(least) } else { until };
                link.stage = Stage::Connecting { until, path: path || has_path };
            }
            (LinkState::Open, Stage::Open) | (LinkState::Connecting, _) => {}
            (LinkState::Open, Stage::Interrupted { .. }) => self.is_back(us, now, id),
            (LinkState::Open, _) => self.is_open(us, now, id),
            (LinkState::Interrupted, Stage::Open) => self.is_silent(us, now, id),
            (LinkState::Interrupted, _) => {}
            (LinkState::Closed(why), _) => self.is_closed(us, now, id, why),
        }
    }

    fn is_open(&mut self, us: &mut Us, now: Mono, id: LinkId) {
        if self.next.as_ref().is_some_and(|next| next.id == id)
            && let Some(old) = self.link.as_ref().map(|link| link.id)
        {
            self.end(us, old, Failure::Replaced, false);
        }
        let Some(link) = self.link_mut(id) else { return };
        link.stage = Stage::Open;
        link.said = None;
        if link.proven {
            self.proven_at = Some(now);
        }
        let again = std::mem::replace(&mut self.was_up, true);
        self.settled(now);
        us.tell(Event::Attempted { link: id, peer: self.id.clone(), outcome: DialOutcome::Established });
        us.tell(Event::Up { link: id, peer: self.id.clone(), profile: self.profile, again });
    }

    fn is_back(&mut self, us: &mut Us, now: Mono, id: LinkId) {
        if self.is_stalled(us, now, id) {
            self.lose(us, now, Failure::Silence);
            return;
        }
        if let Some(link) = self.link_mut(id) {
            link.stage = Stage::Open;
            if matches!(link.renewal, Some(Renewal::Planned { .. } | Renewal::Waiting { .. })) {
                link.renewal = None;
            }
        }
        self.settled(now);
        us.tell(Event::Up { link: id, peer: self.id.clone(), profile: self.profile, again: true });
    }

    /// Whether a link that could go on has been silent so long that a new session is faster. SCTP doubles the pause before it
    /// sends again with each time nothing is heard (RFC 9260 §6.3.3), up to a minute, and does not hear of new paths. Whoever has
    /// the smaller id gives it up, so that the two do not cross.
    fn is_stalled(&self, us: &Us, now: Mono, id: LinkId) -> bool {
        let link = self.link.as_ref().filter(|link| link.id == id);
        let since = link.and_then(|link| match link.stage {
            Stage::Interrupted { since } => Some(since),
            _ => None,
        });
        let ours = self.profile == Profile::Sangam && !us.is_polite_to(&self.id);
        ours && self.next.is_none() && since.is_some_and(|since| since + us.options.session_silence <= now)
    }

    fn settled(&mut self, now: Mono) {
        self.attempts = 0;
        self.returning = false;
        self.had_session = true;
        self.reborn = None;
        self.heard_at = now;
        self.renew_again(now);
    }

    fn is_silent(&mut self, us: &mut Us, now: Mono, id: LinkId) {
        if let Some(link) = self.link_mut(id) {
            link.stage = Stage::Interrupted { since: now };
        }
        self.heard_at = now;
        us.tell(Event::Interrupted { link: id, peer: self.id.clone() });
        self.plan_restart(us, now);
    }

    /// Whoever has the smaller id restarts first, so that the two do not cross.
    fn plan_restart(&mut self, us: &Us, now: Mono) {
        let second = self.profile == Profile::Sangam && us.is_polite_to(&self.id);
        let wait = if second { us.options.restart_timeout / 2 } else { Duration::ZERO };
        let waits_for_next = self.next.is_some();
        let Some(link) = self.link.as_mut().filter(|link| link.is_interrupted()) else { return };
        if link.renewal.is_none() && !waits_for_next {
            link.renewal = Some(Renewal::Planned { at: now + us.options.restart_after + wait });
        }
    }

    fn is_closed(&mut self, us: &mut Us, now: Mono, id: LinkId, why: Failure) {
        let Some(link) = self.link_mut(id) else { return };
        if !link.was_open() {
            self.fail(us, now, id, why, true);
            return;
        }
        self.heard_at = now;
        self.end(us, id, why, true);
        self.returning |= why.is_fault() && !self.hung;
        if self.link.is_none() {
            self.plan_retry(us, now);
        }
        // It said goodbye, and may be about to leave whatever shows it to us. If it comes back it is seen, or dials.
        if why == Failure::ClosedByPeer {
            self.dial_at = now + us.options.retry_max;
        }
    }

    /// An attempt is over.
    pub(crate) fn fail(&mut self, us: &mut Us, now: Mono, id: LinkId, why: Failure, gone: bool) {
        let ours = self.link_mut(id).is_some_and(|link| link.ours);
        self.end(us, id, why, gone);
        // An agent that answered and was reached takes new sessions, but not a channel of a number that is open there since an
        // earlier life of ours. Each attempt has another.
        if ours && self.profile == Profile::Agent && why == Failure::Handshake && self.attempts + 1 < AGENT_ATTEMPTS {
            self.had_session = false;
        }
        if self.link.is_none() {
            self.plan_retry(us, now);
        } else {
            self.plan_restart(us, now);
        }
    }

    /// An agent does not hear us, or not any more. A candidate without the description it belongs to would kill it, should it
    /// listen again.
    pub(crate) fn agent_is_deaf(&mut self, us: &mut Us, now: Mono) {
        let links: Vec<(LinkId, bool)> =
            [&self.next, &self.link].into_iter().flatten().map(|link| (link.id, link.was_open())).collect();
        for (id, was_open) in links {
            if !was_open {
                self.fail(us, now, id, Failure::Unreachable, false);
            } else if let Some(link) = self.link_mut(id) {
                link.trickles = false;
            }
        }
    }

    /// The silent link does not come back: a new session, where the peer takes one.
    pub(crate) fn lose(&mut self, us: &mut Us, now: Mono, why: Failure) {
        let Some(link) = self.link.as_mut() else { return };
        let since = if let Stage::Interrupted { since } = link.stage { since } else { now };
        let reborn = self.reborn.take();
        if reborn.is_none()
            && !self.profile.takes_new_sessions()
            && now.saturating_since(since) < us.options.forget_after
        {
            self.attempts = self.attempts.saturating_add(1);
            link.renewal = Some(Renewal::Planned { at: now + us.pause(self.attempts) });
            return;
        }
        let id = link.id;
        self.heard_at = now;
        self.end(us, id, why, false);
        self.returning = true;
        self.dial_at = reborn.map_or(now, |at| at.max(now));
    }

    /// The network changed: whatever is open moves, soon.
    pub(crate) fn move_link(&mut self, us: &mut Us, now: Mono) {
        let at = now + us.jitter(SPREAD);
        if self.is_sought() {
            self.dial_at = self.dial_at.min(at);
        }
        let renews = self.renews();
        let Some(link) = self.link.as_mut().filter(|link| link.was_open() && renews) else { return };
        match link.renewal {
            None | Some(Renewal::Planned { .. } | Renewal::Waiting { .. }) => {
                link.renewal = Some(Renewal::Planned { at });
            }
            Some(Renewal::Describing { .. } | Renewal::Offered { .. }) => link.renew_again = true,
        }
    }

    /// Whether it waits for a way to say something.
    pub(crate) fn is_hindered(&self) -> bool {
        self.link.as_ref().map_or_else(|| self.is_sought(), Link::is_interrupted)
    }

    /// What is planned for later comes soon.
    pub(crate) fn hurry(&mut self, us: &mut Us, now: Mono) {
        let at = now + us.jitter(SPREAD);
        self.dial_at = self.dial_at.min(at);
        let renewal = self.link.as_mut().map(|link| &mut link.renewal);
        if let Some(Some(Renewal::Planned { at: planned })) = renewal {
            *planned = at.min(*planned);
        }
    }

    /// The renewal that was under way when the network changed is over: once more.
    pub(crate) fn renew_again(&mut self, now: Mono) {
        let Some(link) = self.link.as_mut().filter(|link| link.renew_again) else { return };
        if matches!(link.renewal, None | Some(Renewal::Planned { .. } | Renewal::Waiting { .. })) {
            link.renew_again = false;
            link.renewal = Some(Renewal::Planned { at: now });
        }
    }

    /// Deadlines.
    pub(crate) fn tick(&mut self, us: &mut Us, now: Mono) {
        let ids: Vec<LinkId> = [&self.next, &self.link].into_iter().flatten().map(|link| link.id).collect();
        for id in ids {
            self.tick_link(us, now, id);
        }
        if self.is_sought() && self.dial_at <= now && self.dialable(us) {
            self.offer(us, now);
        }
    }

    fn tick_link(&mut self, us: &mut Us, now: Mono, id: LinkId) {
        let Some(link) = self.link_mut(id) else { return };
        if link.said.as_ref().is_some_and(|said| said.until <= now) {
            link.said = None;
        }
        let why = link.overdue();
        match link.stage {
            Stage::Describing { until } | Stage::Offered { until, .. } | Stage::Connecting { until, .. }
                if until <= now =>
            {
                self.fail(us, now, id, why, false);
            }
            Stage::Offered { until, again: Some(again) } if again <= now => {
                let (say, next) = us.again(now, again);
                link.stage = Stage::Offered { until, again: Some(next) };
                if say {
                    self.say_again(us, id);
                }
            }
            Stage::Open | Stage::Interrupted { .. } => self.tick_renewal(us, now, id),
            Stage::Describing { .. } | Stage::Offered { .. } | Stage::Connecting { .. } => {}
        }
    }

    fn tick_renewal(&mut self, us: &mut Us, now: Mono, id: LinkId) {
        let renews = self.renews();
        let Some(link) = self.link_mut(id) else { return };
        let interrupted = link.is_interrupted();
        match link.renewal {
            Some(Renewal::Planned { at }) if at <= now && renews => self.restart(us, now),
            Some(Renewal::Offered { until, again: Some(again) }) if again <= now && until > now => {
                let (say, next) = us.again(now, again);
                link.renewal = Some(Renewal::Offered { until, again: Some(next) });
                if say {
                    self.say_again(us, id);
                }
            }
            Some(
                Renewal::Planned { at: until }
                | Renewal::Describing { until, .. }
                | Renewal::Offered { until, .. }
                | Renewal::Waiting { until },
            ) if until <= now => {
                link.renewal = None;
                if interrupted {
                    self.lose(us, now, Failure::Silence);
                } else {
                    self.renew_again(now);
                }
            }
            _ => {}
        }
    }
}
