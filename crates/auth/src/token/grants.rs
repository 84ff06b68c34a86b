use std::fmt;

/// What a token allows in rooms on signaling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    /// Being in the room: seen by the others, seeing them.
    Join,
    /// Sending to others in the room.
    Signal,
    /// Starting, pausing, resuming and setting the room's timer.
    Timer,
    /// Putting participants out, locking the room, ending the session.
    Moderate,
}

impl Grant {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Join, Self::Signal, Self::Timer, Self::Moderate];

    /// As written in a token and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Signal => "signal",
            Self::Timer => "timer",
            Self::Moderate => "moderate",
        }
    }

    /// The grant of that name; `None` if there is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == name)
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Join => 1,
            Self::Signal => 2,
            Self::Timer => 4,
            Self::Moderate => 8,
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of [`Grant`]. None contains another: who moderates and is to be in the room has `join` too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grants(u8);

impl Grants {
    /// What a token without the claim `grants` has: `join` and `signal`, which is what a participant does. Power over
    /// others is granted by name only.
    pub const UNNAMED: Self = Self(Grant::Join.bit() | Grant::Signal.bit());

    /// Every grant: what open mode gives, where there are no tokens.
    pub const ALL: Self = Self(15);

    /// Whether `grant` is in the set.
    #[must_use]
    pub const fn allow(self, grant: Grant) -> bool {
        self.0 & grant.bit() != 0
    }

    /// Those of the names that are grants; others allow nothing.
    #[must_use]
    pub fn of_known<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        names.into_iter().filter_map(Grant::named).collect()
    }
}

impl FromIterator<Grant> for Grants {
    fn from_iter<I: IntoIterator<Item = Grant>>(grants: I) -> Self {
        Self(grants.into_iter().fold(0, |bits, grant| bits | grant.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_read_by_the_name_it_shows_and_others_allow_nothing() {
        for grant in Grant::ALL {
            assert_eq!(Grant::named(grant.as_str()), Some(grant));
            let grants = Grants::of_known([grant.as_str(), "Moderate", "admin", ""]);
            assert_eq!(Grant::ALL.map(|other| grants.allow(other)), Grant::ALL.map(|other| other == grant));
        }
        assert_eq!(Grants::ALL, Grant::ALL.into_iter().collect());
        assert_eq!(Grants::UNNAMED, Grants::of_known(["join", "signal"]));
    }
}
