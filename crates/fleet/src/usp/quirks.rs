//! How agents in the field depart from the newest standard, or from what everybody else does.

use crate::cpe::noise::Dice;

/// What one agent does otherwise. An agent without quirks is all as USP 1.4 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quirks(u16);

/// One departure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Quirk {
    /// Says that it speaks 1.0 to 1.3, as obuspa 11 does.
    OldVersion = 1,
    /// Sends no Connect Record: an agent before 1.2.
    NoConnect = 1 << 1,
    /// Names itself in `Sec-WebSocket-Extensions` instead of the query: an agent before 1.3.
    Extension = 1 << 2,
    /// Leaves the colons of its id in the query as they are.
    PlainQuery = 1 << 3,
    /// Sends records in fragments of WebSocket (none should be sent, all must be understood).
    Fragments = 1 << 4,
    /// Finds changes of values by polling, so that it tells them seconds later, as obuspa does.
    PolledChanges = 1 << 5,
    /// Has a small data model, without `Device.LocalAgent.Request.` and some parameters of subscriptions.
    SlimModel = 1 << 6,
    /// Does not let this controller write Wi-Fi (7006): another one owns it.
    NoWiFi = 1 << 7,
    /// `os::`: OUI and serial number.
    OsScheme = 1 << 8,
    /// `uuid::`: its id says nothing.
    UuidScheme = 1 << 9,
    /// Asks to be taken on again at each boot.
    OnBoardsAlways = 1 << 10,
    /// Comes back before the old connection is closed.
    LeavesOpen = 1 << 11,
}

/// All, with the name of each.
pub(super) const ALL: [(Quirk, &str); 12] = [
    (Quirk::OldVersion, "old_version"),
    (Quirk::NoConnect, "no_connect"),
    (Quirk::Extension, "extension"),
    (Quirk::PlainQuery, "plain_query"),
    (Quirk::Fragments, "fragments"),
    (Quirk::PolledChanges, "polled_changes"),
    (Quirk::SlimModel, "slim_model"),
    (Quirk::NoWiFi, "no_wifi"),
    (Quirk::OsScheme, "os_scheme"),
    (Quirk::UuidScheme, "uuid_scheme"),
    (Quirk::OnBoardsAlways, "on_boards_always"),
    (Quirk::LeavesOpen, "leaves_open"),
];

impl Quirks {
    pub(super) const NONE: Self = Self(0);

    /// One to three of them for a `share` of all agents.
    pub(super) fn of(seed: u64, number: u32, share: f64) -> Self {
        let mut dice = Dice::new(&[seed, u64::from(number), 0xa9]);
        if dice.unit() >= share {
            return Self::NONE;
        }
        let mut it = Self::NONE;
        for _ in 0..=dice.below(3) {
            let (quirk, _) = ALL[dice.below(ALL.len() as u64) as usize];
            it = it.with(quirk);
        }
        it
    }

    pub(super) const fn with(self, quirk: Quirk) -> Self {
        Self(self.0 | quirk as u16)
    }

    pub(super) const fn has(self, quirk: Quirk) -> bool {
        self.0 & quirk as u16 != 0
    }

    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        ALL.into_iter().filter(move |(quirk, _)| self.has(*quirk)).map(|(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_agents_have_quirks_as_are_to() {
        let quirky = |share| (0..1_000).filter(|at| Quirks::of(1, *at, share) != Quirks::NONE).count();
        assert_eq!((quirky(0.0), quirky(1.0)), (0, 1_000));
        assert!((400..600).contains(&quirky(0.5)));
        for (_, name) in ALL {
            assert!((0..1_000).any(|at| Quirks::of(1, at, 1.0).names().any(|it| it == name)), "{name}");
        }
    }
}
