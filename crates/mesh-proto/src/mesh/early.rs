use sangam_types::Mono;

use crate::Candidate;

/// Candidates that came before the description they belong to: bounded in number and age.
#[derive(Clone, Debug, Default)]
pub(crate) struct Early(Vec<(Mono, Candidate)>);

impl Early {
    /// Keeps a candidate until then; false if there are too many.
    pub(crate) fn keep(&mut self, now: Mono, until: Mono, candidate: Candidate, max: usize) -> bool {
        self.0.retain(|(until, _)| *until > now);
        let room = self.0.len() < max;
        if room {
            self.0.push((until, candidate));
        }
        room
    }

    /// Those that belong to this ICE generation, or do not say to which.
    pub(crate) fn take(&mut self, now: Mono, ufrag: &str) -> Vec<Candidate> {
        let (theirs, others) = std::mem::take(&mut self.0)
            .into_iter()
            .filter(|(until, _)| *until > now)
            .partition(|(_, candidate)| candidate.ufrag.as_deref().is_none_or(|said| said == ufrag));
        self.0 = others;
        let theirs: Vec<(Mono, Candidate)> = theirs;
        theirs.into_iter().map(|(_, candidate)| candidate).collect()
    }
}
