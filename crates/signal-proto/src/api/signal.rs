/// A message from one participant to another.
#[derive(Clone, Debug)]
pub struct Signal<P> {
    /// What it is.
    pub kind: SignalKind,
    /// Who the client says it is. Heard only to choose among the ids that its socket has in the room.
    pub from: Option<Box<str>>,
    /// Whom it is for; all others in the room without.
    pub to: Option<Box<str>>,
    /// Passed on as it is.
    pub payload: P,
}

/// What a directed message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignalKind {
    /// A session description that asks.
    Offer,
    /// A session description that answers.
    Answer,
    /// An ICE candidate.
    Candidate,
}

/// Says of an offer that its dialect can turn it into an answer: two offers of equal shape can each serve as the
/// answer to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferShape(pub Box<[u8]>);

/// Which end of the DTLS handshake the sender of a crossed offer takes
/// ([RFC 8842 §5](https://www.rfc-editor.org/rfc/rfc8842#section-5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtlsRole {
    /// Begins the handshake, as one who answers usually does.
    Active,
    /// Waits for it, as one who offers usually does.
    Passive,
}

/// Something for the whole room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telling<P> {
    /// About what.
    pub topic: Topic,
    /// Who the client says it is, as in [`Signal::from`].
    pub from: Option<Box<str>>,
    /// What.
    pub value: P,
}

/// What a room is told about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Where in the text the session is, and who reads. Kept for late joiners.
    Verse,
    /// Who reads next. Kept for late joiners.
    Queue,
    /// That somebody began, finished or skipped. Not kept.
    Reading,
}
