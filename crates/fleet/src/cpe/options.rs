use std::net::IpAddr;
use std::time::Duration;

use secrecy::SecretString;

/// Which data models devices have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CpeModel {
    /// `InternetGatewayDevice.`
    Tr098,
    /// `Device.`
    Tr181,
    /// By turns.
    #[default]
    Both,
}

/// How many devices, how long, what they do.
#[derive(Clone, Debug)]
pub struct CpeOptions {
    /// Of the ACS: `http` or `https`, with any path.
    pub url: String,
    /// How many.
    pub devices: u32,
    /// All are switched on within this time.
    pub boot_within: Duration,
    /// How long they go on after that.
    pub duration: Duration,
    /// `PeriodicInformInterval` from the factory. The ACS may set another.
    pub interval: Duration,
    /// How often the address of each device changes by itself, on average; zero for never.
    pub change_interval: Duration,
    /// Their roots.
    pub model: CpeModel,
    /// The share of devices that depart from the standard, 0 to 1.
    pub quirks: f64,
    /// Whether the ACS knows them: they do not say `0 BOOTSTRAP` at the start.
    pub are_known: bool,
    /// What they log in with from the factory.
    pub user: String,
    /// Its password. Without one they cannot answer a challenge.
    pub password: Option<SecretString>,
    /// Sessions at once; what is due beyond them waits.
    pub sessions_max: u32,
    /// The address where they listen for connection requests, at a port that is free; `None`: they do not.
    pub connection_requests: Option<IpAddr>,
    /// How long sessions have for one answer.
    pub answer_timeout: Duration,
    /// How long devices have in the end to deliver what they hold.
    pub settle_timeout: Duration,
    /// The same seed has the same devices.
    pub seed: u64,
}

impl Default for CpeOptions {
    fn default() -> Self {
        Self {
            url: String::new(),
            devices: 100,
            boot_within: Duration::from_secs(60),
            duration: Duration::from_secs(60),
            interval: Duration::from_secs(300),
            change_interval: Duration::from_secs(3_600),
            model: CpeModel::Both,
            quirks: 0.0,
            are_known: false,
            user: String::new(),
            password: None,
            sessions_max: 512,
            connection_requests: None,
            answer_timeout: Duration::from_secs(30),
            settle_timeout: Duration::from_secs(60),
            seed: 0,
        }
    }
}

/// Options of which no fleet can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CpeOptionsError {
    /// None, or more than there is memory for.
    #[error("there must be 1 to {DEVICES_MAX} devices: set `--devices` so")]
    Devices,
    /// Not a share.
    #[error("the share of devices with quirks must be from 0 to 1: set `--quirks` so")]
    Quirks,
    /// Devices that do nothing else than inform.
    #[error("devices inform at most once a second: set `--interval` to 1s or more, at most 30 days")]
    Interval,
    /// Changes all the time.
    #[error("values change at most once a second: set `--change-every` to 0s or to 1s or more")]
    Changes,
    /// No session could ever be held.
    #[error("there must be 1 to 65,000 sessions at once: set `--sessions-max` so")]
    Sessions,
    /// More than a week.
    #[error("a fleet runs for a week at most: set `--boot-within`, `--seconds` and `--settle` so")]
    TooLong,
}

/// Each takes a kilobyte and more.
const DEVICES_MAX: u32 = 1_000_000;
const WEEK: Duration = Duration::from_secs(604_800);
const INTERVAL_MAX: Duration = Duration::from_secs(30 * 86_400);

impl CpeOptions {
    /// Whether a fleet can be made of them.
    ///
    /// # Errors
    /// The first option that makes no sense.
    pub fn check(&self) -> Result<(), CpeOptionsError> {
        let second = Duration::from_secs(1);
        if !(1..=DEVICES_MAX).contains(&self.devices) {
            Err(CpeOptionsError::Devices)
        } else if !(0.0..=1.0).contains(&self.quirks) {
            Err(CpeOptionsError::Quirks)
        } else if self.interval < second || self.interval > INTERVAL_MAX {
            Err(CpeOptionsError::Interval)
        } else if !self.change_interval.is_zero() && self.change_interval < second {
            Err(CpeOptionsError::Changes)
        } else if !(1..=65_000).contains(&self.sessions_max) {
            Err(CpeOptionsError::Sessions)
        } else if [self.boot_within, self.duration, self.settle_timeout].iter().any(|it| *it > WEEK) {
            Err(CpeOptionsError::TooLong)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senseless_options_are_refused_and_the_defaults_are_not() {
        let good = CpeOptions::default();
        assert_eq!(good.check(), Ok(()));
        for (bad, error) in [
            (CpeOptions { devices: 0, ..good.clone() }, CpeOptionsError::Devices),
            (CpeOptions { quirks: f64::NAN, ..good.clone() }, CpeOptionsError::Quirks),
            (CpeOptions { interval: Duration::ZERO, ..good.clone() }, CpeOptionsError::Interval),
            (CpeOptions { change_interval: Duration::from_millis(1), ..good.clone() }, CpeOptionsError::Changes),
            (CpeOptions { sessions_max: 0, ..good.clone() }, CpeOptionsError::Sessions),
            (CpeOptions { duration: Duration::MAX, ..good.clone() }, CpeOptionsError::TooLong),
        ] {
            assert_eq!(bad.check(), Err(error));
        }
    }
}
