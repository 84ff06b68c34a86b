//! Any envelope that can be written.

use proptest::prelude::*;
use sangam_cwmp_proto::message::*;
use sangam_cwmp_proto::{
    Body, CwmpFault, DateTime, DeviceId, Envelope, EventCode, EventStruct, Fault, FaultCode, FaultStruct, Header,
    Message, Namespace, ParameterValue, Secret, SetParameterValuesFault, SoapFaultCode, Url, ValueKind, Version,
};

/// Any envelope with any kind of message, and texts of all that XML can carry.
pub(crate) fn any_envelope() -> impl Strategy<Value = Envelope> {
    let texts = prop::collection::vec(any_text(), 24);
    let numbers = prop::collection::vec(any::<u32>(), 24);
    (0..=KINDS, texts, numbers).prop_map(|(kind, texts, numbers)| Draw { texts, numbers, at: 0 }.envelope(kind))
}

fn any_text() -> impl Strategy<Value = String> {
    let special =
        prop::sample::select(vec!['&', '<', '>', '"', '\'', '\r', '\n', '\t', ']', ' ', ';', '#', '\u{FFFD}']);
    let character = prop_oneof![special, any::<char>().prop_map(|it| if is_xml_char(it) { it } else { '-' })];
    prop::collection::vec(character, 0..12).prop_map(|it| it.into_iter().collect())
}

fn is_xml_char(it: char) -> bool {
    matches!(it, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

/// Texts and numbers to fill messages with.
struct Draw {
    texts: Vec<String>,
    numbers: Vec<u32>,
    at: usize,
}

const KINDS: usize = 56;

impl Draw {
    fn text(&mut self) -> String {
        self.at += 1;
        self.texts[self.at % self.texts.len()].clone()
    }

    fn number(&mut self) -> u32 {
        self.at += 1;
        self.numbers[self.at % self.numbers.len()]
    }

    fn flag(&mut self) -> bool {
        self.number().is_multiple_of(2)
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.number() % 4).map(|_| item(self)).collect()
    }

    fn time(&mut self) -> DateTime {
        DateTime::new(self.text())
    }

    fn url(&mut self) -> Url {
        Url::new(self.text())
    }

    fn secret(&mut self) -> Secret {
        Secret::new(self.text())
    }

    fn status(&mut self) -> Status {
        Status::from_number(self.number() % 2)
    }

    fn code(&mut self) -> FaultCode {
        FaultCode::from_number(u16::try_from(self.number() % 65_536).unwrap())
    }

    fn fault(&mut self) -> Option<FaultStruct> {
        let code = self.code();
        (code.number() != 0).then(|| FaultStruct { code, text: self.text() })
    }

    fn value(&mut self) -> ParameterValue {
        let names = ["string", "int", "boolean", "base64", "hexBinary", "dateTime", "IPAddress", ""];
        let kind = ValueKind::parse(names[self.number() as usize % names.len()]);
        ParameterValue::new(format!("D.{}", self.text()), self.text(), kind)
    }

    fn event(&mut self) -> EventStruct {
        let code = match self.number() % 4 {
            0 => EventCode::parse(&format!("M {}", self.text())),
            1 => EventCode::parse(&self.text()),
            _ => EventCode::from_number(u8::try_from(self.number() % 14).unwrap()).unwrap(),
        };
        EventStruct { code, command_key: self.text() }
    }

    fn result(&mut self) -> OpResult {
        OpResult {
            uuid: self.text(),
            deployment_unit_ref: self.text(),
            version: self.text(),
            current_state: self.text(),
            resolved: self.flag(),
            execution_unit_refs: self.text(),
            start_time: self.time(),
            complete_time: self.time(),
            fault: self.fault(),
        }
    }

    fn operation(&mut self) -> Operation {
        let (uuid, version, username, password) = (self.text(), self.text(), self.text(), self.secret());
        let (url, execution_env_ref) = (self.url(), self.text());
        match self.number() % 3 {
            0 => Operation::Install { url, uuid, username, password, execution_env_ref },
            1 => Operation::Update { uuid, version, url, username, password },
            _ => Operation::Uninstall { uuid, version, execution_env_ref },
        }
    }

    fn header(&mut self) -> Header {
        let version = |it: &mut Self| Version { major: 1, minor: u16::try_from(it.number() % 99).unwrap() };
        Header {
            id: self.flag().then(|| self.text()),
            hold_requests: self.flag().then(|| self.flag()),
            session_timeout_secs: self.flag().then(|| self.number()),
            supported_versions: self.list(version),
            use_version: self.flag().then(|| version(self)),
        }
    }

    fn envelope(&mut self, kind: usize) -> Envelope {
        let namespace = Namespace::parse(&format!("urn:dslforum-org:cwmp-1-{}", self.number() % 100)).unwrap();
        let header = self.header();
        let body = match kind {
            0 => Body::Empty,
            1 => Body::Unknown { method: "X_00D09E_Any.thing-1".into() },
            2..=24 => Body::Message(self.acs_message(kind)),
            _ => Body::Message(self.cpe_message(kind)),
        };
        Envelope { namespace, header, body }
    }

    fn soap_fault(&mut self) -> Fault {
        let name = self.text().replace(':', "").trim().to_owned();
        let parameter = |it: &mut Self| SetParameterValuesFault { path: it.text(), code: it.code(), text: it.text() };
        Fault {
            fault_code: [SoapFaultCode::Client, SoapFaultCode::Server, SoapFaultCode::Other(name)]
                [self.number() as usize % 3]
                .clone(),
            fault_string: self.text(),
            detail: self.flag().then(|| CwmpFault {
                code: self.code(),
                text: self.text(),
                parameters: self.list(parameter),
            }),
        }
    }

    fn acs_message(&mut self, kind: usize) -> Message {
        match kind {
            2 => self.soap_fault().into(),
            3 => InformResponse { max_envelopes: self.number() }.into(),
            4 => TransferCompleteResponse.into(),
            5 => AutonomousTransferCompleteResponse.into(),
            6 => RequestDownloadResponse.into(),
            7 => KickedResponse { next_url: self.url() }.into(),
            8 => DuStateChangeCompleteResponse.into(),
            9 => AutonomousDuStateChangeCompleteResponse.into(),
            10 => GetRpcMethods.into(),
            11 => GetRpcMethodsResponse { methods: self.list(Self::text) }.into(),
            12 => TransferComplete {
                command_key: self.text(),
                fault: self.fault(),
                start_time: self.time(),
                complete_time: self.time(),
            }
            .into(),
            13 => AutonomousTransferComplete {
                announce_url: self.url(),
                transfer_url: self.url(),
                is_download: self.flag(),
                file_type: self.text(),
                file_size: u64::from(self.number()) * 7,
                target_file_name: self.text(),
                fault: self.fault(),
                start_time: self.time(),
                complete_time: self.time(),
            }
            .into(),
            14 => RequestDownload {
                file_type: self.text(),
                arguments: self.list(|it| ArgStruct { name: it.text(), value: it.text() }),
            }
            .into(),
            15 => {
                Kicked { command: self.text(), referer: self.text(), argument: self.secret(), next: self.url() }.into()
            }
            16 => DuStateChangeComplete { results: self.list(Self::result), command_key: self.text() }.into(),
            17 => AutonomousDuStateChangeComplete {
                results: self.list(|it| AutonomousOpResult { result: it.result(), operation: it.text() }),
            }
            .into(),
            _ => Inform {
                device_id: DeviceId {
                    manufacturer: self.text(),
                    oui: format!("0{}", self.text()),
                    product_class: self.text(),
                    serial_number: self.text(),
                },
                events: self.list(Self::event),
                max_envelopes: self.number(),
                current_time: self.time(),
                retry_count: self.number(),
                parameters: self.list(Self::value),
            }
            .into(),
        }
    }

    fn cpe_message(&mut self, kind: usize) -> Message {
        match kind {
            25 => SetParameterValues { parameters: self.list(Self::value), parameter_key: self.text() }.into(),
            26 => SetParameterValuesResponse { status: self.status() }.into(),
            27 => GetParameterValues { names: self.list(Self::text) }.into(),
            28 => GetParameterValuesResponse { parameters: self.list(Self::value) }.into(),
            29 => GetParameterNames { path: self.text(), next_level: self.flag() }.into(),
            30 => GetParameterNamesResponse {
                parameters: self.list(|it| ParameterInfo { path: it.text(), writable: it.flag() }),
            }
            .into(),
            31 => SetParameterAttributes {
                parameters: self.list(|it| SetParameterAttribute {
                    path: it.text(),
                    notification: it.flag().then(|| Notification::from_number(it.number())),
                    access_list: it.flag().then(|| it.list(Self::text)),
                }),
            }
            .into(),
            32 => SetParameterAttributesResponse.into(),
            33 => GetParameterAttributes { names: self.list(Self::text) }.into(),
            34 => GetParameterAttributesResponse {
                parameters: self.list(|it| ParameterAttribute {
                    path: it.text(),
                    notification: Notification::from_number(it.number() % 9),
                    access_list: it.list(Self::text),
                }),
            }
            .into(),
            35 => AddObject { path: self.text(), parameter_key: self.text() }.into(),
            36 => AddObjectResponse { instance_number: self.number() / 2 + 1, status: self.status() }.into(),
            37 => DeleteObject { path: self.text(), parameter_key: self.text() }.into(),
            38 => DeleteObjectResponse { status: self.status() }.into(),
            39 => Reboot { command_key: self.text() }.into(),
            40 => FactoryReset.into(),
            41 => self.download().into(),
            42 => {
                DownloadResponse { status: self.status(), start_time: self.time(), complete_time: self.time() }.into()
            }
            43 => Upload {
                command_key: self.text(),
                file_type: self.text(),
                url: self.url(),
                username: self.text(),
                password: self.secret(),
                delay_secs: self.number(),
            }
            .into(),
            44 => UploadResponse { status: self.status(), start_time: self.time(), complete_time: self.time() }.into(),
            _ => self.optional_message(kind),
        }
    }

    fn download(&mut self) -> Download {
        Download {
            command_key: self.text(),
            file_type: self.text(),
            url: self.url(),
            username: self.text(),
            password: self.secret(),
            file_size: u64::from(self.number()) << 8,
            target_file_name: self.text(),
            delay_secs: self.number(),
            success_url: self.url(),
            failure_url: self.url(),
        }
    }

    fn optional_message(&mut self, kind: usize) -> Message {
        match kind {
            45 => ScheduleInform { delay_secs: self.number(), command_key: self.text() }.into(),
            46 => ScheduleDownload {
                command_key: self.text(),
                file_type: self.text(),
                url: self.url(),
                username: self.text(),
                password: self.secret(),
                file_size: u64::from(self.number()),
                target_file_name: self.text(),
                windows: self.list(|it| TimeWindow {
                    start_secs: it.number(),
                    end_secs: it.number(),
                    mode: it.text(),
                    user_message: it.text(),
                    max_retries: -1,
                }),
            }
            .into(),
            47 => GetQueuedTransfersResponse {
                transfers: self.list(|it| QueuedTransfer {
                    command_key: it.text(),
                    state: TransferState::from_number(it.number() % 5),
                }),
            }
            .into(),
            48 => GetAllQueuedTransfersResponse {
                transfers: self.list(|it| AnyQueuedTransfer {
                    command_key: it.text(),
                    state: TransferState::from_number(it.number() % 5),
                    is_download: it.flag(),
                    file_type: it.text(),
                    file_size: u64::from(it.number()),
                    target_file_name: it.text(),
                }),
            }
            .into(),
            49 => CancelTransfer { command_key: self.text() }.into(),
            50 => ChangeDuState { operations: self.list(Self::operation), command_key: self.text() }.into(),
            51 => SetVouchers { vouchers: self.list(Self::secret) }.into(),
            52 => GetOptions { option_name: self.text() }.into(),
            53 => GetOptionsResponse {
                options: self.list(|it| OptionStruct {
                    option_name: it.text(),
                    voucher_sn: it.number(),
                    state: it.number() % 4,
                    mode: it.number() % 3,
                    start_date: it.time(),
                    expiration_date: it.flag().then(|| it.time()),
                    is_transferable: it.flag(),
                }),
            }
            .into(),
            54 => RebootResponse.into(),
            55 => GetQueuedTransfers.into(),
            _ => FactoryResetResponse.into(),
        }
    }
}
