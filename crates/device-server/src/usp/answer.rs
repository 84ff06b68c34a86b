use std::collections::BTreeMap;

use sangam_device_proto::task::{Answer, Happened};
use sangam_storage::devices::Row;
use sangam_usp_proto::message::{
    AddOutcome, AddResp, DeleteOutcome, DeleteResp, GetResp, GetSupportedDmResp, ObjAccessType, OperateOutcome,
    OperateResp, ParamAccessType, PathError, Response, SetOutcome, SetResp,
};
use sangam_usp_proto::path::to_supported;
use sangam_usp_proto::subscriptions::{self, Plan};
use serde::Serialize;
use serde_json::json;

use super::admit::wanted_of;
use super::order::{BadOrder, Names, Order, Subscribe};
use super::values::{Told, told};
use super::work::json_payload;

/// Names that one task tells.
const NAMES_MAX: usize = 20_000;

/// What came of a task.
pub(super) struct Came {
    pub(super) happened: Happened,
    pub(super) values: Vec<Told>,
    pub(super) rows: Vec<Row>,
    pub(super) subscriptions_changed: bool,
}

impl Came {
    fn of(answer: Answer) -> Self {
        Self {
            happened: Happened::Answered(answer),
            values: Vec::new(),
            rows: Vec::new(),
            subscriptions_changed: false,
        }
    }

    fn done(result: &impl Serialize) -> Self {
        Self::of(Answer::Done(json_payload(result)))
    }

    fn failed(code: u32, text: &str, errors: &[PathError]) -> Self {
        let parts = errors.iter().map(|it| format!("; {}: {} {}", it.path, it.err_code, it.err_msg));
        let text = format!("{text}{}", parts.collect::<String>());
        Self::of(Answer::Fault { code, text: text.into(), again: false })
    }
}

/// What an answer means for the task it is of. `None`: more is to be asked.
///
/// # Errors
/// With that answer the task cannot go on.
pub(super) fn came(order: &mut Order, response: Response) -> Result<Option<Came>, BadOrder> {
    match (order, response) {
        (Order::Names(names), response) => names.answered(response),
        (Order::Subscribe(it), response) => Ok(it.answered(response)),
        (Order::Transfer(_), Response::Operate(answer)) => Ok(Some(operated(&answer))),
        (Order::Transfer(transfer), response) => transfer.answered(&response).map(|()| None),
        (Order::Once(_), Response::Get(answer)) => Ok(Some(read(&answer))),
        (Order::Once(_), Response::Set(answer)) => Ok(Some(written(&answer))),
        (Order::Once(_), Response::Add(answer)) => Ok(Some(added(&answer))),
        (Order::Once(_), Response::Delete(answer)) => Ok(Some(deleted(&answer))),
        (Order::Once(_), Response::Operate(answer)) => Ok(Some(operated(&answer))),
        (Order::Once(_), Response::GetSupportedProtocol(answer)) => {
            let versions: Vec<&str> = answer.agent_supported_protocol_versions.split(',').map(str::trim).collect();
            Ok(Some(Came::done(&json!({ "versions": versions }))))
        }
        (Order::Once(_), _) => Err(BadOrder::Wrong("the agent answered something else")),
    }
}

#[derive(Serialize)]
struct Value<'a> {
    path: &'a str,
    value: &'a str,
}

fn read(answer: &GetResp) -> Came {
    let found = answer.req_path_results.iter().flat_map(|path| &path.resolved_path_results);
    let values: Vec<Told> = found.flat_map(told).collect();
    let bad: Vec<_> = answer.req_path_results.iter().filter(|path| path.err_code != 0).collect();
    if let (Some(first), true) = (bad.first(), values.is_empty()) {
        return Came::failed(first.err_code, &format!("{}: {}", first.requested_path, first.err_msg), &[]);
    }
    let unread: Vec<_> = bad.iter().map(|path| json!({ "path": path.requested_path, "code": path.err_code })).collect();
    let shown: Vec<Value<'_>> = values.iter().map(|(path, value)| Value { path, value }).collect();
    let mut result = json!({ "values": shown, "is_cut": false });
    if !unread.is_empty() {
        result["unread"] = json!(unread);
    }
    Came { values, ..Came::done(&result) }
}

fn written(answer: &SetResp) -> Came {
    let mut values = Vec::new();
    for result in &answer.updated_obj_results {
        match result.outcome() {
            Some(SetOutcome::Success(done)) => {
                for instance in &done.updated_inst_results {
                    if let Some(first) = instance.param_errs.first() {
                        return Came::failed(first.err_code, &result.requested_path, &instance.param_errs);
                    }
                    let path = &instance.affected_path;
                    values.extend(
                        instance.updated_params.iter().map(|(name, value)| (format!("{path}{name}"), value.clone())),
                    );
                }
            }
            Some(SetOutcome::Failure(failure)) => {
                let errors: Vec<PathError> =
                    failure.updated_inst_failures.iter().flat_map(|it| it.param_errs.clone()).collect();
                let text = format!("{}: {}", result.requested_path, failure.err_msg);
                return Came::failed(failure.err_code, &text, &errors);
            }
            None => return silent(),
        }
    }
    Came { values, ..Came::done(&json!({})) }
}

fn added(answer: &AddResp) -> Came {
    match answer.created_obj_results.first().and_then(|result| result.outcome()) {
        Some(AddOutcome::Success(done)) => {
            let path = &done.instantiated_path;
            let instance: Option<u32> =
                path.trim_end_matches('.').rsplit('.').next().and_then(|number| number.parse().ok());
            let values =
                done.unique_keys.iter().map(|(name, value)| (format!("{path}{name}"), value.clone())).collect();
            let result = json!({ "instance": instance, "path": path });
            Came { values, ..Came::done(&result) }
        }
        Some(AddOutcome::Failure(failure)) => Came::failed(failure.err_code, &failure.err_msg, &[]),
        None => silent(),
    }
}

fn deleted(answer: &DeleteResp) -> Came {
    let mut gone: Vec<&str> = Vec::new();
    for result in &answer.deleted_obj_results {
        match result.outcome() {
            Some(DeleteOutcome::Success(done)) => {
                if let Some(first) = done.unaffected_path_errs.first() {
                    return Came::failed(first.err_code, &result.requested_path, &done.unaffected_path_errs);
                }
                gone.extend(done.affected_paths.iter().map(String::as_str));
            }
            Some(DeleteOutcome::Failure(failure)) => return Came::failed(failure.err_code, &failure.err_msg, &[]),
            None => return silent(),
        }
    }
    Came::done(&json!({ "deleted": gone }))
}

/// A command is done, has failed, or goes on at the agent: then the notification of its end says how.
fn operated(answer: &OperateResp) -> Came {
    let mut output: BTreeMap<&str, &BTreeMap<String, String>> = BTreeMap::new();
    for result in &answer.operation_results {
        match &result.outcome {
            Some(OperateOutcome::Failure(failure)) => {
                return Came::failed(
                    failure.err_code,
                    &format!("{}: {}", result.executed_command, failure.err_msg),
                    &[],
                );
            }
            Some(OperateOutcome::RequestPath(path)) => {
                let answer = json_payload(&json!({ "request": path }));
                return Came::of(Answer::Later(answer));
            }
            Some(OperateOutcome::Output(args)) => {
                output.insert(&result.executed_command, &args.output_args);
            }
            None => {}
        }
    }
    match output.len() {
        0 => Came::done(&json!({})),
        1 => Came::done(&json!({ "output": output.values().next() })),
        _ => Came::done(&json!({ "outputs": output })),
    }
}

fn silent() -> Came {
    Came::failed(0, "the agent did not say what it did", &[])
}

impl Names {
    fn answered(&mut self, response: Response) -> Result<Option<Came>, BadOrder> {
        match response {
            Response::GetSupportedDm(model) => {
                if let Some(bad) = model.req_obj_results.iter().find(|result| result.err_code != 0) {
                    return Ok(Some(Came::failed(bad.err_code, &bad.err_msg, &[])));
                }
                self.tables = tables(&model, &self.path);
                self.supported = Some(supported(&model));
                if self.tables.is_empty() { Ok(Some(self.told(&[]))) } else { Ok(None) }
            }
            Response::GetInstances(answer) => {
                let instances = answer.req_path_results.into_iter().flat_map(|result| result.curr_insts);
                let instances: Vec<String> = instances.map(|it| it.instantiated_obj_path).collect();
                Ok(Some(self.told(&instances)))
            }
            _ => Err(BadOrder::Wrong("the agent answered something else")),
        }
    }

    /// Each path below, and whether it can be written: of tables with the instances that are there.
    fn told(&self, instances: &[String]) -> Came {
        let supported = self.supported.as_ref();
        let mut names: BTreeMap<String, bool> = BTreeMap::new();
        for (path, writable) in supported.into_iter().flatten() {
            match path.rfind("{i}.") {
                None => {
                    names.insert(path.clone(), *writable);
                }
                Some(at) => {
                    let (table, rest) = path.split_at(at + 4);
                    let below = instances.iter().filter(|instance| to_supported(instance) == table);
                    names.extend(below.map(|instance| (format!("{instance}{rest}"), *writable)));
                }
            }
        }
        names.retain(|path, _| path.starts_with(&self.path));
        let is_cut = names.len() > NAMES_MAX;
        let shown: BTreeMap<_, _> = names.into_iter().take(NAMES_MAX).collect();
        Came::done(&json!({ "names": shown, "is_cut": is_cut }))
    }
}

fn supported(model: &GetSupportedDmResp) -> BTreeMap<String, bool> {
    let mut names = BTreeMap::new();
    for object in model.req_obj_results.iter().flat_map(|result| &result.supported_objs) {
        let path = &object.supported_obj_path;
        names.insert(path.clone(), object.access != ObjAccessType::ReadOnly as i32);
        let writable = |access: i32| access != ParamAccessType::ReadOnly as i32;
        let parameters = object.supported_params.iter().map(|it| (&it.param_name, writable(it.access)));
        let commands = object.supported_commands.iter().map(|it| (&it.command_name, false));
        let events = object.supported_events.iter().map(|it| (&it.event_name, false));
        names.extend(
            parameters.chain(commands).chain(events).map(|(name, writable)| (format!("{path}{name}"), writable)),
        );
    }
    names
}

/// The outermost tables, as GetInstances takes them: what is below them is told with them. Where the path itself is within an instance, that instance
/// stands.
fn tables(model: &GetSupportedDmResp, path: &str) -> Vec<String> {
    let below = to_supported(path);
    let objects = model.req_obj_results.iter().flat_map(|result| &result.supported_objs);
    let mut tables: Vec<String> = objects
        .filter_map(|object| {
            let rest = object.supported_obj_path.strip_prefix(&below)?;
            let table = rest.strip_suffix("{i}.")?;
            (!table.contains("{i}")).then(|| format!("{path}{table}"))
        })
        .collect();
    tables.sort_unstable();
    tables.dedup();
    tables
}

impl Subscribe {
    fn answered(&mut self, response: Response) -> Option<Came> {
        match response {
            Response::Get(answer) if !self.is_looked => {
                self.is_looked = true;
                let (mut present, instance) = subscriptions::answer(&answer);
                present.retain(|it| it.values.get("ID").is_some_and(|id| *id == self.id));
                self.instance = present.first().map(|it| it.path.clone());
                let wanted: Vec<_> = self.row.iter().map(wanted_of).collect();
                let plan = Plan::new(&wanted, &present, &self.id, instance.as_deref());
                self.requests.extend(plan.requests());
            }
            Response::Add(answer) => match answer.created_obj_results.first().and_then(|it| it.outcome()) {
                Some(AddOutcome::Success(done)) => self.instance = Some(done.instantiated_path.clone()),
                _ => return Some(added(&answer)),
            },
            Response::Set(answer) => {
                let came = written(&answer);
                if matches!(came.happened, Happened::Answered(Answer::Fault { .. })) {
                    return Some(came);
                }
            }
            Response::Delete(answer) => {
                let came = deleted(&answer);
                if matches!(came.happened, Happened::Answered(Answer::Fault { .. })) {
                    return Some(came);
                }
            }
            _ => return Some(silent()),
        }
        self.requests.is_empty().then(|| self.over())
    }

    /// The agent has it, or has it no more: from now on it stays so.
    fn over(&mut self) -> Came {
        let instance = self.instance.clone().unwrap_or_default();
        let came = Came::done(&json!({ "id": self.id, "instance": instance }));
        let row = match self.row.take() {
            Some(mut row) => {
                row.instance = instance.into();
                Row::Subscription(Box::new(row))
            }
            None => Row::RemoveSubscription { device: self.device, id: self.id.as_str().into() },
        };
        Came { rows: vec![row], subscriptions_changed: true, ..came }
    }
}
