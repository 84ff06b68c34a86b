//! Nodes that poll, beside the other wires.

use std::time::Duration;

use sangam_signal_server::{Open, Options};

use crate::support::TestServer;
use crate::wire::{get, request, request_to};

/// A description that waits for no candidates.
const WHOLE: &str =
    r#"{"type":"offer","sdp":"v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=end-of-candidates\r\n"}"#;

fn signal(from: &str, to: &str, kind: &str, payload: &str) -> String {
    format!(r#"{{"from_peer":"{from}","to_peer":"{to}","type":"{kind}","payload":{payload}}}"#)
}

#[tokio::test]
async fn a_node_and_a_page_signal_to_each_other() {
    let server = TestServer::start(Options::default()).await;
    let poll = tokio::spawn(request_to(server.addr, "GET", "/r/s/signal/poll/n", &[], String::new()));
    server.until_metric("sangam_signal_participants", 1).await;
    let mut page = server.io_in("s", "p").await;
    page.emit("webrtc-offer", &format!(r#"{{"sessionId":"s","to":"n","data":{WHOLE}}}"#)).await;
    let (status, _, body) = poll.await.unwrap();
    assert_eq!(status, 200, "{body}");
    let mail: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&mail[0]["from_peer"], &mail[0]["type"]), (&"p".into(), &"offer".into()), "{body}");
    let answer = signal("n", "p", "answer", r#"{"type":"answer","sdp":"w"}"#);
    let (status, _, body) = request(&server, "POST", "/r/s/signal/send", &[], &answer).await;
    assert_eq!((status, body.as_str()), (200, r#"{"status":"delivered"}"#));
    let (name, value) = page.event().await;
    assert_eq!((name.as_str(), &value["data"]["sdp"]), ("webrtc-answer", &"w".into()));
}

#[tokio::test]
async fn a_poll_without_mail_is_answered_when_its_time_is_over() {
    let mut options = Options::default();
    options.rendezvous.hold = Duration::from_millis(5);
    let server = TestServer::start(options).await;
    for _ in 0..3 {
        let (status, _, body) = get(&server, "/signal/poll/n", &[]).await;
        assert_eq!((status, body.as_str()), (200, "[]"));
    }
    server.until_metric("sangam_signal_sockets", 0).await;
    assert_eq!(server.metric("sangam_signal_participants"), 1);
}

#[tokio::test]
async fn an_id_of_a_node_is_its_addresss_alone_while_it_polls() {
    let mut options = Options::default();
    options.live.access.open = Open::all(true);
    let server = TestServer::start(options).await;
    let poll = tokio::spawn(request_to(server.addr, "GET", "/signal/poll/n", &[], String::new()));
    server.until_metric("sangam_signal_participants", 1).await;
    let elsewhere = [("x-test-from", "192.0.2.66")];
    assert_eq!(get(&server, "/signal/poll/n", &elsewhere).await.0, 409);
    let forged = signal("n", "x", "offer", "{}");
    assert_eq!(request(&server, "POST", "/signal/send", &elsewhere, &forged).await.0, 409);
    let mut thief = server.open_from("192.0.2.66").await;
    thief.send(r#"{"type":"register","agent_id":"n"}"#).await;
    thief.expect(r#"{"type":"error","message":"Error: Agent id n is in use from another address"}"#).await;
    let mut agent = server.agent("a").await;
    agent.send(&format!(r#"{{"type":"answer","from":"a","to":"n","answer":{WHOLE}}}"#)).await;
    let (_, _, body) = poll.await.unwrap();
    assert!(body.contains(r#""from_peer":"a""#), "{body}");
}

#[tokio::test]
async fn rubbish_is_refused_and_the_next_node_is_served() {
    let server = TestServer::start(Options::default()).await;
    let big = format!(r#"{{"url":"{}"}}"#, "x".repeat(2_000_000));
    for body in ["", "null", "[]", "7", "{", "\0\0", r#"{"url":null}"#, r#"{"url":[]}"#, &big, &"[".repeat(100_000)] {
        for path in ["/register", "/signal/send"] {
            let (status, _, answer) = request(&server, "POST", path, &[], body).await;
            assert!(matches!(status, 400 | 413 | 422), "{status} {answer:.100}");
        }
    }
    for path in ["/get_peers?limit=x", "/get_peers?limit=-1", "/signal/poll/%00", "/signal/poll/%ff"] {
        let (status, _, answer) = get(&server, path, &[]).await;
        assert!(matches!(status, 400 | 404 | 422), "{path}: {status} {answer}");
    }
    let long = format!("/signal/poll/{}", "x".repeat(200));
    assert_eq!(get(&server, &long, &[]).await.0, 422);
    let (status, _, _) = request(&server, "POST", "/register", &[], r#"{"url":"http://n.example/"}"#).await;
    assert_eq!(status, 200);
    assert_eq!(get(&server, "/get_peers", &[]).await.2, r#"["http://n.example/"]"#);
}
