use std::collections::HashMap;

use sangam_control::{DeviceAdminError, DeviceDiagnostic, DeviceList};
use sangam_device_proto::DeviceId;
use sangam_device_proto::diagnostic::{Diagnostic, DiagnosticKind};
use sangam_device_proto::task::{Format, Payload};
use sangam_storage::StoreError;
use sangam_storage::devices::{DiagnosticId, DiagnosticQuery, Snapshot};
use sangam_types::Wall;
use serde_json::Value;

use super::{Admin, Told, invalid, listed};

impl Admin {
    /// Tests, newest first: of one device, or of all.
    pub(super) async fn list_tests(
        &self,
        name: Option<String>,
        kind: Option<String>,
        before: Option<u64>,
        limit: usize,
    ) -> Told<DeviceList<DeviceDiagnostic>> {
        let device = match name {
            Some(name) => Some(self.found(&name).await?.id),
            None => None,
        };
        let parsed = |kind: String| DiagnosticKind::parse(&kind).ok_or_else(|| invalid("there is no such test"));
        let kind = kind.map(parsed).transpose()?;
        let query = DiagnosticQuery { device, kind, before: before.map(DiagnosticId), limit: limit + 1 };
        self.read(move |snapshot| {
            let rows = snapshot.diagnostics(&query)?;
            let mut names = HashMap::new();
            for row in &rows {
                name_of(&mut names, snapshot, row.device)?;
            }
            Ok(listed(
                rows,
                limit,
                |row| row.id.0,
                |row| view(row, names.get(&row.device).cloned().unwrap_or_default()),
            ))
        })
        .await
    }

    pub(super) async fn one_test(&self, id: DiagnosticId) -> Told<DeviceDiagnostic> {
        let found = self.read(move |snapshot| {
            let Some(row) = snapshot.diagnostic(id)? else { return Ok(None) };
            let mut names = HashMap::new();
            name_of(&mut names, snapshot, row.device)?;
            Ok(Some(view(&row, names.remove(&row.device).unwrap_or_default())))
        });
        found.await?.ok_or(DeviceAdminError::NoDiagnostic)
    }
}

fn name_of(
    names: &mut HashMap<DeviceId, String>,
    snapshot: &mut dyn Snapshot,
    device: DeviceId,
) -> Result<(), StoreError> {
    if let std::collections::hash_map::Entry::Vacant(place) = names.entry(device) {
        let known = snapshot.device(device)?;
        place.insert(known.map_or_else(String::new, |device| device.key.to_string()));
    }
    Ok(())
}

fn view(row: &Diagnostic, device: String) -> DeviceDiagnostic {
    let at = Wall::from_unix_millis;
    DeviceDiagnostic {
        id: row.id.0,
        device,
        task: row.task.0,
        kind: row.kind.name(),
        state: row.state.name(),
        error: row.error.to_string(),
        inputs: shown(&row.inputs),
        results: shown(&row.results),
        created_at: at(row.created_ms),
        ended_at: row.ended_ms.map(at),
    }
}

fn shown(payload: &Payload) -> Value {
    let is_json = payload.format == Format::Json;
    is_json.then(|| serde_json::from_slice(&payload.bytes).ok()).flatten().unwrap_or(Value::Null)
}
