use super::*;
use crate::metrics::exposition::{check, exposition};

const HOST: MeshPath = MeshPath { kind: "host", protocol: "udp", relayed: false };
const RELAY: MeshPath = MeshPath { kind: "relay", protocol: "tls", relayed: true };

/// One of each.
fn fed() -> (MeshMetrics, Registry) {
    let mut registry = Registry::default();
    let metrics = MeshMetrics::register(&mut registry);
    metrics.attempted(true);
    metrics.attempted(false);
    metrics.established(RELAY, Duration::from_millis(400));
    metrics.failed("no_path");
    metrics.closed("silence", true);
    metrics.interrupted();
    metrics.returned(Duration::from_secs(1));
    metrics.glared("kept");
    metrics.candidate("sent", "srflx");
    metrics.round_trip(HOST, Duration::from_millis(3));
    metrics.sent(10);
    metrics.received(20);
    metrics.refused("malformed");
    metrics.signal("sent", "offer", "rendezvous");
    metrics.signal_dropped("late");
    metrics.source("signaling", 1, true);
    metrics.http_answered("/state", 200);
    metrics.http_refused("rate");
    (metrics, registry)
}

#[test]
fn each_count_stands_in_the_exposition_under_its_name() {
    let (_, registry) = fed();
    check(
        &exposition(&registry),
        &[
            r#"sangam_mesh_attempts_total{direction="out"} 1"#,
            r#"sangam_mesh_attempts_total{direction="in"} 1"#,
            r#"sangam_mesh_attempts_ended_total{outcome="established",reason="none"} 1"#,
            r#"sangam_mesh_attempts_ended_total{outcome="failed",reason="no_path"} 1"#,
            r#"sangam_mesh_connect_seconds_bucket{le="0.3",path="relay"} 0"#,
            r#"sangam_mesh_connect_seconds_bucket{le="0.5",path="relay"} 1"#,
            r#"sangam_mesh_links_closed_total{reason="silence"} 1"#,
            "sangam_mesh_interruptions_total 1",
            "sangam_mesh_return_seconds_count 1",
            r#"sangam_mesh_glares_total{outcome="kept"} 1"#,
            r#"sangam_mesh_candidates_total{direction="sent",kind="srflx"} 1"#,
            r#"sangam_mesh_round_trip_seconds_count{path="direct"} 1"#,
            r#"sangam_mesh_messages_total{direction="sent"} 1"#,
            r#"sangam_mesh_message_bytes_total{direction="received"} 20"#,
            r#"sangam_mesh_messages_refused_total{reason="malformed"} 1"#,
            r#"sangam_mesh_signals_total{direction="sent",kind="offer",via="rendezvous"} 1"#,
            r#"sangam_mesh_signals_dropped_total{reason="late"} 1"#,
            r#"sangam_mesh_source_up{source="signaling",place="1"} 1"#,
            r#"sangam_mesh_http_requests_total{route="/state",status="200"} 1"#,
            r#"sangam_mesh_http_refusals_total{reason="rate"} 1"#,
        ],
    );
}

#[test]
fn a_link_is_counted_where_it_is_and_nowhere_else() {
    let mut registry = Registry::default();
    let metrics = MeshMetrics::register(&mut registry);
    let connecting = MeshLink { state: "connecting", profile: "unknown" };
    let open = MeshLink { state: "open", profile: "sangam" };
    metrics.link_changed(None, Some(connecting));
    metrics.link_changed(Some(connecting), Some(open));
    metrics.path_changed(None, Some(RELAY));
    metrics.path_changed(Some(RELAY), Some(HOST));
    check(
        &exposition(&registry),
        &[
            r#"sangam_mesh_links{state="connecting",profile="unknown"} 0"#,
            r#"sangam_mesh_links{state="open",profile="sangam"} 1"#,
            r#"sangam_mesh_open_links{kind="relay",protocol="tls",relayed="true"} 0"#,
            r#"sangam_mesh_open_links{kind="host",protocol="udp",relayed="false"} 1"#,
        ],
    );
    metrics.link_changed(Some(open), None);
    metrics.path_changed(Some(HOST), None);
    check(
        &exposition(&registry),
        &[
            r#"sangam_mesh_links{state="open",profile="sangam"} 0"#,
            r#"sangam_mesh_open_links{kind="host",protocol="udp",relayed="false"} 0"#,
        ],
    );
}

#[test]
fn what_the_parts_count_by_themselves_is_shown_as_noted_last() {
    let mut registry = Registry::default();
    let metrics = MeshMetrics::register(&mut registry);
    metrics.noted(MeshFigures { topics: 1, ..MeshFigures::default() });
    metrics.noted(MeshFigures {
        peers: vec![("synapse", 2)],
        topics: 3,
        gossip: vec![("delivered", 4)],
        gossip_cached_bytes: 5,
        packets: vec![("sent", 6)],
        packets_dropped: vec![("full", 7)],
        allocations: vec![("udp", 8)],
        allocation_failures: 9,
        discovery: vec![("undeliverable", 10)],
        refused: vec![("candidate", 11)],
        network_changes: 12,
    });
    check(
        &exposition(&registry),
        &[
            r#"sangam_mesh_peers{profile="synapse"} 2"#,
            "sangam_mesh_topics 3",
            r#"sangam_mesh_discovery_total{outcome="undeliverable"} 10"#,
            r#"sangam_mesh_link_refusals_total{kind="candidate"} 11"#,
            "sangam_mesh_network_changes_total 12",
            r#"sangam_mesh_gossip_messages_total{outcome="delivered"} 4"#,
            "sangam_mesh_gossip_cached_bytes 5",
            r#"sangam_mesh_packets_total{direction="sent"} 6"#,
            r#"sangam_mesh_packets_dropped_total{reason="full"} 7"#,
            r#"sangam_mesh_allocations{protocol="udp"} 8"#,
            "sangam_mesh_allocation_failures_total 9",
        ],
    );
}

fn aliases() -> String {
    let mut registry = Registry::default();
    let metrics = MeshMetrics::default();
    metrics.register_aliases(&mut registry);
    let open = MeshLink { state: "open", profile: "agent" };
    metrics.attempted(true);
    metrics.established(RELAY, Duration::from_secs(3));
    metrics.failed("no_answer");
    metrics.link_changed(None, Some(open));
    metrics.closed("closed_by_peer", false);
    metrics.round_trip(RELAY, Duration::from_millis(180));
    metrics.sent(10);
    metrics.received(20);
    metrics.refused("signature");
    metrics.signal_dropped("late");
    exposition(&registry)
}

#[test]
fn the_runbooks_names_show_the_same() {
    check(
        &aliases(),
        &[
            "webrtc_connections_attempted_total 1",
            "webrtc_connections_established_total 1",
            "webrtc_connections_failed_total 1",
            "webrtc_connections_dropped_total 0",
            "webrtc_total_connections 1",
            "webrtc_turn_fallback_total 1",
            r#"webrtc_connection_establishment_seconds_bucket{le="2.0"} 0"#,
            r#"webrtc_connection_establishment_seconds_bucket{le="5.0"} 1"#,
            r#"webrtc_rtt_milliseconds_bucket{le="150.0",connection_type="relay"} 0"#,
            r#"webrtc_rtt_milliseconds_bucket{le="200.0",connection_type="relay"} 1"#,
            "webrtc_messages_sent_total 1",
            "webrtc_messages_received_total 1",
            "webrtc_message_errors_total 1",
            "webrtc_signature_verification_failures_total 1",
            "webrtc_signaling_errors_total 1",
            "webrtc_network_bytes_sent_total 10",
            "webrtc_network_bytes_received_total 20",
        ],
    );
}

#[test]
fn the_operators_page_names_each_figure() {
    let page = include_str!("../../../../../docs/operate/monitor.md");
    let (metrics, registry) = fed();
    metrics.link_changed(None, Some(MeshLink { state: "open", profile: "sangam" }));
    metrics.path_changed(None, Some(HOST));
    let text = exposition(&registry);
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let total = |kind: &str| if kind == "counter" { "_total" } else { "" };
    let names: Vec<String> = types.map(|(name, kind)| format!("{name}{}", total(kind))).collect();
    assert_eq!(names.len(), 30, "{names:?}");
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "{name} is not on the page");
    }
}
