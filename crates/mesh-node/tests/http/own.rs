//! What we add.

use serde_json::json;

use crate::engine::{Asked, FRIEND, Lab, Truth, US, failed_link, open_link, peer_view};

#[tokio::test]
async fn the_operator_sees_links_with_their_addresses_and_figures() {
    let lab = Lab::new(Truth { links: vec![open_link(FRIEND), failed_link("B")], ..Truth::default() });
    let links = lab.get_here("/api/v1/links").await.json();
    let open = &links["links"][0];
    let pair = json!({
        "local": { "kind": "relay", "address": "198.51.100.1:49200" },
        "remote": { "kind": "host", "address": "192.0.2.9:50001" },
        "protocol": "tls", "relayed": true, "round_trip_ms": 25.0,
    });
    assert_eq!((&open["selected_pair"], &open["connect_ms"], &open["open_ms"]), (&pair, &json!(310), &json!(60_000)));
    assert_eq!((&open["bytes_sent"], &open["messages_received"]), (&json!(100), &json!(2)));
    let failed = &links["links"][1];
    assert_eq!((&failed["state"], &failed["reason"]), (&json!("closed"), &json!("no_path")));
}

#[tokio::test]
async fn the_operator_sees_the_node_its_peers_and_its_topics() {
    let lab = Lab::new(Truth { peers: vec![peer_view(FRIEND)], ..Truth::default() });
    let node = lab.get_here("/api/v1/node").await.json();
    assert_eq!((&node["id"], &node["url"]), (&json!(US), &json!("http://us:8000")));
    let peer = json!({ "id": FRIEND, "profile": "unknown", "url": "http://friend:8000", "sources": ["rendezvous:1"],
        "link": { "link": 7, "state": "closed", "reason": "no_answer" }, "attempts": 3 });
    lab.get_here("/api/v1/peers").await.is(200, &json!({ "peers": [peer] }));
    assert_eq!(lab.get_here("/api/v1/topics").await.json()["published"], 7);
}

#[tokio::test]
async fn a_message_is_published_as_the_json_that_it_is() {
    let lab = Lab::new(Truth::default());
    let answer = lab.post_here("/api/v1/publish", json!({ "topic": "t", "payload": { "b": 1, "a": [2] } })).await;
    answer.is(200, &json!({ "message_id": "abababab-abab-abab-abab-abababababab" }));
    assert_eq!(lab.asked(), [Asked::Publish("t".to_owned(), r#"{"a":[2],"b":1}"#.to_owned())]);
    for (topic, status, code) in [("", 400, "topic_invalid"), ("large", 413, "message_too_large")] {
        let refused = lab.post_here("/api/v1/publish", json!({ "topic": topic, "payload": 1 })).await;
        assert_eq!((refused.status.as_u16(), refused.json()["code"].clone()), (status, json!(code)));
    }
    assert_eq!(lab.post_here("/api/v1/publish", json!({ "topic": "t" })).await.json()["code"], "body_invalid");
}

#[tokio::test]
async fn a_signed_message_goes_to_an_agent_or_is_refused_if_there_is_none() {
    let lab = Lab::new(Truth { sent: 2, ..Truth::default() });
    let message = json!({ "performative": "inform", "payload": { "text": "hi" } });
    let answer = lab.post_here("/api/v1/send", json!({ "to": "*", "message": message })).await;
    answer.is(200, &json!({ "sent": 2 }));
    assert_eq!(lab.asked(), [Asked::Send("*".to_owned(), message)]);
    let lab = Lab::new(Truth::default());
    assert_eq!(lab.post_here("/api/v1/send", json!({ "to": "x", "message": {} })).await.status, 404);
}

#[tokio::test]
async fn links_are_sought_and_ended_on_order() {
    let lab = Lab::new(Truth::default());
    for path in ["/api/v1/dial", "/api/v1/hang"] {
        lab.post_here(path, json!({ "peer": FRIEND })).await.is(202, &json!({ "status": "accepted" }));
        assert_eq!(lab.post_here(path, json!({ "peer": "" })).await.json()["code"], "peer_invalid");
    }
    // The second is handed over before the first answer is read.
    lab.get_here("/api/v1/node").await;
    assert_eq!(lab.asked(), [Asked::Dial(FRIEND.to_owned()), Asked::Hang(FRIEND.to_owned())]);
}

#[tokio::test]
async fn the_page_links_to_what_there_is_and_holds_no_script() {
    let lab = Lab::new(Truth::default());
    let page = lab.get("/").await;
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    assert!(page.text.contains(US) && !page.text.contains("<script"), "{}", page.text);
    let links: Vec<&str> = page.text.split("href=\"").skip(1).filter_map(|it| it.split('"').next()).collect();
    assert!(links.len() > 10);
    // The binary has the last two.
    for path in links.iter().filter(|path| !["/metrics", "/ready", "/api/v1/events"].contains(*path)) {
        assert_eq!(lab.get_here(path).await.status, 200, "{path}");
    }
}
