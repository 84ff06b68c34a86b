use std::time::Duration;

use sangam_cwmp_proto::session::diagnostics::{
    DataModel, Diagnostic, DiagnosticRun, DownloadTest, EchoTest, InputOffence, PingTest, ServerProtocol,
    ServerSelectionTest, TraceRouteTest, UploadTest,
};
use sangam_cwmp_proto::{ParameterValue, Url};
use sangam_device_proto::device::Root;
use sangam_device_proto::diagnostic::DiagnosticKind;
use sangam_device_proto::task::{Format, Payload, Task};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value as Json, json};

use super::{BadOrder, Value, object, of, parameter};

/// A test that a device is to run.
pub(in crate::cwmp) enum Test {
    /// One of which we know what it takes and what it shows; what operators see of its inputs.
    Known(Diagnostic, Json),
    /// Any other: inputs and results are parameters below an object.
    Other(Other),
}

/// Inputs by their test, in the words of the API.
#[derive(Deserialize)]
#[serde(tag = "test", content = "inputs", rename_all = "lowercase", deny_unknown_fields)]
enum Known {
    Ping(Ping),
    TraceRoute(Trace),
    Download(Download),
    Upload(Upload),
    UdpEcho(Echo),
    ServerSelection(Selection),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cwmp) struct Other {
    /// The object of the test, with its dot: `Device.IP.Diagnostics.IPPing.`
    object: String,
    /// Its inputs by their names below the object.
    #[serde(default)]
    inputs: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ping {
    host: String,
    interface: Option<String>,
    repetitions: Option<u32>,
    timeout_ms: Option<u32>,
    block_bytes: Option<u32>,
    dscp: Option<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trace {
    host: String,
    interface: Option<String>,
    tries: Option<u32>,
    timeout_ms: Option<u32>,
    block_bytes: Option<u32>,
    dscp: Option<u8>,
    hops_max: Option<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Download {
    url: String,
    interface: Option<String>,
    dscp: Option<u8>,
    connections: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Upload {
    url: String,
    file_bytes: u64,
    interface: Option<String>,
    dscp: Option<u8>,
    connections: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Echo {
    host: String,
    port: u16,
    interface: Option<String>,
    repetitions: Option<u32>,
    timeout_ms: Option<u32>,
    block_bytes: Option<u32>,
    dscp: Option<u8>,
    interval_ms: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Selection {
    hosts: Vec<String>,
    #[serde(default)]
    protocol: Protocol,
    interface: Option<String>,
    repetitions: Option<u32>,
    timeout_ms: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Protocol {
    #[default]
    Icmp,
    UdpEcho,
}

impl Test {
    pub(in crate::cwmp) fn of(task: &Task) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Which {
            test: Option<IgnoredAny>,
            #[serde(default)]
            inputs: Json,
        }
        let Which { test, mut inputs } = of(task)?;
        if test.is_none() {
            return of(task).map(Self::Other);
        }
        if let Some(Json::String(url)) = inputs.get_mut("url") {
            *url = Url::new(&**url).redacted();
        }
        Ok(Self::Known(of::<Known>(task)?.into(), inputs))
    }

    pub(super) fn kind(&self) -> DiagnosticKind {
        match self {
            Self::Known(Diagnostic::Ping(_), _) => DiagnosticKind::Ping,
            Self::Known(Diagnostic::TraceRoute(_), _) => DiagnosticKind::TraceRoute,
            Self::Known(Diagnostic::Download(_), _) => DiagnosticKind::Download,
            Self::Known(Diagnostic::Upload(_), _) => DiagnosticKind::Upload,
            Self::Known(Diagnostic::UdpEcho(_), _) => DiagnosticKind::UdpEcho,
            Self::Known(Diagnostic::ServerSelection(_), _) => DiagnosticKind::ServerSelection,
            Self::Other(_) => DiagnosticKind::Other,
        }
    }

    /// What is set to begin it, `DiagnosticsState` last: inputs and that word go together (TR-143 §3.2).
    pub(super) fn inputs(self, root: Root) -> Result<Vec<ParameterValue>, BadOrder> {
        let object = self.object(root)?;
        match self {
            Self::Known(test, _) => Ok(test.inputs(model(root))?),
            Self::Other(Other { inputs, .. }) => {
                let inputs = inputs.into_iter().map(|it| parameter(object.clone() + &it.path, it.value, &it.kind));
                let mut values = inputs.collect::<Result<Vec<_>, _>>()?;
                values.push(parameter(object + STATE, REQUESTED.to_owned(), "string")?);
                Ok(values)
            }
        }
    }

    /// Its object, with the dot at its end. A device has one test of each: whoever requests another ends the first.
    pub(in crate::cwmp) fn object(&self, root: Root) -> Result<String, BadOrder> {
        match self {
            Self::Known(test, _) => Ok(test.object(model(root)).ok_or(InputOffence::NotInDataModel)?.to_owned()),
            Self::Other(Other { object: path, .. }) => object(path.clone()),
        }
    }

    /// A test that was requested, whose results are to be read now; `None`: nobody knows what they mean.
    pub(in crate::cwmp) fn run(self, root: Root) -> Option<DiagnosticRun> {
        let Self::Known(test, _) = self else { return None };
        let mut run = DiagnosticRun::resume(test, model(root)).ok()?;
        run.handle_overdue();
        Some(run)
    }

    /// Whether these values of its object say that the device still runs it.
    pub(in crate::cwmp) fn is_running(object: &str, values: &[ParameterValue]) -> bool {
        let state = values.iter().find(|it| it.path.strip_prefix(object) == Some(STATE));
        state.is_some_and(|it| it.value.trim() == REQUESTED)
    }

    /// Its inputs for operators: of URLs what may be seen, of other tests only which one it is.
    pub(super) fn shown(&self) -> Payload {
        let shown = match self {
            Self::Known(_, inputs) => inputs.clone(),
            Self::Other(other) => json!({ "object": other.object }),
        };
        Payload { format: Format::Json, bytes: shown.to_string().into() }
    }
}

const STATE: &str = "DiagnosticsState";
const REQUESTED: &str = "Requested";

impl From<Known> for Diagnostic {
    fn from(known: Known) -> Self {
        match known {
            Known::Ping(Ping { host, interface, repetitions, timeout_ms, block_bytes, dscp }) => {
                Self::Ping(PingTest { host, interface, repetitions, timeout: millis(timeout_ms), block_bytes, dscp })
            }
            Known::TraceRoute(Trace { host, interface, tries, timeout_ms, block_bytes, dscp, hops_max }) => {
                let timeout = millis(timeout_ms);
                Self::TraceRoute(TraceRouteTest { host, interface, tries, timeout, block_bytes, dscp, hops_max })
            }
            Known::Download(Download { url, interface, dscp, connections }) => {
                Self::Download(DownloadTest { url: Url::new(url), interface, dscp, connections })
            }
            Known::Upload(Upload { url, file_bytes, interface, dscp, connections }) => {
                Self::Upload(UploadTest { url: Url::new(url), file_bytes, interface, dscp, connections })
            }
            Known::UdpEcho(it) => Self::UdpEcho(EchoTest {
                host: it.host,
                port: it.port,
                interface: it.interface,
                repetitions: it.repetitions,
                timeout: millis(it.timeout_ms),
                block_bytes: it.block_bytes,
                dscp: it.dscp,
                interval: millis(it.interval_ms),
            }),
            Known::ServerSelection(it) => Self::ServerSelection(ServerSelectionTest {
                hosts: it.hosts,
                protocol: match it.protocol {
                    Protocol::Icmp => ServerProtocol::Icmp,
                    Protocol::UdpEcho => ServerProtocol::UdpEcho,
                },
                interface: it.interface,
                repetitions: it.repetitions,
                timeout: millis(it.timeout_ms),
            }),
        }
    }
}

fn model(root: Root) -> DataModel {
    match root {
        Root::Device => DataModel::Tr181,
        Root::InternetGatewayDevice => DataModel::Tr098,
    }
}

fn millis(ms: Option<u32>) -> Option<Duration> {
    ms.map(|ms| Duration::from_millis(ms.into()))
}
