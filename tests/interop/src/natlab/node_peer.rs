use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use sangam_mesh_node::NodeOptions;
use sangam_mesh_node::endpoint::IceServer;
use sangam_mesh_node::node::{AgentEvent, Command, LinkView};
use sangam_mesh_proto::agent_event::AgentEventKind;
use sangam_mesh_proto::gossip::Delivery;
use sangam_mesh_proto::identity::Identity;
use sangam_mesh_proto::{PeerId, SelectedPair};
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc};

use crate::mesh::{TestNode, signaling};

/// What the peer program that is our node is told: see [`PeerKind`](super::PeerKind). A line on its standard input has the
/// one that dials hang up and dial once more.
#[derive(Debug, Parser)]
pub struct NodePeerOptions {
    /// A server of the JSON signaling protocol, over WebSocket
    #[arg(long)]
    signal: String,
    /// Under which it registers there
    #[arg(long)]
    id: String,
    /// Whom it calls
    #[arg(long)]
    dial: Option<String>,
    /// A list of RTCIceServer dictionaries
    #[arg(long)]
    ice_servers: String,
    /// RTCIceTransportPolicy
    #[arg(long, value_parser = ["all", "relay"])]
    policy: String,
}

/// A side of calls in the lab that is a node of ours.
struct NodePeer {
    node: TestNode,
    dial: Option<PeerId>,
    relay_only: bool,
    events: broadcast::Receiver<AgentEvent>,
    heard: mpsc::Receiver<Delivery>,
    orders: mpsc::Receiver<String>,
    calls: u64,
    /// With whom it spoke last.
    other: Option<PeerId>,
}

/// Under which the engine delivers messages of agents.
const AGENT_MESSAGES: &str = "if-agent-messages";
const ECHO: &str = "are you there";
/// For which a relayed pair may give way to a better one.
const SETTLED: Duration = Duration::from_secs(3);
/// Attempts to connect that may fail in one call.
const ATTEMPTS: u32 = 2;
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Makes calls, or takes them, until its standard input ends.
///
/// # Errors
/// The node does not start.
pub async fn run_node_peer(options: NodePeerOptions) -> Result<()> {
    let mut peer = NodePeer::start(options).await?;
    peer.until(|event| event.event == AgentEventKind::SignalingConnected).await?;
    say(&json!({ "event": "registered" }))?;
    loop {
        peer.calls += 1;
        let other = peer.dial.clone();
        let ended = match &other {
            Some(other) => peer.call(other).await?,
            None => peer.be_called().await?,
        };
        match ended {
            Ok(connected) => say(&connected)?,
            Err(why) => say(&json!({ "event": "failed", "call": peer.calls, "why": why }))?,
        }
        let Some(other) = other else { continue };
        if peer.order().await?.is_none() {
            return Ok(());
        }
        peer.hang_up(&other).await?;
    }
}

impl NodePeer {
    async fn start(told: NodePeerOptions) -> Result<Self> {
        let mut options = NodeOptions::new(Identity::generate(&mut rand::rng()));
        options.agent_id = Some(PeerId::new(&told.id)?);
        options.require_signature = false;
        options.discovery.mdns.enabled = false;
        options.discovery.signaling = vec![signaling(told.signal)];
        // As every program of the lab is told of its certificate.
        options.endpoint.ca_file = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
        options.discovery.ca_file.clone_from(&options.endpoint.ca_file);
        options.endpoint.relay_only = told.policy == "relay";
        // What it is told is all it has, as for every program of the lab.
        options.take_servers = false;
        options.endpoint.servers = IceServer::list_from_json(&told.ice_servers)?.servers;
        let relay_only = options.endpoint.relay_only;
        let node = TestNode::start(options).await?;
        let (to, heard) = mpsc::channel(16);
        let events = node.node.events();
        let topic = AGENT_MESSAGES.to_owned();
        node.node.ask(|reply| Command::Subscribe { topic, to, reply }).await;
        let dial = told.dial.as_deref().map(PeerId::new).transpose()?;
        Ok(Self { node, dial, relay_only, events, heard, orders: lines_of_input(), calls: 0, other: None })
    }

    /// Until the link is open, or [`ATTEMPTS`] have failed: what the node does by itself after the first belongs to the call.
    async fn call(&mut self, other: &PeerId) -> Result<Result<Value, String>> {
        let began = Instant::now();
        self.node.node.tell(Command::Dial(other.clone())).await;
        let mut failed = 0;
        loop {
            let is_wanted =
                |event: &AgentEvent| is_end_of_attempt(event) || event.event == AgentEventKind::DataChannelOpen;
            // The server may still know those that were here before.
            let event = self.until(|event| event.peer_id.as_ref() == Some(other) && is_wanted(event)).await?;
            if event.event == AgentEventKind::DataChannelOpen {
                return self.speak(other, began.elapsed()).await;
            }
            failed += 1;
            if failed == ATTEMPTS {
                return Ok(Err(reason(&event)));
            }
        }
    }

    async fn be_called(&mut self) -> Result<Result<Value, String>> {
        let opened = self.until(|event| event.event == AgentEventKind::DataChannelOpen).await?;
        let other = opened.peer_id.context("a link with nobody")?;
        let took = self.link(&other).await?.and_then(|link| link.connect_time).unwrap_or_default();
        self.speak(&other, took).await
    }

    /// Sends a word and sends back the other's, until its own is back.
    async fn speak(&mut self, other: &PeerId, took: Duration) -> Result<Result<Value, String>> {
        self.other = Some(other.clone());
        let first = self.link(other).await?.and_then(|link| link.pair);
        while self.send(other, &json!({ "word": ECHO })).await? == 0 {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        loop {
            let heard = self.heard.recv().await.context("the node has stopped")?;
            let message: Value = serde_json::from_slice(&heard.payload)?;
            let payload = &message["payload"];
            if let Some(word) = payload["word"].as_str() {
                self.send(other, &json!({ "echo": word })).await?;
            }
            if payload["echo"] == ECHO {
                break;
            }
        }
        let last = self.settled(other).await?;
        let pairs = first.or_else(|| last.clone()).zip(last);
        let Some((first, last)) = pairs else { return Ok(Err("an open link without a pair".to_owned())) };
        let (first, last) = (pair_json(&first), pair_json(&last));
        let ms = took.as_millis() as u64;
        Ok(Ok(json!({ "event": "connected", "call": self.calls, "ms": ms, "first": first, "last": last })))
    }

    /// The pair in use, once a relayed one has had the time to give way; words of the other are sent back meanwhile.
    async fn settled(&mut self, other: &PeerId) -> Result<Option<SelectedPair>> {
        let until = Instant::now() + SETTLED;
        loop {
            while let Ok(heard) = self.heard.try_recv() {
                let message: Value = serde_json::from_slice(&heard.payload)?;
                if let Some(word) = message["payload"]["word"].as_str() {
                    self.send(other, &json!({ "echo": word })).await?;
                }
            }
            let pair = self.link(other).await?.and_then(|link| link.pair);
            let is_direct = pair.as_ref().is_some_and(|pair| !pair.is_relayed());
            if is_direct || self.relay_only || Instant::now() >= until {
                return Ok(pair);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn hang_up(&mut self, other: &PeerId) -> Result<()> {
        self.node.node.tell(Command::Hang(other.clone())).await;
        while self.link(other).await?.is_some() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.events = self.node.node.events();
        Ok(())
    }

    async fn send(&self, other: &PeerId, payload: &Value) -> Result<usize> {
        let (to, message) = (other.to_string(), json!({ "payload": payload }));
        let sent = self.node.node.ask(|reply| Command::SendIf { to, message, reply }).await;
        sent.context("the node has stopped")
    }

    async fn link(&self, other: &PeerId) -> Result<Option<LinkView>> {
        Ok(self.node.links().await?.into_iter().find(|link| link.peer == *other))
    }

    /// The next order, none if there will be no more.
    async fn order(&mut self) -> Result<Option<String>> {
        loop {
            tokio::select! {
                order = self.orders.recv() => return Ok(order),
                Some(heard) = self.heard.recv() => self.answer(&heard).await?,
            }
        }
    }

    /// The other may have a word left when this side is done: it was lost, and is said again.
    async fn answer(&self, heard: &Delivery) -> Result<()> {
        let message: Value = serde_json::from_slice(&heard.payload)?;
        if let (Some(other), Some(word)) = (&self.other, message["payload"]["word"].as_str()) {
            self.send(other, &json!({ "echo": word })).await?;
        }
        Ok(())
    }

    async fn until(&mut self, is_wanted: impl Fn(&AgentEvent) -> bool) -> Result<AgentEvent> {
        loop {
            let event = tokio::select! {
                event = self.events.recv() => event,
                Some(heard) = self.heard.recv(), if self.other.is_some() => {
                    self.answer(&heard).await?;
                    continue;
                }
            };
            match event {
                Ok(event) if is_wanted(&event) => return Ok(event),
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => bail!("the node has stopped"),
            }
        }
    }
}

/// Its standard input, read by a thread: a read cannot be given up.
fn lines_of_input() -> mpsc::Receiver<String> {
    let (to, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        let lines = std::io::stdin().lines().map_while(Result::ok);
        for line in lines {
            if to.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn is_end_of_attempt(event: &AgentEvent) -> bool {
    event.event == AgentEventKind::ConnectionStateChanged && metadata(event, "state") == "failed"
}

fn reason(event: &AgentEvent) -> String {
    metadata(event, "reason").to_owned()
}

fn metadata<'a>(event: &'a AgentEvent, name: &str) -> &'a str {
    event.metadata.as_ref().and_then(|metadata| metadata.get(name)).and_then(Value::as_str).unwrap_or_default()
}

fn pair_json(pair: &SelectedPair) -> Value {
    json!({ "local": pair.local_kind.as_str(), "remote": pair.remote_kind.as_str(), "to": pair.remote.ip() })
}

fn say(event: &Value) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{event}")?;
    Ok(out.flush()?)
}
