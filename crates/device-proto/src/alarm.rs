//! What is wrong with a device, until it is not.

mod fault_mgmt;
mod flood;

pub use fault_mgmt::{FaultChange, FaultEvent, fault_events};
pub use flood::{Flood, FloodRules};

use bytes::Bytes;

use crate::coded::coded;
use crate::{AlarmId, DeviceId};

/// An alarm: one for a device and a type while it is not cleared, however often it is raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its number.
    pub id: AlarmId,
    /// How often this row was written, from 1. A store takes a row only if it is one more than the one it has.
    pub revision: u32,
    /// Of which device.
    pub device: DeviceId,
    /// What is wrong, one word for machines; at most [`Alarm::TYPE_CHARS_MAX`] characters.
    pub alarm_type: Box<str>,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it still is.
    pub state: AlarmState,
    /// What it belongs to, for operators; at most 64 characters.
    pub category: Box<str>,
    /// One line; at most 256 characters.
    pub title: Box<str>,
    /// More; at most 4,096 characters.
    pub description: Box<str>,
    /// More, for machines: JSON; empty: nothing. At most 16 KiB.
    pub metadata: Bytes,
    /// How often it was raised since it was cleared last.
    pub count: u64,
    /// How often it was raised and, as that was too often, no row was written for it.
    pub suppressed: u64,
    /// When it was raised first, milliseconds since 1970.
    pub raised_ms: u64,
    /// When it was raised last.
    pub last_ms: u64,
    /// Who has seen it, and when.
    pub acknowledged: Option<(Box<str>, u64)>,
    /// When it was cleared.
    pub cleared_ms: Option<u64>,
    /// What was done about it; at most 1,024 characters.
    pub resolution: Box<str>,
}

/// How bad an alarm is (ITU-T X.733, as EvoAcs names them).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It says something.
    Info,
    /// It may become something.
    Warning,
    /// It disturbs.
    Minor,
    /// It harms.
    Major,
    /// It is broken.
    Critical,
}

coded!(Severity);

impl Severity {
    /// All, in order of codes.
    pub const ALL: [Self; 5] = [Self::Info, Self::Warning, Self::Minor, Self::Major, Self::Critical];

    /// As the API writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Minor => "minor",
            Self::Major => "major",
            Self::Critical => "critical",
        }
    }

    /// Of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }
}

/// Whether an alarm still is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlarmState {
    /// It was raised.
    Active,
    /// Somebody has seen it.
    Acknowledged,
    /// It is over.
    Cleared,
}

coded!(AlarmState);

impl AlarmState {
    /// All, in order of codes.
    pub const ALL: [Self; 3] = [Self::Active, Self::Acknowledged, Self::Cleared];

    /// As the API writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Acknowledged => "acknowledged",
            Self::Cleared => "cleared",
        }
    }

    /// Of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl Alarm {
    /// Of a type.
    pub const TYPE_CHARS_MAX: usize = 64;

    /// A new one.
    #[must_use]
    pub fn new(id: AlarmId, device: DeviceId, alarm_type: &str, severity: Severity, now_ms: u64) -> Self {
        Self {
            id,
            revision: 1,
            device,
            alarm_type: crate::text::cut(alarm_type, Self::TYPE_CHARS_MAX),
            severity,
            state: AlarmState::Active,
            category: Box::default(),
            title: Box::default(),
            description: Box::default(),
            metadata: Bytes::new(),
            count: 1,
            suppressed: 0,
            raised_ms: now_ms,
            last_ms: now_ms,
            acknowledged: None,
            cleared_ms: None,
            resolution: Box::default(),
        }
    }

    /// It was raised again, with `suppressed` times in between of which nothing was written. Worse than before, it is active
    /// again even if somebody has seen it. A cleared one stays cleared: a new one begins.
    pub fn raise(&mut self, severity: Severity, suppressed: u64, now_ms: u64) -> bool {
        if self.state == AlarmState::Cleared {
            return false;
        }
        if severity > self.severity {
            self.state = AlarmState::Active;
        }
        self.severity = severity;
        self.count = self.count.saturating_add(1).saturating_add(suppressed);
        self.suppressed = self.suppressed.saturating_add(suppressed);
        self.last_ms = now_ms;
        self.changed()
    }

    /// Somebody has seen it; whether that is new.
    pub fn acknowledge(&mut self, by: &str, now_ms: u64) -> bool {
        if self.state != AlarmState::Active {
            return false;
        }
        self.state = AlarmState::Acknowledged;
        self.acknowledged = Some((crate::text::cut(by, 128), now_ms));
        self.changed()
    }

    /// It is over; whether that is new.
    pub fn clear(&mut self, resolution: &str, now_ms: u64) -> bool {
        if self.state == AlarmState::Cleared {
            return false;
        }
        self.state = AlarmState::Cleared;
        self.cleared_ms = Some(now_ms);
        self.resolution = resolution.chars().take(1_024).collect();
        self.changed()
    }

    fn changed(&mut self) -> bool {
        self.revision = self.revision.saturating_add(1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_lives_from_raised_to_cleared_and_no_further() {
        let mut alarm = Alarm::new(AlarmId(1), DeviceId(1), "offline", Severity::Minor, 10);
        assert!(alarm.raise(Severity::Minor, 3, 20));
        assert_eq!((alarm.count, alarm.suppressed, alarm.raised_ms, alarm.last_ms), (5, 3, 10, 20));
        assert!(alarm.acknowledge("ann", 30) && !alarm.acknowledge("bob", 31));
        assert_eq!(alarm.acknowledged, Some(("ann".into(), 30)));
        assert!(alarm.raise(Severity::Minor, 0, 40));
        assert_eq!(alarm.state, AlarmState::Acknowledged, "no worse than what was seen");
        assert!(alarm.raise(Severity::Critical, 0, 50));
        assert_eq!(alarm.state, AlarmState::Active, "worse than what was seen");
        assert!(alarm.clear("restarted", 60) && !alarm.clear("again", 61));
        assert!(!alarm.raise(Severity::Critical, 0, 70) && !alarm.acknowledge("ann", 70));
        assert_eq!((alarm.cleared_ms, &*alarm.resolution, alarm.revision), (Some(60), "restarted", 6));
    }
}
