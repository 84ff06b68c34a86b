use std::time::Duration;

use bytes::Bytes;
use sangam_types::Wall;

use super::super::{Frame, Gossip, Input, MessageId, Options, Output, RefuseReason};
use super::bench::peer;
use super::play::Play;
use crate::channel::{Envelope, EnvelopeKind, Incoming, Relay, decode};
use crate::{LinkId, PeerId, Profile};

const ORIGINAL: LinkId = LinkId(7);
const STATE: &str = "channel:global:state";

fn envelope(kind: EnvelopeKind, id: u8) -> Frame {
    let sender: PeerId = peer("original");
    let timestamp = Wall::from_unix_secs(1_700_000_000);
    Envelope { kind, topic: STATE.into(), sender, timestamp, id: MessageId([id; 16]) }.encode().unwrap()
}

fn json(text: &'static str) -> EnvelopeKind {
    EnvelopeKind::Message(Bytes::from_static(text.as_bytes()))
}

#[test]
fn an_original_is_announced_our_topics_in_one_envelope_and_no_hello() {
    let mut play = Play::new(Options::default());
    for topic in ["a", STATE] {
        play.input(Input::Subscribe { topic: topic.to_owned() });
    }
    play.up(ORIGINAL, "original", Profile::Synapse);
    let said = play.envelopes(ORIGINAL);
    assert_eq!(said.len(), 1);
    assert_eq!(&*said[0].topic, STATE);
    assert_eq!(said[0].sender, peer("us"));
    assert_eq!(said[0].kind, EnvelopeKind::Announce(vec!["a".into(), STATE.into()]));
}

#[test]
fn what_an_original_says_is_delivered_once_in_its_own_name_and_goes_on_to_ours() {
    let mut play = Play::new(Options::default());
    play.input(Input::Subscribe { topic: STATE.to_owned() });
    play.up(ORIGINAL, "original", Profile::Synapse);
    play.hear(ORIGINAL, envelope(json(r#"{"nodes": {}}"#), 1));
    play.hear(ORIGINAL, envelope(json(r#"{"nodes": {}}"#), 1));
    assert_eq!(play.delivered.len(), 1);
    let delivery = &play.delivered[0];
    assert_eq!((delivery.topic.as_str(), &delivery.payload[..]), (STATE, &br#"{"nodes": {}}"#[..]));
    assert_eq!((delivery.origin.clone(), delivery.proven), (peer("original"), false));
    assert_eq!(delivery.published, Wall::from_unix_secs(1_700_000_000));
    assert_eq!(play.node.stats().duplicates, 1);
    // One that names somebody else is still its own.
    let forged = Envelope {
        kind: json("1"),
        topic: STATE.into(),
        sender: peer("somebody"),
        timestamp: Wall::default(),
        id: MessageId([2; 16]),
    };
    play.hear(ORIGINAL, forged.encode().unwrap());
    assert_eq!(play.delivered[1].origin, peer("original"));
}

#[test]
fn an_original_gets_json_of_its_topics_and_nothing_else() {
    let mut play = Play::new(Options::default());
    play.up(ORIGINAL, "original", Profile::Synapse);
    let id = play.publish(STATE, r#"{"a":1}"#);
    play.publish(STATE, "no json");
    play.publish("weather", "1");
    play.publish(STATE, &format!("\"{}\"", "x".repeat(70_000)));
    let said = play.envelopes(ORIGINAL);
    assert_eq!(said.len(), 1);
    assert_eq!((said[0].id, said[0].kind.clone()), (id, json(r#"{"a":1}"#)));
    assert_eq!(said[0].timestamp, Wall::from_unix_secs(1_800_000_000));
    assert_eq!(play.node.stats().unsuited, 2);
    play.hear(ORIGINAL, envelope(EnvelopeKind::Announce(vec!["weather".into()]), 9));
    play.publish("weather", "2");
    assert_eq!(play.envelopes(ORIGINAL).len(), 1);
}

#[test]
fn what_came_from_an_original_does_not_go_back_to_it() {
    let mut play = Play::new(Options::default());
    play.up(ORIGINAL, "original", Profile::Synapse);
    play.up(LinkId(8), "another", Profile::Synapse);
    play.hear(ORIGINAL, envelope(json("1"), 1));
    assert!(play.envelopes(ORIGINAL).is_empty());
    let said = play.envelopes(LinkId(8));
    assert_eq!(said.len(), 1);
    assert_eq!((said[0].sender.clone(), said[0].id), (peer("original"), MessageId([1; 16])));
}

#[test]
fn a_ping_is_answered_with_its_id() {
    let mut play = Play::new(Options::default());
    play.up(ORIGINAL, "original", Profile::Synapse);
    play.hear(ORIGINAL, envelope(EnvelopeKind::Ping, 5));
    let said = play.envelopes(ORIGINAL);
    assert_eq!(said.len(), 1);
    assert_eq!((&*said[0].topic, said[0].kind.clone()), ("keepalive", EnvelopeKind::Pong(MessageId([5; 16]))));
}

#[test]
fn a_flood_of_pings_on_a_link_without_room_costs_bounded_memory() {
    let mut play = Play::new(Options::default());
    play.up(ORIGINAL, "original", Profile::Synapse);
    play.input(Input::Room { link: ORIGINAL, bytes: 0 });
    for _ in 0..5_000 {
        play.hear(ORIGINAL, envelope(EnvelopeKind::Ping, 5));
    }
    assert!(play.node.stats().waiting_bytes < 66_000);
}

#[test]
fn an_original_that_asks_gets_the_message_and_one_that_has_is_asked() {
    let mut play = Play::new(Options::default());
    let id = play.publish(STATE, "1");
    play.up(ORIGINAL, "original", Profile::Synapse);
    play.hear(ORIGINAL, envelope(EnvelopeKind::IWant(vec![id, MessageId([8; 16])]), 3));
    let said = play.envelopes(ORIGINAL);
    assert_eq!(said.iter().map(|it| it.id).collect::<Vec<_>>(), [id]);
    play.hear(ORIGINAL, envelope(EnvelopeKind::IHave(vec![id, MessageId([4; 16])]), 6));
    let said = play.envelopes(ORIGINAL);
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].kind, EnvelopeKind::IWant(vec![MessageId([4; 16])]));
}

#[test]
fn an_original_whose_link_is_full_gets_the_messages_when_there_is_room() {
    let mut play = Play::new(Options { waiting_bytes_max: 1_000, ..Options::default() });
    play.up(ORIGINAL, "original", Profile::Synapse);
    play.input(Input::Room { link: ORIGINAL, bytes: 0 });
    let ids: Vec<MessageId> = (0..50).map(|at| play.publish(STATE, &format!("{at}"))).collect();
    assert!(play.envelopes(ORIGINAL).is_empty());
    assert!(play.node.stats().waiting_bytes <= 1_000);
    play.input(Input::Room { link: ORIGINAL, bytes: 1 << 20 });
    assert_eq!(play.envelopes(ORIGINAL).iter().map(|it| it.id).collect::<Vec<_>>(), ids);
}

#[test]
fn nothing_is_sent_to_an_agent_or_to_somebody_unknown() {
    let mut play = Play::new(Options::default());
    play.input(Input::Subscribe { topic: STATE.to_owned() });
    play.up(LinkId(1), "agent", Profile::Agent);
    play.up(LinkId(2), "unknown", Profile::Unknown);
    play.publish(STATE, "1");
    play.now = play.now + Duration::from_secs(10);
    play.input(Input::Timeout);
    assert_eq!(play.sent, []);
}

#[test]
fn somebody_unknown_is_spoken_to_as_it_speaks() {
    let mut play = Play::new(Options::default());
    play.up(ORIGINAL, "unknown", Profile::Unknown);
    play.hear(ORIGINAL, envelope(EnvelopeKind::Ping, 5));
    assert_eq!(play.envelopes(ORIGINAL).len(), 1);
    play.publish(STATE, "1");
    assert_eq!(play.envelopes(ORIGINAL).len(), 1);

    let mut ours = Gossip::new(peer("ours"), Options::default(), 2, play.now);
    ours.handle_input(
        play.now,
        Input::Up { link: LinkId(2), peer: peer("us"), profile: Profile::Sangam, frame_bytes_max: 65_536 },
    );
    let Output::Send { frame, .. } = ours.poll_output(play.now) else { panic!("no hello") };
    play.up(LinkId(2), "ours", Profile::Unknown);
    assert_eq!(play.sent, []);
    play.hear(LinkId(2), frame);
    let hello = |frame: &Frame| matches!(decode(Profile::Sangam, frame), Ok(Incoming::Hello(_)));
    assert!(play.sent.first().is_some_and(|(_, frame)| hello(frame)));
    assert!(matches!(play.others.last(), Some(Incoming::Hello(_))));
}

#[test]
fn what_is_not_of_topics_comes_out_as_it_is() {
    let mut play = Play::new(Options::default());
    play.up(LinkId(1), "agent", Profile::Agent);
    let message = Bytes::from_static(br#"{"level":1,"source":"agent","destination":"us"}"#);
    play.hear(LinkId(1), Frame { binary: false, bytes: message.clone() });
    let relay = Relay {
        hops: 1,
        from: peer("x"),
        to: None,
        signal_type: "offer".to_owned(),
        payload: Bytes::from_static(b"{}"),
    };
    play.hear(LinkId(1), relay.encode_text().unwrap());
    assert_eq!(play.others, [Incoming::IfMessage(message), Incoming::Relay(relay)]);
    play.hear(LinkId(1), Frame { binary: true, bytes: Bytes::from_static(&[0x08]) });
    play.hear(LinkId(1), Frame { binary: false, bytes: Bytes::from_static(b"no json") });
    assert_eq!(play.refused, [RefuseReason::Malformed, RefuseReason::Malformed]);
    play.hear(LinkId(1), envelope(EnvelopeKind::Ping, 1));
    assert_eq!(play.refused.last(), Some(&RefuseReason::Unasked));
    play.up(ORIGINAL, "original", Profile::Synapse);
    play.hear(ORIGINAL, Frame { binary: true, bytes: Bytes::from_static(&[0x08]) });
    assert_eq!(play.refused.last(), Some(&RefuseReason::Malformed));
}
