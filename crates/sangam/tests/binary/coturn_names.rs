//! `/metrics` under coturn's names, after real traffic.

use sangam_testkit::{WAIT_MAX, http, wait_until};
use tempfile::tempdir;

use crate::run::{Serving, outcome, sangam};

/// The value of a sample.
fn sample(exposition: &str, name: &str) -> f64 {
    let line = exposition.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{exposition}")).parse().unwrap()
}

#[test]
fn figures_of_a_relayed_echo_stand_under_coturns_names() {
    let dir = tempdir().unwrap();
    let server = Serving::start(dir.path(), &[]);
    let ice_servers = format!("http://{}/ice-servers", server.http());
    let arguments = ["probe", "turn", "--ice-servers", &ice_servers, "--transport", "udp", "--messages", "50"];
    let probe = outcome(sangam(dir.path(), &arguments).output().unwrap());
    assert_eq!(probe.code, Some(0), "{} {}", probe.stdout, probe.stderr);
    // A thread shows its allocations before it answers and the rest when its wake is over.
    let text = wait_until("the last wake to end", WAIT_MAX, || {
        let text = http::get(server.http(), "/metrics")?.body;
        let is_over =
            sample(&text, "turn_total_allocations{type=\"UDP\"}") == sample(&text, "sangam_relay_allocations");
        Ok(is_over.then_some(text))
    });
    let text = text.unwrap();
    let value = |name: &str| sample(&text, name);
    for (direction, theirs) in [("to_peer", "peer_sent"), ("to_client", "peer_rcv")] {
        let packets = value(&format!("sangam_relay_packets_total{{direction=\"{direction}\"}}"));
        assert!(packets >= 50.0, "{packets} {direction}");
        assert_eq!(value(&format!("turn_total_traffic_{theirs}p")), packets);
        let bytes = value(&format!("sangam_relay_payload_bytes_total{{direction=\"{direction}\"}}"));
        assert_eq!(value(&format!("turn_traffic_{theirs}b{{realm=\"sangam\"}}")), bytes);
    }
    // Each relayed message came or went with a header, and there were requests and answers besides.
    for (client, peer) in [("rcv", "peer_sent"), ("sent", "peer_rcv")] {
        let packets = |side: &str| value(&format!("turn_total_traffic_{side}p"));
        let bytes = |side: &str| value(&format!("turn_total_traffic_{side}b"));
        assert!(packets(client) > packets(peer), "{client}");
        assert!(bytes(client) >= bytes(peer) + 4.0 * packets(peer), "{client}");
    }
    assert_eq!(value("stun_binding_response"), value("sangam_relay_requests_total{method=\"binding\"}"));
    assert_eq!(value("stun_binding_error"), 0.0);
    assert!(value("turn_total_traffic_rcvp") > 50.0);
}

#[test]
fn coturns_names_can_be_left_out() {
    let dir = tempdir().unwrap();
    let server = Serving::start(dir.path(), &["--set", "telemetry.compat=false"]);
    let text = http::get(server.http(), "/metrics").unwrap().body;
    assert!(text.contains("sangam_relay_packets_total") && !text.contains("turn_total"), "{text}");
}
