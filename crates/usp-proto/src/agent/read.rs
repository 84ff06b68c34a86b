//! Get, GetInstances and GetSupportedDM.

use std::collections::BTreeMap;

use super::model::{DataModel, ObjectSchema};
use crate::error_code::ErrorCode;
use crate::message::{
    CurrInstance, Get, GetInstances, GetInstancesResp, GetResp, GetSupportedDm, GetSupportedDmResp,
    InstancesPathResult, ParamAccessType, RequestedObjectResult, RequestedPathResult, ResolvedPathResult,
    SupportedCommandResult, SupportedEventResult, SupportedObjectResult, SupportedParamResult, SupportedUniqueKeySet,
};
use crate::path::{Path, PathLimits, ResolveError, Target, resolve, to_supported};

pub(super) fn get(model: &dyn DataModel, get: &Get, limits: &PathLimits) -> GetResp {
    // For all paths together: a request of many paths would be answered with as many times as much.
    let mut left = limits.found_max;
    let result = |path: &String| match get_path(model, path, get.max_depth, limits, &mut left) {
        Ok(found) => RequestedPathResult {
            requested_path: path.clone(),
            resolved_path_results: found,
            ..RequestedPathResult::default()
        },
        Err(code) => RequestedPathResult {
            requested_path: path.clone(),
            err_code: code.number(),
            err_msg: code.text().to_owned(),
            resolved_path_results: Vec::new(),
        },
    };
    GetResp { req_path_results: get.param_paths.iter().map(result).collect() }
}

fn get_path(
    model: &dyn DataModel,
    text: &str,
    max_depth: u32,
    limits: &PathLimits,
    left: &mut usize,
) -> Result<Vec<ResolvedPathResult>, ErrorCode> {
    let path = Path::parse(text, limits).map_err(|error| error.code())?;
    // R-GET.0: what is not there is an invalid path, unless it was searched for.
    let resolved = match resolve(model, &path, limits) {
        Ok(resolved) => resolved,
        Err(ResolveError::Missing | ResolveError::Unsupported) => return Err(ErrorCode::InvalidPath),
        Err(ResolveError::TooMany) => return Err(ErrorCode::ResourcesExceeded),
    };
    let mut found = Vec::new();
    match &path.target {
        Target::Object => {
            for object in &resolved.objects {
                let depth = if max_depth == 0 { u32::MAX } else { max_depth };
                collect(model, object, depth, left, &mut found)?;
            }
        }
        Target::Parameter(name) => {
            *left = left.checked_sub(resolved.objects.len()).ok_or(ErrorCode::ResourcesExceeded)?;
            let is_known = |object: &String| model.supported().parameter(&to_supported(object), name).is_some();
            if resolved.objects.is_empty() || resolved.objects.iter().any(is_known) {
                let values = resolved.objects.iter().filter_map(|object| one_value(model, object, name));
                found.extend(values);
            } else {
                return Err(ErrorCode::InvalidPath);
            }
        }
        Target::Command(_) | Target::Event(_) => return Err(ErrorCode::InvalidPath),
    }
    Ok(found)
}

fn one_value(model: &dyn DataModel, object: &str, name: &str) -> Option<ResolvedPathResult> {
    let value = readable(model, object, name)?;
    let result_params = BTreeMap::from([(name.to_owned(), value)]);
    Some(ResolvedPathResult { resolved_path: object.to_owned(), result_params })
}

/// A value as a controller may see it: what may only be written is empty.
fn readable(model: &dyn DataModel, object: &str, name: &str) -> Option<String> {
    let value = model.value(&format!("{object}{name}"))?;
    let schema = model.supported().parameter(&to_supported(object), name)?;
    Some(if schema.access == ParamAccessType::WriteOnly { String::new() } else { value })
}

/// An object, and those within it down to `depth` levels.
fn collect(
    model: &dyn DataModel,
    object: &str,
    depth: u32,
    left: &mut usize,
    found: &mut Vec<ResolvedPathResult>,
) -> Result<(), ErrorCode> {
    let supported = to_supported(object);
    if model.supported().is_table(&supported) {
        for instance in model.instances(object) {
            collect(model, &format!("{object}{instance}."), depth, left, found)?;
        }
        return Ok(());
    }
    *left = left.checked_sub(1).ok_or(ErrorCode::ResourcesExceeded)?;
    let names = model.supported().object(&supported).into_iter().flat_map(|schema| &schema.params);
    let result_params: BTreeMap<_, _> =
        names.filter_map(|param| Some((param.name.clone(), readable(model, object, &param.name)?))).collect();
    if !result_params.is_empty() {
        found.push(ResolvedPathResult { resolved_path: object.to_owned(), result_params });
    }
    if depth > 1 {
        for child in children(model, &supported) {
            collect(model, &format!("{object}{child}."), depth - 1, left, found)?;
        }
    }
    Ok(())
}

/// Names of the objects and tables directly in an object.
fn children(model: &dyn DataModel, supported: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (path, _) in model.supported().within(supported) {
        let Some(name) = path[supported.len()..].split('.').next().filter(|name| !name.is_empty()) else { continue };
        if names.last().is_none_or(|last| last != name) {
            names.push(name.to_owned());
        }
    }
    names
}

pub(super) fn get_instances(model: &dyn DataModel, get: &GetInstances, limits: &PathLimits) -> GetInstancesResp {
    let mut left = limits.found_max;
    let result = |path: &String| {
        let mut result = InstancesPathResult { requested_path: path.clone(), ..InstancesPathResult::default() };
        match instances_of_path(model, path, get.first_level_only, limits, &mut left) {
            Ok(instances) => result.curr_insts = instances,
            Err(code) => {
                result.err_code = code.number();
                result.err_msg = code.text().to_owned();
            }
        }
        result
    };
    GetInstancesResp { req_path_results: get.obj_paths.iter().map(result).collect() }
}

fn instances_of_path(
    model: &dyn DataModel,
    text: &str,
    first_level_only: bool,
    limits: &PathLimits,
    left: &mut usize,
) -> Result<Vec<CurrInstance>, ErrorCode> {
    let path = Path::parse(text, limits).map_err(|error| error.code())?;
    if path.target != Target::Object {
        return Err(ErrorCode::ObjectNotATable);
    }
    let resolved = resolve(model, &path, limits).map_err(ResolveError::code)?;
    let mut found = Vec::new();
    for object in &resolved.objects {
        let is_table = model.supported().is_table(&to_supported(object));
        let is_instance = super::tree::split_instance(object).is_some();
        if !is_table && !is_instance {
            return Err(ErrorCode::ObjectNotATable);
        }
        if is_instance {
            instance_and_within(model, object, first_level_only, left, &mut found)?;
        } else {
            instances_within(model, object, first_level_only, left, &mut found)?;
        }
    }
    Ok(found)
}

fn instances_within(
    model: &dyn DataModel,
    object: &str,
    first_level_only: bool,
    left: &mut usize,
    found: &mut Vec<CurrInstance>,
) -> Result<(), ErrorCode> {
    if model.supported().is_table(&to_supported(object)) {
        for number in model.instances(object) {
            instance_and_within(model, &format!("{object}{number}."), first_level_only, left, found)?;
        }
        return Ok(());
    }
    for child in children(model, &to_supported(object)) {
        instances_within(model, &format!("{object}{child}."), first_level_only, left, found)?;
    }
    Ok(())
}

fn instance_and_within(
    model: &dyn DataModel,
    instance: &str,
    first_level_only: bool,
    left: &mut usize,
    found: &mut Vec<CurrInstance>,
) -> Result<(), ErrorCode> {
    *left = left.checked_sub(1).ok_or(ErrorCode::ResourcesExceeded)?;
    found.push(CurrInstance { instantiated_obj_path: instance.to_owned(), unique_keys: unique_keys(model, instance) });
    if first_level_only {
        return Ok(());
    }
    for child in children(model, &to_supported(instance)) {
        instances_within(model, &format!("{instance}{child}."), false, left, found)?;
    }
    Ok(())
}

/// The unique keys of an instance, by parameter.
pub(super) fn unique_keys(model: &dyn DataModel, instance: &str) -> BTreeMap<String, String> {
    let names = model.supported().object(&to_supported(instance)).into_iter().flat_map(|schema| &schema.unique_keys);
    names.flatten().filter_map(|name| Some((name.clone(), readable(model, instance, name)?))).collect()
}

pub(super) fn get_supported(model: &dyn DataModel, get: &GetSupportedDm, limits: &PathLimits) -> GetSupportedDmResp {
    let mut left = limits.found_max;
    let result = |path: &String| {
        let root = supported_root(model, path).filter(|root| {
            let rest = left.checked_sub(model.supported().within(root).count());
            left = rest.unwrap_or(0);
            rest.is_some()
        });
        let mut result = RequestedObjectResult { req_obj_path: path.clone(), ..RequestedObjectResult::default() };
        match root {
            Some(root) => {
                result.data_model_inst_uri.clone_from(&model.supported().uri);
                result.supported_objs = supported_objects(model, &root, get);
            }
            None => {
                result.err_code = ErrorCode::InvalidPath.number();
                result.err_msg = ErrorCode::InvalidPath.text().to_owned();
            }
        }
        result
    };
    GetSupportedDmResp { req_obj_results: get.obj_paths.iter().map(result).collect() }
}

/// The path with `{i}` for instances; the last `{i}.` may be missing.
fn supported_root(model: &dyn DataModel, path: &str) -> Option<String> {
    let path = to_supported(path);
    let path = if model.supported().is_table(&path) { path + "{i}." } else { path };
    (path.ends_with('.') && model.supported().has(&path)).then_some(path)
}

fn supported_objects(model: &dyn DataModel, root: &str, get: &GetSupportedDm) -> Vec<SupportedObjectResult> {
    let mut results = Vec::new();
    for (path, schema) in model.supported().within(root) {
        let below = path[root.len()..].replace(".{i}", "");
        let level = below.matches('.').count();
        if get.first_level_only && level > 1 {
            continue;
        }
        let with_details = !get.first_level_only || level == 0;
        results.push(supported_object(path, schema, get, with_details));
    }
    results
}

fn supported_object(
    path: &str,
    schema: &ObjectSchema,
    get: &GetSupportedDm,
    with_details: bool,
) -> SupportedObjectResult {
    let mut result = SupportedObjectResult {
        supported_obj_path: path.to_owned(),
        access: schema.access.into(),
        is_multi_instance: path.ends_with("{i}."),
        ..SupportedObjectResult::default()
    };
    if with_details && get.return_params {
        let param = |it: &super::model::ParamSchema| SupportedParamResult {
            param_name: it.name.clone(),
            access: it.access.into(),
            value_type: it.value_type.into(),
            value_change: it.value_change.into(),
        };
        result.supported_params = schema.params.iter().map(param).collect();
    }
    if with_details && get.return_commands {
        let command = |it: &super::model::CommandSchema| SupportedCommandResult {
            command_name: it.name.clone(),
            input_arg_names: it.mandatory_inputs.iter().chain(&it.inputs).cloned().collect(),
            output_arg_names: it.outputs.clone(),
            command_type: it.kind.into(),
        };
        result.supported_commands = schema.commands.iter().map(command).collect();
    }
    if with_details && get.return_events {
        let event = |it: &super::model::EventSchema| SupportedEventResult {
            event_name: it.name.clone(),
            arg_names: it.args.clone(),
        };
        result.supported_events = schema.events.iter().map(event).collect();
    }
    if get.return_unique_key_sets {
        let key = |names: &Vec<String>| SupportedUniqueKeySet { key_names: names.clone() };
        result.unique_key_sets = schema.unique_keys.iter().map(key).collect();
    }
    result
}
