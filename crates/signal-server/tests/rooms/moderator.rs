use std::sync::Arc;

use sangam_auth::token::{Claims, Key, Keyring, TokenOptions, Use};
use sangam_signal_server::{Access, Live, Options};
use sangam_types::Wall;
use serde_json::json;

use super::visitors::Operated;

fn keyring() -> Keyring {
    let key = Key::new("k", Use::Signal, &vec![b's'; 32].into()).unwrap();
    Keyring::new(vec![key], TokenOptions::default()).unwrap()
}

fn token(subject: &str, grants: &[&str]) -> String {
    let claims = Claims {
        grants: Some(grants.iter().map(|&grant| grant.to_owned()).collect()),
        // 2100.
        ..Claims::new(subject, Wall::from_unix_secs(4_102_444_800))
    };
    format!("&token={}", keyring().mint(Use::Signal, &claims).unwrap())
}

#[tokio::test]
async fn a_socket_io_client_whose_token_lets_it_moderate_kicks_and_locks_and_no_other_does() {
    let access = Access { keyring: Some(Arc::new(keyring())), ..Access::default() };
    let options = Options { live: Live { access, ..Live::default() }, ..Options::default() };
    let server = Operated::with(options, false).await;
    let mut teacher = server.page(&token("teacher", &["join", "signal", "moderate"]), "lesson", "t").await;
    let mut pupil = server.page(&token("pupil", &["join", "signal"]), "lesson", "p").await;
    for event in [
        r#"42["kick-participant",{"sessionId":"lesson","participantId":"t"}]"#,
        r#"42["lock-session",{"sessionId":"lesson"}]"#,
    ] {
        pupil.send(event).await;
        assert_eq!(pupil.event("error").await["code"], "not_allowed", "{event}");
    }
    teacher.send(r#"42["lock-session",{"sessionId":"lesson","locked":true}]"#).await;
    for client in [&mut teacher, &mut pupil] {
        assert_eq!(client.event("session-locked").await, json!({ "sessionId": "lesson", "locked": true }));
    }
    teacher.send(r#"42["kick-participant",{"sessionId":"lesson","participantId":"p","reason":"noise"}]"#).await;
    assert_eq!(pupil.event("session-ended").await, json!({ "sessionId": "lesson", "reason": "noise" }));
    let left = json!({ "sessionId": "lesson", "participantId": "p", "reason": "noise" });
    assert_eq!(teacher.event("participant-left").await, left);
    pupil.send(r#"42["join-session",{"sessionId":"lesson","participantId":"p"}]"#).await;
    assert_eq!(pupil.event("error").await["code"], "session_locked");
    for r#type in ["kick", "lock"] {
        let counted = server.metric(&format!(r#"sangam_signal_messages_received_total{{type="{type}"}}"#));
        assert_eq!(counted, 2, "{type}");
    }
}
