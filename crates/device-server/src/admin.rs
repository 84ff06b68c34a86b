use std::str::FromStr as _;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sangam_control::{
    DeviceAdmin, DeviceAdminError, DeviceAlarms, DeviceChange, DeviceDiagnostic, DeviceEvent, DeviceFiles,
    DeviceFilter, DeviceImport, DeviceList, DeviceNews, DeviceOrder, DeviceParameter, DeviceProfiles,
    DeviceSubscriptions, DeviceTask, ImportedDevice, ManagedDevice,
};
use sangam_device_proto::DeviceId;
use sangam_device_proto::device::{Device, State};
use sangam_device_proto::identity::DeviceKey;
use sangam_device_proto::task::{Happened, Step, Task, TaskState};
use sangam_storage::StoreError;
use sangam_storage::devices::{
    Change, DeviceQuery, DiagnosticId, EventId, EventQuery, Outcome, Row, SchemaRules, Snapshot, TaskId, TaskQuery,
};

use crate::committer::NotStored;
use crate::cwmp::end_of;
use crate::diagnostics as tests;
use crate::reading::read;
use crate::service::Service;

mod alarms;
mod diagnostics;
mod files;
mod history;
mod imports;
mod news;
mod once;
mod orders;
mod profiles;
mod subscriptions;
mod views;

use views::{event_view, parameters_view, task_view};

/// How often a change is made anew when somebody else was first.
const ATTEMPTS_MAX: usize = 4;

/// What operators see and do.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) service: Arc<Service>,
}

type Told<T> = Result<T, DeviceAdminError>;

impl DeviceAdmin for Admin {
    fn devices(&self, filter: DeviceFilter) -> BoxFuture<'_, Told<DeviceList<ManagedDevice>>> {
        self.list(filter).boxed()
    }

    fn device(&self, name: String) -> BoxFuture<'_, Told<ManagedDevice>> {
        async move { Ok(self.view(&self.found(&name).await?)) }.boxed()
    }

    fn set_state(&self, name: String, state: String) -> BoxFuture<'_, Told<ManagedDevice>> {
        async move {
            let state =
                State::parse(&state).ok_or_else(|| invalid("a device is `pending`, `enrolled` or `blocked`"))?;
            let changed = self.change(&name, |device| std::mem::replace(&mut device.state, state) != state).await?;
            if state != State::Enrolled {
                end_of(&self.service, self.found(&name).await?.id).await;
            }
            Ok(changed)
        }
        .boxed()
    }

    fn tag(&self, name: String, tag: String, has: bool) -> BoxFuture<'_, Told<ManagedDevice>> {
        async move {
            let device = self.change(&name, |device| if has { device.tag(&tag) } else { device.untag(&tag) }).await?;
            self.service.provisioning.changed(self.found(&name).await?.id);
            if has && !device.tags.contains(&tag) {
                return Err(invalid("a tag has 1 to 64 characters, and a device at most 64 tags"));
            }
            Ok(device)
        }
        .boxed()
    }

    fn remove(&self, name: String) -> BoxFuture<'_, Told<()>> {
        async move {
            let device = self.found(&name).await?;
            self.commit(vec![Row::RemoveDevice(device.id)]).await?;
            end_of(&self.service, device.id).await;
            self.poke(device.id);
            self.service.alarms.forgotten(device.id);
            self.service.provisioning.changed(device.id);
            Ok(())
        }
        .boxed()
    }

    fn forget_login(&self, name: String) -> BoxFuture<'_, Told<ManagedDevice>> {
        async move {
            let forget = |device: &mut Device| {
                let had = device.access.from_device.take().is_some();
                device.access.from_device_next.take().is_some() || had
            };
            self.change(&name, forget).await
        }
        .boxed()
    }

    fn parameters(
        &self,
        name: String,
        below: String,
        after: Option<String>,
        limit: usize,
    ) -> BoxFuture<'_, Told<DeviceList<DeviceParameter>>> {
        async move {
            let device = self.found(&name).await?;
            let Some(schema) = device.schema else { return Ok(DeviceList::default()) };
            let id = device.id;
            self.read(move |snapshot| {
                let Some(schema) = snapshot.schema(schema)? else { return Ok(DeviceList::default()) };
                let pages = snapshot.pages(id, 0..=SchemaRules::NAMES_MAX / 64 - 1)?.into_iter().collect();
                Ok(parameters_view(&schema, &pages, &below, after.as_deref(), limit))
            })
            .await
        }
        .boxed()
    }

    fn history(
        &self,
        name: String,
        path: Option<String>,
        after: Option<String>,
        limit: usize,
    ) -> BoxFuture<'_, Told<DeviceList<DeviceChange>>> {
        async move {
            let before = after.as_deref().map(history::before).transpose()?;
            let device = self.found(&name).await?.id;
            self.read(move |snapshot| history::changes(snapshot, device, path.as_deref(), before, limit)).await
        }
        .boxed()
    }

    fn import(&self, device: DeviceImport) -> BoxFuture<'_, Told<ImportedDevice>> {
        self.take_import(device).boxed()
    }

    fn events(&self, name: String, before: Option<u64>, limit: usize) -> BoxFuture<'_, Told<DeviceList<DeviceEvent>>> {
        async move {
            let query =
                EventQuery { device: Some(self.found(&name).await?.id), before: before.map(EventId), limit: limit + 1 };
            let rows = self.read(move |snapshot| snapshot.events(&query)).await?;
            Ok(listed(rows, limit, |row| row.id.0, event_view))
        }
        .boxed()
    }

    fn order(&self, name: String, order: DeviceOrder) -> BoxFuture<'_, Told<DeviceTask>> {
        async move {
            let device = self.found(&name).await?;
            self.take_order(&device, order).await
        }
        .boxed()
    }

    fn tasks(
        &self,
        name: Option<String>,
        state: Option<String>,
        before: Option<u64>,
        limit: usize,
    ) -> BoxFuture<'_, Told<DeviceList<DeviceTask>>> {
        async move {
            let device = match name {
                Some(name) => Some(self.found(&name).await?.id),
                None => None,
            };
            let parsed = |state: String| TaskState::parse(&state).ok_or_else(|| invalid("there is no such state"));
            let state = state.map(parsed).transpose()?;
            let query = TaskQuery { device, state, kind: None, before: before.map(TaskId), limit: limit + 1 };
            let rows = self.read(move |snapshot| snapshot.tasks(&query)).await?;
            Ok(listed(rows, limit, |task| task.id.0, task_view))
        }
        .boxed()
    }

    fn diagnostics(
        &self,
        name: Option<String>,
        kind: Option<String>,
        before: Option<u64>,
        limit: usize,
    ) -> BoxFuture<'_, Told<DeviceList<DeviceDiagnostic>>> {
        self.list_tests(name, kind, before, limit).boxed()
    }

    fn diagnostic(&self, id: u64) -> BoxFuture<'_, Told<DeviceDiagnostic>> {
        self.one_test(DiagnosticId(id)).boxed()
    }

    fn task(&self, id: u64) -> BoxFuture<'_, Told<DeviceTask>> {
        async move { Ok(task_view(&self.found_task(id).await?)) }.boxed()
    }

    fn files(&self) -> Arc<dyn DeviceFiles> {
        Arc::new(self.clone())
    }

    fn profiles(&self) -> Arc<dyn DeviceProfiles> {
        Arc::new(self.clone())
    }

    fn alarms(&self) -> Arc<dyn DeviceAlarms> {
        Arc::new(self.clone())
    }

    fn subscriptions(&self) -> Arc<dyn DeviceSubscriptions> {
        Arc::new(self.clone())
    }

    fn news(&self) -> Arc<dyn DeviceNews> {
        Arc::new(self.clone())
    }

    fn cancel(&self, id: u64) -> BoxFuture<'_, Told<DeviceTask>> {
        async move {
            for _ in 0..ATTEMPTS_MAX {
                let mut task = self.found_task(id).await?;
                let now_ms = self.service.now_ms();
                if task.handle(Happened::Cancelled, now_ms, &self.service.options.tasks) == Step::Ignored {
                    return Err(DeviceAdminError::TooLate);
                }
                let test = tests::ended(&self.service, &task).await.map_err(|error| unavailable(&error))?;
                let rows = std::iter::once(Row::Task(Box::new(task.clone()))).chain(test).collect();
                if self.commit(rows).await? == Outcome::Done {
                    self.service.task_changed(&task);
                    return Ok(task_view(&task));
                }
            }
            Err(overtaken())
        }
        .boxed()
    }
}

impl Admin {
    async fn list(&self, filter: DeviceFilter) -> Told<DeviceList<ManagedDevice>> {
        let parsed = |state: String| State::parse(&state).ok_or_else(|| invalid("there is no such state"));
        let text = |text: Option<String>| text.map(Into::into);
        let query = DeviceQuery {
            after: filter.after.map(DeviceId),
            limit: filter.limit,
            state: filter.state.map(parsed).transpose()?,
            tag: text(filter.tag),
            manufacturer: text(filter.manufacturer),
            model: text(filter.model),
            search: text(filter.search),
            ..DeviceQuery::default()
        };
        let page = self.read(move |snapshot| snapshot.devices(&query)).await?;
        let items = page.devices.iter().map(|device| self.view(device)).collect();
        Ok(DeviceList { items, next: page.next.map(|id| id.to_string()) })
    }

    async fn found(&self, name: &str) -> Told<Device> {
        let key = DeviceKey::from_str(name).map_err(|_| DeviceAdminError::NoDevice)?;
        self.read(move |snapshot| snapshot.device_by_key(&key)).await?.ok_or(DeviceAdminError::NoDevice)
    }

    async fn found_task(&self, id: u64) -> Told<Task> {
        self.read(move |snapshot| snapshot.task(TaskId(id))).await?.ok_or(DeviceAdminError::NoTask)
    }

    /// Changes a device, unless it is so already; whoever writes it at the same time is not overwritten.
    async fn change(&self, name: &str, change: impl Fn(&mut Device) -> bool + Send) -> Told<ManagedDevice> {
        for _ in 0..ATTEMPTS_MAX {
            let mut device = self.found(name).await?;
            if !change(&mut device) {
                return Ok(self.view(&device));
            }
            device.revision = device.revision.saturating_add(1);
            if self.commit(vec![Row::Device(Box::new(device.clone()))]).await? == Outcome::Done {
                self.poke(device.id);
                return Ok(self.view(&device));
            }
        }
        Err(overtaken())
    }

    /// With when it was seen last, which may not be written yet, and over what its agent is connected.
    fn view(&self, device: &Device) -> ManagedDevice {
        let seen = self.service.seen.get(device.id).unwrap_or(device.seen);
        let connected_over = self.service.agents.connected_over(device.id);
        views::device_view(device, seen, connected_over, self.service.calls.last_call(device.id))
    }

    /// A device's agent that is connected is looked at: it may be served no longer, or from now on.
    fn poke(&self, device: DeviceId) {
        self.service.agents.poke(device, self.service.mono());
    }

    async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut dyn Snapshot) -> Result<T, StoreError> + Send + 'static,
    ) -> Told<T> {
        read(&self.service.readers, job).await.map_err(|error| unavailable(&error))
    }

    async fn commit(&self, rows: Vec<Row>) -> Told<Outcome> {
        let full = |_| DeviceAdminError::Unavailable("as much waits to be written as may".to_owned());
        let room = self.service.committer.admit(0).map_err(full)?;
        self.service
            .committer
            .commit(room, Change::from(rows))
            .await
            .map_err(|error: NotStored| DeviceAdminError::Unavailable(sangam_storage::with_sources(&error)))
    }
}

/// A page of rows of which one more than wanted was asked for.
fn listed<R, T>(rows: Vec<R>, limit: usize, number: impl Fn(&R) -> u64, view: impl Fn(&R) -> T) -> DeviceList<T> {
    let has_more = rows.len() > limit;
    let shown = &rows[..rows.len().min(limit)];
    let next = shown.last().filter(|_| has_more).map(|row| number(row).to_string());
    DeviceList { items: shown.iter().map(view).collect(), next }
}

fn not_done(error: &crate::names::NamesError) -> DeviceAdminError {
    DeviceAdminError::Unavailable(sangam_storage::with_sources(error))
}

fn invalid(why: &str) -> DeviceAdminError {
    DeviceAdminError::Invalid(why.to_owned())
}

fn unavailable(error: &StoreError) -> DeviceAdminError {
    DeviceAdminError::Unavailable(sangam_storage::with_sources(error))
}

fn overtaken() -> DeviceAdminError {
    DeviceAdminError::Unavailable("others change the same; try again".to_owned())
}
