use http::Method;
use sangam_control::PartState;

use crate::server::{From, Server, bearer, expired, token};

/// The value of a sample.
fn value(text: &str, sample: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{sample} in\n{text}")).parse().unwrap()
}

/// Prometheus text format 0.0.4: each line is a comment, or a name, labels and a number; each sample's metric was
/// described before it.
fn parses(text: &str) {
    let mut described = String::new();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (kind, name) = (words.next().unwrap(), words.next().unwrap());
            assert!(matches!(kind, "HELP" | "TYPE") && words.next().is_some(), "{line}");
            described = name.to_owned();
            continue;
        }
        let name = line.split(['{', ' ']).next().unwrap();
        assert!(name.starts_with(&described) && !described.is_empty(), "{line} after {described}");
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':'), "{line}");
        let number = line.rsplit_once(' ').unwrap().1;
        assert!(number.parse::<f64>().is_ok(), "{line}");
    }
    assert!(text.ends_with('\n'));
}

#[tokio::test]
async fn metrics_are_for_the_privileged() {
    let server = Server::new();
    for (from, status, code) in [
        (From::Loopback, 200, ""),
        (From::Allowed, 200, ""),
        (token("metrics:read"), 200, ""),
        (token("admin:read"), 200, ""),
        (From::Public, 401, "token_required"),
        (From::Rebound, 401, "token_required"),
        (From::Nowhere, 401, "token_required"),
        (expired("metrics:read"), 401, "token_expired"),
        (bearer(b'x', "metrics:read", 7_200), 401, "token_bad_signature"),
        (token("other"), 403, "scope_required"),
    ] {
        let answer = server.get("/metrics", &from).await;
        assert_eq!(answer.status, status, "{from:?}: {}", answer.body);
        if status == 200 {
            assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
            parses(&answer.body);
        } else {
            assert_eq!(answer.header("content-type"), "application/problem+json");
            assert_eq!(answer.json()["code"], code, "{from:?}");
            assert!(answer.json()["detail"].as_str().unwrap().contains("sangam token mint --scope metrics:read"));
        }
    }
}

#[tokio::test]
async fn a_refusal_says_how_to_authenticate() {
    let server = Server::new();
    for (from, challenge) in [
        (From::Public, r#"Bearer realm="sangam", scope="metrics:read""#),
        (expired("metrics:read"), r#"Bearer realm="sangam", error="invalid_token", scope="metrics:read""#),
        (token("other"), r#"Bearer realm="sangam", error="insufficient_scope", scope="metrics:read""#),
    ] {
        assert_eq!(server.get("/metrics", &from).await.header("www-authenticate"), challenge);
    }
}

#[tokio::test]
async fn metrics_show_the_process_the_parts_and_what_was_refused() {
    let server = Server::new();
    server.relay.be(PartState::Draining);
    server.get("/metrics", &From::Public).await;
    server.get("/check/nothing-here", &From::Public).await;
    server.get("/api/v1/some/thing", &From::Loopback).await;
    let text = server.get("/metrics", &From::Loopback).await.body;
    assert_eq!(value(&text, r#"sangam_part_ready{part="relay"}"#), 0.0);
    assert_eq!(value(&text, r#"sangam_part_ready{part="signal"}"#), 1.0);
    assert_eq!(value(&text, r#"sangam_http_access_refusals_total{reason="token_required"}"#), 1.0);
    assert_eq!(value(&text, r#"sangam_http_requests_total{route="/metrics",status="401"}"#), 1.0);
    assert_eq!(value(&text, r#"sangam_http_requests_total{route="unmatched",status="404"}"#), 1.0);
    assert_eq!(value(&text, r#"sangam_http_requests_total{route="/api/v1/{*path}",status="404"}"#), 1.0);
    assert!(value(&text, "process_resident_memory_bytes") > 0.0);
}

#[tokio::test]
async fn a_scraper_that_asks_for_openmetrics_gets_it() {
    let accept = [("accept", "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2")];
    let answer = Server::new().send(Method::GET, "/metrics", &From::Loopback, &accept).await;
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(answer.body.ends_with("# EOF\n"), "{}", answer.body);
    assert!(answer.body.contains("# TYPE process_cpu_seconds counter\n"), "{}", answer.body);
}
