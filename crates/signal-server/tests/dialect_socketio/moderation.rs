use sangam_signal_server::dialect::socketio::{Decoded, Request};

use super::support::{DOCUMENTED, GUARD, NOW, client, event, line};

/// What an event asks of the core, or the code of the error that answers it.
fn asked(event_line: &str) -> String {
    match client().hear(&event(event_line), NOW, &GUARD) {
        Ok(Decoded::Core(Request::Kick { room, participant, reason })) => format!("{room} {participant} {reason:?}"),
        Ok(Decoded::Core(Request::Lock { room, locked })) => format!("{room} {locked}"),
        Ok(other) => format!("{other:?}"),
        Err(fault) => {
            let said = line(&fault.encode());
            let object: serde_json::Value = serde_json::from_str(said.strip_prefix("error ").unwrap()).unwrap();
            format!("{}: {}", object["message"].as_str().unwrap(), object["code"].as_str().unwrap())
        }
    }
}

#[test]
fn who_may_moderate_kicks_and_locks() {
    for (event, expected) in [
        (r#"kick-participant {"sessionId":"s","participantId":"a","reason":"noise"}"#, r#"s a Some("noise")"#),
        (r#"kick-participant {"sessionId":"s","participantId":7}"#, "s 7 None"),
        (r#"lock-session {"sessionId":"s","locked":true}"#, "s true"),
        (r#"lock-session {"sessionId":"s","locked":false}"#, "s false"),
        (r#"lock-session {"sessionId":"s"}"#, "s true"),
        (r#"kick-participant {"sessionId":"s"}"#, "Failed to kick participant: id_missing"),
        (r#"kick-participant {"participantId":"a"}"#, "Failed to kick participant: id_missing"),
        (r#"lock-session {"sessionId":"s","locked":"no"}"#, "Failed to lock session: value_invalid"),
        ("lock-session null", "Failed to lock session: payload_missing"),
    ] {
        assert_eq!(asked(event), expected, "{event}");
    }
}

#[test]
fn a_moderators_events_teach_nothing_about_its_dialect() {
    let mut client = client();
    client.hear(&event(r#"kick-participant {"sessionId":"s","participantId":"a"}"#), NOW, &GUARD).unwrap();
    client.hear(&event(r#"lock-session {"sessionId":"s"}"#), NOW, &GUARD).unwrap();
    assert_eq!(client.ear(), DOCUMENTED);
}

#[test]
fn a_lock_that_is_sent_back_as_it_was_told_does_nothing() {
    let said = event(r#"session-locked {"sessionId":"s","locked":true,"timestamp":5}"#);
    assert!(matches!(client().hear(&said, NOW, &GUARD), Ok(Decoded::Dropped(_))));
}
