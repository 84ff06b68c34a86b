use super::*;
use crate::metrics::exposition::{check, exposition};

fn fed() -> (SyncMetrics, Registry) {
    let mut registry = Registry::default();
    let metrics = SyncMetrics::register(&mut registry);
    let request = SyncRequest {
        endpoint: "push",
        method: "POST",
        status: 200,
        took: Duration::from_millis(3),
        request_bytes: 300,
        response_bytes: Some(40),
    };
    metrics.request(&request);
    metrics.request(&SyncRequest { endpoint: "other", method: "GET", status: 404, response_bytes: None, ..request });
    metrics.pushed(5, 2, 1, Duration::from_millis(20));
    metrics.pulled(7, Duration::from_secs(20));
    metrics.refused("rate");
    metrics.pull_ahead();
    for transport in ["sse", "sse", "websocket"] {
        metrics.stream_opened(transport);
    }
    metrics.stream_closed("sse");
    metrics.stream_lagged("websocket");
    metrics.committed(3, 8, Duration::from_micros(700));
    metrics.store_failed("full");
    metrics.swept(11);
    metrics.page(true);
    metrics.page(false);
    metrics.set_totals(SyncTotals { databases: 2, log_len: 90, cursors: 120, bytes: u64::MAX });
    (metrics, registry)
}

#[test]
fn each_count_stands_in_the_exposition_under_its_name() {
    let (_, registry) = fed();
    let text = exposition(&registry);
    check(
        &text,
        &[
            r#"sangam_sync_requests_total{endpoint="push",method="POST",status="200"} 1"#,
            r#"sangam_sync_request_seconds_bucket{le="0.005",endpoint="push"} 1"#,
            r#"sangam_sync_operations_total{outcome="accepted"} 5"#,
            r#"sangam_sync_operations_total{outcome="repeated"} 2"#,
            r#"sangam_sync_operations_total{outcome="conflict"} 1"#,
            "sangam_sync_pulled_operations_total 7",
            r#"sangam_sync_refusals_total{reason="rate"} 1"#,
            "sangam_sync_pulls_ahead_total 1",
            r#"sangam_sync_streams{transport="sse"} 1"#,
            r#"sangam_sync_streams_opened_total{transport="sse"} 2"#,
            r#"sangam_sync_streams_lagged_total{transport="websocket"} 1"#,
            r#"sangam_sync_commit_seconds_bucket{le="0.001"} 1"#,
            r#"sangam_sync_commit_requests_bucket{le="4.0"} 1"#,
            "sangam_sync_commit_operations_total 8",
            r#"sangam_sync_store_failures_total{kind="full"} 1"#,
            "sangam_sync_swept_operations_total 11",
            r#"sangam_sync_pages_total{outcome="at_hand"} 1"#,
            "sangam_sync_databases 2",
            "sangam_sync_log_operations 90",
            "sangam_sync_cursors 120",
            "sangam_sync_stored_bytes 9223372036854775807",
        ],
    );
    assert!(!text.contains("entidb"), "the original's names are shown only where asked for");
}

#[test]
fn figures_stand_under_the_names_and_buckets_of_the_original() {
    let (metrics, mut registry) = fed();
    metrics.register_aliases(&mut registry);
    let before = exposition(&registry);
    check(
        &before,
        &[
            r#"entidb_sync_requests_total{endpoint="push",method="POST",status="200"} 1"#,
            r#"entidb_sync_requests_total{endpoint="other",method="GET",status="404"} 1"#,
            "entidb_sync_request_errors_total 1",
            "entidb_sync_operations_pushed_total 5",
            "entidb_sync_operations_pulled_total 7",
            "entidb_sync_conflicts_total 1",
            "entidb_sync_active_connections 2",
            "entidb_sync_sse_connections 1",
            "entidb_sync_websocket_connections 1",
            "entidb_sync_oplog_size 90",
            "entidb_sync_server_cursor 120",
            r#"entidb_sync_request_duration_seconds_bucket{le="0.001"} 0"#,
            r#"entidb_sync_request_duration_seconds_bucket{le="0.005"} 2"#,
            r#"entidb_sync_push_duration_seconds_bucket{le="0.025"} 1"#,
            r#"entidb_sync_pull_duration_seconds_bucket{le="10.0"} 0"#,
            "entidb_sync_pull_duration_seconds_count 1",
            r#"entidb_sync_request_size_bytes_bucket{le="500.0"} 2"#,
            r#"entidb_sync_response_size_bytes_bucket{le="100.0"} 1"#,
            "entidb_sync_response_size_bytes_count 1",
        ],
    );
    metrics.pushed(1, 0, 1, Duration::ZERO);
    metrics.stream_closed("websocket");
    check(
        &exposition(&registry),
        &[
            "entidb_sync_operations_pushed_total 6",
            "entidb_sync_conflicts_total 2",
            "entidb_sync_websocket_connections 0",
        ],
    );
}

#[test]
fn the_operators_page_names_each_figure_and_each_alias() {
    let page = include_str!("../../../../../docs/operate/sync.md");
    let (metrics, mut registry) = fed();
    metrics.register_aliases(&mut registry);
    let text = exposition(&registry);
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert_eq!(names.len(), 23 + 15, "{names:?}");
    for name in names {
        assert!(page.contains(&format!("`{name}`")) || page.contains(&format!("`{name}_total`")), "{name}");
    }
}
