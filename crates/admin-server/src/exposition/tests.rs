use http::HeaderValue;

use super::*;

fn wanted(accept: &[&str]) -> Exposition {
    let mut headers = HeaderMap::new();
    for value in accept {
        headers.append(ACCEPT, HeaderValue::try_from(*value).unwrap());
    }
    Exposition::wanted(&headers)
}

#[test]
fn whoever_names_openmetrics_gets_it_and_everybody_else_the_older_text() {
    let open = "application/openmetrics-text";
    for (accept, expected) in [
        (vec![], Exposition::Prometheus),
        (vec!["*/*"], Exposition::Prometheus),
        (vec!["text/html,application/xhtml+xml,*/*;q=0.8"], Exposition::Prometheus),
        (vec!["text/plain;version=0.0.4"], Exposition::Prometheus),
        (vec![open], Exposition::OpenMetrics),
        (vec!["Application/OpenMetrics-Text; Version=1.0.0; Q=0.5"], Exposition::OpenMetrics),
        // What Prometheus 2 and 3 send.
        (
            vec![
                "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            ],
            Exposition::OpenMetrics,
        ),
        (vec!["text/plain;q=0.9", "application/openmetrics-text;q=0.2"], Exposition::Prometheus),
        (vec!["application/openmetrics-text;q=0"], Exposition::Prometheus),
        (vec!["application/openmetrics-text;q=x"], Exposition::Prometheus),
        (vec![";;,,;q=1"], Exposition::Prometheus),
    ] {
        assert_eq!(wanted(&accept), expected, "{accept:?}");
    }
}

#[test]
fn the_older_text_describes_each_metric_under_the_name_of_its_samples() {
    let open = r##"# HELP sangam_packets Packets relayed.
# TYPE sangam_packets counter
sangam_packets_total{way="in # {\"x\" }"} 3 # {trace="a"} 1.0
# HELP sangam_build Of which build.
# TYPE sangam_build info
sangam_build_info{version="1"} 1
# HELP sangam_wait_seconds Waiting.
# TYPE sangam_wait_seconds histogram
# UNIT sangam_wait_seconds seconds
sangam_wait_seconds_bucket{le="1.0"} 2 # {trace="b"} 0.5
# TYPE sangam_odd unknown
sangam_odd 1
# EOF
"##;
    let expected = r##"# HELP sangam_packets_total Packets relayed.
# TYPE sangam_packets_total counter
sangam_packets_total{way="in # {\"x\" }"} 3
# HELP sangam_build_info Of which build.
# TYPE sangam_build_info gauge
sangam_build_info{version="1"} 1
# HELP sangam_wait_seconds Waiting.
# TYPE sangam_wait_seconds histogram
sangam_wait_seconds_bucket{le="1.0"} 2
# TYPE sangam_odd untyped
sangam_odd 1
"##;
    assert_eq!(Exposition::Prometheus.render(open.to_owned()), expected);
    assert_eq!(Exposition::OpenMetrics.render(open.to_owned()), open);
}
