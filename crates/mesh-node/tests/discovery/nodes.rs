use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sangam_mesh_node::discovery::{Discovered, Options};
use sangam_mesh_proto::Profile;
use sangam_mesh_proto::mesh::Source;
use serde_json::{Value, json};

use crate::originals::{Answer, Asked, Original, Seeker, node_id, offer, options, us};

/// A node whose record has the URL that it was asked at.
fn node(record: Value) -> impl Fn(&Asked, &str) -> Answer + Clone {
    move |asked, url| {
        let mut record = record.clone();
        record["url"] = json!(url);
        Some((
            200,
            match asked.path.as_str() {
                "/state" => json!({"global": {"nodes": {node_id("them").as_str(): record}}}),
                "/channels" => json!(["sviluppo_ui", "global"]),
                "/gossip" => {
                    json!({"channel_id": "global", "payload": asked.body["payload"], "sender_id": "s", "signature": "g"})
                }
                "/bootstrap/handshake" => {
                    json!({"node_id": node_id("them").as_str(), "node_url": url, "channels": [], "known_peers": []})
                }
                _ => return Some((404, json!({}))),
            },
        ))
    }
}

/// It is told its own URL by the request's place: there is one server per test.
async fn start(record: Value) -> Original {
    let url: Arc<std::sync::OnceLock<String>> = Arc::default();
    let (own, answer) = (Arc::clone(&url), node(record));
    let server = Original::start(move |asked| answer(asked, own.get().map_or("", String::as_str))).await;
    url.set(server.url()).unwrap();
    server
}

#[tokio::test]
async fn a_visit_tells_who_a_node_is_what_it_knows_and_which_channels_are_common() {
    for (record, profile) in [(json!({}), Profile::Synapse), (json!({"software": "sangam/0.1.0"}), Profile::Sangam)] {
        let them = start(record).await;
        let mut seeker = Seeker::start(options()).await;
        seeker.discovery.add_url(&them.url());
        let seen = seeker.until("the node", |event| match event {
            Discovered::Seen(sighting) => Some(sighting),
            _ => None,
        });
        let seen = seen.await;
        assert_eq!((seen.peer, seen.source, seen.profile), (node_id("them"), Source::Gossip, profile));
        assert_eq!(seen.url, Some(them.url()));
        let state = seeker.until("its state", |event| match event {
            Discovered::StateOf(_, state) => Some(state),
            _ => None,
        });
        assert!(state.await.value["global"]["nodes"].is_object());
        let common = seeker.until("its channels", |event| match event {
            Discovered::Channels { url, common } => Some((url, common)),
            _ => None,
        });
        assert_eq!(common.await, (them.url(), vec!["global".to_owned()]));
        seeker.discovery.gossip(&them.url(), json!({"channel_id": "global", "payload": "p"}));
        let reply = seeker.until("its reply", |event| match event {
            Discovered::GossipReply(reply) => Some(reply),
            _ => None,
        });
        assert_eq!(reply.await["payload"], "p");
    }
}

#[tokio::test]
async fn a_state_that_is_too_large_is_not_taken() {
    let large = start(json!({"tags": "x".repeat(100_000)})).await;
    let mut seeker = Seeker::start(Options { state_bytes_max: 50_000, ..options() }).await;
    seeker.discovery.add_url(&large.url());
    let small = start(json!({})).await;
    while seeker.discovery.figures().beyond_bounds == 0 {
        tokio::task::yield_now().await;
    }
    seeker.discovery.add_url(&small.url());
    let url = seeker.until("a state", |event| match event {
        Discovered::StateOf(url, _) => Some(url),
        _ => None,
    });
    assert_eq!(url.await, small.url());
}

#[tokio::test]
async fn no_more_states_wait_to_be_read_than_nodes_are_visited_at_once() {
    let mut seeker = Seeker::start(Options { visits_max: 2, ..options() }).await;
    let mut them = Vec::new();
    for _ in 0..3 {
        them.push(start(json!({})).await);
        seeker.discovery.add_url(&them[them.len() - 1].url());
    }
    let mut unread = Vec::new();
    while unread.len() < 2 {
        let state = |event| if let Discovered::StateOf(_, state) = event { Some(state) } else { None };
        unread.push(seeker.until("a state", state).await);
    }
    // Both visits are at their end but for what nobody has read.
    for _ in 0..2 {
        seeker.until("channels", |event| matches!(event, Discovered::Channels { .. }).then_some(())).await;
    }
    let visited = || them.iter().filter(|node| !node.asked("/state").is_empty()).count();
    // A third would begin before these are answered.
    for _ in 0..5 {
        seeker.discovery.gossip(&them[0].url(), json!({"channel_id": "global", "payload": "p"}));
        seeker.until("a reply", |event| matches!(event, Discovered::GossipReply(_)).then_some(())).await;
    }
    assert_eq!(visited(), 2);
    unread.pop();
    seeker.until("the third state", |event| matches!(event, Discovered::StateOf(..)).then_some(())).await;
    assert_eq!(visited(), 3);
}

#[tokio::test]
async fn a_named_node_is_greeted_until_it_answers_and_its_peers_are_visited() {
    let friend = start(json!({})).await;
    let (friends_url, tries) = (friend.url(), Arc::new(AtomicUsize::new(0)));
    let named = Original::start(move |asked| match asked.path.as_str() {
        "/bootstrap/handshake" if tries.fetch_add(1, Ordering::Relaxed) < 2 => Some((503, json!({}))),
        "/bootstrap/handshake" => Some((
            200,
            json!({"node_id": node_id("named").as_str(), "node_url": "http://x", "channels": ["global"],
                   "known_peers": [friends_url, "http://127.0.0.1:8000", "nonsense"]}),
        )),
        _ => Some((404, json!({}))),
    })
    .await;
    let mut seeker = Seeker::start(Options { bootstrap: vec![named.url()], ..options() }).await;
    let mut missing = vec![(node_id("named"), Source::Bootstrap), (node_id("them"), Source::Gossip)];
    seeker
        .until("both nodes", |event| {
            if let Discovered::Seen(seen) = event {
                missing.retain(|(peer, source)| (peer, source) != (&seen.peer, &seen.source));
            }
            missing.is_empty().then_some(())
        })
        .await;
    let greeted = named.asked("/bootstrap/handshake");
    assert_eq!(greeted.len(), 3);
    assert_eq!(greeted[0].body, json!({"peer_id": us().id.as_str(), "peer_url": "http://127.0.0.1:8000"}));
}

#[tokio::test]
async fn nobody_makes_us_ask_our_own_host_unless_nodes_are_there() {
    let them = start(json!({})).await;
    let elsewhere = Options { loopback: false, ..options() };
    let mut seeker = Seeker::start(elsewhere.clone()).await;
    seeker.discovery.add_url(&them.url());
    seeker.discovery.gossip(&them.url(), json!({"channel_id": "global"}));
    seeker.discovery.set_relays(vec![them.url()]);
    seeker.discovery.send(&node_id("b"), None, Some(&them.url()), &offer("s=-"), true);
    seeker.until("the refusal", |event| matches!(event, Discovered::Undeliverable { .. }).then_some(())).await;
    while seeker.discovery.figures().out_of_reach < 4 {
        tokio::task::yield_now().await;
    }
    assert!(them.asked("/").is_empty());
    let mut seeker = Seeker::start(Options { bootstrap: vec![them.url()], ..elsewhere }).await;
    seeker.until("its state", |event| matches!(event, Discovered::StateOf(..)).then_some(())).await;
}
