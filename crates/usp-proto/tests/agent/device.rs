use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sangam_types::Mono;
use sangam_usp_proto::agent::{Agent, AgentEvent, AgentOptions, AgentOutput, ObjectSchema, SupportedModel, TreeModel};
use sangam_usp_proto::message::{CmdType, Content, Message, ParamAccessType, ParamValueType, Request, Response};
use sangam_usp_proto::record::{NoSessionContext, Record, RecordType};
use sangam_usp_proto::{Connect, UspLimits};

pub(crate) const CONTROLLER: &str = "self::ctl";
pub(crate) const AGENT: &str = "os::012345-A1";

pub(crate) fn supported() -> SupportedModel {
    use ParamValueType::{Boolean, Int, String, UnsignedInt};
    let subscription = ObjectSchema::table()
        .writable("Enable", Boolean)
        .writable("ID", String)
        .writable("NotifType", String)
        .writable("ReferenceList", String)
        .writable("Persistent", Boolean)
        .writable("NotifRetry", Boolean)
        .writable("NotifExpiration", UnsignedInt)
        .readable("Recipient", String)
        .readable("Alias", String)
        .unique(&["Alias"])
        .unique(&["Recipient", "ID"]);
    SupportedModel::new("urn:broadband-forum-org:tr-181-2-19-1-usp")
        .with(
            "Device.",
            ObjectSchema::default().event("Boot!", &["Cause"]).command("Reboot()", CmdType::Sync, &[], &[]).command(
                "SelfTestDiagnostics()",
                CmdType::Async,
                &[],
                &["Status"],
            ),
        )
        .with(
            "Device.DeviceInfo.",
            ObjectSchema::default()
                .readable("SerialNumber", String)
                .readable("SoftwareVersion", String)
                .writable("FriendlyName", String),
        )
        .with("Device.DeviceInfo.Temperature.", ObjectSchema::default().readable("Sensors", UnsignedInt))
        .with("Device.DeviceInfo.Temperature.Sensor.{i}.", ObjectSchema::default().readable("Value", Int))
        .with("Device.LocalAgent.", ObjectSchema::default().event("Periodic!", &[]))
        .with(
            "Device.LocalAgent.Controller.{i}.",
            ObjectSchema::default()
                .writable("PeriodicNotifInterval", UnsignedInt)
                .readable("EndpointID", String)
                .unique(&["EndpointID"])
                .command("SendOnBoardRequest()", CmdType::Sync, &[], &[]),
        )
        .with("Device.LocalAgent.Subscription.{i}.", subscription)
        .with(
            "Device.LocalAgent.Request.{i}.",
            ObjectSchema::default().readable("CommandKey", String).command("Cancel()", CmdType::Sync, &[], &[]),
        )
        .with(
            "Device.IP.Interface.{i}.",
            ObjectSchema::table()
                .writable("Name", String)
                .writable("Enable", Boolean)
                .writable("MaxMTUSize", UnsignedInt)
                .readable("Status", String)
                .unique(&["Name"])
                .command("Reset()", CmdType::Sync, &["Mode"], &[]),
        )
        .with("Device.IP.Interface.{i}.Stats.", ObjectSchema::default().readable("ErrorsSent", UnsignedInt))
        .with("Device.IP.Interface.{i}.IPv4Address.{i}.", ObjectSchema::table().writable("IPAddress", String))
        .with(
            "Device.NAT.PortMapping.{i}.",
            ObjectSchema::table().writable("Interface", String).writable("AllInterfaces", String),
        )
        .with("Device.Users.", ObjectSchema::default().param("Password", ParamAccessType::WriteOnly, String))
}

pub(crate) fn model() -> TreeModel {
    let mut model = TreeModel::new(Arc::new(supported()), 20);
    for (path, value) in [
        ("Device.DeviceInfo.SerialNumber", "A1"),
        ("Device.DeviceInfo.SoftwareVersion", "1.0"),
        ("Device.DeviceInfo.Temperature.Sensor.1.Value", "41"),
        ("Device.LocalAgent.Controller.1.EndpointID", CONTROLLER),
        ("Device.LocalAgent.Controller.1.PeriodicNotifInterval", "300"),
        ("Device.IP.Interface.1.Name", "eth0"),
        ("Device.IP.Interface.1.Status", "Up"),
        ("Device.IP.Interface.1.Stats.ErrorsSent", "7"),
        ("Device.IP.Interface.1.IPv4Address.1.IPAddress", "192.0.2.1"),
        ("Device.IP.Interface.3.Name", "eth1"),
        ("Device.IP.Interface.3.Status", "Down"),
        ("Device.IP.Interface.3.IPv4Address.5.IPAddress", "192.0.2.5"),
        ("Device.NAT.PortMapping.1.Interface", "Device.IP.Interface.3"),
        (
            "Device.NAT.PortMapping.1.AllInterfaces",
            "Device.IP.Interface.1, Device.IP.Interface.3., Device.IP.Interface.9",
        ),
        ("Device.Users.Password", "hunter2"),
    ] {
        model.put(path, value);
    }
    model
}

/// An agent, and what it says.
pub(crate) struct Device {
    pub(crate) agent: Agent<TreeModel>,
    pub(crate) now: Mono,
    pub(crate) sent: Vec<Message>,
    pub(crate) events: Vec<AgentEvent>,
    pub(crate) deadline: Option<Mono>,
}

impl Device {
    pub(crate) fn new(options: AgentOptions) -> Self {
        let [us, controller] = [AGENT, CONTROLLER].map(|id| id.parse().expect("an endpoint id"));
        let agent = Agent::new(options, us, controller, model(), 5);
        Self { agent, now: Mono::ZERO, sent: Vec::new(), events: Vec::new(), deadline: None }
    }

    pub(crate) fn connected() -> Self {
        let mut device = Self::new(AgentOptions::default());
        device.agent.handle_channel_open(Mono::ZERO, &Connect::WebSocket);
        device.drain();
        device
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.agent.handle_timeout(self.now);
        self.drain();
    }

    pub(crate) fn drain(&mut self) {
        loop {
            match self.agent.poll_output() {
                AgentOutput::Transmit(bytes) => {
                    let record = Record::decode_bounded(&bytes, &UspLimits::default()).expect("a record");
                    if let Some(RecordType::NoSessionContext(it)) = record.record_type {
                        let decoded = Message::decode(&it.payload, &UspLimits::default()).expect("a message");
                        self.sent.push(decoded.message);
                    }
                }
                AgentOutput::Event(event) => self.events.push(event),
                AgentOutput::Wait(deadline) => {
                    self.deadline = deadline;
                    return;
                }
            }
        }
    }

    pub(crate) fn say(&mut self, message: &Message) {
        let record_type = RecordType::NoSessionContext(NoSessionContext { payload: message.encode() });
        self.agent.handle_record(self.now, &Record::new(CONTROLLER, AGENT, record_type).to_bytes());
        self.drain();
    }

    /// Asks, and takes the answer away.
    pub(crate) fn ask(&mut self, request: Request) -> Content {
        self.say(&Message::request("q", request));
        let at = self.sent.iter().position(|it| it.msg_id == "q").expect("an answer");
        self.sent.remove(at).content
    }
}

pub(crate) fn response(content: Content) -> Response {
    match content {
        Content::Response(response) => response,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
