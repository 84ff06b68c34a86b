use sangam_sync_server::Streams;
use std::time::Duration;

use crate::side::{bearer, upsert};
use crate::support::{Server, data};

#[tokio::test]
async fn a_stream_begins_with_connected_and_goes_on_with_operations_and_pings_byte_for_byte() {
    let server = Server::with(Streams { ping_interval: Duration::from_millis(20), ..Streams::default() }).await;
    let mut events = server.events("dev-1").await;
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-cache"),
        ("connection", "keep-alive"),
        ("x-accel-buffering", "no"),
    ] {
        assert_eq!(events.headers[name], value);
    }
    let connected = "event: connected\ndata: {\"subscriptionId\":\"dev-1-1702569600000-1\",\"cursor\":0}\n\n";
    assert_eq!(events.next().await.unwrap(), connected);
    server.push("d", "dev-2", vec![upsert("d", "dev-2", 7, "t1", 3)]).await;
    let operations = "event: operations\nid: 1-0\ndata: {\"cursor\":1,\"operations\":[{\"opId\":1,\"dbId\":\"d\",\
        \"deviceId\":\"dev-2\",\"collection\":\"tasks\",\"entityId\":\"t1\",\"opType\":\"upsert\",\"entityVersion\":3,\
        \"timestampMs\":1702569600000}],\"count\":1}\n\n";
    assert_eq!(events.next().await.unwrap(), operations);
    assert_eq!(events.chunk().await.unwrap(), "event: ping\ndata: {\"timestamp\":1702569600000}\n\n");
}

#[tokio::test]
async fn the_stream_route_is_the_same() {
    let server = Server::plain().await;
    let mut events = server.events_at("/v1/stream?deviceId=a&dbId=d", &bearer("d", None), "").await;
    assert_eq!(events.connected().await, 0);
    server.push("d", "b", vec![upsert("d", "b", 1, "e", 1)]).await;
    assert_eq!(events.operations().await, (1, vec![1]));
}

#[tokio::test]
async fn a_stream_without_a_place_to_go_on_from_begins_at_the_head() {
    let server = Server::plain().await;
    server.push("d", "b", (1..=5).map(|n| upsert("d", "b", n, &format!("e{n}"), 1)).collect()).await;
    let mut events = server.events("a").await;
    assert_eq!(events.connected().await, 5);
    server.push("d", "b", vec![upsert("d", "b", 6, "e6", 1)]).await;
    assert_eq!(events.operations().await, (6, vec![6]));
}

#[tokio::test]
async fn a_stream_goes_on_from_the_last_event_id_or_since() {
    let server = Server::plain().await;
    server.push("d", "b", (1..=50).map(|n| upsert("d", "b", n, &format!("e{n}"), 1)).collect()).await;
    let own = bearer("d", Some("a"));
    for (query, header) in [("", "last-event-id: 20-3\r\n"), ("&since=20", ""), ("&since=1", "last-event-id: 20\r\n")] {
        let mut events = server.events_at(&format!("/v1/events?deviceId=a{query}"), &own, header).await;
        assert_eq!(events.connected().await, 50);
        assert_eq!(events.cursors_to(50).await, (21..=50).collect::<Vec<_>>());
    }
    let mut all = server.events_at("/v1/events?deviceId=a&since=0", &own, "").await;
    assert_eq!(all.connected().await, 50);
    assert_eq!(all.cursors_to(50).await, (1..=50).collect::<Vec<_>>());
    server.push("d", "b", vec![upsert("d", "b", 51, "e51", 1)]).await;
    assert_eq!(all.operations().await, (51, vec![51]));
}

#[tokio::test]
async fn who_has_everything_is_told_nothing_twice() {
    let server = Server::plain().await;
    server.push("d", "b", vec![upsert("d", "b", 1, "e", 1)]).await;
    let mut events = server.events_at("/v1/events?deviceId=a&since=1", &bearer("d", Some("a")), "").await;
    assert_eq!(events.connected().await, 1);
    server.push("d", "b", vec![upsert("d", "b", 2, "f", 1)]).await;
    assert_eq!(events.operations().await, (2, vec![2]));
}

#[tokio::test]
async fn who_comes_from_above_the_head_is_told_to_pull_and_hears_what_follows() {
    let server = Server::plain().await;
    server.push("d", "b", vec![upsert("d", "b", 1, "e", 1)]).await;
    let mut events =
        server.events_at("/v1/events?deviceId=a", &bearer("d", Some("a")), "last-event-id: 900-1\r\n").await;
    assert_eq!(events.connected().await, 1);
    assert_eq!(events.operations().await, (1, vec![]));
    server.push("d", "b", vec![upsert("d", "b", 2, "f", 1)]).await;
    assert_eq!(events.operations().await, (2, vec![2]));
}

#[tokio::test]
async fn an_id_that_is_none_of_ours_is_none() {
    let server = Server::plain().await;
    server.push("d", "b", vec![upsert("d", "b", 1, "e", 1)]).await;
    for header in ["last-event-id: abc\r\n", "last-event-id: -1\r\n", "last-event-id: \r\n"] {
        let mut events = server.events_at("/v1/events?deviceId=a", &bearer("d", Some("a")), header).await;
        assert_eq!(events.connected().await, 1);
    }
}

#[tokio::test]
async fn a_list_of_collections_is_a_filter_in_the_replay_and_live() {
    let server = Server::plain().await;
    let of = |n: u64, collection: &str| {
        let op = upsert("d", "b", n, &format!("e{n}"), 1);
        sangam_sync_proto::Operation { collection: collection.into(), ..op }
    };
    let names = ["tasks", "notes & more", "J\u{f6}rg", "other"];
    let ops = |from: u64| names.iter().zip(from..).map(|(name, n)| of(n, name)).collect::<Vec<_>>();
    server.push("d", "b", ops(1)).await;
    // As Dart's `Uri` writes a list.
    let path = "/v1/events?deviceId=a&since=0&collections=notes+%26+more%2CJ%C3%B6rg";
    let mut events = server.events_at(path, &bearer("d", Some("a")), "").await;
    assert_eq!(events.connected().await, 4);
    assert_eq!(events.cursors_to(3).await, [2, 3]);
    server.push("d", "b", ops(5)).await;
    assert_eq!(events.cursors_to(7).await, [6, 7]);
}

#[tokio::test]
async fn names_beyond_ascii_arrive_as_they_were_sent() {
    let server = Server::plain().await;
    let mut events = server.events_at("/v1/events?deviceId=J%C3%B6rg%20%F0%9F%98%80", &bearer("d", None), "").await;
    let connected = events.next().await.unwrap();
    assert!(data(&connected)["subscriptionId"].as_str().unwrap().starts_with("J\u{f6}rg \u{1f600}-1702569600000-"));
    server.push("d", "b\r\n\u{65e5}", vec![upsert("d", "b\r\n\u{65e5}", 1, "\u{e9}\n\ndata: x", 1)]).await;
    let event = events.next().await.unwrap();
    assert_eq!(data(&event)["operations"][0]["deviceId"], "b\r\n\u{65e5}");
    assert_eq!(data(&event)["operations"][0]["entityId"], "\u{e9}\n\ndata: x");
}

#[tokio::test]
async fn a_stream_is_never_compressed() {
    let server = Server::plain().await;
    let encodings = "accept-encoding: gzip, zstd, br\r\n";
    let mut events = server.events_at("/v1/events?deviceId=a", &bearer("d", Some("a")), encodings).await;
    assert!(!events.headers.contains_key("content-encoding"));
    assert_eq!(events.connected().await, 0);
}

#[tokio::test]
async fn head_tells_the_type_and_opens_nothing() {
    let server = Server::plain().await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut events = server.events("a").await;
        events.connected().await;
        open.push(events);
    }
    let own = bearer("d", Some("a"));
    let head = server.ask(&format!("HEAD /v1/events?deviceId=a HTTP/1.1\r\nauthorization: {own}\r\n")).await;
    assert_eq!((head.status, &head.headers["content-type"]), (200, &"text/event-stream".parse().unwrap()));
    server.push("d", "b", vec![upsert("d", "b", 1, "e", 1)]).await;
    for mut events in open {
        assert_eq!(events.operations().await, (1, vec![1]), "a fourth stream would have ended the first");
    }
}
