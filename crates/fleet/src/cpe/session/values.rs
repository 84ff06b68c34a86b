use std::collections::BTreeSet;

use sangam_cwmp_proto::message::{
    AddObject, AddObjectResponse, DeleteObject, DeleteObjectResponse, GetParameterValues, GetParameterValuesResponse,
    SetParameterValues, SetParameterValuesResponse, Status,
};
use sangam_cwmp_proto::{
    EventCode, Fault, FaultCode, Message, ParameterValue, SetParameterValuesFault, SoapFaultCode, ValueKind,
};

use super::super::device::{Context, Device};
use super::super::quirks::{NAMES_MAX, Quirk};
use super::super::tree::{Slot, Tree, is_of_kind};
use super::answers::Answered;
use super::inform::value_of;

/// Parameters of one answer.
pub(super) const PARAMETERS_MAX: usize = 5_000;
/// Bytes of a value that a device keeps.
const VALUE_BYTES_MAX: usize = 4_096;
/// Objects that can be added to a device.
const ADDED_MAX: usize = 64;

impl Device {
    pub(super) fn get_values(&self, cx: &Context<'_>, request: &GetParameterValues) -> Answered {
        if self.quirks.has(Quirk::FewNames) && request.names.len() > NAMES_MAX {
            return Err(FaultCode::ResourcesExceeded);
        }
        let tree = self.tree(cx.world, cx.now);
        let mut slots = Vec::new();
        for name in &request.names {
            slots.extend(named(&tree, name).ok_or(FaultCode::InvalidParameterName)?);
            if slots.len() > PARAMETERS_MAX {
                return Err(FaultCode::ResourcesExceeded);
            }
        }
        let parameters = slots.into_iter().filter_map(|slot| value_of(&tree, slot)).collect();
        Ok(GetParameterValuesResponse { parameters }.into())
    }

    /// All or nothing (TR-069 Amendment 6 Annex A.3.2.1).
    pub(super) fn set_values(&mut self, cx: &mut Context<'_>, request: &SetParameterValues) -> Message {
        let slots = match self.checked(cx, &request.parameters) {
            Ok(slots) => slots,
            Err(parameters) => return faulty(parameters),
        };
        for (slot, value) in slots {
            self.differences.set(slot, &value);
            self.note_set(cx, slot, &value);
        }
        self.set_key(cx, &request.parameter_key);
        self.note_done(cx, "SetParameterValues", &request.parameter_key, true);
        SetParameterValuesResponse { status: Status::Done }.into()
    }

    fn checked(
        &self,
        cx: &Context<'_>,
        parameters: &[ParameterValue],
    ) -> Result<Vec<(Slot, String)>, Vec<SetParameterValuesFault>> {
        let tree = self.tree(cx.world, cx.now);
        let (mut slots, mut faults, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        for parameter in parameters {
            let code = match check(&tree, parameter) {
                Ok(slot) if seen.insert(slot) => {
                    slots.push((slot, parameter.value.clone()));
                    continue;
                }
                // The same parameter twice.
                Ok(_) => FaultCode::InvalidArguments,
                Err(code) => code,
            };
            let text = code.text().to_owned();
            faults.push(SetParameterValuesFault { path: parameter.path.clone(), code, text });
        }
        if faults.is_empty() { Ok(slots) } else { Err(faults) }
    }

    /// What follows from a value.
    fn note_set(&mut self, cx: &mut Context<'_>, slot: Slot, value: &str) {
        let named = cx.world.model(self.facts.number).named;
        if slot.instance == 0 {
            let index = slot.index;
            if index == named.user || index == named.password {
                // From the next session on: there is no new challenge in an open one.
                self.digest = None;
                cx.tally.logins_taken += u64::from(index == named.password);
            } else if [named.periodic_enable, named.periodic_interval, named.periodic_time].contains(&index) {
                self.plan_periodic(cx);
            } else if index == named.acs_url && value != cx.world.acs_url {
                // Devices of a fleet stay with its ACS, which is a new one to them.
                self.raise(cx.tally, EventCode::Bootstrap, "");
            }
        }
        self.note_diagnostics(cx, slot, value);
        // What the ACS did itself it is not told.
        let told = self.tree(cx.world, cx.now).value(slot).into_owned();
        if let Some(watched) = self.differences.watched.iter_mut().find(|it| it.slot == slot) {
            watched.told = told.into();
        }
    }

    fn set_key(&mut self, cx: &Context<'_>, key: &str) {
        let slot = Slot::fixed(cx.world.model(self.facts.number).named.parameter_key);
        if self.tree(cx.world, cx.now).value(slot) != key {
            self.differences.set(slot, key);
        }
    }

    pub(super) fn add_object(&mut self, cx: &mut Context<'_>, request: &AddObject) -> Answered {
        let model = cx.world.model(self.facts.number);
        let table = model.tables.iter().position(|table| *table.path == *request.path);
        let table = table.and_then(|at| u8::try_from(at).ok()).ok_or(FaultCode::InvalidParameterName)?;
        if self.differences.added_count() >= ADDED_MAX {
            return Err(FaultCode::ResourcesExceeded);
        }
        let instance_number = self.differences.add(model, table);
        self.set_key(cx, &request.parameter_key);
        self.note_done(cx, "AddObject", &request.parameter_key, true);
        Ok(AddObjectResponse { instance_number, status: Status::Done }.into())
    }

    pub(super) fn delete_object(&mut self, cx: &mut Context<'_>, request: &DeleteObject) -> Answered {
        let model = cx.world.model(self.facts.number);
        let instance = model.tables.iter().zip(0..).find_map(|(table, at)| {
            let number = request.path.strip_prefix(&*table.path)?.strip_suffix('.')?;
            Some((at, number.parse().ok()?))
        });
        let (table, instance) = instance.ok_or(FaultCode::InvalidParameterName)?;
        if !self.differences.remove(model, table, instance) {
            return Err(FaultCode::InvalidParameterName);
        }
        self.set_key(cx, &request.parameter_key);
        self.note_done(cx, "DeleteObject", &request.parameter_key, true);
        Ok(DeleteObjectResponse { status: Status::Done }.into())
    }
}

/// What a name of a request means: a parameter, or all under a path that ends with a dot.
pub(super) fn named(tree: &Tree<'_>, name: &str) -> Option<Vec<Slot>> {
    if !name.is_empty() && !name.ends_with('.') {
        return tree.find(name).map(|slot| vec![slot]);
    }
    let slots = tree.under(name);
    let is_table = || tree.model.tables.iter().any(|table| *table.path == *name);
    (!slots.is_empty() || is_table()).then_some(slots)
}

fn check(tree: &Tree<'_>, parameter: &ParameterValue) -> Result<Slot, FaultCode> {
    let slot = tree.find(&parameter.path).ok_or(FaultCode::InvalidParameterName)?;
    let known = tree.parameter(slot).ok_or(FaultCode::InvalidParameterName)?;
    if !known.is_writable {
        return Err(FaultCode::NonWritableParameter);
    }
    // Some ACSs send everything as a string, and devices take that.
    let is_typed = !matches!(parameter.kind, ValueKind::String | ValueKind::Untyped);
    if is_typed && parameter.kind != known.kind {
        return Err(FaultCode::InvalidParameterType);
    }
    let is_carried = parameter.value.chars().all(|it| it >= ' ' || matches!(it, '\t' | '\n' | '\r'));
    if parameter.value.len() > VALUE_BYTES_MAX || !is_carried || !is_of_kind(&known.kind, &parameter.value) {
        return Err(FaultCode::InvalidParameterValue);
    }
    Ok(slot)
}

fn faulty(parameters: Vec<SetParameterValuesFault>) -> Message {
    let mut fault = Fault::new(FaultCode::InvalidArguments);
    fault.fault_code = SoapFaultCode::Client;
    if let Some(detail) = &mut fault.detail {
        detail.parameters = parameters;
    }
    fault.into()
}
