//! Clients that behave as the guide's agents do: they answer by themselves, trickle, and die of any irregularity.

use std::collections::BTreeMap;

use sangam_signal_server::Options;
use serde_json::{Value, json};

use crate::support::{Socket, TestServer};

/// An agent and its peer connections, which stay in its map once they are there.
struct Original {
    id: &'static str,
    socket: Socket,
    connections: BTreeMap<String, PeerConnection>,
}

/// As much of an `RTCPeerConnection` as decides who lives.
#[derive(Default)]
struct PeerConnection {
    local: Option<Value>,
    remote: Option<Value>,
    candidates: Vec<String>,
}

const SDP: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=application 9 UDP/DTLS/SCTP \
                   webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:ID\r\na=setup:SETUP\r\n";

impl Original {
    async fn register(server: &TestServer, id: &'static str) -> Self {
        Self { id, socket: server.agent(id).await, connections: BTreeMap::new() }
    }

    fn description(&self, kind: &str, setup: &str) -> Value {
        json!({ "type": kind, "sdp": SDP.replace("ID", self.id).replace("SETUP", setup) })
    }

    /// `createOffer`, with the candidates before or after it.
    async fn create_offer(&mut self, peer: &str, candidate_first: bool) {
        let offer = self.description("offer", "actpass");
        let connection = self.connections.entry(peer.to_owned()).or_default();
        assert!(connection.local.is_none(), "{} re-offers on an old connection", self.id);
        connection.local = Some(offer.clone());
        if candidate_first {
            self.send_candidate(peer).await;
        }
        self.send(json!({ "type": "offer", "from": self.id, "to": peer, "offer": offer })).await;
        self.send_candidate(peer).await;
    }

    async fn send_candidate(&mut self, peer: &str) {
        let candidate = json!({ "candidate": format!("candidate:{}", self.id), "sdpMid": "0" });
        self.send(json!({ "type": "ice-candidate", "from": self.id, "to": peer, "candidate": candidate })).await;
    }

    async fn send(&mut self, message: Value) {
        self.socket.send(&message.to_string()).await;
    }

    /// Handles messages until it is connected to `peer`: both descriptions are there and so is a candidate.
    async fn run_until_connected(&mut self, peer: &str) {
        while !self.connections.get(peer).is_some_and(PeerConnection::is_connected) {
            let text = self.socket.text().await;
            let message: Value = serde_json::from_str(&text).expect("an original dies of what is no JSON");
            self.handle(&message).await;
        }
    }

    async fn handle(&mut self, message: &Value) {
        let from = message["from"].as_str().unwrap_or_default().to_owned();
        match message["type"].as_str() {
            Some("offer") => {
                let answer = self.description("answer", "active");
                let connection = self.connections.entry(from.clone()).or_default();
                let stable = connection.local.is_none() && connection.remote.is_none();
                assert!(stable, "{} dies: an offer in the wrong state", self.id);
                connection.remote = Some(message["offer"].clone());
                connection.local = Some(answer.clone());
                self.send_candidate(&from).await;
                self.send(json!({ "type": "answer", "from": self.id, "to": from, "answer": answer })).await;
            }
            Some("answer") => {
                let connection = self.connections.get_mut(&from).expect("an original dies of an unknown answer");
                let waits = connection.local.is_some() && connection.remote.is_none();
                assert!(waits, "{} dies: an answer in the wrong state", self.id);
                assert_eq!(message["answer"]["type"], "answer");
                connection.remote = Some(message["answer"].clone());
            }
            Some("ice-candidate") => {
                let connection = self.connections.get_mut(&from).expect("an original dies of a candidate of nobody");
                assert!(connection.remote.is_some(), "{} dies: a candidate before its description", self.id);
                connection.candidates.push(message["candidate"]["candidate"].to_string());
            }
            // Unknown types are a warning on its console.
            Some(_) | None => {}
        }
    }

    /// Which end of the DTLS handshake its peer takes, as `a=setup` of what it was told.
    fn peers_setup(&self, peer: &str) -> String {
        let remote = self.connections[peer].remote.as_ref().unwrap();
        let sdp = remote["sdp"].as_str().unwrap();
        sdp.lines().find_map(|line| line.strip_prefix("a=setup:")).unwrap().to_owned()
    }
}

impl PeerConnection {
    fn is_connected(&self) -> bool {
        self.local.is_some() && self.remote.is_some() && !self.candidates.is_empty()
    }
}

#[tokio::test]
async fn one_that_trickles_before_its_offer_connects() {
    let server = TestServer::start(Options::default()).await;
    let mut a = Original::register(&server, "a").await;
    let mut b = Original::register(&server, "b").await;
    a.create_offer("b", true).await;
    b.run_until_connected("a").await;
    a.run_until_connected("b").await;
    assert_eq!(b.connections["a"].candidates.len(), 1);
    assert_eq!(server.metric(r#"sangam_signal_messages_dropped_total{type="candidate",reason="held_too_long"}"#), 0);
}

#[tokio::test]
async fn two_that_offer_at_the_same_time_connect() {
    let server = TestServer::start(Options::default()).await;
    let mut a = Original::register(&server, "a").await;
    let mut b = Original::register(&server, "b").await;
    a.create_offer("b", false).await;
    b.create_offer("a", true).await;
    tokio::join!(a.run_until_connected("b"), b.run_until_connected("a"));
    assert_eq!(server.metric(r#"sangam_signal_glares_total{outcome="crossed"}"#), 1);
    let mut setups = [a.peers_setup("b"), b.peers_setup("a")];
    setups.sort();
    assert_eq!(setups, ["active", "passive"]);
}

#[tokio::test]
async fn many_that_all_offer_to_each_other_connect() {
    const IDS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    let options = Options {
        // Offers of a whole mesh take longer on a busy test machine than of one pair.
        rooms: sangam_signal_proto::Options { glare_window: std::time::Duration::from_secs(5), ..Default::default() },
        ..Options::default()
    };
    let server = TestServer::start(options).await;
    let mut agents = Vec::new();
    for id in IDS {
        agents.push(Original::register(&server, id).await);
    }
    for agent in &mut agents {
        for peer in IDS {
            if peer != agent.id {
                agent.create_offer(peer, false).await;
            }
        }
    }
    for agent in &mut agents {
        for peer in IDS {
            if peer != agent.id {
                agent.run_until_connected(peer).await;
            }
        }
    }
    assert_eq!(server.metric(r#"sangam_signal_glares_total{outcome="crossed"}"#), 15);
}
