use futures_util::SinkExt as _;
use sangam_device_server::{Policy, UspLimits, UspOptions};
use tokio_tungstenite::tungstenite::Message;

use crate::agent::Agent;
use crate::notation::bytes;
use crate::site::Site;
use crate::wire::{US, message, record};

const EID: &str = "os::00D09E-A1";

/// An agent that is taken on, and what counts refusals of a reason.
async fn at_home() -> (Site, Agent) {
    let site = Site::start(Policy::Open).await;
    let mut agent = Agent::connect(&site, EID).await;
    agent.onboard().await;
    (site, agent)
}

fn refused(reason: &str) -> String {
    format!("sangam_devices_usp_refusals_total{{reason=\"{reason}\"}} 1")
}

/// It is served as before.
async fn is_served(agent: &mut Agent) {
    agent.notify("n9", "sangam-periodic", "1a(0a('Device.LocalAgent.') 12('Periodic!'))").await;
    agent.thanked("n9").await;
}

#[tokio::test]
async fn a_record_for_somebody_else_or_from_somebody_else_is_ignored_and_counted() {
    let (site, mut agent) = at_home().await;
    let notify = message("n1", 3, "0a(42(0a('s') 10 01 1a(0a('Device.') 12('Boot!'))))");
    agent.send(record("self::other", EID, &notify)).await;
    site.until_counts(&refused("not_for_us")).await;
    agent.send(record(US, "os::00D09E-B2", &notify)).await;
    site.until_counts(&refused("forged_from_id")).await;
    agent.send(record(US, US, &notify)).await;
    site.until_counts("sangam_devices_usp_refusals_total{reason=\"forged_from_id\"} 2").await;
    is_served(&mut agent).await;
    assert!(!site.events("00D09E-Box-A1").await.contains(&"Device.Boot!".to_owned()));
}

#[tokio::test]
async fn what_is_no_record_closes_with_1003() {
    let bomb = "0a00".repeat(100_001);
    for (bytes, reason) in [
        (b"not a record".to_vec(), None),
        (bytes(&format!("0a('1.3') 12('{US}') 1a('{EID}')")), Some("no_type")),
        (hex(&bomb), None),
    ] {
        let (site, mut agent) = at_home().await;
        agent.send(bytes).await;
        assert_eq!(agent.closed().await, Some(1003), "{reason:?}");
        assert!(site.rig.metrics().contains("usp_refusals_total{reason="));
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[tokio::test]
async fn a_text_message_closes_with_1003() {
    let (site, mut agent) = at_home().await;
    agent.socket.send(Message::Text("{}".into())).await.unwrap();
    assert_eq!(agent.closed().await, Some(1003));
    site.until_counts(&refused("text_frame")).await;
}

#[tokio::test]
async fn a_message_longer_than_may_be_is_refused_before_it_is_kept() {
    let limits = UspLimits { record_bytes_max: 16 << 10, ..UspLimits::default() };
    let site = Site::with(Policy::Open, UspOptions { limits, ..UspOptions::default() }).await;
    let mut agent = Agent::connect(&site, EID).await;
    agent.send(vec![0; 17 << 10]).await;
    // Whatever of it is unread may have the connection reset before the close is heard.
    assert!(matches!(agent.closed().await, Some(1009) | None));
    site.until_counts(&refused("too_large")).await;
}

#[tokio::test]
async fn a_bomb_within_a_message_is_answered_with_an_error_and_the_agent_stays() {
    let (site, mut agent) = at_home().await;
    // 100,001 empty events in a Notify: each is two bytes.
    let mut payload = bytes("0a(0a('n1') 10 03)");
    let inner = hex(&"1a00".repeat(100_001));
    for tag in [0x42_u8, 0x0a, 0x12] {
        payload = match tag {
            0x42 => with_length(0x42, &inner),
            0x0a => with_length(0x0a, &payload),
            _ => [bytes("0a(0a('n1') 10 03)"), with_length(0x12, &payload)].concat(),
        };
    }
    let record = [bytes(&format!("0a('1.3') 12('{US}') 1a('{EID}')")), with_length(0x3a, &with_length(0x12, &payload))];
    agent.send(record.concat()).await;
    let answer = agent.heard().await;
    assert_eq!(crate::wire::number(&answer, &[2, 3, 1]), 7_004);
    is_served(&mut agent).await;
    assert!(site.rig.metrics().contains("usp_refusals_total{reason="));
}

fn with_length(tag: u8, inner: &[u8]) -> Vec<u8> {
    let mut all = vec![tag];
    let mut len = inner.len();
    while len >= 0x80 {
        all.push(len as u8 & 0x7f | 0x80);
        len >>= 7;
    }
    all.push(len as u8);
    [all, inner.to_vec()].concat()
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_and_a_request_that_we_do_not_serve_are_harmless() {
    let (site, mut agent) = at_home().await;
    agent.answer("t1-1-1", 2, "12(0a())").await;
    site.until_counts(&refused("unrequested")).await;
    agent.say(&message("g1", 1, "0a(0a(0a('Device.')))")).await;
    let answer = agent.heard().await;
    assert_eq!(
        (crate::wire::text(&answer, &[1, 1]), crate::wire::number(&answer, &[2, 3, 1])),
        ("g1".to_owned(), 7_001)
    );
    site.until_counts(&refused("not_served")).await;
    is_served(&mut agent).await;
}

#[tokio::test]
async fn a_record_of_a_version_that_nobody_knows_is_read_as_far_as_it_is_one() {
    let (_site, mut agent) = at_home().await;
    let notify = message("n1", 3, "0a(42(0a('sangam-periodic') 10 01 1a(0a('Device.LocalAgent.') 12('Periodic!'))))");
    agent.send(bytes(&format!("0a('9.9') 12('{US}') 1a('{EID}') 3a(12({notify})) 7a('later')"))).await;
    agent.thanked("n1").await;
}

#[tokio::test]
async fn a_secured_session_is_answered_7102_and_the_way_stays() {
    let (site, mut agent) = at_home().await;
    // payload_security 1, session_context with a session of 5.
    agent.send(bytes(&format!("0a('1.3') 12('{US}') 1a('{EID}') 20 01 42(08 05 10 01 18 01 3a('x'))"))).await;
    let record = agent.next_record().await.unwrap();
    assert_eq!(crate::wire::number(&record, &[12, 2]), 7_102);
    site.until_counts(&refused("secured_payload")).await;
    is_served(&mut agent).await;
}

#[tokio::test]
async fn what_is_told_in_a_session_context_is_answered_within_it() {
    let (_site, mut agent) = at_home().await;
    let notify = message("n1", 3, "0a(42(0a('sangam-periodic') 10 01 1a(0a('Device.LocalAgent.') 12('Periodic!'))))");
    // session_context: session_id 5, sequence_id 1, expected_id 1, and the payload in field 7.
    agent.send(bytes(&format!("0a('1.3') 12('{US}') 1a('{EID}') 42(08 05 10 01 18 01 3a({notify}))"))).await;
    loop {
        let record = agent.next_record().await.unwrap();
        let Some(context) = crate::wire::at(&record, &[8]) else { continue };
        assert_eq!((crate::wire::number(&context, &[1]), crate::wire::number(&context, &[3])), (5, 2));
        if let Some(payload) = crate::wire::at(&context, &[7]) {
            assert_eq!(crate::wire::text(&payload, &[1, 1]), "n1");
            assert_eq!(crate::wire::number(&payload, &[1, 2]), 16, "a NotifyResp");
            return;
        }
    }
}
