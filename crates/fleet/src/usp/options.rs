use std::time::Duration;

use sangam_usp_proto::EndpointId;
use secrecy::SecretString;

/// What carries records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UspMtp {
    /// WebSocket, straight to the controller.
    #[default]
    WebSocket,
    /// STOMP 1.2, by a broker or to the controller's own endpoint.
    Stomp,
    /// MQTT 5, by a broker.
    Mqtt5,
    /// MQTT 3.1.1, by a broker.
    Mqtt311,
}

impl UspMtp {
    /// As `Device.LocalAgent.MTP.{i}.Protocol` has it.
    #[must_use]
    pub const fn protocol(self) -> &'static str {
        match self {
            Self::WebSocket => "WebSocket",
            Self::Stomp => "STOMP",
            Self::Mqtt5 | Self::Mqtt311 => "MQTT",
        }
    }
}

/// How many agents, how long, what they do.
#[derive(Clone, Debug)]
pub struct UspOptions {
    /// Of the controller (`ws`, `wss`) or of the broker (`stomp`, `stomps`, `mqtt`, `mqtts`).
    pub url: String,
    /// What carries records.
    pub mtp: UspMtp,
    /// Who they are configured to talk to; `None`: who the server says that it is when it is asked over WebSocket.
    pub controller: Option<EndpointId>,
    /// Where the controller is reached at a broker: a destination of STOMP, a topic of MQTT. `{endpoint}` stands for the id of
    /// each agent. Empty: `/queue/usp.controller` or `usp/controller`.
    pub destination: String,
    /// Where each agent is reached there, unless the broker says. Empty: `/queue/{endpoint}` or `usp/agent/{endpoint}`.
    pub own_destination: String,
    /// How many.
    pub devices: u32,
    /// The number of the first: fleets of one seed in several processes are different agents.
    pub first: u32,
    /// All are switched on within this time.
    pub boot_within: Duration,
    /// How long they go on after that.
    pub duration: Duration,
    /// `PeriodicNotifInterval` from the factory; zero for never. The controller may set another.
    pub interval: Duration,
    /// How often a value of each device changes by itself, on average; zero for never.
    pub change_interval: Duration,
    /// The share of agents that depart from the standard, 0 to 1.
    pub quirks: f64,
    /// The share of agents that begin a session context, in segments of some hundred bytes, 0 to 1.
    pub sessions: f64,
    /// How likely something goes wrong with a record or with what is asked, 0 to 1.
    pub faults: f64,
    /// Whether the controller knows them: they do not ask to be taken on.
    pub are_known: bool,
    /// They boot, are taken on, and then only stay connected: nothing happens by itself.
    pub is_idle: bool,
    /// What they log in with.
    pub user: String,
    /// Its password.
    pub password: Option<SecretString>,
    /// How long a connection may take to open.
    pub open_timeout: Duration,
    /// How long devices have in the end to deliver what they hold.
    pub settle_timeout: Duration,
    /// The same seed has the same devices.
    pub seed: u64,
}

impl UspOptions {
    /// With defaults for all but where.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            mtp: UspMtp::default(),
            controller: None,
            destination: String::new(),
            own_destination: String::new(),
            devices: 100,
            first: 0,
            boot_within: Duration::from_secs(60),
            duration: Duration::from_secs(60),
            interval: Duration::from_secs(300),
            change_interval: Duration::from_secs(3_600),
            quirks: 0.0,
            sessions: 0.0,
            faults: 0.0,
            are_known: false,
            is_idle: false,
            user: String::new(),
            password: None,
            open_timeout: Duration::from_secs(30),
            settle_timeout: Duration::from_secs(60),
            seed: 0,
        }
    }
}

/// Options of which no fleet can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UspOptionsError {
    /// None, or more than there is memory for.
    #[error("there must be 1 to {DEVICES_MAX} agents: set `--devices` so")]
    Devices,
    /// Not a share.
    #[error("shares are from 0 to 1: set `--quirks`, `--sessions` and `--faults` so")]
    Share,
    /// Agents that do nothing else than tell that they are there.
    #[error(
        "agents tell that they live at most once a second: set `--interval` to 0s or to 1s or more, at most 30 days"
    )]
    Interval,
    /// Changes all the time.
    #[error("values change at most once a second: set `--change-every` to 0s or to 1s or more")]
    Changes,
    /// More than a week.
    #[error("a fleet runs for a week at most: set `--boot-within`, `--seconds` and `--settle` so")]
    TooLong,
}

/// Each takes some kilobytes, and a connection.
const DEVICES_MAX: u32 = 200_000;
const WEEK: Duration = Duration::from_secs(604_800);
const INTERVAL_MAX: Duration = Duration::from_secs(30 * 86_400);

impl UspOptions {
    /// Whether a fleet can be made of them.
    ///
    /// # Errors
    /// The first option that makes no sense.
    pub fn check(&self) -> Result<(), UspOptionsError> {
        let second = Duration::from_secs(1);
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        if !(1..=DEVICES_MAX).contains(&self.devices) || self.first.checked_add(self.devices).is_none() {
            Err(UspOptionsError::Devices)
        } else if ![self.quirks, self.sessions, self.faults].into_iter().all(is_share) {
            Err(UspOptionsError::Share)
        } else if !self.interval.is_zero() && (self.interval < second || self.interval > INTERVAL_MAX) {
            Err(UspOptionsError::Interval)
        } else if !self.change_interval.is_zero() && self.change_interval < second {
            Err(UspOptionsError::Changes)
        } else if [self.boot_within, self.duration, self.settle_timeout].iter().any(|it| *it > WEEK) {
            Err(UspOptionsError::TooLong)
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
        let good = UspOptions::new("ws://127.0.0.1/usp");
        assert_eq!(good.check(), Ok(()));
        for (bad, error) in [
            (UspOptions { devices: 0, ..good.clone() }, UspOptionsError::Devices),
            (UspOptions { first: u32::MAX, ..good.clone() }, UspOptionsError::Devices),
            (UspOptions { faults: f64::NAN, ..good.clone() }, UspOptionsError::Share),
            (UspOptions { interval: Duration::from_millis(1), ..good.clone() }, UspOptionsError::Interval),
            (UspOptions { change_interval: Duration::from_millis(1), ..good.clone() }, UspOptionsError::Changes),
            (UspOptions { duration: Duration::MAX, ..good.clone() }, UspOptionsError::TooLong),
        ] {
            assert_eq!(bad.check(), Err(error));
        }
    }
}
