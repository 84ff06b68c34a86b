use http::Method;
use sangam_control::{AlarmFilter, AlarmStats, DeviceAdminError, DeviceAlarm, DeviceAlarms, DeviceList};
use sangam_types::Wall;
use serde_json::{Value, json};

use crate::fake_devices::Answered;
use crate::server::{From, Server, token};

/// One alarm with the number 5.
pub(crate) struct FakeAlarms;

const AT: &str = "2023-11-14T22:13:20.000Z";

fn alarm(description: String) -> DeviceAlarm {
    let at = Wall::from_unix_secs(1_700_000_000);
    DeviceAlarm {
        id: 5,
        device: Some("00D09E-Box-A1".to_owned()),
        alarm_type: "offline".to_owned(),
        severity: "major",
        status: "active",
        category: "connectivity".to_owned(),
        title: "it does not come".to_owned(),
        description,
        metadata: Value::Null,
        count: 1,
        suppressed: 0,
        raised_at: at,
        last_raised_at: at,
        acknowledged_by: None,
        acknowledged_at: None,
        cleared_at: None,
        resolution: String::new(),
    }
}

fn known(id: u64, said: String) -> Answered<'static, DeviceAlarm> {
    Box::pin(async move { if id == 5 { Ok(alarm(said)) } else { Err(DeviceAdminError::NoAlarm) } })
}

impl DeviceAlarms for FakeAlarms {
    fn alarms(&self, filter: AlarmFilter) -> Answered<'_, DeviceList<DeviceAlarm>> {
        Box::pin(async move { Ok(DeviceList { items: vec![alarm(format!("{filter:?}"))], next: None }) })
    }

    fn alarm(&self, id: u64) -> Answered<'_, DeviceAlarm> {
        known(id, String::new())
    }

    fn acknowledge(&self, id: u64, by: String) -> Answered<'_, DeviceAlarm> {
        known(id, format!("acknowledged by {by}"))
    }

    fn clear(&self, id: u64, by: String, resolution: String) -> Answered<'_, DeviceAlarm> {
        known(id, format!("cleared by {by}: {resolution}"))
    }

    fn stats(&self) -> Answered<'_, AlarmStats> {
        Box::pin(async { Ok(AlarmStats { open: 2, major: 2, ..AlarmStats::default() }) })
    }
}

#[tokio::test]
async fn an_alarm_has_the_fields_of_the_guides_server_and_is_found_by_its_filters() {
    let server = Server::new();
    let found = server.get("/api/v1/alarms/5", &From::Loopback).await.json();
    let expected = json!({
        "id": 5, "device": "00D09E-Box-A1", "alarm_type": "offline", "severity": "major", "status": "active",
        "category": "connectivity", "title": "it does not come", "description": "", "metadata": null, "count": 1,
        "suppressed": 0, "raised_at": AT, "last_raised_at": AT, "acknowledged_by": null, "acknowledged_at": null,
        "cleared_at": null, "resolution": "", "links": { "self": "/api/v1/alarms/5" },
    });
    assert_eq!(found, expected);
    let path = "/api/v1/alarms?status=active&severity=minor&device_id=d&category=c&after=9&limit=2";
    let told = server.get(path, &From::Loopback).await.json()["data"][0]["description"].to_string();
    for part in ["device: Some(\\\"d\\\")", "status: Some(\\\"active\\\")", "before: Some(9)", "limit: 2"] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    let stats = server.get("/api/v1/alarms/stats", &From::Loopback).await.json();
    assert_eq!((&stats["open"], &stats["major"], &stats["critical"]), (&json!(2), &json!(2), &json!(0)));
    let wrong = server.get("/api/v1/alarms?state=active", &From::Loopback).await;
    assert_eq!(wrong.json()["code"], "query_invalid");
}

#[tokio::test]
async fn an_alarm_is_acknowledged_and_cleared_by_whoever_the_token_names() {
    let server = Server::new();
    let writer = token("admin:write");
    let ask = |path: &'static str, body: &'static str| server.send_body(Method::POST, path, &writer, &[], body);
    let seen = ask("/api/v1/alarms/5/acknowledge", "").await;
    assert_eq!((seen.status.as_u16(), &seen.json()["description"]), (200, &json!("acknowledged by alice")));
    let over = ask("/api/v1/alarms/5/clear", r#"{"resolution":"restarted"}"#).await;
    assert_eq!(over.json()["description"], "cleared by alice: restarted");
    assert_eq!(ask("/api/v1/alarms/5/clear", "").await.status, 200);
    assert_eq!(ask("/api/v1/alarms/5/clear", "{").await.status, 400);
    assert_eq!(ask("/api/v1/alarms/6/clear", "").await.json()["code"], "alarm_not_found");
    let reader = server.send(Method::POST, "/api/v1/alarms/5/acknowledge", &token("admin:read"), &[]).await;
    assert_eq!(reader.status, 403);
}
