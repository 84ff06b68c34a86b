use std::collections::BTreeMap;

use sangam_device_proto::file::{FileRow, Grant, Transfer as May};
use sangam_device_proto::secret::Secret;
use sangam_device_proto::task::{Task, TaskKind};
use sangam_net::http::percent_encoded;
use sangam_storage::devices::Row;
use sangam_usp_proto::message::{Get, GetInstances, GetResp, Operate, Request, Response};
use serde::Deserialize;

use super::order::BadOrder;
use crate::service::Service;

/// What a download or an upload says, the same as for a device that speaks CWMP.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// As CWMP has it: `1 Firmware Upgrade Image`, `2 Vendor Log File` …
    file_type: String,
    url: Option<String>,
    file: Option<String>,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    file_size: u64,
    #[serde(default)]
    target_file_name: String,
    #[serde(default)]
    delay_secs: u32,
    /// Which instance of its table; left out: a firmware image that is not active, or the first that there is.
    instance: Option<u32>,
    /// Whether firmware is activated once it is there.
    #[serde(default = "yes")]
    activate: bool,
    /// The command itself, where the data model has another: `Device.X_Vendor.Image.1.Download()`.
    command: Option<String>,
}

const fn yes() -> bool {
    true
}

/// What an agent is told of a file of ours: for this once.
pub(super) struct Handover {
    url: String,
    user: Box<str>,
    secret: Secret,
    bytes: u64,
    sha256: Option<[u8; 32]>,
}

impl Handover {
    /// Of a task that is not sent yet.
    pub(super) fn blank() -> Self {
        Self { url: String::new(), user: Box::default(), secret: Secret::from_random([0; 16]), bytes: 0, sha256: None }
    }
}

/// A transfer: which instance it is for is asked first, where that is not said.
pub(super) struct Transfer {
    wanted: Wanted,
    /// The table with its dot.
    table: &'static str,
    command: &'static str,
    /// SHA-256 of a file of ours, in hexadecimal digits.
    checksum: Option<String>,
    /// The image that is active, as a path; empty: the agent does not say.
    active: Option<String>,
    is_settled: bool,
}

const FIRMWARE: &str = "Device.DeviceInfo.FirmwareImage.";
const CONFIGURATION: &str = "Device.DeviceInfo.VendorConfigFile.";
const LOG: &str = "Device.DeviceInfo.VendorLogFile.";
const ACTIVE: &str = "Device.DeviceInfo.ActiveFirmwareImage";

/// What a transfer needs next.
pub(super) enum Next {
    Ask(Request),
    Order(Operate),
}

impl Transfer {
    pub(super) fn of(task: &Task, handover: Option<Handover>) -> Result<Self, BadOrder> {
        let mut wanted: Wanted = serde_json::from_slice(&task.payload.bytes)?;
        let (table, command) = table(task.kind, &wanted)?;
        if wanted.delay_secs > 0 {
            return Err(BadOrder::Wrong("agents of USP know no delay; use `not_before`"));
        }
        match (&wanted.url, &wanted.file) {
            (Some(_), None) => {}
            (None, Some(name)) if !FileRow::is_name(name) => {
                return Err(BadOrder::Wrong("its file has a name that none can have"));
            }
            (None, Some(_)) => {
                let wrong = "its file is not there, or it is not known at which URL the agent reaches it: set `devices.usp.files_url`";
                let handover = handover.ok_or(BadOrder::Wrong(wrong))?;
                wanted.url = Some(handover.url);
                wanted.username = handover.user.into();
                wanted.password = handover.secret.expose().to_owned();
                wanted.file_size = handover.bytes;
                return Ok(Self::new(wanted, table, command, handover.sha256));
            }
            _ => return Err(BadOrder::Wrong("it names either a `url` or a `file`")),
        }
        Ok(Self::new(wanted, table, command, None))
    }

    fn new(wanted: Wanted, table: &'static str, command: &'static str, sha256: Option<[u8; 32]>) -> Self {
        let is_settled = wanted.instance.is_some() || wanted.command.is_some();
        let checksum = sha256.map(|sum| crate::files::hex(&sum));
        Self { wanted, table, command, checksum, active: None, is_settled }
    }

    /// What is asked or ordered next.
    pub(super) fn next(&self, command_key: &str) -> Next {
        if self.is_settled {
            return Next::Order(self.operate(command_key));
        }
        if self.table == FIRMWARE && self.active.is_none() {
            return Next::Ask(Request::Get(Get { param_paths: vec![ACTIVE.to_owned()], max_depth: 0 }));
        }
        Next::Ask(Request::GetInstances(GetInstances {
            obj_paths: vec![self.table.to_owned()],
            first_level_only: true,
        }))
    }

    /// The answer to what was asked.
    ///
    /// # Errors
    /// There is nothing to transfer to or from.
    pub(super) fn answered(&mut self, response: &Response) -> Result<(), BadOrder> {
        match response {
            Response::Get(answer) => {
                self.active = Some(active(answer));
                Ok(())
            }
            Response::GetInstances(answer) => {
                let instances = answer.req_path_results.iter().flat_map(|result| &result.curr_insts);
                let numbers: Vec<u32> =
                    instances.filter_map(|it| number(&it.instantiated_obj_path, self.table)).collect();
                let active = self.active.as_deref().and_then(|path| number(path, self.table));
                let idle = numbers.iter().copied().find(|number| Some(*number) != active);
                let chosen = idle.or_else(|| numbers.first().copied());
                self.wanted.instance = Some(chosen.ok_or(BadOrder::Wrong("the agent has no instance of its table"))?);
                self.is_settled = true;
                Ok(())
            }
            _ => Err(BadOrder::Wrong("the agent answered something else")),
        }
    }

    fn operate(&self, command_key: &str) -> Operate {
        let it = &self.wanted;
        let mut input_args = BTreeMap::new();
        let mut put = |name: &str, value: String| {
            if !value.is_empty() {
                input_args.insert(name.to_owned(), value);
            }
        };
        put("URL", it.url.clone().unwrap_or_default());
        put("Username", it.username.clone());
        put("Password", it.password.clone());
        if self.command == "Download()" {
            put("FileSize", if it.file_size > 0 { it.file_size.to_string() } else { String::new() });
            if self.table == FIRMWARE {
                put("AutoActivate", it.activate.to_string());
            } else {
                put("TargetFileName", it.target_file_name.clone());
            }
            if let Some(sum) = &self.checksum {
                put("CheckSumAlgorithm", "SHA-256".to_owned());
                put("CheckSum", sum.clone());
            }
        }
        let command = it
            .command
            .clone()
            .unwrap_or_else(|| format!("{}{}.{}", self.table, it.instance.unwrap_or(1), self.command));
        Operate { command, command_key: command_key.to_owned(), send_resp: true, input_args }
    }
}

fn table(kind: TaskKind, wanted: &Wanted) -> Result<(&'static str, &'static str), BadOrder> {
    let number = wanted.file_type.split(' ').next().unwrap_or_default();
    match (kind, number) {
        (TaskKind::Download, "1") => Ok((FIRMWARE, "Download()")),
        (TaskKind::Download, "3") => Ok((CONFIGURATION, "Download()")),
        (TaskKind::Upload, "1" | "3") => Ok((CONFIGURATION, "Upload()")),
        (TaskKind::Upload, "2" | "4") => Ok((LOG, "Upload()")),
        (TaskKind::Download, _) if wanted.command.is_some() => Ok((CONFIGURATION, "Download()")),
        (_, _) if wanted.command.is_some() => Ok((LOG, "Upload()")),
        _ => Err(BadOrder::Wrong("agents of USP know no such file type; name the `command`")),
    }
}

fn active(answer: &GetResp) -> String {
    let results = answer.req_path_results.iter().flat_map(|path| &path.resolved_path_results);
    results.flat_map(|result| result.result_params.values()).next().cloned().unwrap_or_default()
}

/// The number of an instance of a table, by a path with or without its last dot.
fn number(path: &str, table: &str) -> Option<u32> {
    path.strip_prefix(table)?.trim_end_matches('.').parse().ok()
}

/// For a task that names a file of ours: what its agent is told, and the row that lets it in, to be durable before it is told.
pub(super) fn handover(service: &Service, task: &Task, base: Option<&str>) -> Option<(Handover, Row)> {
    let name = crate::cwmp::stored_file(task)?;
    let base = base?.trim_end_matches('/');
    let user: Box<str> = format!("{}-{}", task.id, Secret::from_random(rand::random()).expose()).into();
    let secret = Secret::from_random(rand::random());
    let (path, may, bytes, sha256) = if task.kind == TaskKind::Upload {
        let bytes_max = service.options.files.upload_bytes_max;
        (format!("upload/{user}"), May::Bring { bytes_max }, 0, None)
    } else {
        let file = service.files.of_name(&name)?;
        (percent_encoded(&name), May::Fetch(file.id), file.bytes, Some(file.sha256))
    };
    let lifetime = u64::try_from(service.options.files.grant_lifetime.as_millis()).unwrap_or(u64::MAX);
    let expires_ms = service.now_ms().saturating_add(lifetime);
    let grant =
        Grant { user: user.clone(), secret: secret.clone(), device: task.device, task: task.id, may, expires_ms };
    let handover = Handover { url: format!("{base}/files/{path}"), user, secret, bytes, sha256 };
    Some((handover, Row::Grant(Box::new(grant))))
}
