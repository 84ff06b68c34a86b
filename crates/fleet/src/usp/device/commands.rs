//! Commands that go on: what the controller asked for, until it is told how it went.

use std::collections::BTreeMap;
use std::time::Duration;

use sangam_types::Mono;
use sangam_usp_proto::ErrorCode;
use sangam_usp_proto::agent::DataModel as _;
use sangam_usp_proto::message::Failure;

use super::{Boot, Context, Device, LEAVING, Leaving, Todo};
use crate::cpe::date::date_text;
use crate::usp::transfer::{Transfer, TransferFault};

/// A command that goes on.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) request: u32,
    pub(super) command: String,
    pub(super) command_key: String,
    pub(super) args: BTreeMap<String, String>,
    /// When it is done; `None`: when its file has come or gone.
    pub(super) due: Option<Mono>,
}

/// What a command takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// Some seconds.
    Diagnosis,
    /// As long as it was told.
    Timer,
    /// A file that comes.
    Download,
    /// A file that goes.
    Upload,
    /// A reboot.
    Activate,
    Uninstall,
}

/// Every command that goes on, by its name.
const COMMANDS: [(&str, Work); 18] = [
    ("ScheduleTimer()", Work::Timer),
    ("SelfTestDiagnostics()", Work::Diagnosis),
    ("Download()", Work::Download),
    ("Activate()", Work::Activate),
    ("Backup()", Work::Upload),
    ("Restore()", Work::Download),
    ("Upload()", Work::Upload),
    ("NeighboringWiFiDiagnostic()", Work::Diagnosis),
    ("IPPing()", Work::Diagnosis),
    ("TraceRoute()", Work::Diagnosis),
    ("DownloadDiagnostics()", Work::Diagnosis),
    ("UploadDiagnostics()", Work::Diagnosis),
    ("UDPEchoDiagnostics()", Work::Diagnosis),
    ("ServerSelectionDiagnostics()", Work::Diagnosis),
    ("InstallDU()", Work::Download),
    ("Update()", Work::Download),
    ("Uninstall()", Work::Uninstall),
    ("other", Work::Diagnosis),
];

const DIAGNOSIS: Duration = Duration::from_secs(1);
const DIAGNOSIS_SPREAD: Duration = Duration::from_secs(3);
const TIMER_MAX: Duration = Duration::from_secs(86_400);
const UNITS: &str = "Device.SoftwareModules.DeploymentUnit.";

impl Operation {
    fn known(&self) -> (&'static str, Work) {
        let name = self.command.rsplit('.').next().unwrap_or_default();
        COMMANDS.into_iter().find(|(known, _)| *known == name).unwrap_or(COMMANDS[COMMANDS.len() - 1])
    }

    /// Its name, one of a fixed set.
    pub(super) fn name(&self) -> &'static str {
        self.known().0
    }

    fn arg(&self, name: &str) -> &str {
        self.args.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The object that it is a command of.
    fn object(&self) -> &str {
        self.command.rfind('.').map_or("", |at| &self.command[..=at])
    }
}

impl Device {
    /// The controller asked for a command that goes on.
    pub(super) fn begin(&mut self, cx: &mut Context<'_>, mut operation: Operation) {
        let (name, work) = operation.known();
        cx.tally.command(name).begun += 1;
        let now = cx.now.mono;
        let share = self.world.faults;
        if self.is_faulty(share) {
            cx.tally.faults.refused += 1;
            self.operations.push(operation);
            let request = self.operations.last().map_or(0, |it| it.request);
            return self.end(cx, request, Err(Failure::of(ErrorCode::CommandFailure)));
        }
        match work {
            Work::Diagnosis => operation.due = Some(now + DIAGNOSIS + self.dice.within(DIAGNOSIS_SPREAD)),
            Work::Timer => {
                let secs = operation.arg("DelaySeconds").parse().unwrap_or(0);
                operation.due = Some(now + Duration::from_secs(secs).min(TIMER_MAX));
            }
            Work::Activate | Work::Uninstall => operation.due = Some(now + DIAGNOSIS),
            Work::Download | Work::Upload => {
                let transfer = Transfer::of(operation.request, work == Work::Download, &operation.args);
                self.todo.push_back(Todo::Transfer(Box::new(transfer)));
            }
        }
        self.operations.push(operation);
    }

    /// Ends commands whose time has come.
    pub(super) fn end_due(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.mono;
        let due: Vec<u32> =
            self.operations.iter().filter(|it| it.due.is_some_and(|at| at <= now)).map(|it| it.request).collect();
        for request in due {
            let output = self.output(cx, request);
            self.end(cx, request, Ok(output));
        }
    }

    /// A file has come or gone, or has not.
    pub(in crate::usp) fn transferred(
        &mut self,
        cx: &mut Context<'_>,
        request: u32,
        result: Result<(), TransferFault>,
    ) {
        cx.tally.transfers_ended += 1;
        if let Err(fault) = result {
            *cx.tally.transfers_failed.entry(fault.label()).or_default() += 1;
        }
        self.enter(cx);
        let failure =
            |fault: TransferFault| Failure { err_msg: fault.to_string(), ..Failure::of(ErrorCode::CommandFailure) };
        self.tell_of_transfer(cx, request, result);
        self.end(cx, request, result.map(|()| BTreeMap::new()).map_err(failure));
        self.settle(cx);
    }

    fn end(&mut self, cx: &mut Context<'_>, request: u32, result: Result<BTreeMap<String, String>, Failure>) {
        // One that was cancelled, or that a reboot ended, is told of already.
        let Some(at) = self.operations.iter().position(|it| it.request == request) else { return };
        let operation = self.operations.remove(at);
        let count = cx.tally.command(operation.name());
        let is_done = result.is_ok();
        count.done += u64::from(is_done);
        count.failed += u64::from(!is_done);
        self.agent.complete(cx.now.mono, request, result);
        if is_done {
            self.take_effect(cx, &operation);
        }
    }

    /// What a command that was done changes.
    fn take_effect(&mut self, cx: &mut Context<'_>, operation: &Operation) {
        let now = cx.now.mono;
        let boots = match operation.name() {
            "Activate()" => true,
            "Download()" => matches!(operation.arg("AutoActivate"), "true" | "1"),
            "InstallDU()" => {
                self.install(cx, operation);
                false
            }
            "Uninstall()" => {
                if self.agent.model_mut().remove(operation.object()).is_ok() {
                    self.agent.instance_changed(now, operation.object());
                }
                false
            }
            _ => false,
        };
        if boots {
            let command_key = operation.command_key.clone();
            let boot = Boot { cause: "RemoteReboot", command_key, is_firmware_new: true };
            self.leaving = Some((now + LEAVING, Leaving::Reboot(boot)));
        }
    }

    fn install(&mut self, cx: &mut Context<'_>, operation: &Operation) {
        let now = cx.now.mono;
        let Ok(number) = self.agent.model_mut().create(UNITS) else { return };
        let unit = format!("{UNITS}{number}.");
        for (name, value) in [("UUID", operation.arg("UUID")), ("URL", operation.arg("URL")), ("Status", "Installed")] {
            // A unit was made a moment ago, and has these.
            let _: Result<(), ErrorCode> = self.agent.model_mut().set_value(&format!("{unit}{name}"), value);
        }
        self.agent.instance_changed(now, &unit);
        let time = date_text(cx.now.wall);
        let params = [
            ("UUID", operation.arg("UUID")),
            ("DeploymentUnitRef", unit.trim_end_matches('.')),
            ("Version", "1"),
            ("CurrentState", "Installed"),
            ("Resolved", "true"),
            ("StartTime", &time),
            ("CompleteTime", &time),
            ("OperationPerformed", "Install"),
            ("Fault.FaultCode", "0"),
            ("Fault.FaultString", ""),
        ];
        self.happened(cx, "Device.SoftwareModules.", "DUStateChange!", &params);
    }

    /// `TransferComplete!`, beside the end of the command.
    fn tell_of_transfer(&mut self, cx: &mut Context<'_>, request: u32, result: Result<(), TransferFault>) {
        let Some(operation) = self.operations.iter().find(|it| it.request == request) else { return };
        let time = date_text(cx.now.wall);
        let (code, text) = result.map_or_else(|fault| ("7022", fault.to_string()), |()| ("0", String::new()));
        let (command, key) = (operation.command.clone(), operation.command_key.clone());
        let (url, affected) = (operation.arg("URL").to_owned(), operation.object().to_owned());
        let kind = if operation.known().1 == Work::Upload { "Upload" } else { "Download" };
        let params = [
            ("Command", command.as_str()),
            ("CommandKey", &key),
            ("Requestor", self.world.controller.as_str()),
            ("TransferType", kind),
            ("Affected", &affected),
            ("TransferURL", &url),
            ("StartTime", &time),
            ("CompleteTime", &time),
            ("FaultCode", code),
            ("FaultString", &text),
        ];
        let params = params.map(|(name, value)| (name, value.to_owned()));
        let params = params.each_ref().map(|(name, value)| (*name, value.as_str()));
        self.happened(cx, "Device.LocalAgent.", "TransferComplete!", &params);
    }

    fn happened(&mut self, cx: &mut Context<'_>, object: &str, event: &'static str, params: &[(&str, &str)]) {
        *cx.tally.happened.entry(event).or_default() += 1;
        let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.agent.event(cx.now.mono, object, event, params);
    }

    /// What a command gave, by the names that the data model has for it.
    fn output(&mut self, cx: &Context<'_>, request: u32) -> BTreeMap<String, String> {
        let Some(operation) = self.operations.iter().find(|it| it.request == request) else { return BTreeMap::new() };
        let supported = sangam_usp_proto::path::to_supported(operation.object());
        let name = operation.command.rsplit('.').next().unwrap_or_default();
        let schema = self.agent.model().supported().object(&supported);
        let names = schema.and_then(|it| it.commands.iter().find(|it| it.name == name)).map(|it| it.outputs.clone());
        let repetitions = operation.arg("NumberOfRepetitions").parse().unwrap_or(4_u32).to_string();
        let is_self_test = name == "SelfTestDiagnostics()";
        let mut value = |name: &str| match name {
            "Status" => "Complete".to_owned(),
            "Results" if is_self_test => "all is well".to_owned(),
            "IPAddressUsed" => "198.18.0.9".to_owned(),
            "SuccessCount" => repetitions.clone(),
            "FailureCount" => "0".to_owned(),
            "MinimumResponseTime" => "9".to_owned(),
            "AverageResponseTime" | "ResponseTime" => "12".to_owned(),
            "MaximumResponseTime" => (20 + self.dice.below(20)).to_string(),
            name if name.ends_with("Time") => date_text(cx.now.wall),
            name if name.ends_with("Host") => "198.18.0.9".to_owned(),
            _ => (1_000_000 + self.dice.below(1_000_000)).to_string(),
        };
        names.unwrap_or_default().into_iter().map(|name| (name.clone(), value(&name))).collect()
    }
}
