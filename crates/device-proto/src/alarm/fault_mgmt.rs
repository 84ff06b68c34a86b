use std::collections::BTreeMap;

use super::Severity;

/// An alarm as a device tells it in its data model (TR-181 `Device.FaultMgmt.`): one row of `ExpeditedEvent`, `QueuedEvent` or
/// `CurrentAlarm`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultEvent {
    /// `AlarmIdentifier`: the same from its raising to its clearing; at most [`FaultEvent::CHARS_MAX`] characters, as are all others.
    pub identifier: Box<str>,
    /// What happened to it.
    pub change: FaultChange,
    /// `PerceivedSeverity`; what is indeterminate is a warning.
    pub severity: Severity,
    /// `EventType`.
    pub event_type: Box<str>,
    /// `ProbableCause`.
    pub probable_cause: Box<str>,
    /// `SpecificProblem`.
    pub specific_problem: Box<str>,
    /// `ManagedObjectInstance`.
    pub object: Box<str>,
    /// `AdditionalText`.
    pub text: Box<str>,
}

/// `NotificationType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultChange {
    /// `NewAlarm`, `ChangedAlarm`, or a row of `CurrentAlarm`.
    Raised,
    /// `ClearedAlarm`, or a severity of `Cleared`.
    Cleared,
}

impl FaultEvent {
    /// Of each text.
    pub const CHARS_MAX: usize = 256;
    /// Of one report; what follows is not looked at.
    pub const EVENTS_MAX: usize = 64;
}

/// The alarms that stand in a report of values, in order of tables and instances. A row without `AlarmIdentifier` is none.
#[must_use]
pub fn fault_events<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<FaultEvent> {
    let mut rows: BTreeMap<(&str, u32), BTreeMap<&str, &str>> = BTreeMap::new();
    for (path, value) in values {
        if let Some((row, name)) = row_of(path)
            && (rows.len() < FaultEvent::EVENTS_MAX || rows.contains_key(&row))
        {
            rows.entry(row).or_default().insert(name, value);
        }
    }
    rows.values().filter_map(event).collect()
}

/// `Device.FaultMgmt.ExpeditedEvent.3.EventType`: its table and instance, and the name behind them.
fn row_of(path: &str) -> Option<((&str, u32), &str)> {
    let (_, below) = path.split_once('.')?;
    let mut parts = below.strip_prefix("FaultMgmt.")?.split('.');
    let (table, instance, name) = (parts.next()?, parts.next()?, parts.next()?);
    let is_known = ["ExpeditedEvent", "QueuedEvent", "CurrentAlarm"].contains(&table) && parts.next().is_none();
    Some(((table, instance.parse().ok().filter(|_| is_known)?), name))
}

fn event(row: &BTreeMap<&str, &str>) -> Option<FaultEvent> {
    let text = |name: &str| crate::text::cut(row.get(name).copied().unwrap_or_default(), FaultEvent::CHARS_MAX);
    let identifier = text("AlarmIdentifier");
    if identifier.is_empty() {
        return None;
    }
    let perceived = row.get("PerceivedSeverity").copied().unwrap_or_default();
    let cleared = row.get("NotificationType").is_some_and(|it| *it == "ClearedAlarm") || perceived == "Cleared";
    Some(FaultEvent {
        identifier,
        change: if cleared { FaultChange::Cleared } else { FaultChange::Raised },
        severity: Severity::parse(&perceived.to_ascii_lowercase()).unwrap_or(Severity::Warning),
        event_type: text("EventType"),
        probable_cause: text("ProbableCause"),
        specific_problem: text("SpecificProblem"),
        object: text("ManagedObjectInstance"),
        text: text("AdditionalText"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "Device.FaultMgmt.ExpeditedEvent.2.";

    fn told(notification: &str, severity: &str) -> Vec<FaultEvent> {
        let name = |name: &str| format!("{ROW}{name}");
        let values = [
            (name("EventTime"), "2026-01-01T00:00:00Z"),
            (name("AlarmIdentifier"), "17"),
            (name("NotificationType"), notification),
            (name("ManagedObjectInstance"), "Device.Optical.Interface.1"),
            (name("EventType"), "Communications Alarm"),
            (name("ProbableCause"), "Loss of Signal"),
            (name("SpecificProblem"), "no light"),
            (name("PerceivedSeverity"), severity),
        ];
        fault_events(values.iter().map(|(path, value)| (path.as_str(), *value)))
    }

    #[test]
    fn a_row_of_the_fault_table_is_an_alarm_with_its_severity() {
        let [event] = &told("NewAlarm", "Critical")[..] else { panic!() };
        assert_eq!((&*event.identifier, event.change, event.severity), ("17", FaultChange::Raised, Severity::Critical));
        assert_eq!((&*event.probable_cause, &*event.specific_problem), ("Loss of Signal", "no light"));
        assert_eq!(&*event.object, "Device.Optical.Interface.1");
        assert_eq!(told("ChangedAlarm", "Indeterminate")[0].severity, Severity::Warning);
    }

    #[test]
    fn a_cleared_one_is_cleared_by_its_notification_or_by_its_severity() {
        assert_eq!(told("ClearedAlarm", "Major")[0].change, FaultChange::Cleared);
        assert_eq!(told("ChangedAlarm", "Cleared")[0].change, FaultChange::Cleared);
    }

    #[test]
    fn other_values_are_no_alarms_and_the_roots_are_equal() {
        let none = [
            ("Device.FaultMgmt.ExpeditedEventNumberOfEntries", "1"),
            ("Device.FaultMgmt.ExpeditedEvent.1.EventType", "x"),
            ("Device.FaultMgmt.ExpeditedEvent.x.AlarmIdentifier", "1"),
            ("Device.FaultMgmt.SupportedAlarm.1.AlarmIdentifier", "1"),
            ("Device.FaultMgmt.HistoryEvent.1.AlarmIdentifier", "1"),
            ("Device.X_FaultMgmt.CurrentAlarm.1.AlarmIdentifier", "1"),
        ];
        assert_eq!(fault_events(none), []);
        let other = [("InternetGatewayDevice.FaultMgmt.CurrentAlarm.1.AlarmIdentifier", "a")];
        assert_eq!(fault_events(other)[0].change, FaultChange::Raised);
    }

    #[test]
    fn one_report_holds_no_more_alarms_than_may_be_looked_at() {
        let paths: Vec<String> =
            (0..200).map(|at| format!("Device.FaultMgmt.CurrentAlarm.{at}.AlarmIdentifier")).collect();
        assert_eq!(fault_events(paths.iter().map(|path| (path.as_str(), "1"))).len(), FaultEvent::EVENTS_MAX);
    }
}
