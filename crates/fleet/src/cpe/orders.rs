//! What an operator orders of a device: a task of each kind, as the API of the server has it.

use serde_json::{Value, json};

/// A kind of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskWish {
    /// Values of some parameters.
    GetValues,
    /// One value is set.
    SetValues,
    /// Names of parameters.
    GetNames,
    /// Names with their values.
    Refresh,
    /// Attributes of a parameter.
    GetAttributes,
    /// A parameter is watched.
    SetAttributes,
    /// An object is added.
    AddObject,
    /// The object that was added goes again.
    DeleteObject,
    /// What the device can.
    GetMethods,
    /// It is to come in a second.
    ScheduleInform,
    /// `IPPing`
    Ping,
    /// `TraceRoute`
    TraceRoute,
    /// `DownloadDiagnostics`
    DownloadTest,
    /// `UploadDiagnostics`
    UploadTest,
    /// A configuration is fetched from the server.
    Download,
    /// Firmware is, and the device boots with it.
    Firmware,
    /// A configuration is brought to the server.
    Upload,
    /// A file is fetched in a window of time.
    ScheduleDownload,
    /// A download that was to begin later is taken back.
    CancelTransfer,
    /// Transfers that wait.
    GetTransfers,
    /// A deployment unit is installed.
    ChangeUnits,
    /// The device boots.
    Reboot,
    /// And is as from the factory. Always the last.
    FactoryReset,
}

impl TaskWish {
    /// All, in the order in which a device gets them.
    pub const ALL: [Self; 23] = [
        Self::GetValues,
        Self::SetValues,
        Self::GetNames,
        Self::Refresh,
        Self::GetAttributes,
        Self::SetAttributes,
        Self::AddObject,
        Self::DeleteObject,
        Self::GetMethods,
        Self::ScheduleInform,
        Self::Ping,
        Self::TraceRoute,
        Self::DownloadTest,
        Self::UploadTest,
        Self::Download,
        Self::Firmware,
        Self::Upload,
        Self::ScheduleDownload,
        Self::GetTransfers,
        Self::CancelTransfer,
        Self::ChangeUnits,
        Self::Reboot,
        Self::FactoryReset,
    ];

    /// As the command line has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::GetValues => "get_values",
            Self::SetValues => "set_values",
            Self::GetNames => "get_names",
            Self::Refresh => "refresh",
            Self::GetAttributes => "get_attributes",
            Self::SetAttributes => "set_attributes",
            Self::AddObject => "add_object",
            Self::DeleteObject => "delete_object",
            Self::GetMethods => "get_methods",
            Self::ScheduleInform => "schedule_inform",
            Self::Ping => "ping",
            Self::TraceRoute => "traceroute",
            Self::DownloadTest => "download_test",
            Self::UploadTest => "upload_test",
            Self::Download => "download",
            Self::Firmware => "firmware",
            Self::Upload => "upload",
            Self::ScheduleDownload => "schedule_download",
            Self::CancelTransfer => "cancel_transfer",
            Self::GetTransfers => "get_transfers",
            Self::ChangeUnits => "change_du_state",
            Self::Reboot => "reboot",
            Self::FactoryReset => "factory_reset",
        }
    }

    /// Of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wish| wish.name() == name)
    }

    /// The kind of task that the API calls it.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Ping | Self::TraceRoute | Self::DownloadTest | Self::UploadTest => "diagnostics",
            Self::Firmware => "download",
            other => other.name(),
        }
    }

    /// Whether its key comes with the request, so that the device knows which task it did.
    pub(super) fn has_key(self) -> bool {
        !matches!(
            self,
            Self::GetValues
                | Self::GetNames
                | Self::Refresh
                | Self::GetAttributes
                | Self::SetAttributes
                | Self::GetMethods
                | Self::GetTransfers
                | Self::CancelTransfer
                | Self::FactoryReset
        )
    }

    /// Whether a server may say it again when it does not know whether it was heard: it says what shall be.
    pub(super) fn may_repeat(self) -> bool {
        self == Self::SetValues
    }
}

/// The file that devices of a fleet fetch, and how long it is.
pub(super) const FILE_NAME: &str = "sangam-simulated-cpe.bin";
pub(super) const FILE_BYTES: u64 = 200_000;

/// What stands there in it, so that a part in the wrong place is seen.
pub(super) fn file_byte(at: u64) -> u8 {
    (at % 251) as u8 ^ (at / 251 % 256) as u8
}

/// What is known of a device when something is ordered of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ordering<'a> {
    /// `Device.` or `InternetGatewayDevice.`
    pub(super) root: &'static str,
    /// Makes names of it: the device's and the order's.
    pub(super) name: &'a str,
    /// Of the object that was added before.
    pub(super) instance: Option<u64>,
    /// The task whose transfer is to be taken back.
    pub(super) held: Option<u64>,
}

impl Ordering<'_> {
    /// The payload; `None`: there is nothing to delete or take back.
    pub(super) fn payload(self, wish: TaskWish) -> Option<Value> {
        let root = self.root;
        let is_181 = root == "Device.";
        let at = |path: &str| format!("{root}{path}");
        let table = at(if is_181 {
            "NAT.PortMapping."
        } else {
            "WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.PortMapping."
        });
        let test = |test: &str, inputs: Value| json!({"test": test, "inputs": inputs});
        let url = "http://speed.example/test";
        Some(match wish {
            TaskWish::GetValues => json!({"paths": [at("DeviceInfo."), at("ManagementServer.ParameterKey"),
                at("ManagementServer.URL"), at("Time.Enable"), at("DeviceInfo.SerialNumber"), at("Time.NTPServer1")]}),
            TaskWish::SetValues => {
                json!({"values": [{"path": at("DeviceInfo.ProvisioningCode"), "value": "simulated", "type": "string"},
                    {"path": at("ManagementServer.UpgradesManaged"), "value": "1", "type": "boolean"}]})
            }
            TaskWish::GetNames => json!({"path": at("DeviceInfo.")}),
            TaskWish::Refresh => json!({"path": at("ManagementServer.")}),
            TaskWish::GetAttributes => json!({"paths": [at("DeviceInfo.")]}),
            TaskWish::SetAttributes => {
                json!({"attributes": [{"path": at("DeviceInfo.ProvisioningCode"), "notification": "active"}]})
            }
            TaskWish::AddObject => json!({"path": table}),
            TaskWish::DeleteObject => json!({"path": format!("{table}{}.", self.instance?)}),
            TaskWish::GetMethods | TaskWish::Reboot | TaskWish::FactoryReset => json!({}),
            TaskWish::GetTransfers => json!({"all": true}),
            TaskWish::ScheduleInform => json!({"delay_secs": 1}),
            TaskWish::Ping => test("ping", json!({"host": "192.0.2.1", "repetitions": 4})),
            TaskWish::TraceRoute => test("traceroute", json!({"host": "192.0.2.1", "hops_max": 8})),
            TaskWish::DownloadTest => test("download", json!({"url": url})),
            TaskWish::UploadTest => test("upload", json!({"url": url, "file_bytes": 1_000_000})),
            TaskWish::Download => json!({"file_type": "3 Vendor Configuration File", "file": FILE_NAME}),
            TaskWish::Firmware => json!({"file_type": "1 Firmware Upgrade Image", "file": FILE_NAME}),
            TaskWish::Upload => {
                json!({"file_type": "1 Vendor Configuration File", "file": format!("{}.cfg", self.name)})
            }
            TaskWish::ScheduleDownload => json!({"file_type": "2 Web Content", "url": "http://files.example/page",
                "windows": [{"start_secs": 1, "end_secs": 60, "mode": "1 At Any Time", "retries_max": 0}]}),
            TaskWish::CancelTransfer => json!({"command_key": format!("task-{}", self.held?)}),
            TaskWish::ChangeUnits => json!({"operations": [{"operation": "install", "url": "http://files.example/unit",
                "uuid": "5b0d8a5e-0c3c-5f0e-9d25-0f1d4e2f7a11"}]}),
        })
    }

    /// A download that begins in an hour: something to take back.
    pub(super) fn held() -> Value {
        json!({"file_type": "2 Web Content", "url": "http://files.example/later", "delay_secs": 3_600})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_a_payload() {
        for root in ["Device.", "InternetGatewayDevice."] {
            let ordering = Ordering { root, name: "a", instance: Some(3), held: Some(4) };
            for wish in TaskWish::ALL {
                assert_eq!(TaskWish::parse(wish.name()), Some(wish));
                assert!(ordering.payload(wish).is_some_and(|it| it.is_object()), "{wish:?}");
            }
            let nothing = Ordering { instance: None, held: None, ..ordering };
            assert_eq!(nothing.payload(TaskWish::DeleteObject), None);
            assert_eq!(nothing.payload(TaskWish::CancelTransfer), None);
        }
        assert_eq!(TaskWish::parse("what"), None);
        assert_eq!(TaskWish::ALL.last(), Some(&TaskWish::FactoryReset));
    }

    #[test]
    fn tables_and_tests_that_are_named_are_in_the_models() {
        use super::super::model::{Model, Root};
        for root in [Root::Tr098, Root::Tr181] {
            let model = Model::new(root, 1);
            let ordering = Ordering { root: model.root, name: "a", instance: Some(3), held: None };
            let table = ordering.payload(TaskWish::AddObject).unwrap()["path"].as_str().unwrap().to_owned();
            assert!(model.tables.iter().any(|it| *it.path == *table), "{table}");
            let (below, tests) = match root {
                Root::Tr098 => ("", ["IPPingDiagnostics", "TraceRouteDiagnostics"]),
                Root::Tr181 => ("IP.Diagnostics.", ["IPPing", "TraceRoute"]),
            };
            for test in tests.into_iter().chain(["DownloadDiagnostics", "UploadDiagnostics"]) {
                let state = format!("{}{below}{test}.DiagnosticsState", model.root);
                assert!(model.find(&state).is_some(), "{state}");
            }
            for path in ordering.payload(TaskWish::GetValues).unwrap()["paths"].as_array().unwrap() {
                assert!(!model.under(path.as_str().unwrap()).is_empty(), "{path}");
            }
        }
    }
}
