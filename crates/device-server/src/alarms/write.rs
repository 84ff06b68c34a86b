use std::sync::Arc;

use bytes::Bytes;
use sangam_storage::devices::{Alarm, AlarmId, Change, DeviceId, EventId, EventRow, Outcome, Row, Severity};
use serde_json::{Value, json};

use crate::names::NamesError;
use crate::reading::read;
use crate::service::Service;

/// How often a change is made anew when somebody else was first.
const ATTEMPTS_MAX: usize = 4;

/// Something that is wrong.
#[derive(Clone, Debug)]
pub(crate) struct Raised {
    pub(crate) device: DeviceId,
    pub(crate) alarm_type: Box<str>,
    pub(crate) severity: Severity,
    pub(crate) category: &'static str,
    pub(crate) title: Box<str>,
    pub(crate) description: Box<str>,
    /// An object.
    pub(crate) metadata: Value,
}

/// Raises an alarm, or the one that is open once more. What is too much is counted and nothing else.
pub(crate) async fn raise(service: &Arc<Service>, raised: Raised) -> Result<(), NamesError> {
    let device = raised.device;
    let suppressed = match service.alarms.admit(device, &raised.alarm_type, service.mono()) {
        Ok(suppressed) => suppressed,
        Err(why) => {
            service.metrics.alarm_suppressed(why.label());
            return Ok(());
        }
    };
    for _ in 0..ATTEMPTS_MAX {
        let (now_ms, wanted) = (service.now_ms(), raised.alarm_type.clone());
        let (open, is_there) = read(&service.readers, move |snapshot| {
            Ok((snapshot.open_alarm(device, &wanted)?, snapshot.device(device)?.is_some()))
        })
        .await?;
        if !is_there {
            return Ok(());
        }
        let mut alarm = match open {
            Some(mut alarm) => {
                alarm.raise(raised.severity, suppressed, now_ms);
                alarm
            }
            None => Alarm::new(service.numbers.alarm(), device, &raised.alarm_type, raised.severity, now_ms),
        };
        alarm.category = raised.category.into();
        alarm.title = cut(&raised.title, 256);
        alarm.description = cut(&raised.description, 4_096);
        alarm.metadata = Bytes::from(raised.metadata.to_string());
        if stored(service, &alarm, "alarm.raised").await? {
            service.alarms.opened(device, &alarm.alarm_type);
            service.metrics.alarm(alarm.severity.name(), "raised");
            return Ok(());
        }
    }
    Err(NamesError::Overtaken)
}

/// What was done about an alarm.
#[derive(Debug)]
pub(crate) enum Changed {
    /// There is none, or no longer.
    Gone,
    /// It is so now, or was already.
    Now(Box<Alarm>),
}

/// An alarm of a device is over, if it has one of that type.
pub(crate) async fn clear(
    service: &Arc<Service>,
    device: DeviceId,
    alarm_type: &str,
    resolution: &str,
) -> Result<(), NamesError> {
    if !service.alarms.is_open(device, alarm_type) {
        return Ok(());
    }
    let wanted = Box::<str>::from(alarm_type);
    let open = read(&service.readers, move |snapshot| snapshot.open_alarm(device, &wanted)).await?;
    let Some(open) = open else {
        service.alarms.closed(device, alarm_type);
        return Ok(());
    };
    change(service, open.id, "alarm.cleared", |alarm, now_ms| alarm.clear(resolution, now_ms)).await.map(|_| ())
}

/// Somebody has seen it.
pub(crate) async fn acknowledge(service: &Arc<Service>, id: AlarmId, by: &str) -> Result<Changed, NamesError> {
    change(service, id, "alarm.acknowledged", |alarm, now_ms| alarm.acknowledge(by, now_ms)).await
}

/// Changes an alarm, unless it is so already.
pub(crate) async fn change(
    service: &Arc<Service>,
    id: AlarmId,
    event: &'static str,
    change: impl Fn(&mut Alarm, u64) -> bool,
) -> Result<Changed, NamesError> {
    for _ in 0..ATTEMPTS_MAX {
        let Some(mut alarm) = read(&service.readers, move |snapshot| snapshot.alarm(id)).await? else {
            return Ok(Changed::Gone);
        };
        if !change(&mut alarm, service.now_ms()) {
            return Ok(Changed::Now(Box::new(alarm)));
        }
        if stored(service, &alarm, event).await? {
            if alarm.cleared_ms.is_some() {
                service.alarms.closed(alarm.device, &alarm.alarm_type);
            }
            service.metrics.alarm(alarm.severity.name(), event.strip_prefix("alarm.").unwrap_or_default());
            return Ok(Changed::Now(Box::new(alarm)));
        }
    }
    Err(NamesError::Overtaken)
}

/// Makes it durable, with the event by which it is told; whether it was taken.
async fn stored(service: &Service, alarm: &Alarm, event: &str) -> Result<bool, NamesError> {
    let detail = json!({
        "alarm": alarm.id.0,
        "alarm_type": &*alarm.alarm_type,
        "severity": alarm.severity.name(),
        "status": alarm.state.name(),
        "title": &*alarm.title,
        "count": alarm.count,
    });
    let mut row = EventRow::new(EventId(0), alarm.device, service.now_ms(), event, "");
    row.detail = Bytes::from(detail.to_string());
    let rows = vec![Row::Alarm(Box::new(alarm.clone())), Row::Event(row)];
    let room = service.committer.admit(0).map_err(|_| NamesError::Overloaded)?;
    Ok(service.committer.commit(room, Change::from(rows)).await? == Outcome::Done)
}

fn cut(text: &str, chars: usize) -> Box<str> {
    text.chars().filter(|c| !c.is_control()).take(chars).collect()
}
