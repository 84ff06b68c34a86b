//! The guide's own server in place of the rooms: transcripts of the original, end to end.

use std::collections::BTreeMap;

use sangam_signal_server::Options;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::socketio_client::Io;
use crate::support::TestServer;
use crate::wire::get;

async fn start() -> TestServer {
    let mut options = Options::default();
    options.socketio.strict = true;
    TestServer::start(options).await
}

/// Plays a transcript. `A> name argument`: that client sends, and connects if it is new. `A!`: its transport is cut. An
/// indented line says who hears what, in order; a time stands as 1. At the end nobody has heard anything more.
async fn play(server: &TestServer, transcript: &str) {
    let mut clients: BTreeMap<String, Io> = BTreeMap::new();
    for line in transcript.lines().filter(|line| !line.is_empty()) {
        if let Some(heard) = line.strip_prefix("    ") {
            let (who, what) = heard.split_once(": ").unwrap();
            let (name, argument) = what.split_once(' ').unwrap();
            for who in who.split(' ') {
                println!("{who}: {what}");
                clients.get_mut(who).unwrap().expect(name, argument).await;
            }
        } else if let Some(who) = line.strip_suffix('!') {
            clients.remove(who);
        } else {
            let (who, what) = line.split_once("> ").unwrap();
            let (name, argument) = what.split_once(' ').unwrap();
            if !clients.contains_key(who) {
                clients.insert(who.to_owned(), server.io().await);
            }
            clients.get_mut(who).unwrap().emit(name, argument).await;
        }
    }
    for client in clients.values_mut() {
        silent(client).await;
    }
}

async fn silent(client: &mut Io) {
    client.emit("verse-changed", "null").await;
    client.expect("error", r#"{"message":"Failed to handle verse change"}"#).await;
}

#[tokio::test]
async fn the_exchange_of_the_original_is_the_same_over_the_wire() {
    let server = start().await;
    play(
        &server,
        r#"
A> join-session {"sessionId":"s","participantId":"a","participantName":"A"}
    A: session-joined {"sessionId":"s","participants":["a"]}
B> join-session {"sessionId":"s","participantId":"b"}
    A B: session-joined {"sessionId":"s","participants":["a","b"]}
    A: participant-joined {"sessionId":"s","participantId":"b"}
C> join-session {"sessionId":"s","participantId":"c"}
    A B C: session-joined {"sessionId":"s","participants":["a","b","c"]}
    A B: participant-joined {"sessionId":"s","participantId":"c"}
A> webrtc-offer {"sessionId":"s","from":"a","to":"b","data":{"sdp":"v"},"timestamp":7,"x":[1]}
    B: webrtc-offer {"sessionId":"s","from":"a","to":"b","data":{"sdp":"v"},"timestamp":1,"x":[1]}
A> webrtc-offer {"sessionId":"s","from":"a","data":{}}
    B C: webrtc-offer {"sessionId":"s","from":"a","data":{},"timestamp":1}
A> webrtc-offer {"sessionId":"s","to":"nobody"}
A> webrtc-offer {"sessionId":"unknown"}
A> webrtc-offer {"to":"a"}
    A: webrtc-offer {"to":"a","timestamp":1}
A> verse-changed {"sessionId":"s","verse":{"n":7},"currentReader":"a","more":1}
    A B C: verse-changed {"sessionId":"s","verse":{"n":7},"currentReader":"a","timestamp":1}
A> verse-changed {"sessionId":"s","verse":1}
    A B C: verse-changed {"sessionId":"s","verse":1,"timestamp":1}
A> start-session-timer {"sessionId":"s","duration":600}
    A B C: session-timer-update {"sessionId":"s","timeRemaining":600,"isActive":true,"isPaused":false,"timestamp":1}
B> leave-session {"sessionId":"s","participantId":"b"}
    A C: participant-left {"sessionId":"s","participantId":"b"}
B> join-session {"sessionId":"s","participantId":"b"}
    A B C: session-joined {"sessionId":"s","participants":["a","c","b"]}
    A C: participant-joined {"sessionId":"s","participantId":"b"}
C!
    A B: participant-left {"sessionId":"s","participantId":"c"}
D> join-session {"sessionId":"s","participantId":"c"}
    A B D: session-joined {"sessionId":"s","participants":["a","b","c"]}
    A B: participant-joined {"sessionId":"s","participantId":"c"}
A> join-session null
    A: error {"message":"Failed to join session"}
A> webrtc-offer null
    A: error {"message":"Failed to handle WebRTC offer"}
X> webrtc-offer {"sessionId":"other","from":"forged","to":"a"}
    A: webrtc-offer {"sessionId":"other","from":"forged","to":"a","timestamp":1}
"#,
    )
    .await;
}

#[tokio::test]
async fn a_burst_of_candidates_arrives_whole_and_in_order() {
    let server = start().await;
    let (mut a, mut b) = (server.io_in("s", "a").await, server.io_in("s", "b").await);
    a.event().await;
    a.event().await;
    for n in 0..100 {
        a.emit("webrtc-ice-candidate", &format!(r#"{{"sessionId":"s","to":"b","data":{n}}}"#)).await;
    }
    for n in 0..100 {
        let (name, value) = b.event().await;
        assert_eq!((name.as_str(), &value["data"]), ("webrtc-ice-candidate", &n.into()));
    }
}

#[tokio::test]
async fn a_message_too_large_ends_its_sender_and_a_large_one_passes() {
    let server = start().await;
    let (mut a, mut b) = (server.io_in("s", "a").await, server.io_in("s", "b").await);
    a.event().await;
    a.event().await;
    let large = format!(r#"{{"sessionId":"s","to":"b","data":"{}"}}"#, "x".repeat(900_000));
    a.emit("webrtc-offer", &large).await;
    assert_eq!(b.event().await.1["data"].as_str().unwrap().len(), 900_000);
    // The server may close before all of it is sent.
    let too_large = format!(r#"42["webrtc-offer",{{"sessionId":"s","to":"b","data":"{}"}}]"#, "x".repeat(1_200_000));
    let _: Result<(), _> = futures_util::SinkExt::send(&mut a.socket.stream, Message::text(too_large)).await;
    b.expect("participant-left", r#"{"sessionId":"s","participantId":"a"}"#).await;
}

#[tokio::test]
async fn garbage_closes_its_session_or_does_nothing_as_with_the_original() {
    let server = start().await;
    for frame in ["9", "4", "47", "42{}", r#"42["a""#, "2probe", r#"42["connect"]"#, r#"42["disconnect",1]"#] {
        let mut client = server.io().await;
        client.socket.send(frame).await;
        let (frames, _) = client.ended().await;
        assert!(!frames.iter().any(|it| it.starts_with("42")), "{frame}: {frames:?}");
    }
    for frame in ["42", "42[1]", "43"] {
        let mut client = server.io().await;
        client.socket.send(frame).await;
        silent(&mut client).await;
    }
    let mut client = server.io().await;
    client.socket.send("40/nope,").await;
    assert_eq!(client.frame().await.unwrap(), r#"44/nope,{"message":"Invalid namespace"}"#);
    silent(&mut client).await;
}

#[tokio::test]
async fn who_reconnects_is_somebody_new_and_health_counts_as_the_original() {
    let server = start().await;
    let mut a = server.io_in("s", "a").await;
    let r = server.io_in("s", "r").await;
    let (sid, way) = (r.sid.clone(), r.cut());
    for _ in 0..2 {
        a.event().await;
    }
    a.expect("participant-left", r#"{"sessionId":"s","participantId":"r"}"#).await;
    let mut again = server.io_back(&way).await;
    assert_ne!(again.sid, sid);
    silent(&mut again).await;
    let (status, _, body) = get(&server, "/beside/health", &[]).await;
    let health: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &health["activeSessions"], &health["activeParticipants"]), (200, &1.into(), &1.into()));
}
