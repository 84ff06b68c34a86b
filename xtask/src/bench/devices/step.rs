use std::collections::BTreeMap;

use serde::Deserialize;

/// A kind of sessions, by what happens in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    First,
    Boot,
    Change,
    Periodic,
    Nonce,
    Connection,
}

/// What the generator says of one kind.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Outcome {
    pub(super) name: String,
    pub(super) sessions: u64,
    pub(super) requests: u64,
    pub(super) seconds: f64,
    pub(super) cpu_nanos: u64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) resident_bytes: u64,
}

/// What each kind cost, round by round.
#[derive(Debug, Default)]
pub(super) struct Readings(BTreeMap<Kind, Vec<Outcome>>);

impl Kind {
    pub(super) const ALL: [Self; 6] =
        [Self::First, Self::Boot, Self::Change, Self::Periodic, Self::Nonce, Self::Connection];

    /// As the generator calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Boot => "boot",
            Self::Change => "change",
            Self::Periodic => "periodic",
            Self::Nonce => "nonce",
            Self::Connection => "connection",
        }
    }

    /// What happens in it.
    pub(super) const fn about(self) -> &'static str {
        match self {
            Self::First => "first contact: challenge, Inform, its own login and its time told, 204",
            Self::Boot => "`1 BOOT`: challenge, Inform, empty POST; an event made durable",
            Self::Change => "`4 VALUE CHANGE`: the same; an event, a value and its history made durable",
            Self::Periodic => "`2 PERIODIC`: the same; only when it was seen, with others each second",
            Self::Nonce => "`2 PERIODIC` with the nonce of the last session: Inform, empty POST",
            Self::Connection => "`2 PERIODIC`, the same on the connection of the last session",
        }
    }
}

impl Outcome {
    pub(super) fn per_second(&self) -> f64 {
        self.sessions as f64 / self.seconds
    }

    /// Microseconds of a session.
    pub(super) fn cpu_micros(&self) -> f64 {
        self.cpu_nanos as f64 / 1e3 / self.sessions as f64
    }

    pub(super) fn requests_each(&self) -> f64 {
        self.requests as f64 / self.sessions as f64
    }
}

impl Readings {
    pub(super) fn add(&mut self, kind: Kind, outcome: &Outcome) {
        self.0.entry(kind).or_default().push(outcome.clone());
    }

    /// One figure, round by round.
    pub(super) fn figures(&self, kind: Kind, figure: impl Fn(&Outcome) -> f64) -> Vec<f64> {
        self.0.get(&kind).into_iter().flatten().map(figure).collect()
    }
}
