use sangam_types::Mono;

use super::heard::Heard;
use crate::{Candidate, Description, Failure, LinkId, LinkState};

/// Candidates of ours kept to be said again.
const SAID_CANDIDATES_MAX: usize = 32;

/// One peer connection: an attempt, or what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    /// Whether we offered it.
    pub(crate) ours: bool,
    /// The session's name towards one of us.
    pub(crate) session: u64,
    pub(crate) stage: Stage,
    /// When it was begun.
    pub(crate) begun: Mono,
    pub(crate) renewal: Option<Renewal>,
    /// The network changed while a renewal was under way: once more.
    pub(crate) renew_again: bool,
    pub(crate) remote: Option<Remote>,
    /// Our ICE user fragment, as last described.
    pub(crate) ufrag: String,
    pub(crate) said: Option<Said>,
    /// Whether candidates follow our description.
    pub(crate) trickles: bool,
    /// Whether its first description was proven.
    pub(crate) proven: bool,
}

/// How far a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The driver makes our first description.
    Describing { until: Mono },
    /// Our offer is out.
    Offered { until: Mono, again: Option<Mono> },
    /// Both descriptions are exchanged.
    Connecting { until: Mono, path: bool },
    /// Messages pass.
    Open,
    /// It has been open, and is silent.
    Interrupted { since: Mono },
}

/// An ICE restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// We shall offer one.
    Planned { at: Mono },
    /// The driver makes our offer, or our answer.
    Describing { until: Mono, ours: bool },
    /// Our offer is out.
    Offered { until: Mono, again: Option<Mono> },
    /// Exchanged: the link should be open again until then.
    Waiting { until: Mono },
}

/// The peer's side of a session.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    pub(crate) ufrag: String,
    pub(crate) fingerprints: String,
    pub(crate) marked: bool,
}

/// What we said last, kept to be said again as long as it may have been lost.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) description: Description,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) until: Mono,
}

impl Said {
    pub(crate) fn keep(&mut self, candidate: Candidate) {
        if self.candidates.len() < SAID_CANDIDATES_MAX {
            self.candidates.push(candidate);
        }
    }
}

impl Remote {
    pub(crate) fn new(heard: &Heard) -> Self {
        Self { ufrag: heard.ufrag.clone(), fingerprints: heard.fingerprints.clone(), marked: heard.mark.is_some() }
    }
}

impl Link {
    pub(crate) fn new(id: LinkId, ours: bool, session: u64, trickles: bool, (begun, until): (Mono, Mono)) -> Self {
        Self {
            id,
            ours,
            session,
            stage: Stage::Describing { until },
            begun,
            renewal: None,
            renew_again: false,
            remote: None,
            ufrag: String::new(),
            said: None,
            trickles,
            proven: false,
        }
    }

    /// Whether it has ever been open.
    pub(crate) fn was_open(&self) -> bool {
        matches!(self.stage, Stage::Open | Stage::Interrupted { .. })
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        matches!(self.stage, Stage::Interrupted { .. })
    }

    pub(crate) fn state(&self) -> LinkState {
        match self.stage {
            Stage::Describing { .. } | Stage::Offered { .. } | Stage::Connecting { .. } => LinkState::Connecting,
            Stage::Open => LinkState::Open,
            Stage::Interrupted { .. } => LinkState::Interrupted,
        }
    }

    /// Whether a description belongs to the session of this link.
    pub(crate) fn is_of(&self, heard: &Heard) -> bool {
        let Some(remote) = &self.remote else { return false };
        match &heard.mark {
            Some(mark) => remote.marked && mark.session == self.session,
            None => !remote.marked && !remote.fingerprints.is_empty() && remote.fingerprints == heard.fingerprints,
        }
    }

    /// Whether our offer of new ICE credentials is being made or is out.
    pub(crate) fn renews(&self) -> bool {
        matches!(self.renewal, Some(Renewal::Describing { ours: true, .. } | Renewal::Offered { .. }))
    }

    /// Why an attempt that has taken too long failed.
    pub(crate) fn overdue(&self) -> Failure {
        match self.stage {
            Stage::Describing { .. } => Failure::Description,
            Stage::Offered { .. } => Failure::NoAnswer,
            Stage::Connecting { path: false, .. } => Failure::NoPath,
            Stage::Connecting { path: true, .. } => Failure::Handshake,
            Stage::Open | Stage::Interrupted { .. } => Failure::Silence,
        }
    }

    /// When it has to be looked at.
    pub(crate) fn due(&self) -> Option<Mono> {
        let stage = match self.stage {
            Stage::Describing { until } | Stage::Connecting { until, .. } => Some(until),
            Stage::Offered { until, again } => Some(again.map_or(until, |again| again.min(until))),
            Stage::Open | Stage::Interrupted { .. } => None,
        };
        let renewal = match self.renewal {
            Some(Renewal::Planned { at }) => Some(at),
            Some(Renewal::Describing { until, .. } | Renewal::Waiting { until }) => Some(until),
            Some(Renewal::Offered { until, again }) => Some(again.map_or(until, |again| again.min(until))),
            None => None,
        };
        let said = self.said.as_ref().map(|said| said.until);
        [stage, renewal, said].into_iter().flatten().min()
    }
}
