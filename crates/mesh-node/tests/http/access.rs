//! Who may.

use axum::body::Body;
use http::Request;
use serde_json::json;

use crate::engine::{Lab, OPTIONS, Truth, stranger};

const PRIVILEGED: [(&str, &str); 11] = [
    ("GET", "/ws"),
    ("GET", "/api/v1/node"),
    ("GET", "/api/v1/links"),
    ("GET", "/api/v1/peers"),
    ("GET", "/api/v1/topics"),
    ("GET", "/api/v1/events"),
    ("GET", "/api/v1/messages?topic=a"),
    ("POST", "/api/v1/publish"),
    ("POST", "/api/v1/send"),
    ("POST", "/api/v1/dial"),
    ("POST", "/api/v1/hang"),
];

#[tokio::test]
async fn strangers_see_and_do_nothing_that_is_privileged() {
    let lab = Lab::new(Truth::default());
    for (method, path) in PRIVILEGED {
        let body = json!({ "peer": "a", "topic": "t", "payload": 1, "to": "a", "message": {} }).to_string();
        let request = stranger(Request::builder().method(method).uri(path)).body(Body::from(body)).unwrap();
        let answer = lab.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].clone()), (403, json!("loopback_only")), "{path}");
    }
    assert_eq!(lab.asked(), []);
    let line = r#"sangam_mesh_http_refusals_total{reason="access"} 11"#;
    assert!(lab.counted(line));
}

#[tokio::test]
async fn a_request_that_nobody_described_is_privileged_by_nothing_and_served_what_is_open() {
    let lab = Lab::new(Truth::default());
    let request = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    assert_eq!(lab.send(request("/api/v1/node")).await.status, 403);
    assert_eq!(lab.send(request("/whoami")).await.status, 200);
}

#[tokio::test]
async fn the_originals_dashboard_may_read_the_answers_and_other_pages_may_not() {
    let lab = Lab::new(Truth::default());
    for (origin, allowed) in [
        ("http://localhost:15000", true),
        ("http://127.0.0.1:8080", true),
        ("http://localhost:3000", false),
        ("https://evil.example", false),
        ("null", false),
    ] {
        let request = stranger(Request::get("/state")).header("origin", origin).body(Body::empty()).unwrap();
        let answer = lab.send(request).await;
        assert_eq!(answer.status, 200);
        let told = answer.headers.get("access-control-allow-origin").map(|it| it.to_str().unwrap());
        assert_eq!(told, allowed.then_some(origin), "{origin}");
        let ask = stranger(Request::builder().method(OPTIONS).uri("/gossip")).header("origin", origin);
        let preflight = lab.send(ask.body(Body::empty()).unwrap()).await;
        assert_eq!(preflight.status, 200);
        assert_eq!(preflight.headers.contains_key("access-control-allow-methods"), allowed, "{origin}");
    }
    let plain = lab.get("/state").await;
    assert!(!plain.headers.contains_key("access-control-allow-origin"));
    assert_eq!(plain.headers["vary"], "Origin");
}
