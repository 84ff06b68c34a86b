use proptest::prelude::*;

use super::*;
use crate::Profile;

const NOW: Wall = Wall::from_unix_secs(1_795_188_580);

fn identity(n: u8) -> Identity {
    Identity::from_seed(&[n; 32])
}

fn id(n: u8) -> PeerId {
    identity(n).id().clone()
}

fn state_with(options: Options) -> State {
    let us = Us {
        id: id(1),
        url: Some("http://us:8000".into()),
        kx_public_key: identity(1).kx_public_key(),
        software: "sangam/0.1.0".into(),
    };
    State::new(options, us, NOW)
}

fn state() -> State {
    state_with(Options::default())
}

fn later(secs: u64) -> Wall {
    NOW + std::time::Duration::from_secs(secs)
}

fn record(n: u8, last_seen: u64, url: &str) -> Value {
    json!({ "id": id(n).as_str(), "url": url, "kx_public_key": "k", "last_seen": last_seen, "version": 1 })
}

fn nodes(records: &[Value]) -> Value {
    let by_id: Map<_, _> = records.iter().map(|one| (one["id"].as_str().unwrap().to_owned(), one.clone())).collect();
    json!({ "nodes": by_id })
}

#[test]
fn a_new_document_has_the_shape_of_an_original() {
    let mut state = state();
    state.subscribe("sviluppo_ui").unwrap();
    let json = state.to_json();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(names(&json), "global sviluppo_ui");
    assert_eq!(
        names(&json["global"]),
        "config config_updated_at config_version execution_log immune_system last_executed_command_index nodes \
         pending_operations proposals ratification_votes schemas validator_set validator_set_updated_at zkp_nullifiers"
    );
    assert_eq!(
        names(&json["sviluppo_ui"]),
        "common_tools composite_tasks node_skills participants proposals tasks team_announcements treasury_balance"
    );
    assert_eq!(json["sviluppo_ui"]["participants"], json!([id(1).as_str()]));
    let ours = &json["global"]["nodes"][id(1).as_str()];
    assert_eq!(names(ours), "balance id kx_public_key last_seen reputation software url version");
    assert_eq!((&ours["url"], &ours["software"]), (&json!("http://us:8000"), &json!("sangam/0.1.0")));
    assert_eq!(names(&ours["reputation"]), "_last_updated _total tags");
}

#[test]
fn our_record_is_ours_alone_and_newer_each_time_it_is_told() {
    let mut state = state();
    let us = id(1).as_str().to_owned();
    state.merge(GLOBAL, &nodes(&[record(1, NOW.unix_secs() + 100, "http://thief")]), Some(&id(2)), NOW);
    assert_eq!(state.to_json()["global"]["nodes"][&us]["url"], "http://us:8000");
    assert_eq!(state.nodes().count(), 0);
    let first: Value = serde_json::from_str(&state.packet(&identity(1), GLOBAL, later(1)).unwrap().payload).unwrap();
    let second: Value = serde_json::from_str(&state.packet(&identity(1), GLOBAL, later(2)).unwrap().payload).unwrap();
    let seen = |value: &Value| value["nodes"][&us]["last_seen"].as_f64().unwrap();
    assert!(seen(&second) > seen(&first));
    assert_eq!(second["nodes"][&us]["version"], 3);
    state.set_url(None, later(3));
    assert_eq!(state.to_json()["global"]["nodes"][&us]["url"], "");
}

#[test]
fn the_larger_last_seen_wins() {
    let mut state = state();
    let at = NOW.unix_secs();
    let merged = state.merge(GLOBAL, &nodes(&[record(2, at, "http://b")]), None, NOW);
    assert_eq!(merged, Merged { changed: true, nodes: vec![id(2)], renewed: vec![id(2)], content: false });
    assert_eq!(state.merge(GLOBAL, &nodes(&[record(2, at, "http://c")]), None, NOW), Merged::default());
    assert_eq!(state.node(&id(2)).unwrap().url, Some("http://b"));
    let merged = state.merge(GLOBAL, &nodes(&[record(2, at + 1, "http://c")]), None, NOW);
    assert_eq!(merged, Merged { changed: true, nodes: vec![], renewed: vec![id(2)], content: false });
    assert_eq!(state.node_at("http://c").unwrap().id, &id(2));
    assert_eq!(state.node(&id(2)).unwrap().profile(), Profile::Synapse);
}

#[test]
fn what_a_node_said_of_itself_is_not_changed_by_others_for_a_while() {
    let mut state = state();
    let at = NOW.unix_secs();
    state.merge(GLOBAL, &nodes(&[record(2, at, "http://b")]), Some(&id(2)), NOW);
    state.merge(GLOBAL, &nodes(&[record(2, at + 5, "http://thief")]), Some(&id(3)), NOW);
    assert_eq!(state.node(&id(2)).unwrap().url, Some("http://b"));
    assert_eq!(state.refused().second_hand, 1);
    // Its age may be passed on by anybody, and itself it may move.
    assert!(state.merge(GLOBAL, &nodes(&[record(2, at + 6, "http://b")]), Some(&id(3)), NOW).changed);
    assert!(state.merge(GLOBAL, &nodes(&[record(2, at + 7, "http://d")]), Some(&id(2)), NOW).changed);
    assert!(state.merge(GLOBAL, &nodes(&[record(2, at + 300, "http://e")]), Some(&id(3)), later(300)).changed);
}

#[test]
fn records_of_the_future_and_of_long_ago_are_refused() {
    let mut state = state();
    let at = NOW.unix_secs();
    for wrong in [at + 601, at - 7 * 86_400 - 1] {
        assert!(!state.merge(GLOBAL, &nodes(&[record(2, wrong, "http://b")]), None, NOW).changed, "{wrong}");
    }
    assert_eq!(state.refused().time, 2);
    assert!(state.merge(GLOBAL, &nodes(&[record(2, at + 600, "http://b")]), None, NOW).changed);
}

#[test]
fn a_peer_that_was_seen_has_a_record_until_its_own_comes() {
    let mut state = state();
    assert!(state.seen(&id(2), Some("http://b"), true, NOW));
    assert!(!state.seen(&id(2), Some("http://c"), false, later(9)));
    assert!(!state.seen(&id(1), None, false, NOW));
    let node = state.node(&id(2)).unwrap();
    assert_eq!((node.url, node.heard, node.profile()), (Some("http://b"), later(9), Profile::Unknown));
    assert_eq!(state.to_json()["global"]["nodes"][id(2).as_str()]["discovered_via"], "mdns");
    // Its own clock is behind ours.
    let mut own = record(2, NOW.unix_secs() - 500, "http://own");
    own["software"] = json!("sangam/0.2.0");
    let merged = Merged { changed: true, renewed: vec![id(2)], ..Merged::default() };
    assert_eq!(state.merge(GLOBAL, &nodes(&[own]), None, NOW), merged);
    assert_eq!(state.node(&id(2)).unwrap().profile(), Profile::Sangam);
}

#[test]
fn a_full_list_of_nodes_drops_whoever_was_silent_for_longest() {
    let mut state = state_with(Options { nodes_max: 2, ..Options::default() });
    let at = NOW.unix_secs();
    state.merge(GLOBAL, &nodes(&[record(2, at, "")]), None, NOW);
    state.merge(GLOBAL, &nodes(&[record(3, at, "")]), None, later(1));
    // Told of by another, too soon.
    assert!(!state.merge(GLOBAL, &nodes(&[record(4, at, "")]), Some(&id(3)), later(2)).changed);
    assert_eq!(state.refused().full, 1);
    // By itself.
    assert!(state.merge(GLOBAL, &nodes(&[record(4, at, "")]), Some(&id(4)), later(2)).changed);
    assert!(state.node(&id(2)).is_none());
    assert!(state.merge(GLOBAL, &nodes(&[record(5, at, "")]), Some(&id(4)), later(61)).changed);
    let mut left: Vec<_> = state.nodes().map(|node| node.id.clone()).collect();
    left.sort();
    let mut expected = vec![id(4), id(5)];
    expected.sort();
    assert_eq!(left, expected);
}

#[test]
fn what_has_not_the_shape_of_a_record_is_refused() {
    let mut state = state();
    let at = NOW.unix_secs();
    let mut long = record(2, at, "http://b");
    long["tags"] = json!("x".repeat(5000));
    let mut other = record(2, at, "http://b");
    other["id"] = json!("somebody else");
    for wrong in [json!(5), json!({}), json!({ "last_seen": "now" }), json!({ "last_seen": at, "url": 5 }), long, other]
    {
        let said = json!({ "nodes": { id(2).as_str(): wrong } });
        assert_eq!(state.merge(GLOBAL, &said, None, NOW), Merged::default(), "{said}");
    }
    assert_eq!(state.refused().malformed, 6);
    for wrong in [json!([]), json!({ "nodes": [] }), json!({ "nodes": { "": {} } }), json!({ "proposals": { "p": 1 } })]
    {
        assert_eq!(state.merge(GLOBAL, &wrong, None, NOW), Merged::default());
    }
}

#[test]
fn participants_are_all_that_anybody_names() {
    let mut state = state_with(Options { participants_max: 3, ..Options::default() });
    state.subscribe("c").unwrap();
    assert!(state.merge("c", &json!({ "participants": ["b", "", 5, "c"] }), None, NOW).changed);
    assert!(!state.merge("c", &json!({ "participants": ["b", "d"] }), None, NOW).changed);
    assert_eq!(state.participants("c").count(), 3);
    assert_eq!((state.refused().malformed, state.refused().full), (2, 1));
    assert_eq!(state.merge("unknown", &json!({ "participants": ["b"] }), None, NOW), Merged::default());
}

#[test]
fn the_newer_task_wins_and_votes_of_both_sides_stay() {
    let mut state = state();
    state.subscribe("c").unwrap();
    let task = |at: &str, title: &str| json!({ "tasks": { "t": { "updated_at": at, "title": title } } });
    assert!(state.merge("c", &task("2026-11-20T10:00:00+00:00", "one"), None, NOW).changed);
    assert!(!state.merge("c", &task("2026-11-20T09:00:00+00:00", "zero"), None, NOW).changed);
    assert!(state.merge("c", &task("2026-11-20T11:00:00+00:00", "two"), None, NOW).changed);
    assert!(!state.merge("c", &task("2099-01-01T00:00:00+00:00", "for ever"), None, NOW).changed);
    assert_eq!(state.to_json()["c"]["tasks"]["t"]["title"], "two");
    let proposal = |at: &str, votes: Value| json!({ "proposals": { "p": { "updated_at": at, "votes": votes } } });
    state.merge(GLOBAL, &proposal("2", json!({ "a": "yes", "b": "no" })), None, NOW);
    assert!(state.merge(GLOBAL, &proposal("1", json!({ "b": "yes", "c": "no" })), None, NOW).changed);
    let kept = &state.to_json()["global"]["proposals"]["p"];
    assert_eq!(*kept, json!({ "updated_at": "2", "votes": { "a": "yes", "b": "yes", "c": "no" } }));
}

#[test]
fn configuration_goes_by_its_version_and_the_validators_by_their_time() {
    let mut state = state();
    let config =
        |version: u64, max: u64| json!({ "config_version": version, "config": { "max_peer_connections": max } });
    assert!(state.merge(GLOBAL, &config(1, 20), None, NOW).changed);
    assert!(!state.merge(GLOBAL, &config(1, 30), None, NOW).changed);
    assert!(state.merge(GLOBAL, &config(2, 40), None, NOW).changed);
    assert!(!state.merge(GLOBAL, &json!({ "config_version": 3, "config": "none" }), None, NOW).changed);
    assert!(!state.merge(GLOBAL, &json!({ "config_version": "4", "config": {} }), None, NOW).changed);
    let set = |at: &str, who: &str| json!({ "validator_set_updated_at": at, "validator_set": [who] });
    assert!(state.merge(GLOBAL, &set("2026-11-20T10:00:00+00:00", "a"), None, NOW).changed);
    assert!(!state.merge(GLOBAL, &set("2026-11-20T09:00:00+00:00", "b"), None, NOW).changed);
    assert!(!state.merge(GLOBAL, &set("2099-11-20T09:00:00+00:00", "c"), None, NOW).changed);
    let json = state.to_json();
    assert_eq!(json["global"]["config"]["max_peer_connections"], 40);
    assert_eq!(json["global"]["validator_set"], json!(["a"]));
}

#[test]
fn logs_and_votes_are_united() {
    let mut state = state();
    let log = |id: &str, note: &str| json!({ "execution_log": [{ "command_id": id, "note": note }] });
    assert!(state.merge(GLOBAL, &log("1", "first"), None, NOW).changed);
    assert!(!state.merge(GLOBAL, &log("1", "changed"), None, NOW).changed);
    assert!(state.merge(GLOBAL, &log("2", "second"), None, NOW).changed);
    assert!(state.merge(GLOBAL, &json!({ "pending_operations": [{ "proposal_id": "p" }] }), None, NOW).changed);
    let votes = |voter: &str| json!({ "ratification_votes": { "p": { voter: true } } });
    assert!(state.merge(GLOBAL, &votes("a"), None, NOW).changed);
    assert!(state.merge(GLOBAL, &votes("b"), None, NOW).changed);
    assert!(!state.merge(GLOBAL, &votes("a"), None, NOW).changed);
    let json = state.to_json();
    let notes: Vec<_> = json["global"]["execution_log"].as_array().unwrap().iter().map(|one| &one["note"]).collect();
    assert_eq!(notes, ["first", "second"]);
    assert_eq!(json["global"]["ratification_votes"], json!({ "p": { "a": true, "b": true } }));
}

#[test]
fn a_document_that_is_full_takes_nothing_more_and_leaving_a_channel_makes_room() {
    let mut state = state_with(Options { document_bytes_max: 3000, ..Options::default() });
    state.subscribe("c").unwrap();
    let task = |id: usize| json!({ "tasks": { id.to_string(): { "title": "x".repeat(900) } } });
    let taken = (0..9).filter(|n| state.merge("c", &task(*n), None, NOW).changed).count();
    assert_eq!(taken, 3);
    assert!(state.bytes() <= 3000 && state.refused().full == 6);
    assert!(!state.merge(GLOBAL, &nodes(&[record(2, NOW.unix_secs(), &"x".repeat(500))]), None, NOW).changed);
    state.unsubscribe("c");
    assert_eq!(state.bytes(), 0);
    assert!(state.merge(GLOBAL, &nodes(&[record(2, NOW.unix_secs(), &"x".repeat(500))]), None, NOW).changed);
}

#[test]
fn channels_are_bounded_and_global_is_never_left() {
    let mut state = state_with(Options { channels_max: 2, ..Options::default() });
    assert_eq!(state.subscribe(""), Err(SubscribeError::Name));
    state.subscribe("one").unwrap();
    state.subscribe("one").unwrap();
    assert_eq!(state.subscribe("two"), Err(SubscribeError::TooMany(2)));
    state.unsubscribe(GLOBAL);
    state.unsubscribe("never there");
    assert_eq!(state.channels().collect::<Vec<_>>(), [GLOBAL, "one"]);
}

#[test]
fn a_packet_of_another_node_is_merged_and_its_sender_known() {
    let us = Us { id: id(2), url: Some("http://b".into()), kx_public_key: String::new(), software: "sangam/9".into() };
    let mut theirs = State::new(Options::default(), us, NOW);
    let mut ours = state();
    let packet = theirs.packet(&identity(2), GLOBAL, NOW).unwrap();
    let merged = ours.receive(&packet, NOW).unwrap();
    assert_eq!(
        merged,
        Received::Merged(Merged { changed: true, nodes: vec![id(2)], renewed: vec![id(2)], content: false })
    );
    assert_eq!(ours.node_at("http://b").unwrap().profile(), Profile::Sangam);
    theirs.subscribe("theirs").unwrap();
    let packet = theirs.packet(&identity(2), "theirs", NOW).unwrap();
    assert_eq!(ours.receive(&packet, NOW), Ok(Received::Unsubscribed));
    assert_eq!(ours.packet(&identity(1), "theirs", NOW), None);
    assert!(ours.merge_document(&theirs.to_json(), later(1)).nodes.is_empty());
}

/// Made by Python's `cryptography` with the seed 00 01 … 1f, as `state/packet.rs` describes; spaces and the order of members
/// are Python's defaults.
#[test]
fn a_packet_of_python_verifies_whatever_its_payload_is_formatted_like() {
    let text = r#"{"channel_id":"global","payload":"{\"proposals\": {}, \"nodes\": {}, \"note\": \"Citt\\u00e0\"}","sender_id":"A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=","signature":"YJfFM2jNMMuJeRvYAvtnQIN41KpAVdcWWl_xEKXeaC8W67OkmXggwIsNZc3wNc8JhHBrZ-AHWqGqErZvix6TBQ=="}"#;
    let packet: Packet = serde_json::from_str(text).unwrap();
    assert_eq!(packet.verify(1000).unwrap().as_str(), packet.sender_id);
    assert!(matches!(state().receive(&packet, NOW), Ok(Received::Merged(_))));
    assert_eq!(
        Packet::sign(&Identity::from_seed(&std::array::from_fn(|n| n as u8)), GLOBAL, packet.payload.clone()),
        packet
    );
}

#[test]
fn what_is_said_for_a_time_of_the_future_or_for_none_does_not_stay_for_ever() {
    let mut state = state();
    state.subscribe("a").unwrap();
    let task = |time: &str, title: &str| json!({ "tasks": { "t": { "updated_at": time, "title": title } } });
    let set = |time: &str, who: &str| json!({ "validator_set": [who], "validator_set_updated_at": time });
    // `NOW` is 2026-11-20T15:29:40Z; without a zone, as some Pythons write it, it is a time all the same.
    for future in ["zzz", "9999", "9999-01-01T00:00:00", "2026-11-20T15:49:40", "2026-11-20T15:49:40Z"] {
        assert!(!state.merge("a", &task(future, "wrong"), None, NOW).changed, "{future}");
        assert!(!state.merge(GLOBAL, &set(future, "wrong"), None, NOW).changed, "{future}");
    }
    assert_eq!(state.refused().time, 5);
    for fine in ["2026-11-20T15:00:00", "2026-11-20T15:30:00+00:00"] {
        assert!(state.merge("a", &task(fine, fine), None, NOW).changed, "{fine}");
        assert!(state.merge(GLOBAL, &set(fine, fine), None, NOW).changed, "{fine}");
    }
    assert_eq!(state.to_json()["a"]["tasks"]["t"]["title"], "2026-11-20T15:30:00+00:00");
}

#[test]
fn a_packet_with_a_wrong_signature_is_refused_in_the_words_of_an_original() {
    let mut state = state();
    let good = Packet::sign(&identity(2), GLOBAL, "{}".into());
    let refused = |state: &mut State, packet: Packet| state.receive(&packet, NOW).unwrap_err();
    let changed = refused(&mut state, Packet { payload: "{ }".into(), ..good.clone() });
    assert_eq!(signature_detail(changed), Some("Firma non valida: "));
    // Also where we would not mind it.
    let elsewhere =
        refused(&mut state, Packet { channel_id: "elsewhere".into(), payload: "{ }".into(), ..good.clone() });
    assert_eq!(elsewhere, PacketError::Signature);
    let stolen = refused(&mut state, Packet { sender_id: id(3).as_str().into(), ..good.clone() });
    assert_eq!(stolen, PacketError::Signature);
    let unpadded =
        refused(&mut state, Packet { sender_id: good.sender_id.trim_end_matches('=').into(), ..good.clone() });
    assert_eq!(signature_detail(unpadded), Some("Firma non valida: Incorrect padding"));
    let unpadded =
        refused(&mut state, Packet { signature: good.signature.trim_end_matches('=').into(), ..good.clone() });
    assert_eq!(
        (unpadded, signature_detail(unpadded)),
        (PacketError::Encoding, Some("Firma non valida: Incorrect padding"))
    );
    for payload in ["", "[]", "{"] {
        let error = refused(&mut state, Packet::sign(&identity(2), GLOBAL, payload.into()));
        assert_eq!((error, signature_detail(error)), (PacketError::Payload, None));
    }
    let mut small = state_with(Options { payload_bytes_max: 1, ..Options::default() });
    assert_eq!(refused(&mut small, good), PacketError::TooLarge(1));
    assert_eq!(state.nodes().count(), 0);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(Value::Null), any::<i32>().prop_map(Value::from), "[a-c]{0,2}".prop_map(Value::from)];
    let names = prop_oneof![
        Just("nodes".to_owned()),
        Just("tasks".to_owned()),
        Just("votes".to_owned()),
        Just("execution_log".to_owned()),
        Just("participants".to_owned()),
        Just("updated_at".to_owned()),
        Just("id".to_owned()),
        Just("last_seen".to_owned()),
        Just("ratification_votes".to_owned()),
        Just("config".to_owned()),
        Just("config_version".to_owned()),
        "[a-c]"
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names.clone(), inner, 0..5).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_said_stays_within_the_bounds(said in prop::collection::vec(any_json(), 1..12)) {
        let mut state = state_with(Options { document_bytes_max: 300, nodes_max: 2, entries_max: 3, ..Options::default() });
        state.subscribe("a").unwrap();
        for value in &said {
            state.merge(GLOBAL, value, None, Wall::from_unix_secs(1000));
            state.merge("a", value, None, Wall::from_unix_secs(1000));
        }
        prop_assert!(state.bytes() <= 300);
        prop_assert!(state.nodes().count() <= 2);
        let json = state.to_json();
        prop_assert_eq!(&json["global"]["nodes"][id(1).as_str()]["url"], "http://us:8000");
        // The same again changes nothing.
        if let Some(value) = said.last() {
            prop_assert!(!state.merge(GLOBAL, value, None, Wall::from_unix_secs(1000)).changed);
            prop_assert!(!state.merge("a", value, None, Wall::from_unix_secs(1000)).changed);
        }
    }
}
