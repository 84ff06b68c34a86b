use serde::Serialize;

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A session description that begins a call.
    Offer,
    /// The description that answers one.
    Answer,
    /// An ICE candidate.
    Candidate,
    /// Which verse the room reads.
    Verse,
    /// Who reads when.
    Queue,
    /// How long the session lasts.
    Timer,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Offer, Self::Answer, Self::Candidate, Self::Verse, Self::Queue, Self::Timer];

    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Answer => "answer",
            Self::Candidate => "candidate",
            Self::Verse => "verse",
            Self::Queue => "queue",
            Self::Timer => "timer",
        }
    }

    /// Whether it goes to one other; else to the room.
    pub(crate) fn is_signal(self) -> bool {
        matches!(self, Self::Offer | Self::Answer | Self::Candidate)
    }
}

/// What a participant says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Said<'a> {
    /// It wants to be in its room.
    Join,
    /// To one other, by id.
    Signal { kind: Kind, to: &'a str, serial: u64 },
    /// To the room. Of a timer the serial is its duration in seconds.
    Tell { kind: Kind, serial: u64 },
    /// It goes.
    Leave,
}

/// What a participant hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It is in its room.
    Entered,
    /// Another, by id, is.
    Arrived(String),
    /// From one other.
    Signal { kind: Kind, from: String, serial: u64 },
    /// From the room.
    Told { kind: Kind, serial: u64 },
    /// The server wants to know whether we are there.
    Ping,
    /// The server did not do what it was asked.
    Refused(String),
    /// Everything else.
    Other,
}
