use std::time::Duration;

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use sangam_types::Wall;
use serde_json::{Value, json};

use super::*;
use crate::identity::Identity;
use crate::{PeerId, TraceId};

/// What Node 20 makes of messages: `tests/vectors/if_messages.mjs`.
fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/if_messages.json")).unwrap()
}

const NOW: Wall = Wall::from_unix_millis(1_795_189_105_468);

fn peer(name: &str) -> PeerId {
    PeerId::new(name).unwrap()
}

fn read(text: &str) -> IfMessage {
    IfMessage::parse(text, 1 << 20).unwrap()
}

fn read_value(value: &Value) -> IfMessage {
    read(&value.to_string())
}

fn agent(n: u8, name: &str) -> Sender {
    Sender::new(Identity::from_seed(&[n; 32]), peer(name), TraceId::from_bytes([0xab; 12]))
}

fn say(sender: &mut Sender, id: &str, now: Wall) -> Value {
    let draft = Draft { id: Some(id.into()), payload: json!({ "text": "hi" }), ..Draft::default() };
    let message = sender.message(&draft, &peer("agent-b"), now, &mut StdRng::seed_from_u64(1)).unwrap();
    serde_json::from_str(&message.to_string()).unwrap()
}

/// As an original agent sends it: without our signature.
fn original(sender: &mut Sender, id: &str, now: Wall) -> Value {
    let mut message = say(sender, id, now);
    message.as_object_mut().unwrap().remove(SOUND_SIGNATURE);
    message
}

fn unsigned(mut message: Value) -> Value {
    message.as_object_mut().unwrap().remove("signature");
    message
}

fn guard(options: GuardOptions) -> Guard {
    Guard::new(peer("agent-b"), options)
}

fn later(secs: u64) -> Wall {
    NOW + Duration::from_secs(secs)
}

#[test]
fn what_is_signed_is_what_node_signs() {
    for vector in vectors()["messages"].as_array().unwrap() {
        let message = read(vector["message"].as_str().unwrap());
        let fields: Vec<&str> = vector["fields"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(of_agents(&message.members, &fields), vector["canonical"].as_str().unwrap());
        let covered = format!("sangam-if-message-1\n{}", vector["sorted"].as_str().unwrap());
        assert_eq!(sound(&message.members), covered);
        let (trust, key) = message.verify().unwrap();
        let all = ["id", "timestamp", "source", "destination"].iter().all(|name| fields.contains(name));
        assert_eq!(trust, if all { Trust::Weak } else { Trust::Unsigned }, "{message}");
        assert_eq!(key.is_some(), all);
    }
}

#[test]
fn numbers_are_written_as_node_writes_them() {
    for vector in vectors()["numbers"].as_array().unwrap() {
        let bits = u64::from_str_radix(vector[0].as_str().unwrap(), 16).unwrap();
        assert_eq!(number(f64::from_bits(bits)), vector[1].as_str().unwrap());
    }
    assert_eq!((number(-0.0).as_str(), number(f64::NAN).as_str()), ("0", "null"));
}

#[test]
fn the_measured_sample_is_signed_without_most_of_its_payload() {
    let text = r#"{"id":"m1","level":2,"payload":{"text":"t","level":9,"nested":{"id":1,"z":2},"arr":[1],"id":[{"level":1,"zz":2},3]}}"#;
    let message: serde_json::Map<String, Value> = serde_json::from_str(text).unwrap();
    assert_eq!(
        of_agents(&message, &DEFAULT_SIGNED_FIELDS),
        r#"{"id":"m1","level":2,"payload":{"id":[{"level":1},3],"level":9}}"#
    );
}

#[test]
fn integers_beyond_a_double_are_signed_as_javascript_rounds_them() {
    let text = r#"{"id":12345678901234567890,"level":9007199254740993}"#;
    let message: serde_json::Map<String, Value> = serde_json::from_str(text).unwrap();
    // node: JSON.stringify(JSON.parse(text))
    assert_eq!(of_agents(&message, &["level", "id"]), r#"{"id":12345678901234567000,"level":9007199254740992}"#);
}

#[test]
fn a_message_is_filled_in_and_signed_both_ways() {
    let mut sender = agent(1, "agent-a");
    let mut rng = StdRng::seed_from_u64(7);
    let draft = Draft {
        level: Some(2),
        payload: json!({ "text": "hi" }),
        performative: Some("inform".into()),
        conversation_id: Some("c1".into()),
        citation_ids: vec!["x".into()],
        ..Draft::default()
    };
    let first = sender.message(&draft, &peer("agent-b"), NOW, &mut rng).unwrap();
    let second = sender.message(&draft, &peer("*"), NOW, &mut rng).unwrap();
    assert_eq!((first.sequence_num(), second.sequence_num()), (Some(1), Some(2)));
    assert!(second.is_broadcast() && !first.is_broadcast());
    assert_ne!(first.id(), second.id());
    assert!(first.id().starts_with("msg-1795189105468-") && first.id().len() == 27);
    let json: Value = serde_json::from_str(&first.to_string()).unwrap();
    assert_eq!(json["timestamp"], "2026-11-20T15:38:25.468Z");
    assert_eq!(
        (&json["source"], &json["destination"], &json["version"]),
        (&json!("agent-a"), &json!("agent-b"), &json!("2.1"))
    );
    assert_eq!(
        (&json["level"], &json["citation_ids"], &json["traceId"]),
        (&json!(2), &json!(["x"]), &json!("ab".repeat(12)))
    );
    assert_eq!(json["signature"]["signed_fields"], json!(DEFAULT_SIGNED_FIELDS));
    assert_eq!(json["signature"]["algorithm"], "ed25519");
    assert_eq!(json["signature"]["public_key"].as_str().unwrap().len(), 64);
    assert_eq!(json["signature"]["signature_bytes"].as_str().unwrap().len(), 128);
    assert_eq!(first.verify().unwrap().0, Trust::Sound);
    let empty = Draft { id: Some(String::new()), ..draft };
    assert_eq!(sender.message(&empty, &peer("agent-b"), NOW, &mut rng), Err(Malformed::Id));
    assert_eq!(sender.message(&Draft::default(), &peer("a"), NOW, &mut rng).unwrap().sequence_num(), Some(3));
}

#[test]
fn a_payload_that_was_changed_passes_the_signature_of_agents_and_not_ours() {
    let mut message = original(&mut agent(1, "agent-a"), "m1", NOW);
    message["payload"] = json!({ "text": "changed" });
    message["version"] = json!("9");
    assert_eq!(read_value(&message).verify().unwrap().0, Trust::Weak);
    let mut message = say(&mut agent(1, "agent-a"), "m1", NOW);
    message["payload"]["text"] = json!("changed");
    assert_eq!(read_value(&message).verify(), Err(SignatureError::Wrong));
}

#[test]
fn our_signature_covers_every_member_at_every_level() {
    let message = say(&mut agent(1, "agent-a"), "m1", NOW);
    for name in ["id", "timestamp", "level", "source", "destination", "version", "payload", "sequence_num", "traceId"] {
        let mut changed = message.clone();
        changed[name] = match name {
            "timestamp" => json!("2026-11-20T15:38:25.469Z"),
            _ => json!("changed"),
        };
        changed.as_object_mut().unwrap().remove("signature");
        assert_eq!(read_value(&changed).verify(), Err(SignatureError::Wrong), "{name}");
    }
    let mut more = message.clone();
    more["more"] = json!(1);
    assert_eq!(read_value(&more).verify(), Err(SignatureError::Wrong));
}

#[test]
fn a_signature_that_cannot_be_read_is_refused() {
    let message = original(&mut agent(1, "agent-a"), "m1", NOW);
    for (name, value) in [
        ("algorithm", json!("ed448")),
        ("public_key", json!("00")),
        ("public_key", json!("é".repeat(32))),
        ("signature_bytes", json!(5)),
        ("signed_fields", json!("id")),
        ("signed_fields", json!([1])),
        ("signed_fields", json!(["__proto__"])),
        ("signed_fields", json!(vec!["id"; 65])),
    ] {
        let mut wrong = message.clone();
        wrong["signature"][name] = value;
        assert_eq!(read_value(&wrong).verify(), Err(SignatureError::Malformed), "{name}");
    }
    let mut none = message.clone();
    none["signature"] = Value::Null;
    assert_eq!(read_value(&none).verify(), Ok((Trust::Unsigned, None)));
    none[SOUND_SIGNATURE] = json!("yes");
    assert_eq!(read_value(&none).verify(), Err(SignatureError::Malformed));
}

#[test]
fn two_signatures_of_two_keys_are_refused() {
    let mut message = say(&mut agent(1, "agent-a"), "m1", NOW);
    message["signature"] = say(&mut agent(2, "agent-a"), "m1", NOW)["signature"].clone();
    assert_eq!(read_value(&message).verify(), Err(SignatureError::Key));
}

#[test]
fn nobody_signs_for_a_node_whose_id_is_its_key() {
    let node = Identity::from_seed(&[1; 32]).id().clone();
    let own = say(&mut agent(1, node.as_str()), "m1", NOW);
    assert_eq!(read_value(&own).verify().unwrap().0, Trust::Sound);
    let forged = say(&mut agent(2, node.as_str()), "m1", NOW);
    assert_eq!(read_value(&forged).verify(), Err(SignatureError::Key));
}

#[test]
fn what_is_no_message_is_refused_with_its_reason() {
    let message = original(&mut agent(1, "agent-a"), "m1", NOW);
    let without = |name: &str, value: Value| {
        let mut wrong = message.clone();
        wrong[name] = value;
        IfMessage::parse(&wrong.to_string(), 1 << 20).unwrap_err()
    };
    assert_eq!(without("id", json!(5)), Malformed::Id);
    assert_eq!(without("id", json!("x".repeat(257))), Malformed::Id);
    assert_eq!(without("source", json!("")), Malformed::Address);
    assert_eq!(without("destination", Value::Null), Malformed::Address);
    assert_eq!(without("timestamp", json!("yesterday")), Malformed::Timestamp);
    for text in ["", "[]", "{", r#"{"id":1e999}"#, r#"{"id":"\ud800"}"#] {
        assert_eq!(IfMessage::parse(text, 100), Err(Malformed::NotJson), "{text}");
    }
    assert_eq!(IfMessage::parse(&"[".repeat(50_000), 1 << 20), Err(Malformed::NotJson));
    assert_eq!(IfMessage::parse("{}", 1), Err(Malformed::TooLarge(1)));
}

#[test]
fn a_message_is_taken_once() {
    let mut guard = guard(GuardOptions::default());
    let mut sender = agent(1, "agent-a");
    let message = read_value(&say(&mut sender, "m1", NOW));
    assert_eq!(guard.check(&message, NOW), Ok(Trust::Sound));
    assert_eq!(guard.check(&message, later(1)), Err(Refusal::Replay));
    assert_eq!(guard.check(&read_value(&say(&mut sender, "m2", NOW)), NOW), Ok(Trust::Sound));
    // Another's message may have the same id.
    assert_eq!(guard.check(&read_value(&say(&mut agent(2, "agent-c"), "m1", NOW)), NOW), Ok(Trust::Sound));
}

#[test]
fn a_message_of_another_time_or_for_somebody_else_is_refused() {
    let mut guard = guard(GuardOptions::default());
    let mut sender = agent(1, "agent-a");
    for at in [NOW + Duration::from_millis(300_001), Wall::from_unix_millis(NOW.unix_millis() - 300_001)] {
        assert_eq!(guard.check(&read_value(&say(&mut sender, "m1", at)), NOW), Err(Refusal::Time));
    }
    let draft = Draft::default();
    let mut rng = StdRng::seed_from_u64(1);
    let other = sender.message(&draft, &peer("agent-x"), NOW, &mut rng).unwrap();
    assert_eq!(guard.check(&other, NOW), Err(Refusal::Destination));
    let all = sender.message(&draft, &peer("*"), NOW, &mut rng).unwrap();
    assert_eq!(guard.check(&all, NOW), Ok(Trust::Sound));
}

#[test]
fn a_message_of_the_future_is_not_taken_again_when_its_time_has_come() {
    let mut guard = guard(GuardOptions::default());
    let mut sender = agent(1, "agent-a");
    let ahead = read_value(&say(&mut sender, "m1", later(300)));
    assert_eq!(guard.check(&ahead, NOW), Ok(Trust::Sound));
    for secs in [1, 300, 599] {
        guard.check(&read_value(&say(&mut sender, &format!("other {secs}"), later(secs))), later(secs)).unwrap();
        assert_eq!(guard.check(&ahead, later(secs)), Err(Refusal::Replay), "{secs}");
    }
    assert_eq!(guard.check(&ahead, later(601)), Err(Refusal::Time));
}

#[test]
fn a_window_that_is_full_refuses_what_is_older_than_what_it_forgot() {
    let mut guard = guard(GuardOptions { ids_max: 2, ..GuardOptions::default() });
    let mut sender = agent(1, "agent-a");
    let messages: Vec<_> = (0..4).map(|n| read_value(&say(&mut sender, &format!("m{n}"), later(n)))).collect();
    for place in [0, 1, 3] {
        assert_eq!(guard.check(&messages[place], later(3)), Ok(Trust::Sound));
    }
    // The first was forgotten; it is refused all the same, and what is newer is not.
    assert_eq!(guard.check(&messages[0], later(3)), Err(Refusal::Replay));
    assert_eq!(guard.check(&messages[2], later(3)), Ok(Trust::Sound));
    assert_eq!(guard.check(&messages[1], later(3)), Err(Refusal::Replay));
}

#[test]
fn unsigned_messages_are_taken_only_where_that_is_allowed() {
    let mut sender = agent(1, "agent-a");
    let bare = read_value(&unsigned(original(&mut sender, "m1", NOW)));
    assert_eq!(guard(GuardOptions::default()).check(&bare, NOW), Err(Refusal::Unsigned));
    let mut open = guard(GuardOptions { required: Required::Nothing, ..GuardOptions::default() });
    assert_eq!(open.check(&bare, NOW), Ok(Trust::Unsigned));
    assert_eq!(open.check(&bare, NOW), Err(Refusal::Replay));
    // What anybody wrote in its name shuts the agent's own message not out; from then on it must sign.
    assert_eq!(open.check(&read_value(&original(&mut sender, "m1", NOW)), NOW), Ok(Trust::Weak));
    assert_eq!(open.check(&read_value(&unsigned(original(&mut sender, "m2", NOW))), NOW), Err(Refusal::Unsigned));
}

#[test]
fn the_signature_of_agents_is_not_enough_where_all_must_be_covered() {
    let mut strict = guard(GuardOptions { required: Required::SoundSignature, ..GuardOptions::default() });
    let mut sender = agent(1, "agent-a");
    assert_eq!(strict.check(&read_value(&original(&mut sender, "m1", NOW)), NOW), Err(Refusal::Weak));
    assert_eq!(strict.check(&read_value(&say(&mut sender, "m2", NOW)), NOW), Ok(Trust::Sound));
}

#[test]
fn whoever_has_covered_its_payload_once_must_always() {
    let mut guard = guard(GuardOptions::default());
    let mut sender = agent(1, "agent-a");
    assert_eq!(guard.check(&read_value(&original(&mut sender, "m1", NOW)), NOW), Ok(Trust::Weak));
    assert_eq!(guard.check(&read_value(&say(&mut sender, "m2", NOW)), NOW), Ok(Trust::Sound));
    // Somebody on the way takes our signature off and changes the payload.
    let mut stripped = original(&mut sender, "m3", NOW);
    stripped["payload"] = json!({ "text": "changed" });
    assert_eq!(guard.check(&read_value(&stripped), NOW), Err(Refusal::Weak));
}

#[test]
fn an_agent_keeps_the_key_it_came_with() {
    let mut first = guard(GuardOptions::default());
    assert_eq!(first.check(&read_value(&say(&mut agent(1, "agent-a"), "m1", NOW)), NOW), Ok(Trust::Sound));
    let other = read_value(&say(&mut agent(2, "agent-a"), "m2", NOW));
    assert_eq!(first.check(&other, NOW), Err(Refusal::Key));
    let mut loose = guard(GuardOptions { keys_may_change: true, ..GuardOptions::default() });
    loose.check(&read_value(&say(&mut agent(1, "agent-a"), "m1", NOW)), NOW).unwrap();
    assert_eq!(loose.check(&other, NOW), Ok(Trust::Sound));
    let mut known = guard(GuardOptions { keys_may_change: true, pins_max: 0, ..GuardOptions::default() });
    known.pin(peer("agent-a"), Identity::from_seed(&[1; 32]).public_key());
    assert_eq!(known.check(&other, NOW), Err(Refusal::Key));
    assert_eq!(known.check(&read_value(&say(&mut agent(1, "agent-a"), "m3", NOW)), NOW), Ok(Trust::Sound));
}

#[test]
fn a_refused_message_leaves_no_trace() {
    let mut guard = guard(GuardOptions::default());
    let mut forged = say(&mut agent(2, "agent-a"), "m1", NOW);
    forged["payload"] = json!("changed");
    assert_eq!(guard.check(&read_value(&forged), NOW), Err(Refusal::Signature));
    assert_eq!(guard.check(&read_value(&say(&mut agent(1, "agent-a"), "m1", NOW)), NOW), Ok(Trust::Sound));
}

#[test]
fn agents_are_bounded_and_only_those_long_silent_make_room() {
    let options = GuardOptions { pins_max: 2, sources_max: 2, ..GuardOptions::default() };
    let mut pins = guard(GuardOptions { sources_max: 9, ..options });
    let mut windows = guard(GuardOptions { pins_max: 9, ..options });
    let from = |n: u8, at: Wall| read_value(&say(&mut agent(n, &format!("agent-{n}")), "m1", at));
    for guard in [&mut pins, &mut windows] {
        assert_eq!(guard.check(&from(1, NOW), NOW), Ok(Trust::Sound));
        assert_eq!(guard.check(&from(2, later(1)), later(1)), Ok(Trust::Sound));
        assert_eq!(guard.check(&from(3, later(2)), later(2)), Err(Refusal::TooMany));
    }
    assert_eq!(windows.check(&from(3, later(601)), later(601)), Ok(Trust::Sound));
    assert_eq!(pins.check(&from(3, later(601)), later(601)), Err(Refusal::TooMany));
    assert_eq!(pins.check(&from(3, later(86_401)), later(86_401)), Ok(Trust::Sound));
    // Agent 1 is forgotten, agent 2 is not.
    assert_eq!(
        pins.check(&read_value(&say(&mut agent(7, "agent-2"), "m2", later(86_402))), later(86_402)),
        Err(Refusal::Key)
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("id|level|[a-z😀]{0,3}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_covered_is_the_same_after_a_journey(payload in any_json()) {
        let members = json!({ "id": "m", "source": "a", "destination": "b", "timestamp": "2026-11-20T15:38:25Z", "payload": payload });
        let message = read_value(&members);
        let again = read(&message.to_string());
        prop_assert_eq!(again.payload(), Some(&payload));
        prop_assert_eq!(sound(&again.members), sound(&message.members));
        // It is JSON, and says the same.
        let covered = sound(&message.members);
        let told: Value = serde_json::from_str(covered.strip_prefix("sangam-if-message-1\n").unwrap()).unwrap();
        prop_assert_eq!(sound(told.as_object().unwrap()), covered);
    }

    #[test]
    fn a_number_reads_back_as_it_was(bits: u64) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        prop_assert_eq!(number(value).parse::<f64>().unwrap(), value);
    }
}
