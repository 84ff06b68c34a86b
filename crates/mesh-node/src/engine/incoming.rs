use std::net::IpAddr;

use sangam_mesh_proto::identity::ProofRules;
use sangam_mesh_proto::sdp::{self, CandidateLine};
use sangam_mesh_proto::{Candidate, Description, LinkId, PeerId, Profile, Signal, Via, mesh};

use super::Engine;
use crate::node::SignalOutcome;
use crate::webrtc::{names_in, with_address};

/// The address that stands behind a candidate's name.
#[derive(Debug)]
pub(super) struct Resolved {
    link: LinkId,
    candidate: Candidate,
    address: IpAddr,
}

/// What a description shows of its sender.
struct Shown {
    profile: Profile,
    /// Whether the key of the id under which it came made it.
    is_proven: bool,
}

impl Engine {
    /// A signal came, whichever way.
    pub(super) fn on_signal(&mut self, from: PeerId, via: Via, signal: Signal) -> SignalOutcome {
        if self.is_us(&from) {
            return SignalOutcome::Dropped;
        }
        let shown = match &signal {
            Signal::Description(description) => match self.look_at(&from, description) {
                Some(shown) => shown,
                None => return SignalOutcome::Dropped,
            },
            Signal::Candidate(_) | Signal::EndOfCandidates { .. } => {
                Shown { profile: Profile::Unknown, is_proven: false }
            }
        };
        self.heard_signal(&from, &via, &signal);
        let Shown { profile, is_proven: proven } = shown;
        self.tell_mesh(mesh::Input::Signal { from, via, signal, profile, proven });
        SignalOutcome::Processed
    }

    /// Reads the mark and checks its proof. `None`: the proof is wrong, so that somebody pretends to be somebody.
    fn look_at(&self, from: &PeerId, description: &Description) -> Option<Shown> {
        let text = &description.sdp;
        if let Err(error) = sdp::check(text) {
            tracing::debug!(%from, %error, "a description is refused");
            return None;
        }
        let profile = sdp::profile(text);
        let Some(mark) = sdp::read_mark(text) else {
            return Some(Shown { profile, is_proven: false });
        };
        let Some(proof) = &mark.proof else {
            return Some(Shown { profile, is_proven: false });
        };
        let (_, now) = self.clock.now();
        let rules = ProofRules::default();
        let plain = sdp::unmarked(text);
        // Who knows us by our agent id proves it towards that.
        let names = [Some(&self.us), self.agent_id.as_ref()];
        let checked = |us: &PeerId| proof.check(&rules, &mark.id, us, description.kind, &plain, now.wall);
        if let Some(Err(error)) = names.into_iter().flatten().map(checked).reduce(|one, other| one.or(other)) {
            tracing::debug!(%from, claimed = %mark.id, %error, "a description with a wrong proof is refused");
            self.metrics.refused("proof");
            return None;
        }
        Some(Shown { profile, is_proven: mark.id == *from })
    }

    /// A link is with whoever signed the fingerprints it was made with, whatever it is called by. The proof was checked when the
    /// description came. A later description of the link says nothing of that: anybody may have signed fingerprints it has read.
    pub(super) fn note_signer(&mut self, link: LinkId, text: &str) {
        let Some(entry) = self.book.get_mut(link).filter(|entry| entry.opened.is_none()) else { return };
        let signer = sdp::read_mark(text).filter(|mark| mark.proof.is_some()).map(|mark| mark.id);
        entry.real = signer.filter(|signer| *signer != entry.peer);
    }

    pub(super) fn is_us(&self, peer: &PeerId) -> bool {
        *peer == self.us || self.agent_id.as_ref() == Some(peer)
    }

    /// Has the names among a description's candidates resolved.
    pub(super) fn resolve_names(&self, link: LinkId, text: &str) {
        for (_, candidate) in names_in(text) {
            self.resolve(link, candidate);
        }
    }

    pub(super) fn resolve(&self, link: LinkId, candidate: Candidate) {
        let Some(name) = candidate.line.split_ascii_whitespace().nth(4).map(str::to_owned) else { return };
        let Some(entry) = self.book.get(link) else { return };
        // A name may take minutes to have its turn.
        let Some(place) = entry.lookup() else { return self.metrics.refused("name") };
        let (looked_up, answers) = (self.names.resolve(&name), self.resolved.0.clone());
        tokio::spawn(async move {
            let _place = place;
            if let Some(address) = looked_up.await {
                // The engine is gone if nobody takes it.
                let _gone = answers.send(Resolved { link, candidate, address }).await;
            }
        });
    }

    pub(super) fn on_resolved(&mut self, resolved: &Resolved) {
        let Resolved { link, candidate, address } = resolved;
        let candidate = with_address(candidate, *address);
        let Ok(line) = CandidateLine::parse(&candidate.line) else { return };
        self.on_remote_line(*link, &line);
        let (instant, _) = self.clock.now();
        if let Err(error) = self.links.add_remote(*link, &candidate, instant) {
            tracing::debug!(%error, "a candidate with a name is of no use");
        }
    }
}
