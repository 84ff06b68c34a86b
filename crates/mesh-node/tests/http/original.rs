//! What another node calls.

use sangam_mesh_node::node::{GossipOutcome, IceState, RelayOutcome, SignalOutcome};
use sangam_mesh_proto::gossip::TopicStats;
use sangam_mesh_proto::state::PacketError;
use sangam_mesh_proto::{Description, DescriptionKind, LinkState, Signal};
use serde_json::{Value, json};

use crate::engine::{Asked, FRIEND, Lab, Truth, US, failed_link, link_in, open_link, peer_view};

#[tokio::test]
async fn a_node_says_who_it_is_and_what_it_knows() {
    let lab = Lab::new(Truth::default());
    lab.get("/whoami").await.is(200, &json!({ "node_id": US }));
    lab.get("/channels").await.is(200, &json!(["global", "sviluppo_ui"]));
    let state = lab.get("/state").await;
    assert_eq!(state.json()["global"]["nodes"][US]["url"], "http://us:8000");
    assert_eq!(state.headers["content-type"], "application/json");
    lab.get("/webrtc/ice-metrics").await.is(200, &json!({ "summary": { "total_attempted": 1 } }));
}

fn packet() -> Value {
    json!({ "channel_id": "global", "payload": "{}", "sender_id": FRIEND, "signature": "c2ln" })
}

#[tokio::test]
async fn a_packet_is_handed_over_as_it_came_and_answered_with_ours() {
    let ours = json!({ "channel_id": "global", "payload": "{\"nodes\":{}}", "sender_id": US, "signature": "b3Vycw==" });
    let merged = GossipOutcome::Merged(serde_json::from_value(ours.clone()).unwrap());
    let lab = Lab::new(Truth { gossip: merged, ..Truth::default() });
    let mut sent = packet();
    sent["more"] = json!([1, 2, 3]);
    lab.post("/gossip", sent.to_string()).await.is(200, &ours);
    assert_eq!(lab.asked(), [Asked::Gossip(packet())]);
}

#[tokio::test]
async fn packets_that_are_not_taken_are_answered_in_the_originals_words() {
    let refused = GossipOutcome::Refused;
    for (gossip, status, body) in [
        (GossipOutcome::Unsubscribed, 200, json!({ "status": "ignored_unsubscribed_channel" })),
        (refused(PacketError::Signature), 401, json!({ "detail": "Firma non valida: " })),
        (refused(PacketError::Encoding), 401, json!({ "detail": "Firma non valida: Incorrect padding" })),
        (refused(PacketError::TooLarge(5)), 413, json!({ "detail": "the payload has more than 5 bytes" })),
        (refused(PacketError::Payload), 422, json!({ "detail": "the payload is no object of JSON" })),
    ] {
        let lab = Lab::new(Truth { gossip, ..Truth::default() });
        lab.post("/gossip", packet().to_string()).await.is(status, &body);
    }
    let lab = Lab::new(Truth::default());
    let wrong = lab.post("/gossip", r#"{"channel_id":"global","payload":5,"sender_id":null}"#).await;
    let detail = &wrong.json()["detail"];
    assert_eq!(wrong.status, 422);
    let payload =
        json!({"type":"string_type","loc":["body","payload"],"msg":"Input should be a valid string","input":5});
    assert_eq!(detail[0], payload);
    assert_eq!((&detail[1]["type"], &detail[1]["loc"][1]), (&json!("string_type"), &json!("sender_id")));
    assert_eq!((&detail[2]["type"], &detail[2]["msg"]), (&json!("missing"), &json!("Field required")));
    assert_eq!(lab.asked(), []);
}

#[tokio::test]
async fn whoever_says_hello_is_told_who_we_are_and_up_to_ten_others() {
    let known: Vec<String> = (0..12).map(|number| format!("http://n{number}:8000")).collect();
    let lab = Lab::new(Truth { known: known.clone(), ..Truth::default() });
    let hello = json!({ "peer_id": FRIEND, "peer_url": "http://friend:8000" });
    let answer = json!({ "node_id": US, "node_url": "http://us:8000", "channels": ["global", "sviluppo_ui"],
        "known_peers": known[..10] });
    lab.post("/bootstrap/handshake", hello.to_string()).await.is(200, &answer);
    assert_eq!(lab.asked(), [Asked::Handshake(FRIEND.to_owned(), "http://friend:8000".to_owned())]);
}

#[tokio::test]
async fn a_node_that_knows_no_url_of_its_own_says_where_it_was_asked() {
    let lab = Lab::new(Truth { url: None, ..Truth::default() });
    let hello = json!({ "peer_id": FRIEND, "peer_url": "http://friend:8000" });
    let answer = lab.post("/bootstrap/handshake", hello.to_string()).await;
    assert_eq!(answer.json()["node_url"], "http://us:8000");
}

#[tokio::test]
async fn a_hello_without_name_or_address_is_refused() {
    let lab = Lab::new(Truth::default());
    let refusal = json!({ "detail": "peer_id e peer_url sono obbligatori" });
    for hello in [
        json!({}),
        json!({ "peer_id": FRIEND }),
        json!({ "peer_id": "", "peer_url": "http://friend:8000" }),
        json!({ "peer_id": FRIEND, "peer_url": "file:///etc/passwd" }),
        json!({ "peer_id": "a".repeat(129), "peer_url": "http://friend:8000" }),
    ] {
        lab.post("/bootstrap/handshake", hello.to_string()).await.is(400, &refusal);
    }
    assert_eq!(lab.post("/bootstrap/handshake", "[]").await.json()["detail"][0]["type"], "dict_type");
    assert_eq!(lab.asked(), []);
}

fn offer() -> Signal {
    Signal::Description(Description { kind: DescriptionKind::Offer, sdp: "v=0\r\n".into() })
}

fn posted(to: Option<&str>) -> String {
    let mut body = json!({ "from_peer": FRIEND, "type": "offer", "payload": { "sdp": "v=0\r\n", "type": "offer" } });
    if let Some(to) = to {
        body["to_peer"] = to.into();
    }
    body.to_string()
}

#[tokio::test]
async fn a_signal_is_handed_over_and_the_answer_says_what_became_of_it() {
    for (signal, status) in [(SignalOutcome::Processed, "processed"), (SignalOutcome::Dropped, "dropped")] {
        let lab = Lab::new(Truth { signal, ..Truth::default() });
        lab.post("/p2p/signal/receive", posted(None)).await.is(200, &json!({ "status": status }));
        assert_eq!(lab.asked(), [Asked::Signal(FRIEND.to_owned(), offer())]);
    }
}

#[tokio::test]
async fn a_signal_of_an_unknown_type_is_no_fault_and_goes_nowhere() {
    let lab = Lab::new(Truth::default());
    let hello = json!({ "from_peer": FRIEND, "type": "hello", "payload": {} });
    lab.post("/p2p/signal/receive", hello.to_string()).await.is(200, &json!({ "status": "processed" }));
    assert_eq!(lab.asked(), []);
}

#[tokio::test]
async fn a_signal_for_somebody_else_is_passed_on() {
    let to = "Third===";
    for (relay, status, body) in [
        (RelayOutcome::ByLink, 200, json!({ "status": "relayed" })),
        (RelayOutcome::ByHttp, 200, json!({ "status": "relayed_http" })),
        (RelayOutcome::Unreachable, 404, json!({ "detail": "Destinatario non raggiungibile" })),
    ] {
        let lab = Lab::new(Truth { relay, ..Truth::default() });
        lab.post("/p2p/signal/relay", posted(Some(to))).await.is(status, &body);
        assert_eq!(lab.asked(), [Asked::Relay(FRIEND.to_owned(), to.to_owned(), offer())]);
    }
}

#[tokio::test]
async fn signals_that_lack_something_are_refused() {
    let lab = Lab::new(Truth::default());
    let refusal = json!({ "detail": "Parametri incompleti" });
    for to in [None, Some("")] {
        lab.post("/p2p/signal/relay", posted(to)).await.is(400, &refusal);
    }
    for body in [
        json!({}),
        json!({ "from_peer": FRIEND, "to_peer": "x", "type": "offer", "payload": {} }),
        json!({ "from_peer": FRIEND, "to_peer": "x", "type": "offer", "payload": "v=0" }),
    ] {
        lab.post("/p2p/signal/relay", body.to_string()).await.is(400, &refusal);
        lab.post("/p2p/signal/receive", body.to_string()).await.is(400, &refusal);
    }
    assert_eq!(lab.asked(), []);
}

#[tokio::test]
async fn links_are_shown_by_peer_in_the_words_of_the_browsers_api() {
    let checking = link_in("B", LinkState::Connecting, IceState::Checking);
    let again = link_in(FRIEND, LinkState::Connecting, IceState::New);
    let lab = Lab::new(Truth { links: vec![open_link(FRIEND), again, checking, failed_link("C")], ..Truth::default() });
    let shown = lab.get("/webrtc/connections").await.json();
    assert_eq!((&shown["total_connections"], &shown["active_data_channels"]), (&json!(3), &json!(1)));
    let of = |id: &str| {
        let it = &shown["connections"][id];
        ["connection_state", "ice_connection_state", "data_channel_state"]
            .map(|key| it[key].as_str().unwrap().to_owned())
    };
    assert_eq!(of(FRIEND), ["connected", "completed", "open"]);
    assert_eq!(of("B"), ["connecting", "checking", "none"]);
    assert_eq!(of("C"), ["failed", "closed", "closed"]);
    let pair = json!({ "local": "relay", "remote": "host", "relayed": true });
    assert_eq!(shown["connections"][FRIEND]["selected_pair"], pair);
    assert!(!shown.to_string().contains("192.0.2.9"), "everybody may read this: {shown}");
}

#[tokio::test]
async fn topics_are_counted() {
    let topics = vec![TopicStats { topic: "channel:global:state".to_owned(), peers: 2, seen: 5 }];
    let lab = Lab::new(Truth { topics, ..Truth::default() });
    let stats =
        json!({ "subscribed_topics": 1, "topics": { "channel:global:state": { "peers": 2, "seen_messages": 5 } } });
    lab.get("/pubsub/stats").await.is(200, &stats);
    let stats = lab.get("/network/stats").await.json();
    let expected = json!({ "total_subscriptions": 1, "total_messages_seen": 5,
        "topics": { "channel:global:state": { "mesh_size": 2, "messages_seen": 5 } } });
    assert_eq!(stats["synapsesub_stats"], expected);
}

#[tokio::test]
async fn latency_and_score_are_what_was_measured() {
    let slow = {
        let mut link = open_link("B");
        link.pair.as_mut().unwrap().round_trip = None;
        link.interruptions = 1;
        link
    };
    let links = vec![open_link(FRIEND), slow, link_in("C", LinkState::Connecting, IceState::Checking)];
    let lab = Lab::new(Truth { links, peers: vec![peer_view(FRIEND), peer_view("D")], ..Truth::default() });
    let stats = lab.get("/network/stats").await.json();
    let peers = &stats["webrtc_connections"]["peers"];
    // 25 ms is 0.95 of the best latency: (0.3 + 0.2 * 0.95) / 0.5.
    let friend = json!({ "state": "connected", "ice_state": "completed", "data_channel": "open", "latency_ms": 25.0,
        "stability": 1.0, "reputation": 0.0, "score": 0.98, "health_status": "excellent" });
    assert_eq!(peers[FRIEND], friend);
    assert_eq!((&peers["B"]["latency_ms"], &peers["B"]["score"]), (&Value::Null, &json!(0.5)));
    assert_eq!(peers["B"]["health_status"], "good");
    assert_eq!((&peers["C"]["score"], &peers["C"]["health_status"]), (&json!(0.0), &json!("poor")));
    let counts = ["total_established", "total_connecting"].map(|key| stats["webrtc_connections"][key].clone());
    assert_eq!(counts, [json!(2), json!(1)]);
    // Friend, B, C by their links, D by hearsay, and we.
    let topology = json!({ "total_nodes": 5, "connected_direct": 2, "discovered_only": 2 });
    assert_eq!(stats["network_topology"], topology);
}

#[tokio::test]
async fn reputations_are_read_in_both_forms_and_count_as_shares_of_the_best() {
    let state = json!({ "global": { "nodes": {
        FRIEND: { "reputation": { "_total": 20, "tags": {} } },
        "B": { "reputation": 10 },
        "C": { "reputation": "high" },
    } } });
    let links = vec![open_link(FRIEND), open_link("B"), open_link("C")];
    let lab = Lab::new(Truth { links, state, ..Truth::default() });
    let stats = lab.get("/network/stats").await;
    assert_eq!(stats.status, 200);
    let peers = &stats.json()["webrtc_connections"]["peers"];
    let of = |id: &str| (peers[id]["reputation"].as_f64().unwrap(), peers[id]["score"].as_f64().unwrap());
    assert_eq!(of(FRIEND), (20.0, 0.99));
    assert_eq!(of("B"), (10.0, 0.74));
    assert_eq!(of("C"), (0.0, 0.49));
}

#[tokio::test]
async fn a_node_takes_no_part_in_votes() {
    let lab = Lab::new(Truth::default());
    for path in ["/raft/request_vote", "/raft/append_entries"] {
        assert_eq!(lab.post(path, "{}").await.status, 403);
    }
}
