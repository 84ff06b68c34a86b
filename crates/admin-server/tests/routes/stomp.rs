use std::sync::Mutex;
use std::time::Duration;

use http::Method;
use sangam_control::{BrokerAgent, BrokerMinute, BrokerReport, BrokerState, BrokerTally, Brokers};
use sangam_types::Wall;
use serde_json::{Value, json};

use crate::server::{From, Server, token};

/// Brokers as they are told to be; what history was asked for last.
#[derive(Default)]
pub(crate) struct FakeBrokers(Mutex<Vec<BrokerReport>>, Mutex<Duration>);

impl FakeBrokers {
    pub(crate) fn be(&self, reports: Vec<BrokerReport>) {
        *self.0.lock().unwrap() = reports;
    }
}

impl Brokers for FakeBrokers {
    fn reports(&self, history: Duration) -> Vec<BrokerReport> {
        *self.1.lock().unwrap() = history;
        self.0.lock().unwrap().clone()
    }
}

const AT: &str = "2023-11-14T22:13:20.000Z";

fn tally(secs: u64, published: u64, received: u64) -> BrokerTally {
    BrokerTally {
        span: Duration::from_secs(secs),
        published,
        received,
        acked: published,
        nacked: 1,
        errors: 2,
        publishing: Duration::from_millis(3 * published),
        acking: Duration::from_millis(5 * published),
    }
}

fn broker(id: &'static str) -> BrokerReport {
    let minute = |secs: u64, published| BrokerMinute {
        at: Wall::from_unix_secs(secs),
        connections: 1,
        tally: tally(60, published, 0),
    };
    BrokerReport {
        id,
        protocol: "STOMP 1.2",
        host: "broker.example".to_owned(),
        port: 61_613,
        state: BrokerState::Healthy,
        trouble: None,
        checked_at: Wall::from_unix_secs(1_700_000_000),
        active: 1,
        idle: 0,
        failed: 0,
        attempts: 3,
        failures: 2,
        subscriptions: 1,
        agents: 1,
        first_agents: vec![BrokerAgent { endpoint: "os::00D09E-A1".to_owned(), destination: "/queue/a".to_owned() }],
        waiting: 4,
        unconfirmed: 5,
        total: tally(7_200, 100, 50),
        minute: tally(60, 20, 10),
        windows: [tally(300, 30, 0), tally(3_600, 40, 0), tally(7_200, 100, 50)],
        errors: vec![("silent", 1), ("unreachable", 1)],
        history: vec![minute(1_699_999_880, 60), minute(1_699_999_940, 120)],
    }
}

async fn asked(server: &Server, path: &str) -> Value {
    let answer = server.get(&format!("/api/v1/stomp/{path}"), &From::Loopback).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

#[tokio::test]
async fn metrics_are_those_of_the_guide_and_numbers() {
    let server = Server::new();
    server.brokers.be(vec![broker("stomp"), broker("mqtt")]);
    let expected = json!({
        "status": "success",
        "time_range": "5m",
        "metrics": {
            "current": {
                "connections": 2,
                "messages_per_second": 1.0,
                "avg_publish_latency_ms": 3.0,
                "avg_ack_latency_ms": 5.0,
                "total_published": 200,
                "total_received": 100,
                "total_errors": 4,
            },
            "historical": [
                {
                    "timestamp": "2023-11-14T22:11:20.000Z", "connections_active": 2, "messages_per_second": 2.0,
                    "messages_published": 120, "messages_received": 0, "avg_publish_latency_ms": 3.0,
                },
                {
                    "timestamp": "2023-11-14T22:12:20.000Z", "connections_active": 2, "messages_per_second": 4.0,
                    "messages_published": 240, "messages_received": 0, "avg_publish_latency_ms": 3.0,
                },
            ],
        },
        "timestamp": AT,
    });
    assert_eq!(asked(&server, "metrics?time_range=5m").await, expected);
    assert_eq!(*server.brokers.1.lock().unwrap(), Duration::from_secs(300));
    assert_eq!(asked(&server, "metrics").await["time_range"], "1h");
    // A week is told in tens of minutes.
    let week = asked(&server, "metrics?time_range=7d").await;
    assert_eq!(week["metrics"]["historical"].as_array().unwrap().len(), 1);
    assert_eq!(week["metrics"]["historical"][0]["messages_published"], 360);
    let wrong = server.get("/api/v1/stomp/metrics?time_range=2h", &From::Loopback).await;
    assert_eq!(wrong.status, 400, "{}", wrong.body);
}

#[tokio::test]
async fn connections_throughput_and_errors_are_those_of_the_guide() {
    let server = Server::new();
    let gone = BrokerReport {
        state: BrokerState::Unhealthy,
        trouble: Some("it cannot be reached".to_owned()),
        active: 0,
        failed: 1,
        agents: 0,
        first_agents: Vec::new(),
        ..broker("mqtt")
    };
    server.brokers.be(vec![broker("stomp"), gone]);
    let connections = asked(&server, "connections").await;
    let data = &connections["data"];
    assert_eq!((&connections["status"], &connections["timestamp"]), (&json!("success"), &json!(AT)));
    let counted = ["total_connections", "active_connections", "idle_connections", "failed_connections"];
    assert_eq!(counted.map(|name| data[name].as_u64().unwrap()), [2, 1, 0, 1]);
    assert_eq!(data["connections_by_broker"], json!({ "stomp": 1, "mqtt": 0 }));
    let device = json!([{ "endpoint_id": "os::00D09E-A1", "destination": "/queue/a", "broker_id": "stomp" }]);
    assert_eq!(data["connections_by_device"], device);
    assert_eq!(data["broker_info"][1]["last_error"], "it cannot be reached");

    let throughput = asked(&server, "throughput").await;
    let five = json!({ "published": 60, "received": 0, "acked": 60, "nacked": 2, "avg_msg_per_sec": 0.2 });
    assert_eq!(throughput["data"]["5m"], five);
    assert_eq!(throughput["data"]["24h"]["received"], 100);

    let errors = asked(&server, "errors").await;
    assert_eq!(errors["data"]["total_errors"], 4);
    let first = json!({ "broker_id": "stomp", "reason": "silent", "count": 1 });
    assert_eq!(errors["data"]["errors_by_reason"][0], first);
}

#[tokio::test]
async fn the_health_of_a_broker_is_never_made_up() {
    let server = Server::new();
    let unknown = asked(&server, "broker-health").await;
    assert_eq!(unknown["data"]["status"], "unknown");
    assert_eq!(
        (&unknown["data"]["broker_id"], &unknown["data"]["active_connections"]),
        (&json!("primary_broker"), &json!(0))
    );
    server.brokers.be(vec![BrokerReport { state: BrokerState::Unhealthy, active: 0, ..broker("stomp") }]);
    let health = asked(&server, "broker-health").await;
    let data = &health["data"];
    assert_eq!((&data["status"], &data["active_connections"]), (&json!("unhealthy"), &json!(0)));
    assert_eq!((&data["message_rate"], &data["publish_rate"]), (&json!(0.5), &json!(20.0 / 60.0)));
    assert_eq!((&data["messages_unacknowledged"], &data["last_check"]), (&json!(5), &json!(AT)));
    for name in ["channels", "queues", "messages_ready", "nodes"] {
        assert_eq!(data[name], Value::Null, "{name}: only the broker knows");
    }
    assert_eq!(data["brokers"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn figures_of_brokers_are_for_those_who_may_read() {
    let server = Server::new();
    for path in ["metrics", "connections", "throughput", "errors", "broker-health"] {
        let path = format!("/api/v1/stomp/{path}");
        assert_eq!(server.get(&path, &From::Public).await.status, 401, "{path}");
        assert_eq!(server.get(&path, &token("metrics:read")).await.status, 403, "{path}");
        assert_eq!(server.get(&path, &token("admin:read")).await.status, 200, "{path}");
        assert_eq!(server.send(Method::POST, &path, &From::Loopback, &[]).await.status, 405, "{path}");
        let without = Server::without_devices().get(&path, &From::Loopback).await;
        assert_eq!(without.status, 404, "{path}");
    }
}
