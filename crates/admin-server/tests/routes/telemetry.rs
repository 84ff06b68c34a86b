use std::sync::Mutex;

use futures_util::future::{BoxFuture, FutureExt as _};
use sangam_control::{Figure, Figures, PartState};
use serde_json::json;

use crate::server::{From, NOW, Server, token};

/// Figures as they are told to be.
#[derive(Default)]
pub(crate) struct FakeFigures(pub(crate) Mutex<Vec<Figure>>);

impl Figures for FakeFigures {
    fn figures(&self) -> BoxFuture<'_, Vec<Figure>> {
        let figures = self.0.lock().unwrap().clone();
        async move { figures }.boxed()
    }
}

const AT: &str = "2023-11-14T22:13:20.000Z";

async fn get(server: &Server, path: &str) -> serde_json::Value {
    let answer = server.get(&format!("/api/v1/telemetry/{path}"), &From::Loopback).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

async fn sampled(figures: &[(&'static str, f64)]) -> Server {
    let server = Server::new();
    *server.figures.0.lock().unwrap() = figures.iter().map(|(name, value)| Figure::new(name, *value)).collect();
    server.telemetry.sample(NOW.wall).await;
    server
}

#[tokio::test]
async fn the_figures_stand_under_the_names_of_the_guides_server() {
    let server = sampled(&[("devices_total", 3.0), ("cpu_load_1min", 0.5)]).await;
    let metric = |value: f64| json!({ "value": value, "type": "gauge", "tags": {}, "recorded_at": AT });
    let both = json!({ "cpu_load_1min": metric(0.5), "devices_total": metric(3.0) });
    let all = get(&server, "current").await;
    assert_eq!(all, json!({ "status": "success", "timestamp": AT, "metrics": both }));
    for query in ["current?metrics%5B%5D=devices_total", "current?metrics[]=devices_total&metrics[]=none"] {
        assert_eq!(get(&server, query).await["metrics"], json!({ "devices_total": metric(3.0) }), "{query}");
    }
    let history = get(&server, "history?metric=devices_total&hours=1").await;
    let points = json!([{ "timestamp": AT, "value": 3.0, "tags": {} }]);
    let expected = json!({
        "status": "success", "metric": "devices_total", "hours": 1, "data_points": 1, "history": points,
    });
    assert_eq!(history, expected);
    let summary = get(&server, "summary").await;
    let line = json!({
        "metric": "devices_total", "data_points": 1, "avg": 3.0, "min": 3.0, "max": 3.0, "last_recorded": AT,
    });
    assert_eq!((&summary["total_metrics"], &summary["summary"][1]), (&json!(2), &line));
}

#[tokio::test]
async fn a_question_that_cannot_be_answered_is_refused() {
    let server = Server::new();
    for query in
        ["current?metric=a", "history", "history?metric=a&hours=0", "history?metric=a&hours=169", "history?m=a"]
    {
        let answer = server.get(&format!("/api/v1/telemetry/{query}"), &From::Loopback).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (400, &json!("query_invalid")), "{query}");
    }
}

#[tokio::test]
async fn the_health_of_the_figures_says_what_is_not_as_it_has_to_be() {
    let server = Server::new();
    let none = json!({ "status": "warning", "message": "No metrics collected yet", "healthy": false });
    assert_eq!(get(&server, "health").await, none);
    let server = sampled(&[("db_active_connections", 2.0)]).await;
    let well = json!({
        "status": "healthy", "healthy": true, "last_metric_collected": AT, "minutes_since_last_metric": 0, "issues": [],
    });
    assert_eq!(get(&server, "health").await, well);
    server.relay.be(PartState::Failed);
    let sick = get(&server, "health").await;
    let issue = json!([{ "metric": "part_relay", "current": 0.0, "expected": 1.0, "operator": "=" }]);
    assert_eq!((&sick["status"], &sick["issues"]), (&json!("degraded"), &issue));
    let server = sampled(&[("db_active_connections", 0.0)]).await;
    let issue = json!([{ "metric": "db_active_connections", "current": 0.0, "expected": 0.0, "operator": ">" }]);
    assert_eq!(get(&server, "health").await["issues"], issue);
}

#[tokio::test]
async fn figures_are_for_those_who_may_read_with_either_header() {
    let server = sampled(&[("devices_total", 3.0)]).await;
    let From::Token(bearer) = token("admin:read") else { panic!() };
    let key = bearer.strip_prefix("Bearer ").unwrap();
    for path in ["current", "history?metric=devices_total", "summary", "health"] {
        let path = format!("/api/v1/telemetry/{path}");
        assert_eq!(server.get(&path, &From::Public).await.status, 401, "{path}");
        assert_eq!(server.get(&path, &token("metrics:read")).await.status, 403, "{path}");
        assert_eq!(server.get(&path, &token("admin:read")).await.status, 200, "{path}");
        let by_key = server.send(http::Method::GET, &path, &From::Public, &[("x-api-key", key)]).await;
        assert_eq!(by_key.status, 200, "{path}");
    }
    let health = server.get("/api/v1/system/health", &token("admin:read")).await.json();
    assert_eq!(health["metrics"], json!({ "devices_total": 3.0 }));
}
