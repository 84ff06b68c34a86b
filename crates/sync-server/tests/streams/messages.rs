use futures_util::SinkExt as _;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::side::{bearer, upsert};
use crate::support::{Server, Socket, op_ids};

/// An operation as the client writes it.
fn op(device: &str, op_id: u64, entity: &str, version: u64) -> Value {
    json!({
        "opId": op_id, "dbId": "d", "deviceId": device, "collection": "c", "entityId": entity, "opType": "upsert",
        "entityVersion": version, "timestampMs": 1_702_569_601_000_u64, "entityCbor": [160],
    })
}

fn push(id: &str, ops: &[Value]) -> String {
    json!({ "type": "push", "id": id, "data": { "operations": ops } }).to_string()
}

/// The answer to a request; what is told in between is passed over.
async fn answer(socket: &mut Socket, request: String) -> Value {
    socket.send(request).await;
    loop {
        let message = socket.json().await;
        if message["type"] != "operations" {
            return message;
        }
    }
}

#[tokio::test]
async fn a_socket_is_greeted_byte_for_byte() {
    let server = Server::plain().await;
    let mut socket = server.try_socket("?deviceId=dev-1", &bearer("d", Some("dev-1"))).await.unwrap();
    let greeting = r#"{"type":"subscribed","data":{"connectionId":"ws-dev-1-1702569600000-1","cursor":0}}"#;
    assert_eq!(socket.text().await, greeting);
}

#[tokio::test]
async fn a_push_is_answered_and_told_with_bodies_to_others_and_to_its_author() {
    let server = Server::plain().await;
    let (mut author, mut other) = (server.socket("dev-2").await, server.socket("dev-1").await);
    author.send(push("1", &[op("dev-2", 7, "e", 1)])).await;
    let (first, second) = (author.text().await, author.text().await);
    let pushed = r#"{"type":"pushResponse","id":"1","data":{"acknowledgedUpToOpId":7,"conflicts":[]}}"#;
    let told = r#"{"type":"operations","id":"1-0","data":{"cursor":1,"operations":[{"opId":1,"dbId":"d","deviceId":"dev-2","collection":"c","entityId":"e","opType":"upsert","entityVersion":1,"timestampMs":1702569600000,"entityCbor":[160]}],"count":1}}"#;
    assert!([&*first, &*second] == [pushed, told] || [&*first, &*second] == [told, pushed], "{first} {second}");
    assert_eq!(other.text().await, told);
}

#[tokio::test]
async fn a_pull_is_answered_with_its_id() {
    let server = Server::plain().await;
    let mut socket = server.socket("dev-1").await;
    answer(&mut socket, push("p", &[op("dev-1", 1, "e", 1), op("dev-1", 2, "f", 1), op("dev-1", 3, "g", 1)])).await;
    let page = answer(&mut socket, r#"{"type":"pull","id":"0","data":{"sinceCursor":1,"limit":1}}"#.to_owned()).await;
    let expected = json!({
        "type": "pullResponse", "id": "0",
        "data": {
            "operations": [{
                "opId": 2, "dbId": "d", "deviceId": "dev-1", "collection": "c", "entityId": "f", "opType": "upsert",
                "entityVersion": 1, "timestampMs": 1_702_569_600_000_u64, "entityCbor": [160],
            }],
            "nextCursor": 2, "hasMore": true,
        },
    });
    assert_eq!(page, expected);
    let all = answer(&mut socket, r#"{"type":"pull","id":"x","data":{}}"#.to_owned()).await;
    assert_eq!(
        (op_ids(&all), all["data"]["nextCursor"].clone(), all["data"]["hasMore"].clone()),
        (vec![1, 2, 3], json!(3), json!(false))
    );
    let none = answer(&mut socket, r#"{"type":"pull","id":"y","data":{"collections":["zz"]}}"#.to_owned()).await;
    assert_eq!((op_ids(&none), &none["data"]["hasMore"]), (vec![], &json!(false)));
}

#[tokio::test]
async fn a_conflict_is_told_without_bodies() {
    let server = Server::plain().await;
    server
        .push(
            "d",
            "dev-2",
            vec![sangam_sync_proto::Operation { collection: "c".into(), ..upsert("d", "dev-2", 1, "e", 6) }],
        )
        .await;
    let mut socket = server.socket("dev-1").await;
    socket.send(push("1", &[op("dev-1", 4, "e", 5)])).await;
    let expected = r#"{"type":"pushResponse","id":"1","data":{"acknowledgedUpToOpId":0,"conflicts":[{"collection":"c","entityId":"e","serverVersion":6}]}}"#;
    assert_eq!(socket.text().await, expected);
    socket.send(push("2", &[op("dev-1", 4, "e", 5)])).await;
    let again = socket.text().await;
    assert_eq!(again, expected.replace("\"id\":\"1\"", "\"id\":\"2\"").replace("OpId\":0", "OpId\":4"), "rule 5");
}

#[tokio::test]
async fn an_operation_of_another_replica_or_database_is_refused_whole() {
    let server = Server::plain().await;
    let mut socket = server.socket("dev-1").await;
    let mut foreign = op("dev-1", 1, "e", 1);
    foreign["dbId"] = "other".into();
    for ops in [vec![op("dev-1", 1, "e", 1), op("dev-2", 2, "f", 1)], vec![foreign]] {
        let refused = answer(&mut socket, push("1", &ops)).await;
        assert_eq!(
            (&refused["type"], &refused["id"], &refused["data"]["code"]),
            (&json!("error"), &json!("1"), &json!("push_error"))
        );
    }
    let page = answer(&mut socket, r#"{"type":"pull","id":"0","data":{}}"#.to_owned()).await;
    assert_eq!(op_ids(&page), Vec::<u64>::new());
}

#[tokio::test]
async fn a_subscription_changes_what_is_told_and_is_answered_each_time() {
    let server = Server::plain().await;
    let mut socket = server.socket("dev-1").await;
    let of = |n: u64, collection: &str| sangam_sync_proto::Operation {
        collection: collection.into(),
        ..upsert("d", "b", n, &format!("e{n}"), 1)
    };
    server.push("d", "b", vec![of(1, "tasks")]).await;
    assert_eq!(socket.cursors_to(1).await, [1]);
    socket.send(r#"{"type":"subscribe","data":{"collections":["notes"]}}"#).await;
    let subscribed = socket.json().await;
    assert_eq!((&subscribed["type"], &subscribed["data"]["cursor"]), (&json!("subscribed"), &json!(1)));
    server.push("d", "b", vec![of(2, "tasks")]).await;
    server.push("d", "b", vec![of(3, "notes")]).await;
    assert_eq!(socket.cursors_to(3).await, [3]);
    socket.send(r#"{"type":"subscribe","data":{}}"#).await;
    assert_eq!(socket.json().await["data"]["cursor"], 3);
    server.push("d", "b", vec![of(4, "tasks")]).await;
    assert_eq!(socket.cursors_to(4).await, [4]);
}

#[tokio::test]
async fn an_ack_is_where_the_replica_goes_on_if_its_token_names_it() {
    let server = Server::plain().await;
    let ops = (1..=10).map(|n| upsert("d", "b", n, &format!("e{n}"), 1)).collect();
    server.push("d", "b", ops).await;
    let mut anonymous = server.try_socket("?deviceId=dev-2", &bearer("d", None)).await.unwrap();
    anonymous.send(r#"{"type":"ack","data":{"cursor":9}}"#).await;
    anonymous.send(r#"{"type":"ping","data":{"timestamp":1}}"#).await;
    let mut socket = server.socket("dev-1").await;
    socket.send(r#"{"type":"ack","data":{"cursor":8}}"#).await;
    // What comes in is taken in order.
    socket.send(r#"{"type":"ping","data":{"timestamp":1}}"#).await;
    assert_eq!(socket.json().await["type"], "pong");
    assert_eq!(anonymous.json().await["type"], "subscribed");
    assert_eq!(anonymous.json().await["type"], "pong");
    for (device, resume) in [("dev-1", 8), ("dev-2", 0)] {
        let welcome = server.side.handshake(&bearer("d", Some(device)), "d", device, &[]).await.welcomed();
        assert_eq!(welcome.cursor, resume, "{device}");
    }
}

#[tokio::test]
async fn what_is_no_message_is_answered_and_the_socket_goes_on() {
    let server = Server::plain().await;
    let mut socket = server.socket("dev-1").await;
    for (bad, id, code) in [
        ("", Value::Null, "invalid_message"),
        ("not json", Value::Null, "invalid_message"),
        ("[]", Value::Null, "invalid_message"),
        (r#"{"id":"7"}"#, json!("7"), "invalid_message"),
        (r#"{"type":"fly","id":"8","data":{}}"#, json!("8"), "unknown_type"),
        (r#"{"type":"pull","id":"9","data":{"sinceCursor":"x"}}"#, json!("9"), "pull_error"),
        (r#"{"type":"push","id":"10","data":{"operations":[{"opId":1}]}}"#, json!("10"), "push_error"),
    ] {
        let refused = answer(&mut socket, bad.to_owned()).await;
        assert_eq!((&refused["type"], &refused["data"]["code"]), (&json!("error"), &json!(code)), "{bad}");
        assert_eq!(refused["id"], id, "{bad}");
        assert!(refused["data"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{bad}");
    }
    socket.stream.send(Message::binary(vec![0xff; 100])).await.unwrap();
    socket.send(r#"{"type":"pong","data":{"timestamp":1,"serverTime":2}}"#).await;
    socket.send(r#"{"type":"ping","data":{"timestamp":1702569630000}}"#).await;
    assert_eq!(socket.text().await, r#"{"type":"pong","data":{"timestamp":1702569630000,"serverTime":1702569600000}}"#);
}

#[tokio::test]
async fn requests_that_come_at_once_are_answered_in_order() {
    let server = Server::plain().await;
    let mut socket = server.socket("dev-1").await;
    for n in 1..=30 {
        socket.stream.feed(Message::text(push(&n.to_string(), &[op("dev-1", n, &format!("e{n}"), 1)]))).await.unwrap();
    }
    socket.stream.flush().await.unwrap();
    let mut answered = Vec::new();
    let mut heard = Vec::new();
    while answered.len() < 30 || heard.len() < 30 {
        let message = socket.json().await;
        if message["type"] == "pushResponse" {
            answered.push(message["id"].as_str().unwrap().parse::<u64>().unwrap());
        } else {
            heard.extend(op_ids(&message));
        }
    }
    assert_eq!(answered, (1..=30).collect::<Vec<_>>());
    assert_eq!(heard, (1..=30).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_page_of_large_bodies_is_cut_where_its_message_would_be_too_long() {
    let options = sangam_sync_server::Options { page_bytes_max: 10_000, ..Default::default() };
    let server = Server::start(options, crate::side::live()).await;
    let mut large = upsert("d", "b", 1, "e", 1);
    let mut body = vec![0x59, 0x03, 0xe8];
    body.resize(1_003, 7);
    large.body = Some(body.into());
    let ops =
        (1..=9).map(|n| sangam_sync_proto::Operation { op_id: n, entity: format!("e{n}").into(), ..large.clone() });
    server.push("d", "b", ops.collect()).await;
    let mut socket = server.socket("a").await;
    let (mut since, mut heard, mut pages) = (0, Vec::new(), 0);
    loop {
        let request = json!({ "type": "pull", "id": "1", "data": { "sinceCursor": since } }).to_string();
        let page = answer(&mut socket, request).await;
        heard.extend(op_ids(&page));
        pages += 1;
        since = page["data"]["nextCursor"].as_u64().unwrap();
        if page["data"]["hasMore"] == false {
            break;
        }
    }
    assert_eq!((heard, since), ((1..=9).collect::<Vec<_>>(), 9));
    assert!(pages > 2, "{pages}");
}

#[tokio::test]
async fn who_asks_too_often_waits_and_is_answered() {
    let live = sangam_sync_server::Live { rate_per_sec: 2, rate_burst: 2, ..crate::side::live() };
    let server = Server::start(sangam_sync_server::Options::default(), live).await;
    // The upgrade is the first request, this the second.
    let mut socket = server.socket("a").await;
    let pull = |id: u64| json!({ "type": "pull", "id": id.to_string(), "data": {} }).to_string();
    assert_eq!(answer(&mut socket, pull(1)).await["type"], "pullResponse");
    let begun = std::time::Instant::now();
    socket.send(pull(2)).await;
    socket.send(pull(3)).await;
    for id in ["2", "3"] {
        let page = socket.json().await;
        assert_eq!((&page["type"], &page["id"]), (&json!("pullResponse"), &json!(id)));
    }
    assert!(begun.elapsed() >= std::time::Duration::from_millis(400), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_flood_of_subscriptions_is_answered_and_harms_nobody() {
    let server = Server::with(sangam_sync_server::Streams { queue_bytes_max: 2_000, ..Default::default() }).await;
    let (mut socket, mut other) = (server.socket("a").await, server.socket("b").await);
    for _ in 0..2_000 {
        socket.stream.feed(Message::text(r#"{"type":"subscribe","data":{}}"#)).await.unwrap();
    }
    socket.send(r#"{"type":"ping","data":{"timestamp":9}}"#).await;
    loop {
        let message = socket.json().await;
        match message["type"].as_str() {
            Some("subscribed" | "operations") => {}
            Some("pong") => break,
            _ => panic!("{message}"),
        }
    }
    server.push("d", "b", vec![upsert("d", "b", 1, "e", 1)]).await;
    assert_eq!(other.cursors_to(1).await, [1]);
}
