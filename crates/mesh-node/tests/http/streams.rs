//! `/ws` and event streams, over real sockets.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use sangam_mesh_node::http::HttpOptions;
use sangam_mesh_node::node::AgentEvent;
use sangam_mesh_proto::TraceId;
use sangam_mesh_proto::agent_event::AgentEventKind;
use sangam_mesh_proto::gossip::{Delivery, MessageId};
use sangam_net::http::serve;
use sangam_net::{FrontOptions, LiveRules, TcpFront, Tls};
use sangam_types::Wall;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::engine::{FRIEND, Lab, Truth, US, open_link, peer};

/// Serves the lab's routes on a port of loopback.
fn listen(lab: &Lab) -> SocketAddr {
    let front = TcpFront::bind("127.0.0.1:0".parse().unwrap(), Tls::Off, FrontOptions::default(), LiveRules::default());
    let front = front.unwrap();
    let addr = front.local_addr();
    tokio::spawn(serve(front, lab.router.clone(), Default::default(), lab.deps.stop.clone()));
    addr
}

fn often() -> HttpOptions {
    HttpOptions { update_interval: Duration::from_millis(5), ..HttpOptions::default() }
}

#[tokio::test]
async fn everything_is_told_at_once_and_again_until_the_node_stops() {
    let lab = Lab::with(Truth { links: vec![open_link(FRIEND)], ..Truth::default() }, often());
    let (mut socket, _) = tokio_tungstenite::connect_async(format!("ws://{}/ws", listen(&lab))).await.unwrap();
    for _ in 0..3 {
        let text = socket.next().await.unwrap().unwrap().into_text().unwrap();
        let update: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(update["type"], "full_update");
        assert_eq!(update["state"]["global"]["nodes"][US]["id"], US);
        assert_eq!(update["network_stats"]["webrtc_connections"]["peers"][FRIEND]["latency_ms"], 25.0);
        socket.send(Message::text("ignored")).await.unwrap();
    }
    lab.deps.stop.cancel();
    let close = loop {
        if let Message::Close(frame) = socket.next().await.unwrap().unwrap() {
            break frame.unwrap();
        }
    };
    assert_eq!(u16::from(close.code), 1001);
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused_though_its_browser_is_here() {
    let lab = Lab::with(Truth::default(), often());
    let addr = listen(&lab);
    let ask = async |origin: &str| {
        let mut request = format!("ws://{addr}/ws").into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        tokio_tungstenite::connect_async(request).await
    };
    let refused = ask("https://evil.example").await.unwrap_err();
    assert!(matches!(refused, tokio_tungstenite::tungstenite::Error::Http(answer) if answer.status() == 403));
    assert!(ask(&format!("http://{addr}")).await.is_ok());
}

#[tokio::test]
async fn a_client_that_says_too_much_is_cut_off() {
    let lab = Lab::with(Truth::default(), often());
    let (mut socket, _) = tokio_tungstenite::connect_async(format!("ws://{}/ws", listen(&lab))).await.unwrap();
    socket.send(Message::text("x".repeat(5_000))).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
}

#[tokio::test]
async fn streams_are_bounded_and_one_that_ends_makes_room() {
    let options = HttpOptions { streams_max: 1, ..often() };
    let lab = Lab::with(Truth::default(), options);
    let url = format!("ws://{}/ws", listen(&lab));
    let (mut first, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    let refused = tokio_tungstenite::connect_async(&url).await.unwrap_err();
    assert!(matches!(refused, tokio_tungstenite::tungstenite::Error::Http(answer) if answer.status() == 503));
    first.close(None).await.unwrap();
    while let Some(Ok(_)) = first.next().await {}
    while tokio_tungstenite::connect_async(&url).await.is_err() {}
}

/// Lines of an event stream.
async fn stream(addr: SocketAddr, path: &str) -> tokio::io::Lines<BufReader<TcpStream>> {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "HTTP/1.1 200 OK");
    while !lines.next_line().await.unwrap().unwrap().is_empty() {}
    lines
}

async fn line_with(lines: &mut tokio::io::Lines<BufReader<TcpStream>>, start: &str) -> String {
    loop {
        let line = lines.next_line().await.unwrap().expect("the stream goes on");
        if let Some(rest) = line.strip_prefix(start) {
            return rest.trim().to_owned();
        }
    }
}

fn event(number: usize) -> AgentEvent {
    let trace = TraceId::from_bytes(std::array::from_fn(|at| if at == 11 { number as u8 } else { 0 }));
    AgentEvent::new(AgentEventKind::DataChannelOpen, peer(US), trace, Wall::from_unix_millis(0)).with_peer(peer(FRIEND))
}

#[tokio::test]
async fn what_happens_is_streamed_and_what_was_missed_is_said() {
    let lab = Lab::new(Truth::default());
    let mut lines = stream(listen(&lab), "/api/v1/events").await;
    lab.events.send(event(1)).unwrap();
    assert_eq!(line_with(&mut lines, "event:").await, "datachannel_open");
    let data: Value = serde_json::from_str(&line_with(&mut lines, "data:").await).unwrap();
    assert_eq!((&data["peer_id"], &data["event"]), (&json!(FRIEND), &json!("datachannel_open")));
    // More at once than wait for anybody: no task runs in between.
    for number in 0..40 {
        lab.events.send(event(number)).unwrap();
    }
    assert_eq!(line_with(&mut lines, "event:").await, "lagged");
    let data: Value = serde_json::from_str(&line_with(&mut lines, "data:").await).unwrap();
    assert_eq!(data, json!({ "lost": 24 }));
    assert_eq!(line_with(&mut lines, "event:").await, "datachannel_open");
    lab.deps.stop.cancel();
    while lines.next_line().await.unwrap().is_some() {}
}

#[tokio::test]
async fn messages_of_a_topic_are_streamed() {
    let lab = Lab::new(Truth::default());
    let mut lines = stream(listen(&lab), "/api/v1/messages?topic=news%2F1").await;
    let (topic, to) = lab.subscribers.lock().unwrap().pop().unwrap();
    assert_eq!(topic, "news/1");
    let delivery = |payload: &'static [u8]| Delivery {
        published: Wall::from_unix_millis(0),
        proven: true,
        topic: topic.clone(),
        origin: peer(FRIEND),
        id: MessageId([0; 16]),
        hops: 2,
        payload: payload.into(),
    };
    for (payload, key, expected) in
        [(&br#"{"a":1}"#[..], "payload", json!({ "a": 1 })), (&b"\xff\x00"[..], "payload_base64", json!("/wA="))]
    {
        to.send(delivery(payload)).await.unwrap();
        let data: Value = serde_json::from_str(&line_with(&mut lines, "data:").await).unwrap();
        assert_eq!((&data[key], &data["hops"], &data["origin"]), (&expected, &json!(2), &json!(FRIEND)));
    }
    drop(lines);
    to.closed().await;
}
