use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

/// Makes a token for a database and a device, or says why it cannot.
pub type MintToken = dyn Fn(&str, &str) -> Result<SecretString, String> + Send + Sync;

/// What devices show a server.
#[derive(Clone)]
pub enum SyncTokens {
    /// Nothing: a server that asks for none.
    Nothing,
    /// All the same.
    Shared(SecretString),
    /// Each its own, for its database and itself.
    Each(Arc<MintToken>),
}

impl fmt::Debug for SyncTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Shared(_) => "Shared",
            Self::Each(_) => "Each",
        })
    }
}

/// How many devices, how long, what they do.
#[derive(Clone, Debug)]
pub struct SyncOptions {
    /// Of the server: `http` or `https`, perhaps with a path before `/v1`.
    pub url: String,
    /// In all databases, by turns.
    pub devices: u32,
    /// How many databases, each with a name that nobody has used; unless [`Self::names`] are given.
    pub databases: u32,
    /// Databases by their names, which may hold something already.
    pub names: Vec<String>,
    /// How long they edit.
    pub duration: Duration,
    /// Edits of all devices in a second.
    pub edits_per_sec: f64,
    /// How often each device is cut off in a minute; half of the times amid a push, whose answer is lost.
    pub disconnects_per_min: f64,
    /// The share of its time for which a device is away, below 1.
    pub offline_share: f64,
    /// Devices' clocks are up to so far before or behind.
    pub clock_skew: Duration,
    /// Entities of each collection that all devices of a database edit.
    pub entities: u32,
    /// Collections of each database. With two or more every fourth device pulls and edits the first half alone.
    pub collections: u32,
    /// Bytes of an entity.
    pub body_bytes: u16,
    /// The share of devices that learn from a stream that there is something to pull; the others ask every [`Self::poll`].
    pub listeners: f64,
    /// How often devices without a stream ask.
    pub poll: Duration,
    /// How long devices have in the end to push what they hold and to pull the rest.
    pub settle_timeout: Duration,
    /// The same seed: the same devices with the same clocks make the same edits. When things happen is the network's.
    pub seed: u64,
    /// What devices show the server.
    pub tokens: SyncTokens,
}

/// Why a fleet of these options makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyncOptionsError {
    /// Nobody at all, or nothing to edit.
    #[error("there must be a device for each database, a collection and an entity")]
    Nobody,
    /// More than this program is for.
    #[error("{wanted} {what} are more than {max}: lower their number")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// So many.
        wanted: u64,
        /// At most.
        max: u64,
    },
    /// Below zero, too large or no number.
    #[error("{what} must be {range}")]
    OutOfRange {
        /// Which option.
        what: &'static str,
        /// What it may be.
        range: &'static str,
    },
    /// A token that names no database opens none whose name it cannot know.
    #[error(
        "one token is for one database: name it with `--db`, or give the secret of the tokens with `--secret-file`"
    )]
    NoName,
}

impl SyncOptions {
    /// In all databases.
    pub const DEVICES_MAX: u32 = 20_000;
    /// Of all devices: each is held in memory until the account is made.
    pub const EDITS_MAX: u64 = 5_000_000;

    /// Databases that there are.
    #[must_use]
    pub fn databases(&self) -> u32 {
        if self.names.is_empty() { self.databases } else { u32::try_from(self.names.len()).unwrap_or(u32::MAX) }
    }

    /// # Errors
    /// [`SyncOptionsError`]
    pub fn check(&self) -> Result<(), SyncOptionsError> {
        if self.databases() == 0 || self.devices < self.databases() || self.collections == 0 || self.entities == 0 {
            return Err(SyncOptionsError::Nobody);
        }
        if matches!(self.tokens, SyncTokens::Shared(_)) && self.names.len() != 1 {
            return Err(SyncOptionsError::NoName);
        }
        let edits = self.edits_per_sec * self.duration.as_secs_f64();
        for (what, wanted, max) in [
            ("devices", f64::from(self.devices), u64::from(Self::DEVICES_MAX)),
            ("edits", edits, Self::EDITS_MAX),
            ("entities", f64::from(self.entities) * f64::from(self.collections), 1_000_000),
        ] {
            if wanted > max as f64 {
                return Err(SyncOptionsError::TooMany { what, wanted: wanted as u64, max });
            }
        }
        self.check_ranges()
    }

    fn check_ranges(&self) -> Result<(), SyncOptionsError> {
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        for (what, range, is_fine) in [
            ("the edits per second", "a number above 0", self.edits_per_sec.is_finite() && self.edits_per_sec > 0.0),
            ("the disconnects per minute", "from 0 to 6000", (0.0..=6_000.0).contains(&self.disconnects_per_min)),
            ("the share of time away", "from 0 to 0.95", (0.0..=0.95).contains(&self.offline_share)),
            ("the share of listeners", "from 0 to 1", is_share(self.listeners)),
            ("the clock skew", "at most 365 days", self.clock_skew <= Duration::from_secs(365 * 86_400)),
            ("the time between two polls", "at least 10 ms", self.poll >= Duration::from_millis(10)),
            ("the duration", "above 0", !self.duration.is_zero()),
            ("the bytes of an entity", "at least 64", self.body_bytes >= 64),
        ] {
            if !is_fine {
                return Err(SyncOptionsError::OutOfRange { what, range });
            }
        }
        Ok(())
    }

    /// How long a device stays away on average once it is cut off.
    pub(super) fn away_secs(&self) -> f64 {
        if self.disconnects_per_min == 0.0 { 0.0 } else { self.offline_share * 60.0 / self.disconnects_per_min }
    }

    /// Whether a device, counted in its database, learns from a stream.
    pub(super) fn listens(&self, number: u32) -> bool {
        let listeners_before = |count: u32| (f64::from(count) * self.listeners).floor();
        listeners_before(number + 1) > listeners_before(number)
    }

    /// How many collections a device pulls and edits, the first ones of all.
    pub(super) fn collections_of(&self, number: u32) -> u32 {
        if number % 4 == 3 && self.collections > 1 { self.collections / 2 } else { self.collections }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn options() -> SyncOptions {
        SyncOptions {
            url: "http://localhost".to_owned(),
            devices: 4,
            databases: 2,
            names: Vec::new(),
            duration: Duration::from_secs(2),
            edits_per_sec: 10.0,
            disconnects_per_min: 6.0,
            offline_share: 0.2,
            clock_skew: Duration::from_secs(5),
            entities: 10,
            collections: 2,
            body_bytes: 100,
            listeners: 0.5,
            poll: Duration::from_secs(1),
            settle_timeout: Duration::from_secs(10),
            seed: 1,
            tokens: SyncTokens::Nothing,
        }
    }

    #[test]
    fn as_many_devices_listen_as_their_share_says() {
        for (share, count) in [(0.0, 0), (0.25, 25), (0.5, 50), (1.0, 100)] {
            let options = SyncOptions { listeners: share, ..options() };
            assert_eq!((0..100).filter(|number| options.listens(*number)).count(), count, "{share}");
        }
    }

    #[test]
    fn every_fourth_device_has_half_of_the_collections() {
        let of = |collections, number| SyncOptions { collections, ..options() }.collections_of(number);
        assert_eq!([of(4, 2), of(4, 3), of(3, 3), of(1, 3)], [4, 2, 1, 1]);
        assert!((options().away_secs() - 2.0).abs() < 1e-9);
    }

    #[test]
    fn senseless_fleets_are_refused_with_what_to_change() {
        let said = |change: fn(&mut SyncOptions)| {
            let mut options = options();
            assert_eq!(options.check(), Ok(()));
            change(&mut options);
            options.check().unwrap_err().to_string()
        };
        assert!(said(|options| options.devices = 1).contains("a device for each database"));
        assert!(said(|options| options.devices = 1_000_000).contains("20000"));
        assert!(said(|options| options.edits_per_sec = 1e9).contains("edits are more than"));
        assert!(said(|options| options.edits_per_sec = f64::NAN).contains("edits per second"));
        assert!(said(|options| options.offline_share = 1.0).contains("0.95"));
        assert!(said(|options| options.listeners = -0.1).contains("listeners"));
        assert!(said(|options| options.tokens = SyncTokens::Shared("t".to_owned().into())).contains("`--db`"));
    }
}
