use sangam_device_proto::ValueKind;
use sangam_device_proto::device::Device;
use sangam_device_proto::schema::SchemaKey;
use sangam_usp_proto::message::{GetSupportedDmResp, ObjAccessType, ParamAccessType, ParamValueType};

use crate::names::{NameOf, NamesError};
use crate::service::Service;

/// The name by which a schema shows that the supported data model is in it: no parameter has it.
const MARK: &str = "Device.";

/// Whether the supported data model of what a device runs is known.
pub(super) async fn is_known(service: &Service, device: &Device) -> Result<bool, NamesError> {
    let schema = service.names.known(&service.readers, &SchemaKey::of(device)).await?;
    Ok(schema.is_some_and(|schema| schema.index(MARK).is_some()))
}

/// Keeps a supported data model for all devices that run the same: objects and parameters, with `{i}` where instances stand. How many of its
/// names were not taken.
pub(super) async fn learn(service: &Service, device: &Device, model: &GetSupportedDmResp) -> Result<usize, NamesError> {
    let objects = || model.req_obj_results.iter().flat_map(|result| &result.supported_objs);
    let mut names: Vec<(String, ValueKind, bool)> = Vec::new();
    for object in objects() {
        let path = &object.supported_obj_path;
        names.push((path.clone(), ValueKind::Object, object.access != ObjAccessType::ReadOnly as i32));
        for parameter in &object.supported_params {
            let writable = parameter.access != ParamAccessType::ReadOnly as i32;
            names.push((format!("{path}{}", parameter.param_name), kind(parameter.value_type), writable));
        }
    }
    if names.is_empty() {
        return Ok(0);
    }
    if !names.iter().any(|(path, ..)| path == MARK) {
        names.push((MARK.to_owned(), ValueKind::Object, false));
    }
    let names: Vec<NameOf<'_>> =
        names.iter().map(|(path, kind, writable)| NameOf { path, kind: *kind, writable: Some(*writable) }).collect();
    let store = (&service.readers, &service.committer, &service.numbers);
    let (_, left_out) = service.names.intern(store, &SchemaKey::of(device), &names).await?;
    Ok(left_out)
}

fn kind(value_type: i32) -> ValueKind {
    match ParamValueType::try_from(value_type).unwrap_or(ParamValueType::Unknown) {
        ParamValueType::Unknown => ValueKind::Unknown,
        ParamValueType::Base64 => ValueKind::Base64,
        ParamValueType::Boolean => ValueKind::Boolean,
        ParamValueType::DateTime => ValueKind::DateTime,
        ParamValueType::Decimal => ValueKind::Decimal,
        ParamValueType::HexBinary => ValueKind::HexBinary,
        ParamValueType::Int => ValueKind::Int,
        ParamValueType::Long => ValueKind::Long,
        ParamValueType::String => ValueKind::String,
        ParamValueType::UnsignedInt => ValueKind::UnsignedInt,
        ParamValueType::UnsignedLong => ValueKind::UnsignedLong,
    }
}
