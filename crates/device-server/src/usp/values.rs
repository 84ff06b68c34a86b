use std::sync::Arc;

use sangam_device_proto::ValueKind;
use sangam_device_proto::device::Device;
use sangam_device_proto::schema::{Schema, SchemaKey};
use sangam_storage::devices::Row;
use sangam_usp_proto::message::ResolvedPathResult;
use sangam_usp_proto::path::to_supported;

use crate::cwmp::{ValueOf, report_values};
use crate::names::NamesError;
use crate::service::Service;

/// A parameter and its value, as an agent tells them: text alone.
pub(super) type Told = (String, String);

/// The values of one object, by their whole paths.
pub(super) fn told(result: &ResolvedPathResult) -> impl Iterator<Item = Told> + '_ {
    let object = result.resolved_path.as_str();
    let dot = if object.ends_with('.') { "" } else { "." };
    result.result_params.iter().map(move |(name, value)| (format!("{object}{dot}{name}"), value.clone()))
}

/// What values are, as far as the agent's supported data model says.
pub(super) struct Kinds(Option<Arc<Schema>>);

impl Kinds {
    pub(super) async fn of(service: &Service, device: &Device) -> Result<Self, NamesError> {
        Ok(Self(service.names.known(&service.readers, &SchemaKey::of(device)).await?))
    }

    pub(super) fn kind(&self, path: &str) -> ValueKind {
        let Some(schema) = &self.0 else { return ValueKind::String };
        let named = |path: &str| schema.index(path).and_then(|index| schema.name(index)).map(|name| name.kind);
        let known = |kind: &ValueKind| *kind != ValueKind::Unknown;
        named(path).filter(known).or_else(|| named(&to_supported(path))).filter(known).unwrap_or(ValueKind::String)
    }
}

/// What an agent told becomes what is known of its device: the rows, and whether the device's row is another now.
pub(super) async fn report(
    service: &Service,
    device: &mut Device,
    values: &[Told],
    now_ms: u64,
) -> Result<(Vec<Row>, bool), NamesError> {
    if values.is_empty() {
        return Ok((Vec::new(), false));
    }
    let kinds = Kinds::of(service, device).await?;
    let values: Vec<ValueOf<'_>> =
        values.iter().map(|(path, value)| ValueOf { path, kind: kinds.kind(path), value }).collect();
    let report = report_values(service, device, &values, now_ms).await?;
    service.metrics.reported(report.changed, report.left_out);
    if report.changed > 0 {
        service.provisioning.changed(device.id);
    }
    let changed = device.schema != report.schema;
    device.schema = report.schema;
    Ok((report.rows, changed))
}
