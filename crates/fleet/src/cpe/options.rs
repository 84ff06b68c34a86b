use std::net::IpAddr;
use std::time::Duration;

use secrecy::SecretString;

use super::orders::TaskWish;

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

/// Which devices depart from the standard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum QuirkShare {
    /// This share of all, 0 to 1, in one to three ways that chance decides.
    Of(f64),
    /// By turns: in 25 devices each way once, and each namespace five times.
    Each,
}

/// What an operator orders over the API of the server, and how fast it reads.
#[derive(Clone, Debug)]
pub struct CpeTasks {
    /// `http` or `https`, of the server with the API: `http://127.0.0.1:8080`.
    pub api: String,
    /// With `admin:write`.
    pub token: SecretString,
    /// A task of each, one after the other, for each of the devices.
    pub wishes: Vec<TaskWish>,
    /// For so many devices; fewer if there are not as many.
    pub devices: u32,
    /// Devices at once.
    pub at_once: u32,
    /// How long all of it may take.
    pub within: Duration,
    /// Values that are read of devices while they answer, in a second; zero for none.
    pub live_reads: f64,
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
    /// Which devices depart from the standard.
    pub quirks: QuirkShare,
    /// The share of exchanges that go wrong on purpose, 0 to 1.
    pub mishaps: f64,
    /// The shortest wait before a session is tried again (`CWMPRetryMinimumWaitInterval`, TR-069 §3.2.1.1: 5 s) until the ACS
    /// sets another: 1 s or more.
    pub retry_wait: Duration,
    /// A STUN server that devices bind an address with, for connection requests over UDP (Annex G); `None`: they do not.
    pub stun: Option<String>,
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
    /// What an operator orders of them meanwhile; `None`: nobody does.
    pub tasks: Option<CpeTasks>,
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
            quirks: QuirkShare::Of(0.0),
            mishaps: 0.0,
            retry_wait: Duration::from_secs(5),
            stun: None,
            are_known: false,
            user: String::new(),
            password: None,
            sessions_max: 512,
            connection_requests: None,
            answer_timeout: Duration::from_secs(30),
            settle_timeout: Duration::from_secs(60),
            seed: 0,
            tasks: None,
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
    /// Not a share.
    #[error("the share of exchanges that go wrong must be from 0 to 0.9: set `--faults` so")]
    Mishaps,
    /// Sessions that are tried again and again.
    #[error("a device waits for 1 second to an hour before it tries again: set `--retry-wait` so")]
    RetryWait,
    /// Nothing is ordered, or of nobody.
    #[error("an operator orders of 1 device or more, 1 to 1,024 at once, and reads at most 10,000 values in a second")]
    Tasks,
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

impl CpeTasks {
    fn is_sensible(&self) -> bool {
        self.devices >= 1
            && (1..=1_024).contains(&self.at_once)
            && (0.0..=10_000.0).contains(&self.live_reads)
            && self.within <= WEEK
    }
}

impl CpeOptions {
    /// Whether a fleet can be made of them.
    ///
    /// # Errors
    /// The first option that makes no sense.
    pub fn check(&self) -> Result<(), CpeOptionsError> {
        let second = Duration::from_secs(1);
        if !(1..=DEVICES_MAX).contains(&self.devices) {
            Err(CpeOptionsError::Devices)
        } else if matches!(self.quirks, QuirkShare::Of(share) if !(0.0..=1.0).contains(&share)) {
            Err(CpeOptionsError::Quirks)
        } else if !(0.0..=0.9).contains(&self.mishaps) {
            Err(CpeOptionsError::Mishaps)
        } else if self.retry_wait < second || self.retry_wait > Duration::from_secs(3_600) {
            Err(CpeOptionsError::RetryWait)
        } else if self.interval < second || self.interval > INTERVAL_MAX {
            Err(CpeOptionsError::Interval)
        } else if !self.change_interval.is_zero() && self.change_interval < second {
            Err(CpeOptionsError::Changes)
        } else if self.tasks.as_ref().is_some_and(|it| !it.is_sensible()) {
            Err(CpeOptionsError::Tasks)
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
            (CpeOptions { quirks: QuirkShare::Of(f64::NAN), ..good.clone() }, CpeOptionsError::Quirks),
            (CpeOptions { mishaps: 1.0, ..good.clone() }, CpeOptionsError::Mishaps),
            (CpeOptions { retry_wait: Duration::ZERO, ..good.clone() }, CpeOptionsError::RetryWait),
            (CpeOptions { interval: Duration::ZERO, ..good.clone() }, CpeOptionsError::Interval),
            (CpeOptions { change_interval: Duration::from_millis(1), ..good.clone() }, CpeOptionsError::Changes),
            (CpeOptions { sessions_max: 0, ..good.clone() }, CpeOptionsError::Sessions),
            (CpeOptions { duration: Duration::MAX, ..good.clone() }, CpeOptionsError::TooLong),
        ] {
            assert_eq!(bad.check(), Err(error));
        }
    }
}
