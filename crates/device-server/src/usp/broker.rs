//! A broker of somebody else (STOMP or MQTT) at which agents are met: one connection of ours, kept up; agents by what they send on it.
//!
//! What the transport proves is what the broker lets through: a broker that lets an agent publish under another's name, or read
//! another's destination, is not mended here. See `docs/operate/devices.md`.

pub(crate) mod account;
mod agents;
mod conversation;
mod destinations;
mod dial;
mod ledger;
mod options;
mod speaker;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use sangam_control::BrokerReport;
use sangam_storage::{Admitted, Room};
use sangam_types::{Mono, Now};
use sangam_usp_proto::message::{Content, Message, Notification, Request};
use sangam_usp_proto::mtp::websocket::close_code;
use sangam_usp_proto::record::{MqttVersion, Record, RecordType, peek_ids};
use sangam_usp_proto::{Connect, EndpointId, Jitter, UspLimits};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::account::{Account, Clocks, Present};
use self::agents::{Agent, Agents, Incoming, Reason};
pub use self::options::{BrokerOptions, BrokerTls, BrokerWire};
use self::speaker::Arrived;
use crate::usp::carriers::Deps;
use crate::usp::link::{Closing, Hub, Link, LinkRefused, Shown, Way};

/// A broker at which agents are met.
pub(crate) struct Broker {
    options: BrokerOptions,
    hub: Arc<Hub>,
    account: Account,
    agents: Agents,
    outbox: mpsc::Sender<Outgoing>,
    room: Arc<Room>,
    /// Records that are worked on.
    working: AtomicUsize,
    taken: Mutex<Taken>,
    /// Something was taken.
    progress: Notify,
    unconfirmed: AtomicUsize,
    tasks: TaskTracker,
}

/// A record for an agent.
#[derive(Debug)]
struct Outgoing {
    agent: Arc<Agent>,
    record: Bytes,
    queued: Mono,
    _room: Admitted,
}

/// What the broker is to be told on the connection of that number.
#[derive(Debug, Default)]
struct Taken {
    connection: u64,
    receipts: Vec<u16>,
}

/// Agents that operators are shown.
const AGENTS_SHOWN: usize = 100;

impl Broker {
    /// Connects, and comes back whenever the connection is lost, until it is ended.
    pub(crate) fn start(options: BrokerOptions, deps: Deps) -> Arc<Self> {
        let Deps { hub, clocks, metrics, tasks, ending } = deps;
        let protocol = match &options.wire {
            BrokerWire::Stomp { .. } => "STOMP 1.2",
            BrokerWire::Mqtt { version: MqttVersion::V5, .. } => "MQTT 5.0",
            BrokerWire::Mqtt { version: MqttVersion::V311, .. } => "MQTT 3.1.1",
        };
        let place = (options.host.clone(), options.port);
        let (outbox, outgoing) = mpsc::channel(options.waiting_max);
        let broker = Arc::new(Self {
            account: Account::new((options.wire.name(), protocol), place, 1, clocks, metrics),
            agents: Agents::new(options.agents_max),
            room: Arc::new(Room::new(options.waiting_max, options.waiting_bytes_max)),
            working: AtomicUsize::new(0),
            taken: Mutex::default(),
            progress: Notify::new(),
            unconfirmed: AtomicUsize::new(0),
            tasks: tasks.clone(),
            options,
            hub,
            outbox,
        });
        tasks.spawn(Arc::clone(&broker).run(outgoing, ending));
        broker
    }

    /// How it is and what it did.
    pub(crate) fn report(&self, history: Duration, at: Now) -> BrokerReport {
        let present = Present {
            agents: self.agents.len() as u64,
            first_agents: self.agents.first(AGENTS_SHOWN),
            waiting: (self.outbox.max_capacity() - self.outbox.capacity()) as u64,
            unconfirmed: self.unconfirmed.load(Ordering::Relaxed) as u64,
            active: None,
        };
        self.account.report(present, history, at)
    }

    async fn run(self: Arc<Self>, mut outgoing: mpsc::Receiver<Outgoing>, ending: CancellationToken) {
        let mut jitter = Jitter::new(rand::random());
        let (mut attempt, mut connection) = (0_u32, 0_u64);
        let mut there = self.account.mono();
        while !ending.is_cancelled() {
            connection += 1;
            self.account.tried();
            let ended = self.connection(connection, &mut outgoing, &ending).await;
            if ended.was_connected {
                (attempt, there) = (0, self.account.mono());
                self.account.connected(0);
            }
            let Some((reason, words)) = ended.trouble else { break };
            tracing::warn!(
                broker = self.options.wire.name(),
                host = self.options.host,
                port = self.options.port,
                error = words,
                "the connection with a message broker is lost; it is tried again"
            );
            self.account.lost(reason, words);
            let again = self.account.mono() + self.wait(attempt, &mut jitter);
            attempt = attempt.saturating_add(1);
            self.stay_away(there + self.options.outage_max, again, &mut outgoing, &ending).await;
        }
        drop(self.agents.clear());
        self.account.met(0);
    }

    /// Waits for the next attempt; meanwhile agents are there only as long as an outage may last.
    async fn stay_away(
        &self,
        given_up: Mono,
        again: Mono,
        outgoing: &mut mpsc::Receiver<Outgoing>,
        ending: &CancellationToken,
    ) {
        for until in [given_up.min(again), again] {
            let wait = until.saturating_since(self.account.mono());
            if ending.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                return;
            }
            if self.account.mono() >= given_up {
                drop(self.agents.clear());
                self.account.met(0);
                while outgoing.try_recv().is_ok() {
                    self.account.failed("outage");
                }
            }
        }
    }

    fn wait(&self, attempt: u32, jitter: &mut Jitter) -> Duration {
        let longest = self.options.retry_min.saturating_mul(1 << attempt.min(16)).min(self.options.retry_max);
        longest / 2 + jitter.within(longest / 2)
    }

    /// A record came: it is put behind those of its agent, or refused.
    fn arrived(self: &Arc<Self>, connection: u64, arrived: Arrived) {
        self.account.received();
        let receipt = arrived.receipt.map(|receipt| (connection, receipt));
        self.working.fetch_add(1, Ordering::AcqRel);
        match self.admit(arrived, receipt) {
            Ok(None) => {}
            Ok(Some(agent)) => drop(self.tasks.spawn(Arc::clone(self).work(agent))),
            Err(reason) => {
                self.account.failed(reason);
                self.finished(receipt);
            }
        }
    }

    /// The agent on whose records nobody works yet.
    fn admit(&self, arrived: Arrived, receipt: Option<(u64, u16)>) -> Result<Option<Arc<Agent>>, Reason> {
        let Arrived { record, topic, reply_to, .. } = arrived;
        let wire = &self.options.wire;
        let (to, from) = peek_ids(&record).ok_or("no_record")?;
        if to != self.hub.endpoint().as_str() {
            return Err("not_for_us");
        }
        let endpoint: EndpointId = from.parse().map_err(|_| "bad_endpoint_id")?;
        if !destinations::may_speak(wire, &endpoint, topic.as_deref()) {
            return Err("foreign_topic");
        }
        let reply_to = reply_to.ok_or("no_reply_destination")?;
        if !destinations::may_answer(wire, &self.options.agents_at, &endpoint, &reply_to) {
            return Err("foreign_destination");
        }
        let answer_at = destinations::answer_at(wire, &endpoint);
        let agent = self.agents.meet(endpoint, (&reply_to, answer_at), || begins_anew(&record))?;
        self.account.met(self.agents.len());
        let is_first = agent.push(Incoming { record, receipt }, self.options.per_agent_max)?;
        Ok(is_first.then_some(agent))
    }

    async fn work(self: Arc<Self>, agent: Arc<Agent>) {
        while let Some(Incoming { record, receipt }) = agent.next() {
            if let Err(refused) = self.take(&agent, record).await {
                self.account.failed(refused.label());
            }
            self.finished(receipt);
        }
    }

    async fn take(self: &Arc<Self>, agent: &Arc<Agent>, record: Bytes) -> Result<(), LinkRefused> {
        if agent.is_gone() {
            return Err(LinkRefused::Replaced);
        }
        let taken = match self.way(agent).await {
            Ok(way) => way.record(record).await,
            Err(refused) => Err(refused),
        };
        let is_over = match &taken {
            Ok(()) => false,
            Err(LinkRefused::Record(refusal)) => close_code(*refusal).is_some(),
            Err(_) => true,
        };
        if is_over {
            drop(self.agents.forget(agent));
            self.account.met(self.agents.len());
        }
        taken
    }

    async fn way(self: &Arc<Self>, agent: &Arc<Agent>) -> Result<Arc<Way>, LinkRefused> {
        if let Some(way) = agent.way() {
            return Ok(way);
        }
        let link = BrokerLink { broker: Arc::downgrade(self), agent: Arc::downgrade(agent) };
        let shown = if self.options.is_believed { Shown::Vouched } else { Shown::Nothing };
        let way = Arc::new(self.hub.open(agent.endpoint.clone(), shown, Arc::new(link)).await?);
        agent.open(&way);
        Ok(way)
    }

    /// A record is done with.
    fn finished(&self, receipt: Option<(u64, u16)>) {
        self.working.fetch_sub(1, Ordering::AcqRel);
        if let Some((connection, receipt)) = receipt {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            if taken.connection == connection {
                taken.receipts.push(receipt);
            }
        }
        self.progress.notify_one();
    }

    /// What was taken since this was asked last, on the connection of that number.
    fn take_receipts(&self, connection: u64) -> Vec<u16> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.connection != connection {
            *taken = Taken { connection, receipts: Vec::new() };
        }
        std::mem::take(&mut taken.receipts)
    }
}

/// Whether a record says that its agent began anew: a Connect Record, or the event Boot!.
fn begins_anew(record: &Bytes) -> bool {
    let limits = UspLimits::default();
    match Record::decode_bounded(record, &limits).ok().and_then(|record| record.record_type) {
        Some(RecordType::StompConnect(_) | RecordType::MqttConnect(_)) => true,
        Some(RecordType::NoSessionContext(it)) => {
            let message = Message::decode(&it.payload, &limits).map(|decoded| decoded.message.content);
            let Ok(Content::Request(Request::Notify(notify))) = message else { return false };
            matches!(notify.notification, Some(Notification::Event(event)) if event.event_name == "Boot!")
        }
        Some(_) | None => false,
    }
}

/// The way to an agent behind a broker.
struct BrokerLink {
    broker: Weak<Broker>,
    agent: Weak<Agent>,
}

impl Link for BrokerLink {
    fn connect(&self) -> Connect {
        let reply_to = self.agent.upgrade().map(|agent| agent.reply_to());
        match self.broker.upgrade() {
            Some(broker) => broker.options.wire.connect(reply_to.as_deref().unwrap_or_default()),
            None => Connect::Stomp { destination: String::new() },
        }
    }

    fn send(&self, record: Bytes) -> bool {
        let (Some(broker), Some(agent)) = (self.broker.upgrade(), self.agent.upgrade()) else { return false };
        if agent.is_gone() {
            return false;
        }
        let queued = broker.account.mono();
        let Some(room) = broker.room.take(record.len()) else {
            broker.account.failed("too_much_waits");
            return false;
        };
        let sent = broker.outbox.try_send(Outgoing { agent, record, queued, _room: room }).is_ok();
        if !sent {
            broker.account.failed("too_much_waits");
        }
        sent
    }

    fn close(&self, _: Closing) {
        let (Some(broker), Some(agent)) = (self.broker.upgrade(), self.agent.upgrade()) else { return };
        if let Some(way) = broker.agents.forget(&agent) {
            // Whoever closes it may hold what dropping it asks for.
            broker.tasks.spawn(async move { drop(way) });
        }
        broker.account.met(broker.agents.len());
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("options", &self.options).finish_non_exhaustive()
    }
}
