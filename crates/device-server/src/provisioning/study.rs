use std::collections::BTreeMap;
use std::sync::Arc;

use sangam_device_proto::device::Device;
use sangam_device_proto::profile::{Desired, Drift, Pursued, Pursuit, drift, merge, pursue, wanted_of};
use sangam_device_proto::schema::Schema;
use sangam_device_proto::task::{Task, TaskKind, TaskState};
use sangam_device_proto::values::{Page, cell_of, page_of, pages_of};
use sangam_storage::devices::{Fingerprint, SchemaKey, TaskQuery};

use crate::names::NamesError;
use crate::provisioning::Board;
use crate::reading::read;
use crate::service::Service;

/// Tasks of a device among which those of its profiles are looked for.
const TASKS_LOOKED_AT: usize = 64;

/// How a device is, and what is wanted of it.
#[derive(Debug)]
pub(crate) struct Study {
    pub(crate) board: Arc<Board>,
    pub(crate) desired: Desired,
    pub(crate) wanted: Fingerprint,
    pub(crate) drift: Drift,
    pub(crate) pursuit: Pursuit,
    /// Whether it was told all of it.
    pub(crate) is_told: bool,
    /// The last task by which it was told, or is.
    pub(crate) last: Option<Task>,
    schema: Option<Arc<Schema>>,
    pages: BTreeMap<u32, Page>,
}

impl Study {
    /// What the device says that a parameter is.
    pub(crate) fn current(&self, path: &str) -> Option<&str> {
        let index = self.schema.as_ref()?.index(path)?;
        self.pages.get(&page_of(index))?.cell(cell_of(index)).map(|cell| &*cell.value)
    }
}

/// Holds what the profiles want of a device against what is known of it.
pub(crate) async fn study(service: &Service, device: &Device, bootstrap: bool) -> Result<Study, NamesError> {
    let board = service.provisioning.board();
    let desired = merge(&board.profiles, device);
    let wanted = desired.fingerprint();
    let schema = schema(service, device).await?.filter(|_| !desired.values.is_empty());
    let places = schema.iter().flat_map(|schema| desired.values.keys().filter_map(|path| schema.index(path)));
    let numbers = pages_of(places);
    let id = device.id;
    let (pages, tasks) = read(&service.readers, move |snapshot| {
        let pages = match (numbers.first(), numbers.last()) {
            (Some(first), Some(last)) => snapshot.pages(id, *first..=*last)?,
            _ => Vec::new(),
        };
        let asked = TaskQuery {
            device: Some(id),
            kind: Some(TaskKind::SetValues),
            limit: TASKS_LOOKED_AT,
            ..Default::default()
        };
        Ok((pages, snapshot.tasks(&asked)?))
    })
    .await?;
    let own: Vec<Task> = tasks.into_iter().filter(|task| wanted_of(task).is_some()).collect();
    let before: Vec<Pursued> = own.iter().filter_map(pursued).collect();
    let mut study = Study {
        board,
        desired,
        wanted,
        drift: Drift::default(),
        pursuit: Pursuit::Held,
        is_told: false,
        last: own.into_iter().next(),
        schema,
        pages: pages.into_iter().collect(),
    };
    // That a device was told is remembered with it a moment after its task is done.
    let is_told = before.first().is_some_and(|last| last.state == TaskState::Done && last.wanted == wanted);
    let told = is_told.then(|| Device { profile: wanted, ..device.clone() });
    study.is_told = is_told || device.profile == wanted;
    study.drift = drift(&study.desired, told.as_ref().unwrap_or(device), bootstrap, |path| study.current(path));
    let rules = &service.options.profiles.pursuit;
    study.pursuit = pursue(&study.drift, wanted, &before, bootstrap, service.now_ms(), rules);
    Ok(study)
}

fn pursued(task: &Task) -> Option<Pursued> {
    let at_ms = task.ended_ms.unwrap_or(task.created_ms);
    Some(Pursued { task: task.id, state: task.state, wanted: wanted_of(task)?, at_ms })
}

/// The names of the device's parameters, as far as it has told any.
async fn schema(service: &Service, device: &Device) -> Result<Option<Arc<Schema>>, NamesError> {
    let Some(id) = device.schema else { return Ok(None) };
    let store = (&service.readers, &service.committer, &service.numbers);
    let (schema, _) = service.names.intern(store, &SchemaKey::of(device), &[]).await?;
    if schema.id == id {
        return Ok(Some(schema));
    }
    // Its software is another, and no values were told under it yet.
    Ok(read(&service.readers, move |snapshot| snapshot.schema(id)).await?.map(Arc::new))
}
