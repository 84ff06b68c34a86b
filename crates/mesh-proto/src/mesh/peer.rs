use std::time::Duration;

use sangam_types::Mono;

use super::contacts::Contacts;
use super::heard::Order;
use super::link::Link;
use super::us::Us;
use super::{Action, DialOutcome, Event, PeerView};
use crate::{Dialling, Failure, LinkId, PeerId, Profile, Via};

/// What is known of a peer, and its links.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) profile: Profile,
    pub(crate) url: Option<String>,
    pub(crate) contacts: Contacts,
    pub(crate) heard_at: Mono,
    pub(crate) via: Option<Via>,
    /// The link, or the attempt at one.
    pub(crate) link: Option<Link>,
    /// A new session that the peer offered while its link is open: it takes the link's place once it is open itself.
    pub(crate) next: Option<Link>,
    pub(crate) order: Order,
    pub(crate) attempts: u32,
    /// Not dialled before.
    pub(crate) dial_at: Mono,
    /// The application asked for it.
    pub(crate) wanted: bool,
    /// The application wants none.
    pub(crate) hung: bool,
    /// A link with it was lost, and is to come back however many others there are.
    pub(crate) returning: bool,
    /// It has been linked since it is known.
    pub(crate) was_up: bool,
    /// An agent remembers a session with us.
    pub(crate) had_session: bool,
    /// It left some source, and was not seen since.
    pub(crate) left: bool,
    /// An agent left and came back while its link stood: it is a new process, to be dialled from then on once the link falls
    /// silent.
    pub(crate) reborn: Option<Mono>,
    /// When it last proved its id.
    pub(crate) proven_at: Option<Mono>,
    /// Under what it is entered with the machine: its deadline, and whether it counts as linked.
    pub(crate) due: Option<Mono>,
    pub(crate) counted: bool,
    pub(crate) counted_steady: bool,
    pub(crate) counted_linked: bool,
}

impl Peer {
    pub(crate) fn new(id: PeerId, profile: Profile, now: Mono) -> Self {
        Self {
            id,
            profile,
            url: None,
            contacts: Contacts::default(),
            heard_at: now,
            via: None,
            link: None,
            next: None,
            order: Order::default(),
            attempts: 0,
            dial_at: now,
            wanted: false,
            hung: false,
            returning: false,
            was_up: false,
            had_session: false,
            left: false,
            reborn: None,
            proven_at: None,
            due: None,
            counted: false,
            counted_steady: false,
            counted_linked: false,
        }
    }

    pub(crate) fn view(&self) -> PeerView {
        PeerView {
            peer: self.id.clone(),
            profile: self.profile,
            url: self.url.clone(),
            contacts: self.contacts.to_vec(),
            link: self.link.as_ref().map(|link| (link.id, link.state())),
            attempts: self.attempts,
        }
    }

    /// The link or successor of that name.
    pub(crate) fn link_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        [&mut self.link, &mut self.next].into_iter().flatten().find(|link| link.id == id)
    }

    pub(crate) fn is_linked(&self) -> bool {
        self.link.as_ref().is_some_and(Link::was_open)
    }

    /// What a description's marks say is believed before what a source says.
    pub(crate) fn shown(&mut self, profile: Profile) {
        if profile != Profile::Unknown {
            self.profile = profile;
        }
    }

    /// Who begins, with this peer.
    pub(crate) fn dialling(&self, us: &Us) -> Dialling {
        match self.profile {
            Profile::Sangam => Dialling::ByOrder,
            Profile::Synapse => Dialling::Ours,
            Profile::Agent => Dialling::TheirsFor(us.options.agent_patience),
            Profile::Unknown if self.contacts.only_signaling() => Dialling::TheirsFor(us.options.agent_patience),
            Profile::Unknown => Dialling::Ours,
        }
    }

    /// How long the peer is given to begin.
    pub(crate) fn patience(&self, us: &Us) -> Duration {
        match self.dialling(us) {
            Dialling::Ours => Duration::ZERO,
            Dialling::ByOrder if us.is_polite_to(&self.id) => us.options.patience,
            Dialling::ByOrder => Duration::ZERO,
            Dialling::TheirsFor(patience) => patience,
        }
    }

    /// Whether candidates may follow a description by themselves.
    pub(crate) fn trickles(&self) -> bool {
        let signaling = match &self.via {
            Some(Via::Signaling(_)) => true,
            None => self.contacts.only_signaling(),
            Some(_) => false,
        };
        self.profile.takes_candidates() || (self.profile == Profile::Unknown && signaling)
    }

    /// Whether it takes new ICE credentials for a session that is there. Those for an agent that left would be the first
    /// its successor hears of us.
    pub(crate) fn renews(&self) -> bool {
        let gone = self.profile == Profile::Agent && (self.left || self.reborn.is_some());
        self.trickles() && !gone
    }

    /// Whether it may be dialled at all, now or later.
    pub(crate) fn dialable(&self, us: &Us) -> bool {
        let known = self.wanted || self.returning || !self.contacts.is_empty();
        let agent = self.profile == Profile::Agent;
        let survives = !agent || (!self.had_session && (us.options.dial_agents || self.wanted));
        let proves = !us.options.proof_required || matches!(self.profile, Profile::Sangam | Profile::Unknown);
        self.link.is_none() && !self.hung && known && survives && proves && self.is_allowed(us)
    }

    pub(crate) fn is_allowed(&self, us: &Us) -> bool {
        us.options.allowed.is_empty() || us.options.allowed.contains(&self.id)
    }

    /// Whether it is dialled whatever the number of links.
    pub(crate) fn is_sought(&self) -> bool {
        self.wanted || self.returning
    }

    /// Whether anything of it is worth remembering.
    pub(crate) fn is_forgettable(&self, us: &Us, now: Mono) -> bool {
        if self.link.is_some() || self.wanted {
            return false;
        }
        let old = self.heard_at + us.options.forget_after <= now;
        old || (self.contacts.is_empty() && !self.returning && !self.hung)
    }

    /// When it has to be looked at.
    pub(crate) fn deadline(&self, us: &Us) -> Option<Mono> {
        let links = [&self.link, &self.next].into_iter().flatten().filter_map(Link::due).min();
        let dial = (self.is_sought() && self.dialable(us)).then_some(self.dial_at);
        let forget = (self.link.is_none() && !self.wanted).then(|| self.heard_at + us.options.forget_after);
        [links, dial, forget].into_iter().flatten().min()
    }

    /// Ends what is going on, tells why, and lets the driver close it unless it is gone already.
    pub(crate) fn end(&mut self, us: &mut Us, id: LinkId, why: Failure, gone: bool) {
        let slot = if self.next.as_ref().is_some_and(|next| next.id == id) { &mut self.next } else { &mut self.link };
        let Some(link) = slot.take_if(|link| link.id == id) else { return };
        us.links.remove(&id);
        if !gone {
            us.act(Action::Close { link: id, why });
        }
        let peer = self.id.clone();
        if link.was_open() {
            us.tell(Event::Down { link: id, peer, why });
        } else {
            us.tell(Event::Attempted { link: id, peer, outcome: DialOutcome::Failed(why) });
        }
        if self.link.is_none() {
            self.link = self.next.take();
        }
    }

    /// An attempt failed or a link was lost: when the next one is due.
    pub(crate) fn plan_retry(&mut self, us: &mut Us, now: Mono) {
        self.attempts = self.attempts.saturating_add(1);
        self.dial_at = now + us.pause(self.attempts);
        if self.is_sought() && self.dialable(us) {
            us.tell(Event::Retry { peer: self.id.clone(), at: self.dial_at, number: self.attempts + 1 });
        }
    }
}
