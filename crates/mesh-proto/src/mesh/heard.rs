use std::collections::VecDeque;

use super::session::{self, MarkKind, SessionMark};
use crate::Description;

/// A description of a peer, and what is read of it.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) description: Description,
    pub(crate) ufrag: String,
    pub(crate) fingerprints: String,
    pub(crate) mark: Option<SessionMark>,
    pub(crate) proven: bool,
}

impl Heard {
    pub(crate) fn new(description: Description, proven: bool) -> Self {
        let sdp = &*description.sdp;
        let ufrag = session::ufrag(sdp).unwrap_or_default().to_owned();
        Self { ufrag, fingerprints: session::fingerprints(sdp), mark: SessionMark::read(sdp), proven, description }
    }

    /// Whether it offers new ICE credentials for some session of ours.
    pub(crate) fn is_restart(&self) -> bool {
        self.mark.as_ref().is_some_and(|mark| mark.kind == MarkKind::Restart)
    }

    /// The ICE user fragment of the offer it says it answers.
    pub(crate) fn answered(&self) -> Option<&str> {
        match &self.mark.as_ref()?.kind {
            MarkKind::Answer(ufrag) => Some(ufrag),
            MarkKind::New | MarkKind::Restart => None,
        }
    }
}

/// Whether a description is the next one, or has been there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    Fresh,
    /// The last one once more.
    Repeated,
    /// A later one has been taken already.
    Stale,
}

/// Which descriptions of a peer were taken: bounded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    life: Option<(u64, u64)>,
    lives_before: VecDeque<u64>,
    ufrags: VecDeque<String>,
}

const LIVES_MAX: usize = 4;
const UFRAGS_MAX: usize = 8;

impl Order {
    pub(crate) fn freshness(&self, heard: &Heard) -> Freshness {
        let Some(mark) = &heard.mark else {
            let newest = self.ufrags.back().is_some_and(|ufrag| *ufrag == heard.ufrag);
            let known = self.ufrags.contains(&heard.ufrag);
            return match (newest, known) {
                (true, _) => Freshness::Repeated,
                (false, true) => Freshness::Stale,
                (false, false) => Freshness::Fresh,
            };
        };
        match self.life {
            Some((life, number)) if life == mark.life => match mark.number.cmp(&number) {
                std::cmp::Ordering::Less => Freshness::Stale,
                std::cmp::Ordering::Equal => Freshness::Repeated,
                std::cmp::Ordering::Greater => Freshness::Fresh,
            },
            _ if self.lives_before.contains(&mark.life) => Freshness::Stale,
            _ => Freshness::Fresh,
        }
    }

    /// It was taken, or ignored for good.
    pub(crate) fn take(&mut self, heard: &Heard) {
        if let Some(mark) = &heard.mark {
            if let Some((life, _)) = self.life.filter(|(life, _)| *life != mark.life) {
                if self.lives_before.len() == LIVES_MAX {
                    self.lives_before.pop_front();
                }
                self.lives_before.push_back(life);
            }
            self.life = Some((mark.life, mark.number));
        }
        if !self.ufrags.contains(&heard.ufrag) {
            if self.ufrags.len() == UFRAGS_MAX {
                self.ufrags.pop_front();
            }
            self.ufrags.push_back(heard.ufrag.clone());
        }
    }

    /// Whether that ICE generation is one we have heard of: if it is not in use now, it is over.
    pub(crate) fn knows(&self, ufrag: &str) -> bool {
        self.ufrags.iter().any(|known| known == ufrag)
    }
}
