//! Set, Add and Delete: first it is seen what would fail, then it is done, so that a request which fails as a whole changes
//! nothing.

use std::collections::BTreeMap;

use super::model::{DataModel, ParamSchema};
use super::read::unique_keys;
use super::tree::split_instance;
use crate::error_code::ErrorCode;
use crate::message::{
    Add, AddOutcome, AddResp, AddSuccess, CreatedObjectResult, Delete, DeleteOutcome, DeleteResp, DeleteSuccess,
    DeletedObjectResult, Error, Failure, ObjAccessType, ObjectSettings, ParamAccessType, ParamSetting, ParamValueType,
    PathError, Set, SetFailure, SetOutcome, SetResp, SetSuccess, UpdatedInstanceFailure, UpdatedInstanceResult,
    UpdatedObjectResult,
};
use crate::path::{Path, PathLimits, ResolveError, Target, resolve, split_parameter, to_supported};

/// What a request changed, for whoever subscribed to it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    Value { path: String, value: String },
    Created { path: String, unique_keys: BTreeMap<String, String> },
    Removed { path: String },
}

/// An object that a path of a request found, and what would fail there.
struct Planned {
    object: String,
    writes: Vec<(String, ParamSetting)>,
    errors: Vec<PathError>,
    fails: bool,
}

pub(super) fn set(
    model: &mut dyn DataModel,
    set: &Set,
    limits: &PathLimits,
    changes: &mut Vec<Change>,
) -> Result<SetResp, Error> {
    let mut plans = Vec::new();
    let mut left = limits.found_max;
    for update in &set.update_objs {
        let objects = objects_of(model, &update.obj_path, limits, &mut left);
        let planned = objects.map(|objects| {
            objects.into_iter().map(|object| plan(model, object, &update.param_settings, None)).collect::<Vec<_>>()
        });
        plans.push((update, planned));
    }
    if !set.allow_partial {
        let mut errors = Vec::new();
        for (update, planned) in &plans {
            match planned {
                Err(code) => errors.push(PathError::of(&update.obj_path, *code)),
                // A search that finds several answers for itself (R-SET.2a).
                Ok(planned) if planned.len() > 1 => {}
                Ok(planned) => errors.extend(planned.iter().filter(|it| it.fails).flat_map(absolute_errors)),
            }
        }
        refuse(errors)?;
    }
    let mut results = Vec::new();
    for (update, planned) in plans {
        let outcome = match planned {
            Err(code) => SetOutcome::Failure(set_failure(code, Vec::new())),
            // A search is done as a whole (R-SET.2a).
            Ok(planned) if planned.iter().any(|it| it.fails) => {
                let failures = planned
                    .into_iter()
                    .filter(|it| it.fails)
                    .map(|it| UpdatedInstanceFailure { affected_path: it.object, param_errs: it.errors });
                SetOutcome::Failure(set_failure(ErrorCode::RequiredParameterFailed, failures.collect()))
            }
            Ok(planned) => {
                let results = planned.into_iter().map(|it| apply(model, it, changes)).collect();
                SetOutcome::Success(SetSuccess { updated_inst_results: results })
            }
        };
        results.push(UpdatedObjectResult::new(&update.obj_path, outcome));
    }
    Ok(SetResp { updated_obj_results: results })
}

fn set_failure(code: ErrorCode, updated_inst_failures: Vec<UpdatedInstanceFailure>) -> SetFailure {
    SetFailure { err_code: code.number(), err_msg: code.text().to_owned(), updated_inst_failures }
}

pub(super) fn add(
    model: &mut dyn DataModel,
    add: &Add,
    limits: &PathLimits,
    changes: &mut Vec<Change>,
) -> Result<AddResp, Error> {
    let mut results = Vec::new();
    let mut undo = Vec::new();
    let mut left = limits.found_max;
    for create in &add.create_objs {
        let tables = objects_of(model, &create.obj_path, limits, &mut left);
        match tables {
            Err(code) => failed_add(add, create, code, Vec::new(), &mut results, model, &undo)?,
            Ok(tables) => {
                for table in tables {
                    match create_in(model, &table, &create.param_settings) {
                        Ok(success) => {
                            undo.push(success.instantiated_path.clone());
                            changes.push(Change::Created {
                                path: success.instantiated_path.clone(),
                                unique_keys: success.unique_keys.clone(),
                            });
                            results.push(CreatedObjectResult::new(&create.obj_path, AddOutcome::Success(success)));
                        }
                        Err((code, errors)) => {
                            failed_add(add, create, code, errors, &mut results, model, &undo)?;
                        }
                    }
                }
            }
        }
    }
    Ok(AddResp { created_obj_results: results })
}

/// Notes that an object was not created, or gives the whole request up and takes back what it did.
fn failed_add(
    add: &Add,
    create: &ObjectSettings,
    code: ErrorCode,
    errors: Vec<PathError>,
    results: &mut Vec<CreatedObjectResult>,
    model: &mut dyn DataModel,
    undo: &[String],
) -> Result<(), Error> {
    if add.allow_partial {
        results.push(CreatedObjectResult::new(&create.obj_path, AddOutcome::Failure(Failure::of(code))));
        return Ok(());
    }
    for instance in undo {
        // What was created a moment ago can be removed; if not, there is nobody to tell but the next Get.
        let _: Result<(), ErrorCode> = model.remove(instance);
    }
    refuse(if errors.is_empty() { vec![PathError::of(&create.obj_path, code)] } else { errors })
}

fn create_in(
    model: &mut dyn DataModel,
    table: &str,
    settings: &[ParamSetting],
) -> Result<AddSuccess, (ErrorCode, Vec<PathError>)> {
    let supported = to_supported(table) + "{i}.";
    let Some(schema) = model.supported().object(&supported) else {
        return Err((ErrorCode::ObjectNotATable, Vec::new()));
    };
    if !matches!(schema.access, ObjAccessType::AddDelete | ObjAccessType::AddOnly) {
        return Err((ErrorCode::NonCreatableObject, Vec::new()));
    }
    let number = model.create(table).map_err(|code| (code, Vec::new()))?;
    let instance = format!("{table}{number}.");
    let planned = plan(model, instance.clone(), settings, Some(number));
    if planned.fails {
        let errors = absolute_errors(&planned).collect();
        let _: Result<(), ErrorCode> = model.remove(&instance);
        return Err((ErrorCode::RequiredParameterFailed, errors));
    }
    let param_errs = planned.errors.clone();
    // Values of an instance that is new are not changes of values.
    apply(model, planned, &mut Vec::new());
    Ok(AddSuccess { unique_keys: unique_keys(model, &instance), instantiated_path: instance, param_errs })
}

pub(super) fn delete(
    model: &mut dyn DataModel,
    delete: &Delete,
    limits: &PathLimits,
    changes: &mut Vec<Change>,
) -> Result<DeleteResp, Error> {
    let mut left = limits.found_max;
    let plans: Vec<_> =
        delete.obj_paths.iter().map(|path| (path, instances_to_remove(model, path, limits, &mut left))).collect();
    if !delete.allow_partial {
        let failed =
            plans.iter().filter_map(|(path, found)| Some(PathError::of(*path, found.as_ref().err().copied()?)));
        refuse(failed.collect())?;
    }
    let mut results = Vec::new();
    for (path, found) in plans {
        let outcome = match found {
            Err(code) => DeleteOutcome::Failure(Failure::of(code)),
            Ok(instances) => {
                let mut success = DeleteSuccess::default();
                for instance in instances {
                    match model.remove(&instance) {
                        Ok(()) => {
                            changes.push(Change::Removed { path: instance.clone() });
                            success.affected_paths.push(instance);
                        }
                        Err(code) => success.unaffected_path_errs.push(PathError::of(instance, code)),
                    }
                }
                DeleteOutcome::Success(success)
            }
        };
        results.push(DeletedObjectResult::new(path, outcome));
    }
    Ok(DeleteResp { deleted_obj_results: results })
}

fn instances_to_remove(
    model: &dyn DataModel,
    text: &str,
    limits: &PathLimits,
    left: &mut usize,
) -> Result<Vec<String>, ErrorCode> {
    let objects = match objects_of(model, text, limits, left) {
        // What is not there need not be removed (R-DEL.2a).
        Err(ErrorCode::ObjectDoesNotExist) => return Ok(Vec::new()),
        other => other?,
    };
    for object in &objects {
        let schema = model.supported().object(&to_supported(object));
        let may = schema.is_some_and(|it| matches!(it.access, ObjAccessType::AddDelete | ObjAccessType::DeleteOnly));
        if !may || split_instance(object).is_none() {
            return Err(ErrorCode::DeleteFailure);
        }
    }
    Ok(objects)
}

/// The objects of a path; `left` is how many more the request may touch.
fn objects_of(
    model: &dyn DataModel,
    text: &str,
    limits: &PathLimits,
    left: &mut usize,
) -> Result<Vec<String>, ErrorCode> {
    let path = Path::parse(text, limits).map_err(|error| error.code())?;
    if path.target != Target::Object {
        return Err(ErrorCode::InvalidPath);
    }
    let objects = resolve(model, &path, limits).map_err(ResolveError::code)?.objects;
    *left = left.checked_sub(objects.len()).ok_or(ErrorCode::ResourcesExceeded)?;
    Ok(objects)
}

/// What would become of settings at an object. `created`: its number, if it was made just now.
fn plan(model: &dyn DataModel, object: String, settings: &[ParamSetting], created: Option<u32>) -> Planned {
    let mut planned = Planned { object, writes: Vec::new(), errors: Vec::new(), fails: false };
    let keys: Vec<Vec<String>> =
        model.supported().object(&to_supported(&planned.object)).map_or_else(Vec::new, |it| it.unique_keys.clone());
    for setting in settings {
        let path = format!("{}{}", planned.object, setting.param);
        match check(model, &path, &setting.value) {
            Ok(()) => planned.writes.push((path, setting.clone())),
            Err(code) => {
                planned.errors.push(PathError::of(&setting.param, code));
                // A unique key of a new instance is required whatever it says (TR-369 §7, CreateParamSetting).
                let is_key = created.is_some() && keys.iter().flatten().any(|name| *name == setting.param);
                planned.fails |= setting.required || is_key;
            }
        }
    }
    if let Some(number) = created {
        name_it(model, &mut planned, &keys, number);
    }
    if let Some(name) = keys.iter().find_map(|names| conflicting(model, &planned, names)) {
        planned.errors.push(PathError::of(name, ErrorCode::DuplicateKey));
        planned.fails = true;
    }
    planned
}

/// Gives a new instance the unique keys that nobody gave it (R-ADD.5).
fn name_it(model: &dyn DataModel, planned: &mut Planned, keys: &[Vec<String>], number: u32) {
    let supported = to_supported(&planned.object);
    for name in keys.iter().filter(|names| names.len() == 1).flatten() {
        let path = format!("{}{name}", planned.object);
        let is_text =
            model.supported().parameter(&supported, name).is_some_and(|it| it.value_type == ParamValueType::String);
        let is_given = planned.writes.iter().any(|(written, _)| *written == path);
        if is_text && !is_given && model.value(&path).is_none_or(|value| value.is_empty()) {
            planned.writes.push((path, ParamSetting::optional(name, format!("cpe-{number}"))));
        }
    }
}

/// The first parameter of a unique key that another instance has the same values of.
fn conflicting(model: &dyn DataModel, planned: &Planned, names: &[String]) -> Option<String> {
    let (table, number) = split_instance(&planned.object)?;
    let touched = |name: &&String| planned.writes.iter().any(|(path, _)| *path == format!("{}{name}", planned.object));
    let first = names.iter().find(touched)?;
    let value = |name: &String| {
        let path = format!("{}{name}", planned.object);
        let written = planned.writes.iter().rev().find(|(written, _)| *written == path);
        written.map(|(_, setting)| setting.value.clone()).or_else(|| model.value(&path))
    };
    let values: Vec<_> = names.iter().map(value).collect();
    let same = |other: &u32| {
        names.iter().map(|name| model.value(&format!("{table}{other}.{name}"))).eq(values.iter().cloned())
    };
    model.instances(table).iter().filter(|other| **other != number).any(same).then(|| first.clone())
}

fn check(model: &dyn DataModel, path: &str, value: &str) -> Result<(), ErrorCode> {
    let (object, name) = split_parameter(path).ok_or(ErrorCode::UnsupportedParameter)?;
    let supported = to_supported(object);
    let schema = model.supported().parameter(&supported, name).ok_or(ErrorCode::UnsupportedParameter)?;
    if !model.exists(object) {
        return Err(ErrorCode::UnsupportedParameter);
    }
    if schema.access == ParamAccessType::ReadOnly {
        return Err(ErrorCode::NonWriteableParameter);
    }
    if is_of_type(schema, value) { Ok(()) } else { Err(ErrorCode::InvalidType) }
}

fn is_of_type(schema: &ParamSchema, value: &str) -> bool {
    match schema.value_type {
        ParamValueType::Boolean => matches!(value, "true" | "false" | "1" | "0"),
        ParamValueType::Int => value.parse::<i32>().is_ok(),
        ParamValueType::Long => value.parse::<i64>().is_ok(),
        ParamValueType::UnsignedInt => value.parse::<u32>().is_ok(),
        ParamValueType::UnsignedLong => value.parse::<u64>().is_ok(),
        ParamValueType::Decimal => value.parse::<f64>().is_ok_and(f64::is_finite),
        ParamValueType::HexBinary => {
            value.len().is_multiple_of(2) && value.bytes().all(|byte| byte.is_ascii_hexdigit())
        }
        ParamValueType::Unknown | ParamValueType::Base64 | ParamValueType::DateTime | ParamValueType::String => true,
    }
}

fn apply(model: &mut dyn DataModel, planned: Planned, changes: &mut Vec<Change>) -> UpdatedInstanceResult {
    let mut result = UpdatedInstanceResult {
        affected_path: planned.object,
        param_errs: planned.errors,
        updated_params: BTreeMap::new(),
    };
    for (path, setting) in planned.writes {
        let before = model.value(&path);
        match model.set_value(&path, &setting.value) {
            Ok(()) => {
                if before.as_ref() != Some(&setting.value) {
                    changes.push(Change::Value { path, value: setting.value.clone() });
                }
                result.updated_params.insert(setting.param, setting.value);
            }
            Err(code) => result.param_errs.push(PathError::of(setting.param, code)),
        }
    }
    result
}

fn absolute_errors(planned: &Planned) -> impl Iterator<Item = PathError> + '_ {
    planned.errors.iter().map(|it| PathError { path: format!("{}{}", planned.object, it.path), ..it.clone() })
}

fn refuse(errors: Vec<PathError>) -> Result<(), Error> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(Error { param_errs: errors, ..Error::of(ErrorCode::InvalidArguments) })
}
