use crate::{Candidate, Description, Failure, LinkId, LinkState, PeerId, Profile, SelectedPair, Signal, Via};
use sangam_types::Mono;

/// How a peer became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Announced on the LAN.
    Mdns,
    /// In a rendezvous's list.
    Rendezvous(u8),
    /// Named in the configuration.
    Bootstrap,
    /// Registered at the same signaling server.
    Signaling(u8),
    /// Another node told us.
    Gossip,
    /// It signalled to us, or the application asked for it.
    Contact,
}

/// Something was heard of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Whose.
    pub peer: PeerId,
    /// From whom.
    pub source: Source,
    /// Its HTTP API, if it has one: `http://host:port`.
    pub url: Option<String>,
    /// What it seems to be.
    pub profile: Profile,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A peer was seen, for the first time or again.
    Seen(Sighting),
    /// That source has it no longer: it said goodbye, or left.
    Left {
        /// Who.
        peer: PeerId,
        /// Where it was seen until now.
        source: Source,
    },
    /// A signal came.
    Signal {
        /// From whom, as the route says.
        from: PeerId,
        /// How.
        via: Via,
        /// What. A description's proof was checked by the driver: `proven`.
        signal: Signal,
        /// What its sender is, by the description's marks; `Unknown` if it shows nothing.
        profile: Profile,
        /// Whether the sender proved its id with its key.
        proven: bool,
    },
    /// The description that [`Action::Offer`] or [`Action::Answer`] asked for.
    Described {
        /// Whose.
        link: LinkId,
        /// As it is to be sent.
        description: Description,
    },
    /// The description could not be made, or the peer's not be taken.
    Refused {
        /// Whose.
        link: LinkId,
        /// Why.
        why: Failure,
    },
    /// A candidate of ours was found after the description had been made.
    Gathered {
        /// Whose.
        link: LinkId,
        /// It.
        candidate: Candidate,
    },
    /// All candidates of ours are known.
    GatheringDone {
        /// Whose.
        link: LinkId,
        /// The ICE user fragment.
        ufrag: Option<String>,
    },
    /// The stack says how a link is.
    Link {
        /// Which.
        link: LinkId,
        /// How.
        state: LinkState,
        /// What carries it now, if it is open.
        pair: Option<SelectedPair>,
    },
    /// The peer said on an open link who it is (a node like ours, with proof), and that may be someone known by another id.
    Identified {
        /// On which link.
        link: LinkId,
        /// Its id by its key.
        peer: PeerId,
    },
    /// No route took a signal.
    Undeliverable {
        /// For whom.
        to: PeerId,
    },
    /// An address of this host came or went: links whose path is gone should move.
    NetworkChanged,
    /// A way to find peers works, or works again: what waits to be said can be said.
    SourceUp,
    /// The application wants a link with a peer, however many there are; its pause is over.
    Dial(PeerId),
    /// The application wants none.
    Hang(PeerId),
    /// The node stops: every link is closed, nobody is dialled any more.
    Stop,
    /// A deadline has come.
    Timeout,
}

/// How much of our own candidates a description must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gathering {
    /// What is known now; the rest follows by itself ([`Input::Gathered`]).
    Trickle,
    /// All of them: the description waits until gathering is done, or this moment.
    Whole {
        /// When to stop waiting.
        until: Mono,
    },
}

/// What the driver has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make a peer connection and describe it.
    Offer {
        /// Its name from now on.
        link: LinkId,
        /// With whom.
        peer: PeerId,
        /// What the peer is, as far as is known: it names the data channel.
        profile: Profile,
        /// How many candidates to wait for.
        gathering: Gathering,
    },
    /// Make a peer connection that answers.
    Answer {
        /// Its name from now on.
        link: LinkId,
        /// With whom.
        peer: PeerId,
        /// What the peer is, as far as is known.
        profile: Profile,
        /// What it offered.
        offer: Description,
        /// How many candidates to wait for.
        gathering: Gathering,
    },
    /// Offer new ICE credentials on a link that is there (RFC 8445 §2.4).
    Restart {
        /// Which.
        link: LinkId,
        /// How many candidates to wait for.
        gathering: Gathering,
    },
    /// The peer offered new ICE credentials on a link that is there: answer.
    Reanswer {
        /// Which.
        link: LinkId,
        /// What it offered.
        offer: Description,
        /// How many candidates to wait for.
        gathering: Gathering,
    },
    /// The answer to our offer has come.
    Accept {
        /// Which.
        link: LinkId,
        /// It.
        answer: Description,
    },
    /// A candidate of the peer has come.
    AddCandidate {
        /// Which.
        link: LinkId,
        /// It.
        candidate: Candidate,
    },
    /// Close a link and forget it.
    Close {
        /// Which.
        link: LinkId,
        /// Why.
        why: Failure,
    },
    /// Bring a signal to a peer.
    Send {
        /// To whom.
        to: PeerId,
        /// The way its last signal came, to be tried first.
        via: Option<Via>,
        /// What.
        signal: Signal,
    },
}

/// How an attempt ended, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialOutcome {
    /// The data channel opened.
    Established,
    /// It did not.
    Failed(Failure),
}

/// What happened, for logs, metrics and whoever watches. Times are the driver's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A peer was seen for the first time.
    Discovered(Sighting),
    /// A peer was forgotten.
    Forgotten(PeerId),
    /// An attempt began: we offer (`ours`) or answer.
    Attempt {
        /// Its name.
        link: LinkId,
        /// With whom.
        peer: PeerId,
        /// Whether we offer.
        ours: bool,
        /// The how manieth since the peer was last linked, from 1.
        number: u32,
    },
    /// An attempt ended.
    Attempted {
        /// Its name.
        link: LinkId,
        /// With whom.
        peer: PeerId,
        /// How.
        outcome: DialOutcome,
    },
    /// A link is open, for the first time or again.
    Up {
        /// Which.
        link: LinkId,
        /// With whom.
        peer: PeerId,
        /// What the peer is.
        profile: Profile,
        /// Whether it was interrupted, or another link with this peer was, and this is its return.
        again: bool,
    },
    /// A link fell silent.
    Interrupted {
        /// Which.
        link: LinkId,
        /// With whom.
        peer: PeerId,
    },
    /// A link that was open is over.
    Down {
        /// Which.
        link: LinkId,
        /// With whom.
        peer: PeerId,
        /// Why.
        why: Failure,
    },
    /// The next attempt is planned.
    Retry {
        /// With whom.
        peer: PeerId,
        /// When.
        at: Mono,
        /// Its number.
        number: u32,
    },
    /// Two offers crossed; ours was kept or given up.
    Glare {
        /// With whom.
        peer: PeerId,
        /// Whether ours was kept.
        kept: bool,
    },
    /// An offer or answer was refused: its sender did not prove who it is or may not be linked (`Identity`), or there are
    /// too many links (`ClosedByUs`).
    Refused {
        /// From whom.
        peer: PeerId,
        /// Why.
        why: Failure,
    },
    /// A signal was of no use: late, for a session that is gone, or beyond a bound.
    SignalDropped {
        /// From whom.
        peer: PeerId,
    },
}

/// What comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Something to do.
    Act(Action),
    /// Something that happened.
    Event(Event),
    /// Drained; to be called again at that time at the latest, or with the next input.
    Wait(Option<Mono>),
}

/// Where a peer was seen, and when last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Where.
    pub source: Source,
    /// When last.
    pub at: Mono,
}

/// A peer as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerView {
    /// Who.
    pub peer: PeerId,
    /// What it is.
    pub profile: Profile,
    /// Its HTTP API.
    pub url: Option<String>,
    /// Where it was seen.
    pub contacts: Vec<Contact>,
    /// Its link, if there is one or one is tried.
    pub link: Option<(LinkId, LinkState)>,
    /// Attempts since it was last linked.
    pub attempts: u32,
}
