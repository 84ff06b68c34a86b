use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sangam_control::{AlarmFilter, AlarmStats, DeviceAdminError, DeviceAlarm, DeviceAlarms, DeviceList};
use sangam_storage::devices::{Alarm, AlarmId, AlarmQuery, AlarmState, Severity};
use sangam_types::Wall;
use serde_json::Value;

use super::{Admin, Told, invalid, listed, not_done};
use crate::alarms::{Changed, acknowledge, change};

impl DeviceAlarms for Admin {
    fn alarms(&self, filter: AlarmFilter) -> BoxFuture<'_, Told<DeviceList<DeviceAlarm>>> {
        self.list_alarms(filter).boxed()
    }

    fn alarm(&self, id: u64) -> BoxFuture<'_, Told<DeviceAlarm>> {
        async move {
            let alarm = self.read(move |snapshot| snapshot.alarm(AlarmId(id))).await?;
            self.alarm_view(&alarm.ok_or(DeviceAdminError::NoAlarm)?).await
        }
        .boxed()
    }

    fn acknowledge(&self, id: u64, by: String) -> BoxFuture<'_, Told<DeviceAlarm>> {
        async move { self.changed(acknowledge(&self.service, AlarmId(id), &by).await).await }.boxed()
    }

    fn clear(&self, id: u64, by: String, resolution: String) -> BoxFuture<'_, Told<DeviceAlarm>> {
        async move {
            let text = if resolution.is_empty() { format!("cleared by {by}") } else { format!("{resolution} ({by})") };
            let cleared =
                change(&self.service, AlarmId(id), "alarm.cleared", |alarm, now_ms| alarm.clear(&text, now_ms));
            self.changed(cleared.await).await
        }
        .boxed()
    }

    fn stats(&self) -> BoxFuture<'_, Told<AlarmStats>> {
        async move {
            let alarms = self.read(|snapshot| snapshot.totals()).await?.alarms;
            let of = |severity: Severity| alarms[usize::from(severity.code())];
            Ok(AlarmStats {
                open: alarms.iter().sum(),
                critical: of(Severity::Critical),
                major: of(Severity::Major),
                minor: of(Severity::Minor),
                warning: of(Severity::Warning),
                info: of(Severity::Info),
                suppressed: self.service.alarms.suppressed(),
            })
        }
        .boxed()
    }
}

impl Admin {
    async fn list_alarms(&self, filter: AlarmFilter) -> Told<DeviceList<DeviceAlarm>> {
        let state = |word: String| AlarmState::parse(&word).ok_or_else(|| invalid("there is no such status"));
        let severity = |word: String| Severity::parse(&word).ok_or_else(|| invalid("there is no such severity"));
        let device = match filter.device {
            Some(name) => Some(self.found(&name).await?.id),
            None => None,
        };
        let query = AlarmQuery {
            device,
            state: filter.status.map(state).transpose()?,
            severity_min: filter.severity.map(severity).transpose()?,
            before: filter.before.map(AlarmId),
            limit: filter.limit + 1,
        };
        let rows = self.read(move |snapshot| snapshot.alarms(&query)).await?;
        let page = listed(rows, filter.limit, |alarm| alarm.id.0, Alarm::clone);
        let is = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        let wanted = page
            .items
            .iter()
            .filter(|alarm| is(&filter.category, &alarm.category) && is(&filter.alarm_type, &alarm.alarm_type));
        let mut items = Vec::new();
        for alarm in wanted {
            items.push(self.alarm_view(alarm).await?);
        }
        Ok(DeviceList { items, next: page.next })
    }

    async fn changed(&self, done: Result<Changed, crate::names::NamesError>) -> Told<DeviceAlarm> {
        match done.map_err(|error| not_done(&error))? {
            Changed::Gone => Err(DeviceAdminError::NoAlarm),
            Changed::Now(alarm) => self.alarm_view(&alarm).await,
        }
    }

    async fn alarm_view(&self, alarm: &Alarm) -> Told<DeviceAlarm> {
        let id = alarm.device;
        let device = self.read(move |snapshot| snapshot.device(id)).await?;
        let at = Wall::from_unix_millis;
        let acknowledged = alarm.acknowledged.as_ref();
        Ok(DeviceAlarm {
            id: alarm.id.0,
            device: device.map(|device| device.key.to_string()),
            alarm_type: alarm.alarm_type.to_string(),
            severity: alarm.severity.name(),
            status: alarm.state.name(),
            category: alarm.category.to_string(),
            title: alarm.title.to_string(),
            description: alarm.description.to_string(),
            metadata: serde_json::from_slice(&alarm.metadata).unwrap_or(Value::Null),
            count: alarm.count,
            suppressed: alarm.suppressed,
            raised_at: at(alarm.raised_ms),
            last_raised_at: at(alarm.last_ms),
            acknowledged_by: acknowledged.map(|(by, _)| by.to_string()),
            acknowledged_at: acknowledged.map(|(_, ms)| at(*ms)),
            cleared_at: alarm.cleared_ms.map(at),
            resolution: alarm.resolution.to_string(),
        })
    }
}
