use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sangam_types::Mono;
use sangam_usp_proto::agent::{Agent, AgentEvent, AgentOptions, AgentOutput, ObjectSchema, SupportedModel, TreeModel};
use sangam_usp_proto::message::{CmdType, ParamValueType};
use sangam_usp_proto::mtp::mqtt::{MqttClient, MqttEvent, MqttOptions, MqttOutput};
use sangam_usp_proto::mtp::stomp::{ClientEvent, ClientOptions, ClientOutput, StompClient};
use sangam_usp_proto::record::MqttVersion;
use sangam_usp_proto::{Connect, EndpointId};

/// An agent of USP behind a message broker, or at our own STOMP endpoint. It comes back whenever the connection is lost.
#[derive(Debug)]
pub struct UspAgent {
    orders: mpsc::Sender<Order>,
    told: Arc<Mutex<Vec<AgentEvent>>>,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Where an agent goes.
#[derive(Clone, Debug)]
pub struct AgentWay {
    /// The broker, or our own endpoint.
    pub addr: SocketAddr,
    /// What it logs in with.
    pub login: Option<(String, String)>,
    /// What is spoken there.
    pub wire: AgentWire,
    /// The controller's endpoint id.
    pub controller: String,
    /// Where the controller is.
    pub controller_at: String,
}

/// What an agent speaks.
#[derive(Clone, Debug)]
pub enum AgentWire {
    /// STOMP, and where it is answered; `None`: the other end says so.
    Stomp(Option<String>),
    /// MQTT, and the topic where it is answered.
    Mqtt(MqttVersion, String),
}

#[derive(Debug)]
enum Order {
    Boot(String),
    Version(String),
}

impl UspAgent {
    /// Starts it. Its endpoint id is `os::00D09E-` and its serial number.
    #[must_use]
    pub fn start(serial: &str, way: AgentWay) -> Self {
        let (orders, taken) = mpsc::channel();
        let (told, ending) = (Arc::<Mutex<Vec<AgentEvent>>>::default(), Arc::<AtomicBool>::default());
        let life = Life {
            agent: agent(serial, &way.controller),
            us: format!("os::00D09E-{serial}").parse().expect("an endpoint id"),
            way,
            orders: taken,
            told: Arc::clone(&told),
            ending: Arc::clone(&ending),
            began: Instant::now(),
        };
        let thread = Some(thread::spawn(move || life.run()));
        Self { orders, told, ending, thread }
    }

    /// It boots: whoever subscribed is told, until that is answered.
    pub fn boot(&self, cause: &str) {
        self.orders.send(Order::Boot(cause.to_owned())).ok();
    }

    /// Its software is of another version.
    pub fn software(&self, version: &str) {
        self.orders.send(Order::Version(version.to_owned())).ok();
    }

    /// Notifications of that subscription that the controller answered.
    #[must_use]
    pub fn delivered(&self, subscription: &str) -> usize {
        self.count(
            |event| matches!(event, AgentEvent::Delivered { subscription_id } if subscription_id == subscription),
        )
    }

    /// How often the controller wrote that value.
    #[must_use]
    pub fn was_set(&self, path: &str) -> usize {
        self.count(|event| matches!(event, AgentEvent::ValueSet(set) if set == path))
    }

    /// Subscriptions that the controller made.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        let table = "Device.LocalAgent.Subscription.";
        self.count(|event| matches!(event, AgentEvent::Created(path) if path.starts_with(table)))
    }

    fn count(&self, is: impl Fn(&AgentEvent) -> bool) -> usize {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(|event| is(event)).count()
    }

    /// What happened to it, for a failed test.
    #[must_use]
    pub fn history(&self) -> String {
        format!("{:#?}", self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for UspAgent {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

struct Life {
    agent: Agent<TreeModel>,
    us: EndpointId,
    way: AgentWay,
    orders: mpsc::Receiver<Order>,
    told: Arc<Mutex<Vec<AgentEvent>>>,
    ending: Arc<AtomicBool>,
    began: Instant,
}

/// How often it looks for orders, and for the other end while that is away.
const PACE: Duration = Duration::from_millis(20);

impl Life {
    fn run(mut self) {
        while !self.ending.load(Ordering::Acquire) {
            if let Ok(stream) = TcpStream::connect_timeout(&self.way.addr, Duration::from_secs(2)) {
                self.connection(stream);
                self.agent.handle_channel_closed();
            }
            self.orders();
            self.drain(&mut None);
            thread::sleep(PACE);
        }
    }

    fn now(&self) -> Mono {
        Mono::from_start(self.began.elapsed())
    }

    fn connection(&mut self, mut stream: TcpStream) {
        stream.set_read_timeout(Some(PACE)).ok();
        stream.set_nodelay(true).ok();
        let mut client = Some(Client::new(self.now(), &self.us, &self.way));
        let mut buffer = [0; 16 << 10];
        loop {
            self.orders();
            self.drain(&mut client);
            let Some(speaker) = &mut client else { return };
            loop {
                match speaker.poll() {
                    Said::Transmit(bytes) => {
                        if stream.write_all(&bytes).is_err() {
                            return;
                        }
                    }
                    Said::Connected(connect) => self.agent.handle_channel_open(self.now(), &connect),
                    Said::Record(record) => self.agent.handle_record(self.now(), &record),
                    Said::Close => return,
                    Said::Nothing => break,
                }
                self.drain_into(speaker);
            }
            if self.ending.load(Ordering::Acquire) {
                return;
            }
            match stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => speaker.handle_bytes(self.now(), &buffer[..count]),
                Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                }
                Err(_) => return,
            }
            speaker.handle_timeout(self.now());
        }
    }

    fn orders(&mut self) {
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Order::Boot(cause) => self.agent.boot(self.now(), &cause, "", false),
                Order::Version(version) => {
                    self.agent.set_value(self.now(), "Device.DeviceInfo.SoftwareVersion", &version).ok();
                }
            }
        }
        self.agent.handle_timeout(self.now());
    }

    fn drain(&mut self, client: &mut Option<Client>) {
        match client {
            Some(client) => self.drain_into(client),
            None => while !matches!(self.next(), AgentOutput::Wait(_)) {},
        }
    }

    fn drain_into(&mut self, client: &mut Client) {
        loop {
            match self.next() {
                AgentOutput::Transmit(record) => client.send(self.now(), &self.way.controller_at, record),
                AgentOutput::Event(_) => {}
                AgentOutput::Wait(_) => return,
            }
        }
    }

    fn next(&mut self) -> AgentOutput {
        let output = self.agent.poll_output();
        if let AgentOutput::Event(event) = &output {
            self.told.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
        }
        output
    }
}

/// The wire of an agent.
enum Client {
    Stomp(Box<StompClient>),
    Mqtt(Box<MqttClient>, MqttVersion),
}

enum Said {
    Transmit(Bytes),
    Connected(Connect),
    Record(Bytes),
    Close,
    Nothing,
}

impl Client {
    fn new(now: Mono, us: &EndpointId, way: &AgentWay) -> Self {
        let credentials = way.login.clone();
        match &way.wire {
            AgentWire::Stomp(destination) => {
                let options =
                    ClientOptions { credentials, destination: destination.clone(), ..ClientOptions::new(us.clone()) };
                Self::Stomp(Box::new(StompClient::new(now, options)))
            }
            AgentWire::Mqtt(version, topic) => {
                let response_topic = Some(topic.clone());
                let options = MqttOptions { credentials, response_topic, ..MqttOptions::new(*version, us.clone()) };
                Self::Mqtt(Box::new(MqttClient::new(now, options)), *version)
            }
        }
    }

    fn handle_bytes(&mut self, now: Mono, bytes: &[u8]) {
        match self {
            Self::Stomp(client) => client.handle_bytes(now, bytes),
            Self::Mqtt(client, _) => client.handle_bytes(now, bytes),
        }
    }

    fn handle_timeout(&mut self, now: Mono) {
        match self {
            Self::Stomp(client) => client.handle_timeout(now),
            Self::Mqtt(client, _) => client.handle_timeout(now),
        }
    }

    fn send(&mut self, now: Mono, to: &str, record: Bytes) {
        match self {
            Self::Stomp(client) => drop(client.send(now, to, record)),
            Self::Mqtt(client, _) => drop(client.publish(now, to, None, &record)),
        }
    }

    fn poll(&mut self) -> Said {
        loop {
            return match self {
                Self::Stomp(client) => match client.poll_output() {
                    ClientOutput::Transmit(bytes) => Said::Transmit(bytes),
                    ClientOutput::Event(ClientEvent::Connected { destination }) => {
                        Said::Connected(Connect::Stomp { destination })
                    }
                    ClientOutput::Event(ClientEvent::Record { record, .. }) => Said::Record(record),
                    ClientOutput::Event(_) => continue,
                    ClientOutput::Close => Said::Close,
                    ClientOutput::Wait(_) => Said::Nothing,
                },
                Self::Mqtt(client, version) => match client.poll_output() {
                    MqttOutput::Transmit(bytes) => Said::Transmit(bytes),
                    MqttOutput::Event(MqttEvent::Connected { reply_to }) => {
                        Said::Connected(Connect::Mqtt { version: *version, topic: reply_to })
                    }
                    MqttOutput::Event(MqttEvent::Record { record, receipt, .. }) => {
                        if let Some(receipt) = receipt {
                            client.taken(Mono::ZERO, receipt);
                        }
                        Said::Record(record)
                    }
                    MqttOutput::Event(_) => continue,
                    MqttOutput::Close => Said::Close,
                    MqttOutput::Wait(_) => Said::Nothing,
                },
            };
        }
    }
}

/// A device of a few parameters.
fn agent(serial: &str, controller: &str) -> Agent<TreeModel> {
    use ParamValueType::{Boolean, String as Text, UnsignedInt};
    let subscription = ObjectSchema::table()
        .writable("Enable", Boolean)
        .writable("ID", Text)
        .writable("NotifType", Text)
        .writable("ReferenceList", Text)
        .writable("Persistent", Boolean)
        .writable("NotifRetry", Boolean)
        .writable("NotifExpiration", UnsignedInt)
        .readable("Recipient", Text)
        .readable("Alias", Text)
        .unique(&["Alias"])
        .unique(&["Recipient", "ID"]);
    let controllers = ObjectSchema::default()
        .writable("PeriodicNotifInterval", UnsignedInt)
        .readable("EndpointID", Text)
        .unique(&["EndpointID"])
        .command("SendOnBoardRequest()", CmdType::Sync, &[], &[]);
    let facts = [
        "Manufacturer",
        "ManufacturerOUI",
        "ModelName",
        "ProductClass",
        "SerialNumber",
        "HardwareVersion",
        "SoftwareVersion",
    ];
    let info = facts.into_iter().fold(ObjectSchema::default(), |info, name| info.readable(name, Text));
    let model = SupportedModel::new("urn:broadband-forum-org:tr-181-2-19-1-usp")
        .with("Device.", ObjectSchema::default().event("Boot!", &["Cause"]))
        .with("Device.DeviceInfo.", info.writable("FriendlyName", Text))
        .with("Device.LocalAgent.", ObjectSchema::default().event("Periodic!", &[]))
        .with("Device.LocalAgent.Controller.{i}.", controllers)
        .with("Device.LocalAgent.Subscription.{i}.", subscription);
    let mut tree = TreeModel::new(Arc::new(model), 20);
    for (name, value) in [
        ("DeviceInfo.Manufacturer", "Maker"),
        ("DeviceInfo.ManufacturerOUI", "00D09E"),
        ("DeviceInfo.ModelName", "Box"),
        ("DeviceInfo.ProductClass", "Box"),
        ("DeviceInfo.SerialNumber", serial),
        ("DeviceInfo.HardwareVersion", "1"),
        ("DeviceInfo.SoftwareVersion", "1.0"),
        ("DeviceInfo.FriendlyName", "box"),
        ("LocalAgent.Controller.1.EndpointID", controller),
        ("LocalAgent.Controller.1.PeriodicNotifInterval", "86400"),
    ] {
        tree.put(&format!("Device.{name}"), value);
    }
    let us = format!("os::00D09E-{serial}").parse().expect("an endpoint id");
    Agent::new(AgentOptions::default(), us, controller.parse().expect("an endpoint id"), tree, 5)
}
