//! Candidates of the peer, which may come before and after their time.

use sangam_types::Mono;

use super::peer::Peer;
use super::us::Us;
use super::{Action, Event};
use crate::Candidate;

impl Peer {
    /// A candidate goes to the link whose ICE generation it names; without a name to the one described last. One of a
    /// generation that is over goes nowhere, one of a generation to come waits.
    pub(crate) fn heard_candidate(&mut self, us: &mut Us, now: Mono, candidate: Candidate) {
        let newest = [&self.next, &self.link].into_iter().flatten();
        let mut described = newest.filter(|link| link.remote.is_some() && !link.renews());
        let named = candidate.ufrag.as_deref();
        let link = described
            .find(|link| named.is_none_or(|named| link.remote.as_ref().is_some_and(|remote| remote.ufrag == named)));
        if let Some(link) = link {
            let link = link.id;
            us.act(Action::AddCandidate { link, candidate });
            return;
        }
        let over = named.is_some_and(|named| self.order.knows(named));
        if over || !us.early.keep(now, &us.options, &self.id, candidate) {
            us.tell(Event::SignalDropped { peer: self.id.clone() });
        }
    }
}
