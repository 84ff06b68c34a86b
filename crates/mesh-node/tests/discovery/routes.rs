use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sangam_mesh_node::discovery::{Discovered, Options};
use sangam_mesh_proto::{Candidate, PeerId, Signal};
use serde_json::json;

use crate::originals::{Original, Seeker, node_id, offer, options, us};

fn undeliverable(event: Discovered) -> Option<PeerId> {
    match event {
        Discovered::Undeliverable { to, .. } => Some(to),
        _ => None,
    }
}

fn candidate() -> Signal {
    let line = "candidate:1 1 udp 1 192.0.2.1 9 typ host".to_owned();
    Signal::Candidate(Candidate { line, mid: None, line_index: None, ufrag: None })
}

#[tokio::test]
async fn a_peer_that_nobody_reaches_is_told_to_be_undeliverable() {
    let mut seeker = Seeker::start(options()).await;
    seeker.discovery.send(&node_id("b"), None, None, &offer("s=-"), true);
    assert_eq!(seeker.until("the refusal", undeliverable).await, node_id("b"));
    // Nothing listens there.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    seeker.discovery.send(&node_id("c"), None, Some(&format!("http://{closed}")), &offer("s=-"), true);
    assert_eq!(seeker.until("the refusal", undeliverable).await, node_id("c"));
    assert_eq!(seeker.discovery.figures().undeliverable, 2);
}

#[tokio::test]
async fn signals_go_to_the_peers_own_api_in_order_and_candidates_only_to_who_takes_them() {
    let them = Original::start(|_| Some((200, json!({"status": "processed"})))).await;
    let seeker = Seeker::start(options()).await;
    for number in 0..10 {
        seeker.discovery.send(&node_id("b"), None, Some(&them.url()), &offer(&number.to_string()), true);
        seeker.discovery.send(&node_id("b"), None, Some(&them.url()), &candidate(), true);
    }
    seeker.discovery.send(&node_id("b"), None, Some(&them.url()), &candidate(), false);
    while them.asked("/").len() < 11 {
        tokio::task::yield_now().await;
    }
    let asked = them.asked("/p2p/signal/receive");
    for (number, asked) in asked.iter().take(10).enumerate() {
        assert_eq!(asked.body["payload"]["sdp"], format!("v=0\r\n{number}\r\n"));
    }
    assert_eq!(asked[10].body["type"], "ice-candidate");
    assert_eq!(asked[10].body["from_peer"], us().id.as_str());
}

#[tokio::test]
async fn a_node_learns_our_record_before_the_offer_it_has_to_answer() {
    let reply = json!({"channel_id": "global", "payload": "{}", "sender_id": "x", "signature": "x"});
    let answer = reply.clone();
    let them = Original::start(move |_| Some((200, answer.clone()))).await;
    let mut seeker = Seeker::start(options()).await;
    let record = json!({"channel_id": "global"});
    seeker.discovery.send_introduced(&node_id("b"), None, Some(&them.url()), &offer("s=-"), record.clone());
    let told = seeker.until("its reply", |event| match event {
        Discovered::GossipReply(packet) => Some(packet),
        _ => None,
    });
    assert_eq!(told.await, reply);
    while them.asked("/").len() < 2 {
        tokio::task::yield_now().await;
    }
    let paths: Vec<String> = them.asked("/").into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, ["/gossip", "/p2p/signal/receive"]);
    assert_eq!(them.asked("/gossip")[0].body, record);
}

#[tokio::test]
async fn linked_nodes_are_asked_in_turn_until_one_passes_a_signal_on() {
    let asked = Arc::new(AtomicUsize::new(0));
    let refusals = Arc::clone(&asked);
    let deaf = Original::start(move |_| {
        refusals.fetch_add(1, Ordering::Relaxed);
        Some((404, json!({"detail": "Destinatario non raggiungibile"})))
    })
    .await;
    let helpful = Original::start(|_| Some((200, json!({"status": "relayed"})))).await;
    let mut seeker = Seeker::start(options()).await;
    seeker.discovery.set_relays(vec![deaf.url(), helpful.url()]);
    seeker.discovery.send(&node_id("b"), None, None, &offer("s=-"), true);
    while helpful.asked("/").is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    let relayed = &helpful.asked("/p2p/signal/relay")[0].body;
    assert_eq!((&relayed["to_peer"], &relayed["type"]), (&json!(node_id("b").as_str()), &json!("offer")));
    seeker.discovery.set_relays(vec![deaf.url()]);
    seeker.discovery.send(&node_id("b"), None, None, &offer("s=-"), true);
    assert_eq!(seeker.until("the refusal", undeliverable).await, node_id("b"));
}

#[tokio::test]
async fn a_queue_that_is_full_refuses_and_other_peers_are_not_held_up() {
    let silent = Original::start(|_| None).await;
    let lively = Original::start(|_| Some((200, json!({})))).await;
    let mut seeker = Seeker::start(Options { queue_max: 2, ..options() }).await;
    seeker.discovery.send(&node_id("slow"), None, Some(&silent.url()), &offer("s=-"), true);
    while silent.asked("/").is_empty() {
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        seeker.discovery.send(&node_id("slow"), None, Some(&silent.url()), &offer("s=-"), true);
    }
    assert_eq!(seeker.until("the refusal", undeliverable).await, node_id("slow"));
    assert_eq!(seeker.discovery.figures().beyond_bounds, 1);
    seeker.discovery.send(&node_id("other"), None, Some(&lively.url()), &offer("s=-"), true);
    while lively.asked("/").is_empty() {
        tokio::task::yield_now().await;
    }
}
