//! What is wrong with devices: raised by what they do and do not do, bounded, cleared when it is over.

mod sources;
mod write;

pub(crate) use sources::{alarm_type, fault_told, login_refused, offline, served, task_over};
pub(crate) use write::{Changed, Raised, acknowledge, change, clear, raise};

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use sangam_device_proto::alarm::Flood;
use sangam_storage::StoreError;
use sangam_storage::devices::{Alarm, AlarmQuery, AlarmState, DeviceId, LIMIT_MAX, Readers};
use sangam_types::Mono;

use crate::options::AlarmOptions;

/// Devices of which it is remembered how often something went wrong of late.
const TROUBLED_MAX: usize = 10_000;
/// In the place of a device: all of them.
const FLEET: DeviceId = DeviceId(0);

/// Which alarms are open, and who may raise one more.
#[derive(Debug)]
pub(crate) struct Alarms {
    options: AlarmOptions,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Types by device.
    open: HashMap<DeviceId, Vec<Box<str>>>,
    open_count: usize,
    by_device: Flood,
    fleet: Flood,
    suppressed: u64,
    troubles: BTreeMap<(DeviceId, &'static str), Trouble>,
}

/// How often something went wrong since it did first.
#[derive(Clone, Copy, Debug)]
struct Trouble {
    since: Mono,
    times: u32,
}

/// Why no alarm is written: a label of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suppressed {
    /// Its device raises too many.
    Device,
    /// All devices together do.
    Fleet,
    /// As many are open as may.
    Full,
}

impl Suppressed {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Fleet => "fleet",
            Self::Full => "full",
        }
    }
}

impl Alarms {
    /// With those that are open in the store; waits for it.
    pub(crate) fn open(readers: &Arc<dyn Readers>, options: AlarmOptions) -> Result<Self, StoreError> {
        let (answer, answered) = mpsc::channel();
        readers.read(Box::new(move |snapshot| {
            let mut all: Vec<Alarm> = Vec::new();
            let mut read = Ok(());
            for state in [AlarmState::Active, AlarmState::Acknowledged] {
                let mut before = None;
                while read.is_ok() {
                    let asked = AlarmQuery { state: Some(state), before, limit: LIMIT_MAX, ..AlarmQuery::default() };
                    match snapshot.alarms(&asked) {
                        Ok(page) if page.is_empty() => break,
                        Ok(page) => {
                            before = page.last().map(|alarm| alarm.id);
                            all.extend(page);
                        }
                        Err(error) => read = Err(error),
                    }
                }
            }
            // It is waited for.
            let _: Result<(), _> = answer.send(read.map(|()| all));
        }))?;
        let alarms = Self { options, state: Mutex::default() };
        for alarm in answered.recv().unwrap_or(Err(StoreError::Busy))? {
            alarms.opened(alarm.device, &alarm.alarm_type);
        }
        Ok(alarms)
    }

    pub(crate) fn options(&self) -> &AlarmOptions {
        &self.options
    }

    /// Whether a device has an alarm of that type.
    pub(crate) fn is_open(&self, device: DeviceId, alarm_type: &str) -> bool {
        self.state().open.get(&device).is_some_and(|types| types.iter().any(|it| **it == *alarm_type))
    }

    /// Whether a device has any.
    pub(crate) fn has_any(&self, device: DeviceId) -> bool {
        self.state().open.contains_key(&device)
    }

    /// Raised and not written, since the beginning.
    pub(crate) fn suppressed(&self) -> u64 {
        self.state().suppressed
    }

    /// Something went wrong with a device; `true` when it has so often within the time for it that it is an alarm.
    pub(crate) fn troubled(&self, device: DeviceId, what: &'static str, now: Mono) -> bool {
        let (times, within) = (self.options.faults, self.options.faults_within);
        let mut state = self.state();
        if state.troubles.len() >= TROUBLED_MAX && !state.troubles.contains_key(&(device, what)) {
            state.troubles.retain(|_, trouble| now.saturating_since(trouble.since) <= within);
            if state.troubles.len() >= TROUBLED_MAX {
                state.troubles.pop_first();
            }
        }
        let trouble = state.troubles.entry((device, what)).or_insert(Trouble { since: now, times: 0 });
        if now.saturating_since(trouble.since) > within {
            *trouble = Trouble { since: now, times: 0 };
        }
        trouble.times = trouble.times.saturating_add(1);
        times > 0 && trouble.times >= times
    }

    /// What went wrong does so no longer.
    pub(crate) fn untroubled(&self, device: DeviceId, what: &'static str) {
        self.state().troubles.remove(&(device, what));
    }

    /// Whether an alarm may be written: how many were not since the last one that was.
    fn admit(&self, device: DeviceId, alarm_type: &str, now: Mono) -> Result<u64, Suppressed> {
        let is_new = !self.is_open(device, alarm_type);
        let mut state = self.state();
        let admitted = if is_new && state.open_count >= self.options.open_max {
            Err(Suppressed::Full)
        } else {
            let State { by_device, fleet, .. } = &mut *state;
            let suppressed = by_device.admit(device, now, &self.options.device_flood);
            suppressed.ok_or(Suppressed::Device).and_then(|suppressed| {
                let fleet = fleet.admit(FLEET, now, &self.options.fleet_flood);
                fleet.map(|_| suppressed).ok_or(Suppressed::Fleet)
            })
        };
        if admitted.is_err() {
            state.suppressed = state.suppressed.saturating_add(1);
        }
        admitted
    }

    fn opened(&self, device: DeviceId, alarm_type: &str) {
        let mut state = self.state();
        let types = state.open.entry(device).or_default();
        if !types.iter().any(|it| **it == *alarm_type) {
            types.push(alarm_type.into());
            state.open_count += 1;
        }
    }

    fn closed(&self, device: DeviceId, alarm_type: &str) {
        let mut state = self.state();
        let Some(types) = state.open.get_mut(&device) else { return };
        let before = types.len();
        types.retain(|it| **it != *alarm_type);
        let (gone, is_empty) = (before - types.len(), types.is_empty());
        if is_empty {
            state.open.remove(&device);
        }
        state.open_count -= gone;
    }

    /// A device is forgotten, and its alarms with it.
    pub(crate) fn forgotten(&self, device: DeviceId) {
        let mut state = self.state();
        let gone = state.open.remove(&device).map_or(0, |types| types.len());
        state.open_count -= gone;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sangam_device_proto::alarm::FloodRules;

    use super::*;

    fn alarms(options: AlarmOptions) -> Alarms {
        Alarms { options, state: Mutex::default() }
    }

    fn at(secs: u64) -> Mono {
        Mono::from_start(Duration::from_secs(secs))
    }

    #[test]
    fn one_device_and_all_together_write_no_more_than_they_may() {
        let rules = |burst| FloodRules { burst, one_each: Duration::from_secs(10), devices_max: 100 };
        let options = AlarmOptions { device_flood: rules(2), fleet_flood: rules(3), ..AlarmOptions::default() };
        let alarms = alarms(options);
        let mut admitted = [1, 1, 1, 2, 3, 2].map(|device| alarms.admit(DeviceId(device), "x", at(0))).to_vec();
        admitted.push(alarms.admit(DeviceId(1), "x", at(10)));
        let (device, fleet) = (Err(Suppressed::Device), Err(Suppressed::Fleet));
        assert_eq!(admitted, [Ok(0), Ok(0), device, Ok(0), fleet, fleet, Ok(1)]);
        assert_eq!(alarms.suppressed(), 3);
    }

    #[test]
    fn no_more_are_open_than_may_be_and_those_that_are_may_be_raised_again() {
        let alarms = alarms(AlarmOptions { open_max: 1, ..AlarmOptions::default() });
        alarms.opened(DeviceId(1), "x");
        alarms.opened(DeviceId(1), "x");
        assert_eq!(alarms.admit(DeviceId(1), "y", at(0)), Err(Suppressed::Full));
        assert_eq!(alarms.admit(DeviceId(1), "x", at(0)), Ok(0));
        alarms.closed(DeviceId(1), "x");
        assert_eq!(alarms.admit(DeviceId(1), "y", at(0)), Ok(0));
        alarms.opened(DeviceId(1), "y");
        alarms.forgotten(DeviceId(1));
        assert!(!alarms.has_any(DeviceId(1)) && alarms.state().open_count == 0);
    }

    #[test]
    fn what_goes_wrong_once_in_a_while_is_no_trouble() {
        let options = AlarmOptions { faults: 2, faults_within: Duration::from_secs(10), ..AlarmOptions::default() };
        let alarms = alarms(options);
        let troubled = |secs| alarms.troubled(DeviceId(1), "x", at(secs));
        assert_eq!([troubled(0), troubled(11), troubled(21), troubled(22)], [false, false, true, false]);
        assert!(troubled(23), "twice within ten seconds");
        alarms.untroubled(DeviceId(1), "x");
        assert!(!troubled(24) && !alarms.troubled(DeviceId(2), "x", at(24)));
    }
}
