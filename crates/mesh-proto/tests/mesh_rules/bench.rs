use std::sync::Arc;
use std::time::Duration;

use sangam_mesh_proto::mesh::{Action, Event, Input, Mesh, Options, Output, Sighting, Source};
use sangam_mesh_proto::{
    Candidate, CandidateKind, Description, DescriptionKind, Failure, LinkId, LinkState, PathProtocol, PeerId, Profile,
    SelectedPair, Signal, Via,
};
use sangam_types::Now;

/// One machine, its clock, and what it did.
pub(crate) struct Bench {
    pub(crate) mesh: Mesh,
    pub(crate) now: Now,
    pub(crate) acts: Vec<Action>,
    pub(crate) events: Vec<Event>,
}

pub(crate) fn id(name: &str) -> PeerId {
    PeerId::new(name).unwrap()
}

pub(crate) fn secs(secs: f64) -> Duration {
    Duration::from_secs_f64(secs)
}

/// What a stack writes, as far as anybody reads it here.
pub(crate) fn sdp(kind: DescriptionKind, ufrag: &str, fingerprint: &str) -> Description {
    let head = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";
    let sdp = format!("{head}a=ice-ufrag:{ufrag}\r\na=fingerprint:sha-256 {fingerprint}\r\n");
    Description { kind, sdp: Arc::from(sdp) }
}

/// As one of us writes it.
pub(crate) fn marked(
    kind: DescriptionKind,
    ufrag: &str,
    session: u64,
    life: u64,
    number: u64,
    what: &str,
) -> Description {
    let plain = sdp(kind, ufrag, "CE:27");
    let line = format!("a=sangam-session:{session:016x} {life:016x} {number} {what}\r\nm=");
    Description { kind, sdp: Arc::from(plain.sdp.replacen("m=", &line, 1)) }
}

pub(crate) fn candidate(ufrag: Option<&str>) -> Candidate {
    let line = "candidate:1 1 udp 1 192.0.2.1 9 typ host".to_owned();
    Candidate { line, mid: Some("0".into()), line_index: Some(0), ufrag: ufrag.map(str::to_owned) }
}

impl Bench {
    pub(crate) fn new(us: &str, options: Options) -> Self {
        let now = Now::default();
        Self { mesh: Mesh::new(id(us), options, 1, now), now, acts: Vec::new(), events: Vec::new() }
    }

    pub(crate) fn feed(&mut self, input: Input) {
        self.mesh.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) -> Option<Now> {
        loop {
            match self.mesh.poll_output(self.now) {
                Output::Act(action) => self.acts.push(action),
                Output::Event(event) => self.events.push(event),
                Output::Wait(None) => return None,
                Output::Wait(Some(at)) => {
                    assert!(at > self.now.mono, "the machine asks to be called at once, again and again");
                    return Some(self.now + at.saturating_since(self.now.mono));
                }
            }
        }
    }

    /// Lets time pass, deadline by deadline.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.drain().filter(|next| next.mono <= end.mono) {
            self.now = next;
            self.mesh.handle_input(self.now, Input::Timeout);
        }
        self.now = end;
        self.feed(Input::Timeout);
    }

    /// Lets time pass without a call, as in a process that cannot keep up.
    pub(crate) fn sleep(&mut self, time: Duration) {
        self.now = self.now + time;
        self.feed(Input::Timeout);
    }

    pub(crate) fn see(&mut self, peer: &str, profile: Profile) {
        self.see_at(peer, profile, Source::Rendezvous(0));
    }

    pub(crate) fn see_at(&mut self, peer: &str, profile: Profile, source: Source) {
        self.feed(Input::Seen(Sighting { peer: id(peer), source, url: None, profile }));
    }

    pub(crate) fn hear(&mut self, from: &str, profile: Profile, description: Description) {
        self.hear_proven(from, profile, description, false);
    }

    pub(crate) fn hear_proven(&mut self, from: &str, profile: Profile, description: Description, proven: bool) {
        let signal = Signal::Description(description);
        self.feed(Input::Signal { from: id(from), via: Via::Rendezvous(0), signal, profile, proven });
    }

    pub(crate) fn hear_candidate(&mut self, from: &str, candidate: Candidate) {
        let signal = Signal::Candidate(candidate);
        let (via, profile) = (Via::Signaling(0), Profile::Unknown);
        self.feed(Input::Signal { from: id(from), via, signal, profile, proven: false });
    }

    pub(crate) fn describe(&mut self, link: LinkId, kind: DescriptionKind, ufrag: &str) {
        self.feed(Input::Described { link, description: sdp(kind, ufrag, "0F:F0") });
    }

    pub(crate) fn is(&mut self, link: LinkId, state: LinkState) {
        self.feed(Input::Link { link, state, pair: None });
    }

    /// Checks pass, and nothing more.
    pub(crate) fn has_path(&mut self, link: LinkId) {
        let address = "192.0.2.1:9".parse().unwrap();
        let pair = SelectedPair {
            local_kind: CandidateKind::Host,
            local: address,
            remote_kind: CandidateKind::Host,
            remote: address,
            protocol: PathProtocol::Udp,
            round_trip: None,
        };
        self.feed(Input::Link { link, state: LinkState::Connecting, pair: Some(pair) });
    }

    /// What was done since this was last asked.
    pub(crate) fn did(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.acts)
    }

    pub(crate) fn told(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The link of the only offer asked for since.
    pub(crate) fn offered(&mut self) -> Option<LinkId> {
        let offers: Vec<LinkId> = self
            .did()
            .iter()
            .filter_map(|act| if let Action::Offer { link, .. } = act { Some(*link) } else { None })
            .collect();
        assert!(offers.len() < 2, "{offers:?}");
        offers.first().copied()
    }

    /// The link of the only answer asked for since.
    pub(crate) fn answered(&mut self) -> Option<LinkId> {
        let answers: Vec<LinkId> = self
            .did()
            .iter()
            .filter_map(|act| if let Action::Answer { link, .. } = act { Some(*link) } else { None })
            .collect();
        assert!(answers.len() < 2, "{answers:?}");
        answers.first().copied()
    }

    /// Has an open link with a peer, that we offered.
    pub(crate) fn linked(&mut self, peer: &str, profile: Profile) -> LinkId {
        self.see(peer, profile);
        self.pass(secs(3.5));
        let link = self.offered().unwrap();
        self.describe(link, DescriptionKind::Offer, "our1");
        self.hear(peer, profile, self.answer_to(peer, profile, "their1"));
        self.is(link, LinkState::Open);
        self.did();
        self.told();
        link
    }

    /// What the peer answers to our last offer.
    pub(crate) fn answer_to(&self, peer: &str, profile: Profile, ufrag: &str) -> Description {
        if profile != Profile::Sangam {
            return sdp(DescriptionKind::Answer, ufrag, peer);
        }
        let offer = self.acts.iter().rev().find_map(sent_description).unwrap();
        let (session, ours) = (session_of(&offer), ufrag_of(&offer));
        marked(DescriptionKind::Answer, ufrag, session, 5, 10, &format!("answer:{ours}"))
    }
}

pub(crate) fn sent_description(action: &Action) -> Option<Description> {
    match action {
        Action::Send { signal: Signal::Description(description), .. } => Some(description.clone()),
        _ => None,
    }
}

pub(crate) fn session_of(description: &Description) -> u64 {
    let mark = description.sdp.lines().find_map(|line| line.strip_prefix("a=sangam-session:")).unwrap();
    u64::from_str_radix(mark.split(' ').next().unwrap(), 16).unwrap()
}

pub(crate) fn ufrag_of(description: &Description) -> String {
    description.sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap().to_owned()
}

pub(crate) fn closed(actions: &[Action]) -> Vec<(LinkId, Failure)> {
    let close = |act: &Action| if let Action::Close { link, why } = act { Some((*link, *why)) } else { None };
    actions.iter().filter_map(close).collect()
}
