use std::time::Duration;

use futures_util::SinkExt as _;
use sangam_sync_server::Streams;
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::side::{bearer, from_start, upsert};
use crate::support::{PATIENCE, Server};

fn ticking() -> Streams {
    Streams { ping_interval: Duration::from_millis(20), ..Streams::default() }
}

#[tokio::test]
async fn the_oldest_stream_of_a_replica_ends_for_its_fourth() {
    let server = Server::plain().await;
    let mut streams = Vec::new();
    let mut sockets = Vec::new();
    for _ in 0..4 {
        let mut events = server.events("a").await;
        events.connected().await;
        streams.push(events);
        sockets.push(server.socket("a").await);
    }
    assert_eq!(streams[0].next().await, None);
    let close = sockets[0].closed().await;
    assert_eq!((close.code, &*close.reason), (CloseCode::Normal, "replaced by a newer connection"));
    server.push("d", "b", vec![upsert("d", "b", 1, "e", 1)]).await;
    for events in &mut streams[1..] {
        assert_eq!(events.operations().await, (1, vec![1]));
    }
    for socket in &mut sockets[1..] {
        assert_eq!(socket.cursors_to(1).await, [1]);
    }
}

#[tokio::test]
async fn streams_end_with_their_token() {
    let server = Server::plain().await;
    let (mut events, mut socket) = (server.events("a").await, server.socket("a").await);
    events.connected().await;
    // Tokens of these tests are good for a minute, and for half a one more as clocks differ.
    server.advance(Duration::from_secs(75));
    let mut late = server.events("late").await;
    late.connected().await;
    server.push("d", "b", vec![upsert("d", "b", 1, "e", 1)]).await;
    for events in [&mut events, &mut late] {
        assert_eq!(events.operations().await, (1, vec![1]));
    }
    server.advance(Duration::from_secs(30));
    assert_eq!(late.next().await, None);
    assert_eq!(events.next().await, None);
    let close = socket.closed().await;
    assert_eq!((close.code, &*close.reason), (CloseCode::Policy, "token expired"));
}

#[tokio::test]
async fn a_drain_ends_all_streams_as_they_should_end() {
    let server = Server::plain().await;
    let (mut events, mut socket) = (server.events("a").await, server.socket("a").await);
    events.connected().await;
    server.side.server.drain().await;
    assert_eq!(events.next().await, None);
    assert_eq!(socket.closed().await.code, CloseCode::Away);
    let (status, body) = server.refusal("/v1/events?deviceId=a", &bearer("d", None)).await;
    assert_eq!((status, body["code"].as_u64()), (503, Some(9)));
}

#[tokio::test]
async fn a_socket_lives_without_any_pong_of_its_application() {
    let server = Server::with(ticking()).await;
    let mut socket = server.socket("a").await;
    for _ in 0..10 {
        // The library answers on its own.
        assert!(matches!(socket.next().await, Ok(Message::Ping(_))));
        socket.stream.flush().await.unwrap();
    }
    socket.send(r#"{"type":"pong","data":{}}"#).await;
    socket.send(r#"{"type":"ping","data":{"timestamp":5}}"#).await;
    assert_eq!(socket.text().await, r#"{"type":"pong","data":{"timestamp":5,"serverTime":1702569600000}}"#);
}

#[tokio::test]
async fn a_socket_that_gives_no_sign_of_life_ends() {
    let server = Server::with(ticking()).await;
    let token = bearer("d", Some("a"));
    let request = format!(
        "GET /v1/ws?deviceId=a HTTP/1.1\r\nauthorization: {token}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    );
    let mut raw = server.ask(&request).await;
    assert_eq!(raw.status, 101);
    let mut said = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut raw.stream, &mut said);
    tokio::time::timeout(PATIENCE, read).await.expect("the server goes on").unwrap();
    assert!(said.windows(16).any(|part| part == b"no sign of life\x00" || part.ends_with(b"no sign of life")));
}

#[tokio::test]
async fn a_message_too_big_closes_its_socket_with_1009() {
    let server = Server::with(Streams { message_bytes_max: 1_000, ..Streams::default() }).await;
    let mut socket = server.socket("a").await;
    socket.send(format!(r#"{{"type":"ping","data":{{"timestamp":1}},"x":"{}"}}"#, "x".repeat(500))).await;
    assert!(socket.text().await.contains("pong"));
    socket.send("x".repeat(1_001)).await;
    assert_eq!(socket.closed().await.code, CloseCode::Size);
}

#[tokio::test]
async fn a_client_that_goes_gives_its_place_back() {
    let server = Server::with(Streams { websocket_max: 1, ..Streams::default() }).await;
    let mut socket = server.socket("a").await;
    socket.stream.close(None).await.unwrap();
    let opened = async {
        while server.try_socket("?deviceId=b", &bearer("d", None)).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, opened).await.unwrap();
}

#[tokio::test]
async fn a_reader_that_is_too_slow_gets_a_hint_and_misses_nothing_after_a_pull() {
    const ROUNDS: u64 = 80;
    let server = Server::with(Streams { queue_bytes_max: 4_000, ..Streams::default() }).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    // The system keeps little for a reader that does not read.
    socket.set_recv_buffer_size(4_096).unwrap();
    let own = bearer("d", Some("slow"));
    let request = format!("GET /v1/events?deviceId=slow HTTP/1.1\r\nauthorization: {own}\r\n");
    let mut slow = server.ask_over(socket.connect(server.addr).await.unwrap(), &request).await;
    slow.connected().await;
    let long = "n".repeat(240);
    for round in 0..ROUNDS {
        let ops = (0..50).map(|n| upsert("d", "b", round * 50 + n + 1, &format!("{long}{n}"), round + 1)).collect();
        server.push("d", "b", ops).await;
    }
    let head = ROUNDS * 50;
    let (mut told, mut hints, mut heard) = (0, 0, 0);
    while told < head {
        let (cursor, cursors) = slow.operations().await;
        assert!(cursor > told, "{cursor} after {told}");
        if cursors.is_empty() {
            hints += 1;
        } else if cursors[0] != told + 1 {
            panic!("a gap without a hint: {} after {told}", cursors[0]);
        }
        heard += cursors.len() as u64;
        told = cursor;
    }
    assert!(hints > 0 && heard < head, "{hints} hints, {heard} heard");
    let mut pulled = Vec::new();
    let mut since = 0;
    loop {
        let pull = sangam_sync_proto::message::PullRequest { since, limit: 1_000, ..from_start("d") };
        let page = server.side.pull(&own, pull).await.pulled();
        pulled.extend(page.ops.iter().map(|op| op.op_id));
        since = page.next;
        if !page.has_more {
            break;
        }
    }
    assert_eq!((since, *pulled.last().unwrap()), (head, head));
    slow.stream.shutdown().await.unwrap();
}
