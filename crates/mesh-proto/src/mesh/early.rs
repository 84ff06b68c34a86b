use sangam_types::Mono;

use super::Options;
use crate::{Candidate, PeerId};

/// Candidates that came before the description they belong to: bounded in age, and in number of one peer and in all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Early(Vec<Waiting>);

#[derive(Clone, Debug)]
struct Waiting {
    peer: PeerId,
    candidate: Candidate,
    until: Mono,
}

impl Early {
    /// Keeps a candidate as long as an offer waits for its answer; false if there are too many.
    pub(crate) fn keep(&mut self, now: Mono, options: &Options, peer: &PeerId, candidate: Candidate) -> bool {
        self.forget(now);
        let of_peer = self.0.iter().filter(|waiting| waiting.peer == *peer).count();
        let room = of_peer < options.early_candidates_max && self.0.len() < options.early_candidates_total_max;
        if room {
            self.0.push(Waiting { peer: peer.clone(), candidate, until: now + options.answer_timeout });
        }
        room
    }

    /// Those of a peer that belong to this ICE generation, or do not say to which.
    pub(crate) fn take(&mut self, now: Mono, peer: &PeerId, ufrag: &str) -> Vec<Candidate> {
        self.forget(now);
        let is_theirs = |waiting: &mut Waiting| {
            waiting.peer == *peer && waiting.candidate.ufrag.as_deref().is_none_or(|said| said == ufrag)
        };
        self.0.extract_if(.., is_theirs).map(|waiting| waiting.candidate).collect()
    }

    fn forget(&mut self, now: Mono) {
        self.0.retain(|waiting| waiting.until > now);
    }
}
