use std::net::SocketAddr;

use futures_util::SinkExt as _;
use http::{HeaderMap, HeaderName};
use sangam_signal_server::Options;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::support::TestServer;

#[tokio::test]
async fn the_guides_conversation_has_the_originals_bytes() {
    let server = TestServer::start(Options::default()).await;
    let mut a = server.open().await;
    a.send(r#"{"type":"register","agent_id":"a"}"#).await;
    a.expect(r#"{"type":"registered","agent_id":"a","connected_agents":[]}"#).await;
    let mut b = server.open().await;
    b.send(r#"{"type":"register","agent_id":"b"}"#).await;
    b.expect(r#"{"type":"registered","agent_id":"b","connected_agents":["a"]}"#).await;
    a.expect(r#"{"type":"agent-joined","agent_id":"b"}"#).await;

    a.send(r#"{"type":"offer","from":"a","to":"b","offer":{"type":"offer","sdp":"v=0\r\n"},"extra":1}"#).await;
    b.expect(r#"{"type":"offer","from":"a","to":"b","offer":{"type":"offer","sdp":"v=0\r\n"}}"#).await;
    b.send(r#"{"type":"answer","from":"b","to":"a","answer":{"type":"answer","sdp":"v=0\r\n"}}"#).await;
    a.expect(r#"{"type":"answer","from":"b","to":"a","answer":{"type":"answer","sdp":"v=0\r\n"}}"#).await;
    a.send(r#"{"type":"ice-candidate","from":"a","to":"b","candidate":{"candidate":"a=candidate:1"}}"#).await;
    b.expect(r#"{"type":"ice-candidate","from":"a","to":"b","candidate":{"candidate":"a=candidate:1"}}"#).await;

    a.send(r#"{"type":"offer","from":"a","to":"ghost","offer":{}}"#).await;
    a.expect(r#"{"type":"error","message":"Error: Agent ghost not found"}"#).await;
    a.send(r#"{"type":"ice-candidate","from":"a","to":"ghost","candidate":{}}"#).await;
    a.send(r#"{"type":"hello"}"#).await;
    a.expect_silence().await;

    a.stream.close(None).await.unwrap();
    b.expect(r#"{"type":"agent-left","agent_id":"a"}"#).await;
}

#[tokio::test]
async fn binary_frames_are_as_good_as_text_and_answers_are_text() {
    let server = TestServer::start(Options::default()).await;
    let mut a = server.open().await;
    a.stream.send(Message::binary(&br#"{"type":"register","agent_id":"a"}"#[..])).await.unwrap();
    a.expect(r#"{"type":"registered","agent_id":"a","connected_agents":[]}"#).await;
}

#[tokio::test]
async fn a_socket_that_vanishes_leaves_like_one_that_closes() {
    let server = TestServer::start(Options::default()).await;
    let mut a = server.agent("a").await;
    drop(server.agent("b").await);
    a.expect(r#"{"type":"agent-joined","agent_id":"b"}"#).await;
    a.expect(r#"{"type":"agent-left","agent_id":"b"}"#).await;
}

#[tokio::test]
async fn any_path_and_query_is_signaling_on_the_signaling_listener() {
    let server = TestServer::start(Options::default()).await;
    for path in ["/any", "/any/", "/any/signal/deep?room=1", "/any/ws", "/any/ice-servers"] {
        let (mut socket, _) = server.try_open(path, &[]).await.unwrap();
        socket.expect_silence().await;
    }
}

#[tokio::test]
async fn the_first_offered_protocol_is_echoed() {
    let server = TestServer::start(Options::default()).await;
    let (_, headers) = server.try_open("/ws", &[("sec-websocket-protocol", "zeta, alpha")]).await.unwrap();
    assert_eq!(headers["sec-websocket-protocol"], "zeta");
    assert!(!headers.contains_key("sec-websocket-extensions"));
}

#[tokio::test]
async fn a_plain_get_is_answered_200() {
    let server = TestServer::start(Options::default()).await;
    for path in ["/any/", "/any/health", "/ws"] {
        let (status, headers, body) = get(&server, path, &[]).await;
        assert_eq!((status, body.as_str()), (200, r#"{"service":"signaling","status":"ok"}"#), "{path}");
        assert_eq!(headers["content-type"], "application/json");
    }
}

#[tokio::test]
async fn extras_come_only_to_who_wants_them() {
    let server = TestServer::start(Options::default()).await;
    let mut a = server.open().await;
    a.send(r#"{"type":"register","agent_id":"a","want":["protocol","server_time","ice_servers","ice_ticket"]}"#).await;
    let registered: serde_json::Value = serde_json::from_str(&a.text().await).unwrap();
    assert_eq!(registered["protocol"], 1);
    assert!(registered["server_time"].as_u64().unwrap() > 1_700_000_000_000);
    assert_eq!(registered["ice_ticket"].as_str().unwrap().len(), 32);
    // This server has no relay and no foreign servers.
    assert!(registered.get("iceServers").is_none());
    a.send(r#"{"type":"register","agent_id":"a"}"#).await;
    a.expect(r#"{"type":"registered","agent_id":"a","connected_agents":[]}"#).await;
}

/// A plain request on a connection of its own.
pub(crate) async fn request(
    server: &TestServer,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, HeaderMap, String) {
    request_to(server.addr, method, path, headers, body.to_owned()).await
}

/// The same of a task of its own.
pub(crate) async fn request_to(
    addr: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: String,
) -> (u16, HeaderMap, String) {
    let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| *name == "host") {
        request += &format!("host: {addr}\r\n");
    }
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    let mut stream = TcpStream::connect(addr).await.unwrap();
    // A body that is refused need not be read to its end.
    let _: std::io::Result<()> = stream.write_all(format!("{request}\r\n{body}").as_bytes()).await;
    let mut response = Vec::new();
    let _: std::io::Result<usize> = stream.read_to_end(&mut response).await;
    let response = String::from_utf8(response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
    let pairs = lines.filter_map(|line| line.split_once(": "));
    let headers = pairs.map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect();
    (status, headers, body.to_owned())
}

pub(crate) async fn get(server: &TestServer, path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, String) {
    request(server, "GET", path, headers, "").await
}
