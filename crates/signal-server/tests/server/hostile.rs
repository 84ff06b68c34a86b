use std::time::Duration;

use futures_util::SinkExt as _;
use sangam_signal_server::{Limits, Live, Open, Options};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::support::TestServer;

fn limits(limits: Limits) -> Options {
    Options { limits, ..Options::default() }
}

#[tokio::test]
async fn whatever_one_client_sends_two_others_talk_on() {
    let server = TestServer::start(Options::default()).await;
    let (mut a, mut b) = (server.agent("a").await, server.agent("b").await);
    a.expect(r#"{"type":"agent-joined","agent_id":"b"}"#).await;
    for (n, hostile) in hostile_messages().into_iter().enumerate() {
        let mut c = server.open().await;
        // The server may close before all of it is sent.
        let _: Result<(), _> = c.stream.send(hostile).await;
        let candidate = format!(r#"{{"type":"answer","from":"a","to":"b","answer":"{n}"}}"#);
        a.send(&candidate).await;
        b.expect(&candidate).await;
    }
    for bytes in hostile_bytes() {
        let mut raw = raw_socket(&server).await;
        let _: std::io::Result<()> = raw.write_all(&bytes).await;
        a.send(r#"{"type":"answer","from":"a","to":"b","answer":"raw"}"#).await;
        b.expect(r#"{"type":"answer","from":"a","to":"b","answer":"raw"}"#).await;
    }
    a.expect_silence().await;
    b.expect_silence().await;
}

fn hostile_messages() -> Vec<Message> {
    let text = |text: String| Message::text(text);
    vec![
        text(String::new()),
        text("\0".repeat(1_000)),
        text("[".repeat(200_000)),
        text("9".repeat(200_000)),
        text(format!(r#"{{"type":"register","agent_id":"{}"}}"#, "x".repeat(200_000))),
        text(format!(r#"{{"type":"offer","from":"x","to":"{}","offer":1}}"#, "x".repeat(200_000))),
        text(r#"{"type":"offer","from":"a","to":"b","offer":{"type":"offer","sdp":"forged"}}"#.to_owned()),
        text(r#"{"type":"ice-candidate","from":"a","to":"b","candidate":{}}"#.to_owned()),
        text("x".repeat(300_000)),
        Message::binary(vec![0xff; 1_000]),
        Message::binary(vec![0; 5_000_000]),
        Message::Ping(vec![1; 125].into()),
        Message::Pong(vec![1; 125].into()),
        Message::Close(None),
    ]
}

/// Frames that a WebSocket library would not write.
fn hostile_bytes() -> Vec<Vec<u8>> {
    vec![
        b"\x81\x05hello".to_vec(),                                    // not masked
        b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0".to_vec(), // 2^64 - 1 bytes to come
        b"\x81\xff\0\0\0\0\x7f\xff\xff\xff\0\0\0\0".to_vec(),         // 2 GiB to come
        b"\xf1\x80\0\0\0\0".to_vec(),                                 // reserved bits
        b"\x83\x80\0\0\0\0".to_vec(),                                 // reserved opcode
        b"\x80\x80\0\0\0\0".to_vec(),                                 // a continuation of nothing
        b"\x09\x80\0\0\0\0".to_vec(),                                 // a ping in fragments
        [&b"\x89\xfe\x01\x00\0\0\0\0"[..], &[0; 256]].concat(),       // a ping too long
        b"\x81\x82\0\0\0\0\xc3\x28".to_vec(),                         // text that is not UTF-8
        b"\x88\x81\0\0\0\0\x03".to_vec(),                             // half a close code
        b"\x01\x81\0\0\0\0x".repeat(1_000),                           // a text in a text
    ]
}

async fn raw_socket(server: &TestServer) -> tokio::net::TcpStream {
    let mut stream = tokio::net::TcpStream::connect(server.addr).await.unwrap();
    let request = "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"));
    stream
}

#[tokio::test]
async fn a_message_too_big_closes_its_socket_with_1009() {
    let server = TestServer::start(limits(Limits { message_bytes_max: 1_000, ..Limits::default() })).await;
    let mut socket = server.open().await;
    socket.send(&format!(r#"{{"type":"{}"}}"#, "x".repeat(989))).await;
    socket.expect_silence().await;
    socket.send(&"x".repeat(1_001)).await;
    assert_eq!(socket.closed().await.code, CloseCode::Size);
    server.until_metric(r#"sangam_signal_closes_total{reason="too_big"}"#, 1).await;
}

#[tokio::test]
async fn many_small_frames_are_no_way_around_the_bound() {
    let server = TestServer::start(limits(Limits { message_bytes_max: 1_000, ..Limits::default() })).await;
    let mut raw = raw_socket(&server).await;
    raw.write_all(b"\x01\x80\0\0\0\0").await.unwrap();
    let fragment = [&b"\x00\xe4\0\0\0\0"[..], &[b'x'; 100]].concat();
    for _ in 0..11 {
        raw.write_all(&fragment).await.unwrap();
    }
    let mut answer = Vec::new();
    raw.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer[..4], [0x88, 17, 0x03, 0xf1]);
}

#[tokio::test]
async fn a_reader_that_does_not_read_loses_its_socket_and_hurts_nobody() {
    let generous = Limits { messages_per_sec: 1_000_000, messages_burst: 1_000_000, ..Limits::default() };
    let server = TestServer::start(limits(Limits { outgoing_bytes_max: 100_000, ..generous })).await;
    let (mut a, mut b, slow) = (server.agent("a").await, server.agent("b").await, server.agent("slow").await);
    a.expect(r#"{"type":"agent-joined","agent_id":"b"}"#).await;
    a.expect(r#"{"type":"agent-joined","agent_id":"slow"}"#).await;
    b.expect(r#"{"type":"agent-joined","agent_id":"slow"}"#).await;
    let big = "x".repeat(60_000);
    let mut left = false;
    // The kernel's buffers take the first megabytes.
    for n in 0.. {
        a.send(&format!(r#"{{"type":"answer","from":"a","to":"slow","answer":"{big}"}}"#)).await;
        let answer = format!(r#"{{"type":"answer","from":"a","to":"b","answer":"{n}"}}"#);
        a.send(&answer).await;
        let mut text = b.text().await;
        if text == r#"{"type":"agent-left","agent_id":"slow"}"# {
            left = true;
            text = b.text().await;
        }
        assert_eq!(text, answer);
        if left {
            break;
        }
    }
    assert_eq!(server.metric(r#"sangam_signal_closes_total{reason="slow"}"#), 1);
    drop(slow);
}

#[tokio::test]
async fn who_sends_too_fast_is_read_more_slowly_and_loses_nothing() {
    let slow = Limits { messages_per_sec: 1_000, messages_burst: 10, ..Limits::default() };
    let server = TestServer::start(limits(slow)).await;
    let mut socket = server.open().await;
    for _ in 0..100 {
        socket.send("null").await;
    }
    for _ in 0..100 {
        socket.text().await;
    }
    assert!(server.metric("sangam_signal_throttles_total") > 0);
}

#[tokio::test]
async fn sockets_are_bounded_in_all_and_for_each_address() {
    let few = Limits { sockets_max: 3, sockets_per_address_max: 2, ..Limits::default() };
    let mut options = limits(few);
    options.live.access.open = Open::all(true);
    let server = TestServer::start(options).await;
    let _first = server.open_from("192.0.2.1").await;
    let second = server.open_from("192.0.2.1").await;
    let from_there = [("x-test-from", "192.0.2.1")];
    assert_eq!(server.refusal("/ws", &from_there).await, (429, "too_many_sockets_from_address".to_owned()));
    let _third = server.open().await;
    assert_eq!(server.refusal("/ws", &[]).await, (503, "too_many_sockets".to_owned()));
    server.until_metric("sangam_signal_sockets", 3).await;
    drop(second);
    server.until_metric("sangam_signal_sockets", 2).await;
    server.open_from("192.0.2.1").await.expect_silence().await;
}

#[tokio::test]
async fn pages_of_other_origins_open_no_socket() {
    let server = TestServer::start(Options::default()).await;
    let evil = [("origin", "https://evil.example")];
    assert_eq!(server.refusal("/ws", &evil).await, (403, "origin_not_allowed".to_owned()));
    assert!(server.try_open("/ws", &[("origin", "https://page.example")]).await.is_ok());
}

#[tokio::test]
async fn beyond_loopback_a_token_is_needed_unless_the_mode_is_open() {
    let server = TestServer::start(Options::default()).await;
    let from_there = [("x-test-from", "192.0.2.1")];
    assert_eq!(server.refusal("/ws", &from_there).await, (401, "token_required".to_owned()));
    let mut live = Live::default();
    live.access.open = Open::all(true);
    server.server.reload(live);
    server.open_from("192.0.2.1").await.expect_silence().await;
}

#[tokio::test]
async fn an_id_stays_with_the_address_that_has_it_while_its_socket_answers() {
    let mut options = Options::default();
    options.live.access.open = Open::all(true);
    options.rooms.claim_timeout = Duration::from_secs(60);
    let server = TestServer::start(options).await;
    let mut holder = server.agent("a").await;
    let mut thief = server.open_from("192.0.2.66").await;
    thief.send(r#"{"type":"register","agent_id":"a"}"#).await;
    // Reading is what answers the ping.
    assert!(matches!(holder.next().await.unwrap(), Message::Ping(_)));
    holder.expect_silence().await;
    thief.expect(r#"{"type":"error","message":"Error: Agent id a is in use from another address"}"#).await;
}
