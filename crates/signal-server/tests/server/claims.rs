//! Ids that somebody else wants, of holders that are there and have nothing to say: a wire that has no pings for the rooms
//! to ask by keeps its ids all the same.

use std::time::Duration;

use futures_util::SinkExt as _;
use sangam_signal_server::{Open, Options};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Socket, TestServer};
use crate::wire::{get, request};

/// Clients need no token, a holder has little time to answer, and polls are held for as long as it takes.
fn options() -> Options {
    let mut options = Options::default();
    options.live.access.open = Open::all(true);
    options.rooms.claim_timeout = Duration::from_millis(50);
    options.rendezvous.hold = Duration::from_secs(3_600);
    options
}

async fn claim_in_vain(server: &TestServer, id: &str) {
    let mut stranger = server.open_from("192.0.2.9").await;
    stranger.send(&format!(r#"{{"type":"register","agent_id":"{id}"}}"#)).await;
    let refusal = format!(r#"{{"type":"error","message":"Error: Agent id {id} is in use from another address"}}"#);
    stranger.expect(&refusal).await;
}

/// A Socket.IO client over WebSocket in a session, under an id.
async fn page(server: &TestServer, session: &str, id: &str) -> Socket {
    let (mut page, _) = server.try_open("/socket.io/?EIO=4&transport=websocket", &[]).await.unwrap();
    assert!(page.text().await.starts_with("0{"));
    page.stream.send(Message::text("40")).await.unwrap();
    assert!(page.text().await.starts_with("40{"));
    page.send(&format!(r#"42["join-session",{{"sessionId":"{session}","participantId":"{id}"}}]"#)).await;
    assert!(page.text().await.starts_with(r#"42["session-joined""#));
    page
}

#[tokio::test]
async fn a_node_that_waits_for_mail_keeps_its_id() {
    let server = TestServer::start(options()).await;
    let claims = async {
        server.until_metric(r#"sangam_signal_messages_received_total{type="poll"}"#, 1).await;
        claim_in_vain(&server, "b").await;
        let offer = r#"{"from_peer":"a","to_peer":"b","type":"answer","payload":{"sdp":"v=0"}}"#;
        request(&server, "POST", "/signal/send", &[], offer).await
    };
    let (mail, sent) = tokio::join!(get(&server, "/signal/poll/b", &[]), claims);
    assert_eq!((mail.0, sent.0), (200, 200));
    assert!(mail.2.contains(r#""from_peer":"a""#), "{}", mail.2);
}

#[tokio::test]
async fn a_socketio_client_that_says_nothing_keeps_its_id() {
    let server = TestServer::start(options()).await;
    let _page = page(&server, "main", "page").await;
    claim_in_vain(&server, "page").await;
    assert_eq!(server.metric("sangam_signal_participants"), 1);
}
