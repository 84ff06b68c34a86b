//! Offers and answers of the peer: perfect negotiation, by what the peer is.

use sangam_types::Mono;

use super::heard::{Freshness, Heard};
use super::link::{Link, Remote, Renewal, Stage};
use super::peer::Peer;
use super::us::Us;
use super::{Action, Event};
use crate::{Failure, LinkId, Profile};

/// What becomes of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Drop,
    /// It crossed ours, which stands.
    Ignore,
    /// It was answered before: the answer is said again.
    Repeat,
    /// It renews the link's ICE credentials.
    Renew,
    /// It is a new session, and there is no link.
    Take,
    /// It is a new session in place of the attempt or the silent link there is; `crossed`: ours gives way.
    Replace { crossed: bool },
    /// It is a new session, while the link is open.
    Beside,
    /// It renews a session that is gone: ours is offered instead.
    DialBack,
}

impl Peer {
    /// What an offer is answered with. Touches nothing.
    pub(crate) fn judge(&self, us: &Us, now: Mono, heard: &Heard) -> Verdict {
        match self.order.freshness(heard) {
            Freshness::Fresh => {}
            // An original's connection may not survive a second answer.
            Freshness::Repeated if heard.mark.is_some() => return Verdict::Repeat,
            Freshness::Repeated | Freshness::Stale => return Verdict::Drop,
        }
        let Some(link) = &self.link else {
            return if heard.is_restart() { Verdict::DialBack } else { Verdict::Take };
        };
        if link.is_of(heard) {
            return self.judge_renewal(us, link);
        }
        if heard.is_restart() {
            return Verdict::Drop;
        }
        match link.stage {
            // Ours has not been said yet: nothing crosses.
            Stage::Describing { .. } => Verdict::Replace { crossed: false },
            // A server may have dropped ours in favour of this one, and drops it again each time: it was heard of long ago else.
            Stage::Offered { until, .. }
                if self.gives_way(us)
                    || (self.profile == Profile::Sangam
                        && now + us.options.answer_timeout >= until + us.options.resend_after) =>
            {
                Verdict::Replace { crossed: true }
            }
            Stage::Offered { .. } => Verdict::Ignore,
            // Its offer was overtaken by its answer: it has forgotten what it offered.
            Stage::Connecting { .. } if link.ours && self.profile == Profile::Synapse => Verdict::Ignore,
            Stage::Connecting { .. } | Stage::Interrupted { .. } => Verdict::Replace { crossed: false },
            Stage::Open => Verdict::Beside,
        }
    }

    fn judge_renewal(&self, us: &Us, link: &Link) -> Verdict {
        let crossed = matches!(link.renewal, Some(Renewal::Offered { .. }));
        if !link.was_open() && !matches!(link.stage, Stage::Connecting { .. }) {
            Verdict::Drop
        } else if crossed && !self.gives_way(us) {
            Verdict::Ignore
        } else {
            Verdict::Renew
        }
    }

    /// Whether our offer is given up for one that crosses it. A Synapse-NG node takes the one that comes and forgets its
    /// own; an agent does not survive an offer while its own is out.
    fn gives_way(&self, us: &Us) -> bool {
        match self.profile {
            Profile::Synapse => false,
            Profile::Agent => true,
            Profile::Sangam | Profile::Unknown => us.is_polite_to(&self.id),
        }
    }

    /// An offer came from a peer that may have a link.
    pub(crate) fn heard_offer(&mut self, us: &mut Us, now: Mono, heard: Heard) {
        let verdict = self.judge(us, now, &heard);
        // What is ignored now may be needed when it is said again.
        if !matches!(verdict, Verdict::Drop | Verdict::Repeat | Verdict::Ignore) {
            self.order.take(&heard);
        }
        match verdict {
            Verdict::Drop => us.tell(Event::SignalDropped { peer: self.id.clone() }),
            Verdict::Ignore => us.tell(Event::Glare { peer: self.id.clone(), kept: true }),
            Verdict::Repeat => self.repeat_answer(us, &heard),
            Verdict::Renew => {
                if self.link.as_ref().is_some_and(|link| matches!(link.renewal, Some(Renewal::Offered { .. }))) {
                    us.tell(Event::Glare { peer: self.id.clone(), kept: false });
                }
                self.renew(us, now, heard);
            }
            Verdict::Take => self.answer(us, now, heard),
            Verdict::Replace { crossed } => {
                if crossed {
                    us.tell(Event::Glare { peer: self.id.clone(), kept: false });
                }
                self.give_up_all(us, Failure::Replaced);
                self.answer(us, now, heard);
            }
            Verdict::Beside => {
                if let Some(next) = self.next.as_ref().map(|next| next.id) {
                    self.end(us, next, Failure::Replaced, false);
                }
                if let Some(link) = &mut self.link {
                    link.renewal = None;
                }
                self.answer(us, now, heard);
            }
            Verdict::DialBack => {
                self.returning = true;
                if self.dialable(us) {
                    self.offer(us, now);
                }
            }
        }
    }

    fn repeat_answer(&mut self, us: &mut Us, heard: &Heard) {
        let mut links = [&self.next, &self.link].into_iter().flatten().filter(|link| {
            let said = link.said.as_ref().is_some_and(|said| said.description.kind == crate::DescriptionKind::Answer);
            said && link.remote.as_ref().is_some_and(|remote| remote.ufrag == heard.ufrag)
        });
        let answered = links.next().map(|link| link.id);
        drop(links);
        if let Some(id) = answered {
            self.say_again(us, id);
        }
    }

    /// Closes the link and what should take its place.
    pub(crate) fn give_up_all(&mut self, us: &mut Us, why: Failure) {
        let ids: Vec<LinkId> = [&self.next, &self.link].into_iter().flatten().map(|link| link.id).collect();
        for id in ids {
            self.end(us, id, why, false);
        }
    }

    /// An answer came.
    pub(crate) fn heard_answer(&mut self, us: &mut Us, now: Mono, heard: Heard) {
        let Some(id) = self.offer_answered_by(&heard) else {
            us.tell(Event::SignalDropped { peer: self.id.clone() });
            return;
        };
        if us.options.proof_required && !heard.proven {
            us.tell(Event::Refused { peer: self.id.clone(), why: Failure::Identity });
            self.fail(us, now, id, Failure::Identity, false);
            return;
        }
        self.order.take(&heard);
        let Some(link) = self.link.as_mut() else { return };
        let of_session = link.remote.is_none() || link.is_of(&heard);
        if !of_session {
            // It answers the renewal of a session it has lost.
            self.lose(us, now, Failure::Silence);
            return;
        }
        link.remote = Some(Remote::new(&heard));
        match link.stage {
            Stage::Offered { .. } => {
                link.proven = heard.proven;
                link.stage = Stage::Connecting { until: now + us.options.connect_timeout, path: false };
            }
            Stage::Interrupted { .. } => {
                link.renewal = Some(Renewal::Waiting { until: now + us.options.restart_timeout });
            }
            _ => link.renewal = None,
        }
        us.act(Action::Accept { link: id, answer: heard.description });
        for candidate in us.early.take(now, &self.id, &heard.ufrag) {
            us.act(Action::AddCandidate { link: id, candidate });
        }
        self.renew_again(now);
    }

    /// The link whose outstanding offer an answer belongs to.
    fn offer_answered_by(&self, heard: &Heard) -> Option<LinkId> {
        let link = self.link.as_ref()?;
        let offered = match (link.stage, link.renewal) {
            (Stage::Offered { .. }, _) => true,
            (_, Some(Renewal::Offered { .. })) => link.was_open(),
            _ => false,
        };
        let this_one = heard.answered().is_none_or(|ufrag| ufrag == link.ufrag);
        let fresh = heard.mark.is_none() || self.order.freshness(heard) == Freshness::Fresh;
        (offered && this_one && fresh).then_some(link.id)
    }
}
