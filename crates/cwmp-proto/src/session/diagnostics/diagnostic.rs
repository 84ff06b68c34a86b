use std::time::Duration;

use crate::{ParameterValue, Url, ValueKind};

/// Which data model a CPE has: its root tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataModel {
    /// TR-098: `InternetGatewayDevice.`
    Tr098,
    /// TR-181: `Device.`
    Tr181,
}

impl DataModel {
    /// That of the device which has this path.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        match path.split('.').next()? {
            "InternetGatewayDevice" => Some(Self::Tr098),
            "Device" => Some(Self::Tr181),
            _ => None,
        }
    }
}

/// A test and its inputs. What is `None` is left as the CPE has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Diagnostic {
    /// ICMP echo.
    Ping(PingTest),
    /// The way to a host.
    TraceRoute(TraceRouteTest),
    /// How fast it downloads.
    Download(DownloadTest),
    /// How fast it uploads.
    Upload(UploadTest),
    /// UDP echo; TR-181 alone.
    UdpEcho(EchoTest),
    /// Which of several hosts is the nearest.
    ServerSelection(ServerSelectionTest),
}

/// `IPPingDiagnostics.`, `IPPing.`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PingTest {
    /// Name or address.
    pub host: String,
    /// Path of the interface it leaves by.
    pub interface: Option<String>,
    /// How many packets.
    pub repetitions: Option<u32>,
    /// How long to wait for each; whole milliseconds.
    pub timeout: Option<Duration>,
    /// Bytes of each.
    pub block_bytes: Option<u32>,
    /// DiffServ code point, 0 to 63.
    pub dscp: Option<u8>,
}

/// `TraceRouteDiagnostics.`, `TraceRoute.`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceRouteTest {
    /// Name or address.
    pub host: String,
    /// Path of the interface it leaves by.
    pub interface: Option<String>,
    /// Packets for each hop.
    pub tries: Option<u32>,
    /// How long to wait for each; whole milliseconds.
    pub timeout: Option<Duration>,
    /// Bytes of each.
    pub block_bytes: Option<u32>,
    /// DiffServ code point, 0 to 63.
    pub dscp: Option<u8>,
    /// How many hops, 1 to 64.
    pub hops_max: Option<u8>,
}

/// `DownloadDiagnostics.`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DownloadTest {
    /// Of what, over HTTP or FTP.
    pub url: Url,
    /// Path of the interface it leaves by.
    pub interface: Option<String>,
    /// DiffServ code point, 0 to 63.
    pub dscp: Option<u8>,
    /// How many connections at once. Not every CPE knows it.
    pub connections: Option<u32>,
}

/// `UploadDiagnostics.`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadTest {
    /// To where, over HTTP or FTP.
    pub url: Url,
    /// How many bytes: `TestFileLength`.
    pub file_bytes: u64,
    /// Path of the interface it leaves by.
    pub interface: Option<String>,
    /// DiffServ code point, 0 to 63.
    pub dscp: Option<u8>,
    /// How many connections at once. Not every CPE knows it.
    pub connections: Option<u32>,
}

/// `UDPEchoDiagnostics.`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EchoTest {
    /// Name or address.
    pub host: String,
    /// 1 to 65535.
    pub port: u16,
    /// Path of the interface it leaves by.
    pub interface: Option<String>,
    /// How many packets.
    pub repetitions: Option<u32>,
    /// How long to wait for each; whole milliseconds.
    pub timeout: Option<Duration>,
    /// Bytes of each.
    pub block_bytes: Option<u32>,
    /// DiffServ code point, 0 to 63.
    pub dscp: Option<u8>,
    /// Between two packets; whole milliseconds.
    pub interval: Option<Duration>,
}

/// How hosts are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ServerProtocol {
    /// ICMP echo.
    #[default]
    Icmp,
    /// UDP echo.
    UdpEcho,
}

/// `ServerSelectionDiagnostics.`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerSelectionTest {
    /// Names or addresses, 1 to 10.
    pub hosts: Vec<String>,
    /// By what.
    pub protocol: ServerProtocol,
    /// Path of the interface it leaves by.
    pub interface: Option<String>,
    /// Packets for each host.
    pub repetitions: Option<u32>,
    /// How long to wait for each; whole milliseconds.
    pub timeout: Option<Duration>,
}

/// Why inputs cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputOffence {
    /// No such test in that data model.
    #[error("the data model of the device has no such test")]
    NotInDataModel,
    /// Outside what the data model allows.
    #[error("{input} is outside what it may be")]
    OutOfRange {
        /// Which parameter.
        input: &'static str,
    },
}

impl Diagnostic {
    /// The path of its object, with the dot at its end.
    #[must_use]
    pub const fn object(&self, model: DataModel) -> Option<&'static str> {
        Some(match (self, model) {
            (Self::Ping(_), DataModel::Tr098) => "InternetGatewayDevice.IPPingDiagnostics.",
            (Self::Ping(_), DataModel::Tr181) => "Device.IP.Diagnostics.IPPing.",
            (Self::TraceRoute(_), DataModel::Tr098) => "InternetGatewayDevice.TraceRouteDiagnostics.",
            (Self::TraceRoute(_), DataModel::Tr181) => "Device.IP.Diagnostics.TraceRoute.",
            (Self::Download(_), DataModel::Tr098) => "InternetGatewayDevice.DownloadDiagnostics.",
            (Self::Download(_), DataModel::Tr181) => "Device.IP.Diagnostics.DownloadDiagnostics.",
            (Self::Upload(_), DataModel::Tr098) => "InternetGatewayDevice.UploadDiagnostics.",
            (Self::Upload(_), DataModel::Tr181) => "Device.IP.Diagnostics.UploadDiagnostics.",
            (Self::UdpEcho(_), DataModel::Tr098) => return None,
            (Self::UdpEcho(_), DataModel::Tr181) => "Device.IP.Diagnostics.UDPEchoDiagnostics.",
            (Self::ServerSelection(_), DataModel::Tr098) => "InternetGatewayDevice.ServerSelectionDiagnostics.",
            (Self::ServerSelection(_), DataModel::Tr181) => "Device.IP.Diagnostics.ServerSelectionDiagnostics.",
        })
    }

    /// What is set to begin the test, `DiagnosticsState` last.
    ///
    /// # Errors
    ///
    /// What a CPE would have to refuse.
    pub fn inputs(&self, model: DataModel) -> Result<Vec<ParameterValue>, InputOffence> {
        let object = self.object(model).ok_or(InputOffence::NotInDataModel)?;
        let mut inputs = Inputs { object, values: Vec::new() };
        match self {
            Self::Ping(test) => test.write(&mut inputs)?,
            Self::TraceRoute(test) => test.write(&mut inputs)?,
            Self::Download(test) => test.write(&mut inputs)?,
            Self::Upload(test) => test.write(&mut inputs)?,
            Self::UdpEcho(test) => test.write(&mut inputs)?,
            Self::ServerSelection(test) => test.write(&mut inputs)?,
        }
        inputs.push("DiagnosticsState", "Requested", ValueKind::String);
        Ok(inputs.values)
    }
}

impl PingTest {
    fn write(&self, inputs: &mut Inputs) -> Result<(), InputOffence> {
        inputs.interface(self.interface.as_deref())?;
        inputs.text("Host", &self.host)?;
        inputs.count("NumberOfRepetitions", self.repetitions)?;
        inputs.millis("Timeout", self.timeout)?;
        inputs.number("DataBlockSize", self.block_bytes, 1, 65_535)?;
        inputs.dscp(self.dscp)
    }
}

impl TraceRouteTest {
    fn write(&self, inputs: &mut Inputs) -> Result<(), InputOffence> {
        inputs.interface(self.interface.as_deref())?;
        inputs.text("Host", &self.host)?;
        inputs.number("NumberOfTries", self.tries, 1, 3)?;
        inputs.millis("Timeout", self.timeout)?;
        inputs.number("DataBlockSize", self.block_bytes, 1, 65_535)?;
        inputs.dscp(self.dscp)?;
        inputs.number("MaxHopCount", self.hops_max.map(u32::from), 1, 64)
    }
}

impl DownloadTest {
    fn write(&self, inputs: &mut Inputs) -> Result<(), InputOffence> {
        inputs.interface(self.interface.as_deref())?;
        inputs.text("DownloadURL", self.url.as_str())?;
        inputs.dscp(self.dscp)?;
        inputs.count("NumberOfConnections", self.connections)
    }
}

impl UploadTest {
    fn write(&self, inputs: &mut Inputs) -> Result<(), InputOffence> {
        inputs.interface(self.interface.as_deref())?;
        inputs.text("UploadURL", self.url.as_str())?;
        inputs.dscp(self.dscp)?;
        let Ok(bytes) = u32::try_from(self.file_bytes) else {
            return Err(InputOffence::OutOfRange { input: "TestFileLength" });
        };
        inputs.number("TestFileLength", Some(bytes), 1, u32::MAX)?;
        inputs.count("NumberOfConnections", self.connections)
    }
}

impl EchoTest {
    fn write(&self, inputs: &mut Inputs) -> Result<(), InputOffence> {
        inputs.interface(self.interface.as_deref())?;
        inputs.text("Host", &self.host)?;
        inputs.number("Port", Some(self.port.into()), 1, 65_535)?;
        inputs.count("NumberOfRepetitions", self.repetitions)?;
        inputs.millis("Timeout", self.timeout)?;
        inputs.number("DataBlockSize", self.block_bytes, 1, 65_535)?;
        inputs.dscp(self.dscp)?;
        inputs.millis("InterTransmissionTime", self.interval)
    }
}

impl ServerSelectionTest {
    fn write(&self, inputs: &mut Inputs) -> Result<(), InputOffence> {
        let are_hosts = self.hosts.iter().all(|host| !host.is_empty() && !host.contains(','));
        if !are_hosts || !(1..=10).contains(&self.hosts.len()) {
            return Err(InputOffence::OutOfRange { input: "HostList" });
        }
        inputs.interface(self.interface.as_deref())?;
        let protocol = match self.protocol {
            ServerProtocol::Icmp => "ICMP",
            ServerProtocol::UdpEcho => "UDP Echo",
        };
        inputs.push("Protocol", protocol, ValueKind::String);
        inputs.push("HostList", &self.hosts.join(","), ValueKind::String);
        inputs.count("NumberOfRepetitions", self.repetitions)?;
        inputs.millis("Timeout", self.timeout)
    }
}

/// Parameters of one object.
struct Inputs {
    object: &'static str,
    values: Vec<ParameterValue>,
}

impl Inputs {
    fn push(&mut self, name: &str, value: &str, kind: ValueKind) {
        self.values.push(ParameterValue::new(format!("{}{name}", self.object), value, kind));
    }

    fn interface(&mut self, path: Option<&str>) -> Result<(), InputOffence> {
        let Some(path) = path else { return Ok(()) };
        if path.chars().count() > 256 {
            return Err(InputOffence::OutOfRange { input: "Interface" });
        }
        self.push("Interface", path, ValueKind::String);
        Ok(())
    }

    /// A text that must be there, of at most 256 characters.
    fn text(&mut self, name: &'static str, text: &str) -> Result<(), InputOffence> {
        if !(1..=256).contains(&text.chars().count()) {
            return Err(InputOffence::OutOfRange { input: name });
        }
        self.push(name, text, ValueKind::String);
        Ok(())
    }

    fn count(&mut self, name: &'static str, count: Option<u32>) -> Result<(), InputOffence> {
        self.number(name, count, 1, u32::MAX)
    }

    fn dscp(&mut self, dscp: Option<u8>) -> Result<(), InputOffence> {
        self.number("DSCP", dscp.map(u32::from), 0, 63)
    }

    fn millis(&mut self, name: &'static str, time: Option<Duration>) -> Result<(), InputOffence> {
        let Some(time) = time else { return Ok(()) };
        let millis = u32::try_from(time.as_millis()).map_err(|_| InputOffence::OutOfRange { input: name })?;
        self.count(name, Some(millis))
    }

    fn number(&mut self, name: &'static str, number: Option<u32>, min: u32, max: u32) -> Result<(), InputOffence> {
        let Some(number) = number else { return Ok(()) };
        if !(min..=max).contains(&number) {
            return Err(InputOffence::OutOfRange { input: name });
        }
        self.push(name, &number.to_string(), ValueKind::UnsignedInt);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &[ParameterValue]) -> Vec<String> {
        values.iter().map(|it| format!("{} {} {}", it.path, it.kind.name(), it.value)).collect()
    }

    #[test]
    fn inputs_are_those_of_the_data_model_and_the_state_comes_last() {
        let ping = Diagnostic::Ping(PingTest {
            host: "192.0.2.1".into(),
            interface: Some("Device.IP.Interface.1".into()),
            repetitions: Some(4),
            timeout: Some(Duration::from_secs(2)),
            block_bytes: Some(64),
            dscp: Some(0),
        });
        let expected = [
            "Device.IP.Diagnostics.IPPing.Interface string Device.IP.Interface.1",
            "Device.IP.Diagnostics.IPPing.Host string 192.0.2.1",
            "Device.IP.Diagnostics.IPPing.NumberOfRepetitions unsignedInt 4",
            "Device.IP.Diagnostics.IPPing.Timeout unsignedInt 2000",
            "Device.IP.Diagnostics.IPPing.DataBlockSize unsignedInt 64",
            "Device.IP.Diagnostics.IPPing.DSCP unsignedInt 0",
            "Device.IP.Diagnostics.IPPing.DiagnosticsState string Requested",
        ];
        assert_eq!(texts(&ping.inputs(DataModel::Tr181).unwrap()), expected);
        let old = ping.inputs(DataModel::Tr098).unwrap();
        assert_eq!(old[1].path, "InternetGatewayDevice.IPPingDiagnostics.Host");
    }

    #[test]
    fn what_is_not_given_is_left_as_the_cpe_has_it() {
        let test = Diagnostic::Upload(UploadTest { url: "http://h/x".into(), file_bytes: 10, ..UploadTest::default() });
        let expected = [
            "InternetGatewayDevice.UploadDiagnostics.UploadURL string http://h/x",
            "InternetGatewayDevice.UploadDiagnostics.TestFileLength unsignedInt 10",
            "InternetGatewayDevice.UploadDiagnostics.DiagnosticsState string Requested",
        ];
        assert_eq!(texts(&test.inputs(DataModel::Tr098).unwrap()), expected);
    }

    #[test]
    fn hosts_to_choose_from_are_a_list() {
        let test = Diagnostic::ServerSelection(ServerSelectionTest {
            hosts: vec!["a.example".into(), "b.example".into()],
            protocol: ServerProtocol::UdpEcho,
            ..ServerSelectionTest::default()
        });
        let inputs = texts(&test.inputs(DataModel::Tr181).unwrap());
        assert_eq!(inputs[0], "Device.IP.Diagnostics.ServerSelectionDiagnostics.Protocol string UDP Echo");
        assert_eq!(inputs[1], "Device.IP.Diagnostics.ServerSelectionDiagnostics.HostList string a.example,b.example");
    }

    #[test]
    fn inputs_that_a_cpe_would_refuse_are_not_sent() {
        let out = |input| Err(InputOffence::OutOfRange { input });
        let host = || "h".to_owned();
        let zero = Some(Duration::ZERO);
        let echo = EchoTest { host: host(), port: 7, ..EchoTest::default() };
        let cases = [
            (Diagnostic::Ping(PingTest::default()), out("Host")),
            (Diagnostic::Ping(PingTest { host: host(), dscp: Some(64), ..PingTest::default() }), out("DSCP")),
            (Diagnostic::Ping(PingTest { host: host(), timeout: zero, ..PingTest::default() }), out("Timeout")),
            (
                Diagnostic::TraceRoute(TraceRouteTest {
                    host: host(),
                    hops_max: Some(65),
                    ..TraceRouteTest::default()
                }),
                out("MaxHopCount"),
            ),
            (Diagnostic::Download(DownloadTest::default()), out("DownloadURL")),
            (Diagnostic::Upload(UploadTest { url: "http://h".into(), ..UploadTest::default() }), out("TestFileLength")),
            (
                Diagnostic::Upload(UploadTest { url: "http://h".into(), file_bytes: 1 << 32, ..UploadTest::default() }),
                out("TestFileLength"),
            ),
            (Diagnostic::UdpEcho(EchoTest { port: 0, ..echo.clone() }), out("Port")),
            (Diagnostic::ServerSelection(ServerSelectionTest::default()), out("HostList")),
            (
                Diagnostic::ServerSelection(ServerSelectionTest {
                    hosts: vec!["a,b".into()],
                    ..ServerSelectionTest::default()
                }),
                out("HostList"),
            ),
        ];
        for (test, expected) in cases {
            assert_eq!(test.inputs(DataModel::Tr181), expected, "{test:?}");
        }
        assert_eq!(Diagnostic::UdpEcho(echo).inputs(DataModel::Tr098), Err(InputOffence::NotInDataModel));
    }

    #[test]
    fn the_root_tells_the_data_model() {
        assert_eq!(DataModel::of_path("InternetGatewayDevice.DeviceInfo."), Some(DataModel::Tr098));
        assert_eq!(DataModel::of_path("Device."), Some(DataModel::Tr181));
        assert_eq!(DataModel::of_path("Devices.X"), None);
    }
}
