use super::*;
use crate::PathProtocol;

const NOW: Wall = Wall::from_unix_millis(1_795_188_580_442);

fn peer(name: &str) -> PeerId {
    PeerId::new(name).unwrap()
}

fn pair(local_kind: CandidateKind, remote_kind: CandidateKind) -> SelectedPair {
    SelectedPair {
        local_kind,
        local: "192.0.2.1:5000".parse().unwrap(),
        remote_kind,
        remote: "198.51.100.2:6000".parse().unwrap(),
        protocol: PathProtocol::Udp,
        round_trip: Some(Duration::from_micros(12_500)),
    }
}

#[test]
fn the_measured_sample_of_an_original_is_told_in_its_own_words() {
    let mut tally = Tally::new(Options::default());
    tally.attempted(Direction::Outbound);
    tally.state(&peer("HTfs="), LinkState::Connecting, Wall::from_unix_millis(1_795_188_565_309));
    tally.state(&peer("HTfs="), LinkState::Open, Wall::from_unix_millis(1_795_188_565_336));
    tally.established(Direction::Outbound, Duration::from_millis(27), None);
    let json = tally.to_json(NOW);
    let of_original = format!(
        "{{\"summary\":{},\"connection_states\":{},\"timestamp\":{}}}",
        json["summary"], json["connection_states"], json["timestamp"]
    );
    let expected: Value = serde_json::from_str(
        r#"{"summary":{"total_attempted":1,"total_established":1,"total_failed":0,"success_rate_percent":100.0,
            "ice_candidates_sent":0,"ice_candidates_received":0},
            "connection_states":{"HTfs=":[{"state":"connecting","timestamp":1795188565.309},{"state":"connected","timestamp":1795188565.336}]},
            "timestamp":"2026-11-20T15:29:40.442000+00:00"}"#,
    )
    .unwrap();
    assert_eq!(serde_json::from_str::<Value>(&of_original).unwrap(), expected);
}

#[test]
fn a_rate_without_attempts_is_the_integer_zero_and_else_a_number_with_two_decimals() {
    let mut tally = Tally::new(Options::default());
    let rate = |tally: &Tally| tally.to_json(NOW)["summary"]["success_rate_percent"].to_string();
    assert_eq!(rate(&tally), "0");
    tally.attempted(Direction::Outbound);
    assert_eq!(rate(&tally), "0");
    tally.failed(Direction::Outbound, Failure::NoPath);
    assert_eq!(rate(&tally), "0.0");
    for _ in 0..2 {
        tally.attempted(Direction::Inbound);
        tally.established(Direction::Inbound, Duration::from_secs(1), None);
    }
    assert_eq!(rate(&tally), "66.67");
    tally.attempted(Direction::Inbound);
    assert_eq!(rate(&tally), "66.67");
    assert_eq!(tally.to_json(NOW)["total_in_progress"], 1);
}

#[test]
fn both_directions_are_counted_and_told_apart() {
    let mut tally = Tally::new(Options::default());
    tally.attempted(Direction::Outbound);
    tally.failed(Direction::Outbound, Failure::NoAnswer);
    tally.attempted(Direction::Inbound);
    tally.established(Direction::Inbound, Duration::from_secs(3), None);
    let json = tally.to_json(NOW);
    assert_eq!(json["summary"]["total_attempted"], 2);
    assert_eq!(json["outbound"]["failed"], 1);
    assert_eq!(json["outbound"]["established"], 0);
    assert_eq!(json["inbound"]["established"], 1);
    assert_eq!(json["failure_reasons"], json!({ "no_answer": 1 }));
}

#[test]
fn an_ordinary_close_is_no_failure() {
    let mut tally = Tally::new(Options::default());
    for why in [Failure::ClosedByPeer, Failure::ClosedByUs, Failure::Replaced] {
        tally.attempted(Direction::Outbound);
        tally.established(Direction::Outbound, Duration::from_secs(1), None);
        tally.lost(why);
        tally.attempted(Direction::Outbound);
        tally.failed(Direction::Outbound, why);
    }
    tally.state(&peer("a"), LinkState::Closed(Failure::ClosedByPeer), NOW);
    tally.state(&peer("b"), LinkState::Closed(Failure::Silence), NOW);
    tally.lost(Failure::Silence);
    let json = tally.to_json(NOW);
    assert_eq!(json["summary"]["total_failed"], 0);
    assert_eq!(json["summary"]["success_rate_percent"], 100.0);
    assert_eq!(json["total_abandoned"], 3);
    assert_eq!((&json["total_lost"], &json["loss_reasons"]), (&json!(1), &json!({ "silence": 1 })));
    assert_eq!(json["connection_states"]["a"][0]["state"], "closed");
    assert_eq!(json["connection_states"]["b"][0]["state"], "failed");
}

#[test]
fn histories_are_bounded_and_the_peer_silent_for_longest_makes_room() {
    let mut tally = Tally::new(Options { peers_max: 2, changes_max: 3 });
    let at = Wall::from_unix_secs;
    for n in 0..10 {
        tally.state(&peer("old"), LinkState::Connecting, at(n));
        tally.state(&peer("old"), LinkState::Connecting, at(n));
        tally.state(&peer("old"), LinkState::Closed(Failure::NoPath), at(n));
    }
    let json = tally.to_json(NOW);
    let states: Vec<_> = json["connection_states"]["old"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["failed", "connecting", "failed"]);
    tally.state(&peer("new"), LinkState::Connecting, at(20));
    tally.state(&peer("newer"), LinkState::Connecting, at(21));
    let json = tally.to_json(NOW);
    let peers: Vec<_> = json["connection_states"].as_object().unwrap().keys().collect();
    assert_eq!(peers, ["new", "newer"]);
    for name in ["a", "b", "c"] {
        tally.pair(&peer(name), Some(pair(CandidateKind::Host, CandidateKind::Host)));
    }
    assert_eq!(tally.to_json(NOW)["selected_pairs"].as_object().unwrap().len(), 2);
}

#[test]
fn connect_times_fall_into_buckets_as_prometheus_counts() {
    let mut tally = Tally::new(Options::default());
    for millis in [100, 101, 2000, 31_000] {
        tally.attempted(Direction::Outbound);
        tally.established(Direction::Outbound, Duration::from_millis(millis), None);
    }
    let json = &tally.to_json(NOW)["connect_time"];
    let buckets: Vec<_> =
        json["histogram"].as_array().unwrap().iter().map(|one| format!("{}:{}", one["le"], one["count"])).collect();
    let expected = ["0.1:1", "0.25:2", "0.5:2", "1.0:2", "2.0:3", "3.0:3", "5.0:3", "10.0:3", "30.0:3", "\"+Inf\":4"];
    assert_eq!(buckets, expected);
    assert_eq!(
        (&json["count"], &json["average_seconds"], &json["max_seconds"]),
        (&json!(4), &json!(8.3), &json!(31.0))
    );
    assert_eq!(json["verdict"], "critical");
}

#[test]
fn verdicts_follow_the_thresholds_of_the_guide() {
    use Verdict::{Critical, Good, Warning};
    for (percent, verdict) in [(100.0, Good), (90.01, Good), (90.0, Warning), (70.0, Warning), (69.99, Critical)] {
        assert_eq!(Verdict::of_success_percent(percent), verdict, "{percent}");
    }
    for (percent, verdict) in [(0.0, Good), (9.99, Good), (10.0, Warning), (30.0, Warning), (30.01, Critical)] {
        assert_eq!(Verdict::of_failed_percent(percent), verdict, "{percent}");
    }
    for (millis, verdict) in [(1999, Good), (2000, Warning), (5000, Warning), (5001, Critical)] {
        assert_eq!(Verdict::of_connect_time(Duration::from_millis(millis)), verdict, "{millis}");
    }
}

#[test]
fn the_worst_figure_is_the_verdict_and_without_figures_there_is_none() {
    let mut tally = Tally::new(Options::default());
    let none = json!({ "success_rate": null, "connect_time": null, "failed": null, "overall": null });
    assert_eq!(tally.to_json(NOW)["verdict"], none);
    for _ in 0..4 {
        tally.attempted(Direction::Outbound);
        tally.established(Direction::Outbound, Duration::from_secs(1), None);
    }
    tally.attempted(Direction::Outbound);
    tally.failed(Direction::Outbound, Failure::NoPath);
    let mixed = json!({ "success_rate": "warning", "connect_time": "good", "failed": "warning", "overall": "warning" });
    assert_eq!(tally.to_json(NOW)["verdict"], mixed);
}

#[test]
fn selected_pairs_are_those_of_now_and_give_the_share_of_relays() {
    let mut tally = Tally::new(Options::default());
    assert_eq!(tally.to_json(NOW)["relay_share_percent"].to_string(), "0");
    let (direct, relayed) =
        (pair(CandidateKind::Host, CandidateKind::PeerReflexive), pair(CandidateKind::Host, CandidateKind::Relayed));
    tally.pair(&peer("a"), Some(direct.clone()));
    tally.pair(&peer("b"), Some(direct.clone()));
    tally.pair(&peer("b"), Some(relayed.clone()));
    tally.pair(&peer("c"), Some(direct));
    tally.established(Direction::Inbound, Duration::from_secs(1), Some(&relayed));
    let json = tally.to_json(NOW);
    assert_eq!(json["relay_share_percent"], 33.33);
    assert_eq!(
        json["selected_pairs"]["b"],
        json!({ "local": { "type": "host", "address": "192.0.2.1:5000" }, "protocol": "udp", "relayed": true,
            "remote": { "type": "relay", "address": "198.51.100.2:6000" }, "round_trip_seconds": 0.0125 })
    );
    assert_eq!(json["established_pairs"], json!({ "host-relay": 1 }));
    tally.state(&peer("b"), LinkState::Closed(Failure::Silence), NOW);
    tally.pair(&peer("c"), None);
    assert_eq!(tally.to_json(NOW)["relay_share_percent"], 0.0);
}

#[test]
fn candidates_are_counted_by_type_and_way() {
    let mut tally = Tally::new(Options::default());
    tally.candidate_sent(CandidateKind::Host);
    tally.candidate_sent(CandidateKind::Relayed);
    tally.candidate_received(CandidateKind::ServerReflexive);
    let json = tally.to_json(NOW);
    assert_eq!(json["summary"]["ice_candidates_sent"], 2);
    assert_eq!(json["summary"]["ice_candidates_received"], 1);
    assert_eq!(json["candidates"]["sent"], json!({ "host": 1, "srflx": 0, "prflx": 0, "relay": 1 }));
    assert_eq!(json["candidates"]["received"], json!({ "host": 0, "srflx": 1, "prflx": 0, "relay": 0 }));
}
