use std::collections::BTreeMap;

use sangam_types::Mono;

use super::model::{CommandSchema, DataModel, Operated};
use super::{Agent, AgentEvent, AgentOutput, watch};
use crate::error_code::ErrorCode;
use crate::message::{
    CmdType, Error, Failure, Notification, Operate, OperateOutcome, OperateResp, OperationComplete, OperationOutcome,
    OperationResult, OutputArgs,
};
use crate::path::{Path, ResolveError, Target, resolve, split_parameter, to_supported};

const REQUESTS: &str = "Device.LocalAgent.Request.";

/// A command that goes on.
#[derive(Debug)]
pub(super) struct Running {
    command: String,
    command_key: String,
    /// Whether the data model has an instance for it.
    has_instance: bool,
}

impl<M: DataModel> Agent<M> {
    /// Runs a command at each object that its path finds. A command that fails is told in the response (R-OPR.1).
    pub(super) fn operate(&mut self, now: Mono, operate: Operate) -> Result<OperateResp, Error> {
        let path = Path::parse(&operate.command, &self.options.paths).map_err(|error| Error::of(error.code()))?;
        let Target::Command(name) = &path.target else { return Err(Error::of(ErrorCode::InvalidPath)) };
        let found = resolve(&self.model, &path, &self.options.paths).map_err(ResolveError::code).map_err(Error::of)?;
        let mut results = Vec::new();
        for object in found.objects {
            let supported = to_supported(&object);
            let schema = self
                .model
                .supported()
                .object(&supported)
                .and_then(|it| it.commands.iter().find(|command| command.name == *name).cloned());
            let Some(schema) = schema else { return Err(Error::of(ErrorCode::InvalidPath)) };
            let command = format!("{object}{name}");
            let outcome = self.run(now, &command, &schema, &operate);
            results.push(OperationResult { executed_command: command, outcome: Some(outcome) });
        }
        Ok(OperateResp { operation_results: results })
    }

    fn run(&mut self, now: Mono, command: &str, schema: &CommandSchema, operate: &Operate) -> OperateOutcome {
        let is_missing = |name: &&String| !operate.input_args.contains_key(*name);
        if schema.mandatory_inputs.iter().find(is_missing).is_some() {
            return OperateOutcome::Failure(Failure::of(ErrorCode::InvalidCommandArguments));
        }
        let done = || OperateOutcome::Output(OutputArgs::default());
        if command == format!("{}SendOnBoardRequest()", self.options.controller_path) {
            self.on_board(now);
            return done();
        }
        let cancelled = command.strip_prefix(REQUESTS).and_then(|it| it.strip_suffix(".Cancel()"));
        if let Some(number) = cancelled.and_then(|it| it.parse().ok()) {
            self.complete_running(now, number, Err(Failure::of(ErrorCode::CommandCanceled)));
            return done();
        }
        if schema.kind == CmdType::Async {
            return self.start(command, operate);
        }
        match self.model.operate(command, &operate.command_key, &operate.input_args) {
            Operated::Done(output_args) => OperateOutcome::Output(OutputArgs { output_args }),
            Operated::Failed(failure) => OperateOutcome::Failure(failure),
        }
    }

    fn start(&mut self, command: &str, operate: &Operate) -> OperateOutcome {
        if self.running.len() >= self.options.commands_max {
            return OperateOutcome::Failure(Failure::of(ErrorCode::ResourcesExceeded));
        }
        let created = self.model.supported().is_table(REQUESTS).then(|| self.model.create(REQUESTS));
        let (request, has_instance) = match created {
            Some(Ok(number)) => (number, true),
            Some(Err(code)) => return OperateOutcome::Failure(Failure::of(code)),
            None => (self.running.last_key_value().map_or(1, |(last, _)| last.saturating_add(1)), false),
        };
        let originator = self.exchange.peer().as_str().to_owned();
        let values = [
            ("Originator", originator.as_str()),
            ("Command", command),
            ("CommandKey", &operate.command_key),
            ("Status", "Active"),
        ];
        for (name, value) in values {
            // A model that lacks one of them does not tell it.
            let _: Result<(), ErrorCode> = self.model.set_value(&format!("{REQUESTS}{request}.{name}"), value);
        }
        let running = Running { command: command.to_owned(), command_key: operate.command_key.clone(), has_instance };
        self.running.insert(request, running);
        let (command, command_key) = (command.to_owned(), operate.command_key.clone());
        let args = operate.input_args.clone();
        self.outputs.push_back(AgentOutput::Event(AgentEvent::Operate { request, command, command_key, args }));
        OperateOutcome::RequestPath(format!("{REQUESTS}{request}."))
    }

    pub(super) fn complete_running(
        &mut self,
        now: Mono,
        request: u32,
        result: Result<BTreeMap<String, String>, Failure>,
    ) {
        let Some(running) = self.running.remove(&request) else { return };
        if running.has_instance {
            // An instance that is gone already is as it should be (R-OPR.0).
            let _: Result<(), ErrorCode> = self.model.remove(&format!("{REQUESTS}{request}."));
        }
        let (object, name) = split_parameter(&running.command).unwrap_or((&running.command, ""));
        let outcome = match result {
            Ok(output_args) => OperationOutcome::Output(OutputArgs { output_args }),
            Err(failure) => OperationOutcome::Failure(failure),
        };
        let complete = OperationComplete {
            obj_path: object.to_owned(),
            command_name: name.to_owned(),
            command_key: running.command_key.clone(),
            outcome: Some(outcome),
        };
        let notification = Notification::OperationComplete(complete);
        self.tell(now, watch::Kind::OperationComplete, &running.command, &notification);
    }
}
