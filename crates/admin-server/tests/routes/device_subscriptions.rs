use http::Method;
use sangam_control::{DeviceAdminError, DeviceList, DeviceSubscription, DeviceSubscriptions, Once, SubscriptionWanted};
use sangam_types::Wall;
use serde_json::json;

use crate::fake_devices::Answered;
use crate::server::{From, Server, token};

/// What is put there is told; `there` was there before.
pub(crate) struct FakeSubscriptions;

fn of(device: String, id: String, wanted: SubscriptionWanted) -> DeviceSubscription {
    DeviceSubscription { device, id, wanted, is_set: false, created_at: Wall::from_unix_secs(1_700_000_000) }
}

fn wanted() -> SubscriptionWanted {
    let paths = vec!["Device.A".to_owned()];
    SubscriptionWanted { notify: "ValueChange".to_owned(), paths, persistent: true, retry: false }
}

impl DeviceSubscriptions for FakeSubscriptions {
    fn subscriptions(
        &self,
        device: Option<String>,
        _: Option<String>,
        _: usize,
    ) -> Answered<'_, DeviceList<DeviceSubscription>> {
        let one = of(device.unwrap_or_else(|| "d%20x".to_owned()), "there".to_owned(), wanted());
        Box::pin(async { Ok(DeviceList { items: vec![one], next: Some("1.there".to_owned()) }) })
    }

    fn subscription(&self, device: String, id: String) -> Answered<'_, DeviceSubscription> {
        let known = id == "there";
        Box::pin(async move { known.then(|| of(device, id, wanted())).ok_or(DeviceAdminError::NoSubscription) })
    }

    fn put(
        &self,
        device: String,
        id: Option<String>,
        wanted: SubscriptionWanted,
        once: Once,
    ) -> Answered<'_, (DeviceSubscription, bool)> {
        let is_new = id.as_deref() != Some("there");
        let id = id.unwrap_or_else(|| format!("made {:?}", once.key));
        Box::pin(async move { Ok((of(device, id, wanted), is_new)) })
    }

    fn remove(&self, _: String, id: String) -> Answered<'_, ()> {
        Box::pin(async move { if id == "there" { Ok(()) } else { Err(DeviceAdminError::NoSubscription) } })
    }
}

#[tokio::test]
async fn a_subscription_is_put_read_listed_and_taken_away() {
    let server = Server::new();
    let writer = token("admin:write");
    let body = r#"{"device":"d","notify":"ValueChange","paths":["Device.A"],"retry":false}"#;
    let key = [("idempotency-key", "k")];
    let made = server.send_body(Method::POST, "/api/v1/subscriptions", &writer, &key, body).await;
    let expected = json!({
        "device": "d", "id": "made Some(\"k\")", "notify": "ValueChange", "paths": ["Device.A"], "persistent": true,
        "retry": false, "is_set": false, "created_at": "2023-11-14T22:13:20.000Z",
        "links": { "self": "/api/v1/subscriptions/d/made%20Some%28%22k%22%29" },
    });
    assert_eq!((made.status.as_u16(), made.json()), (201, expected));
    let there = "/api/v1/subscriptions/d%2520x/there";
    let body = r#"{"notify":"Event","paths":["Device.Boot!"]}"#;
    let changed = server.send_body(Method::PUT, there, &writer, &[], body).await;
    assert_eq!((changed.status.as_u16(), &changed.json()["device"]), (200, &json!("d%20x")));
    assert_eq!(server.get(there, &From::Loopback).await.json()["links"]["self"], there);
    let list = server.get("/api/v1/subscriptions?limit=1", &From::Loopback).await.json();
    assert_eq!((&list["meta"]["has_more"], &list["data"][0]["id"]), (&json!(true), &json!("there")));
    assert_eq!(server.send(Method::DELETE, there, &writer, &[]).await.status, 204);
    let none = server.send(Method::DELETE, "/api/v1/subscriptions/d/none", &writer, &[]).await;
    assert_eq!(none.json()["code"], "subscription_not_found");
    for body in [r#"{"notify":"Event","paths":[]}"#, r#"{"device":"d","notify":"Event","paths":[],"path":1}"#] {
        let wrong = server.send_body(Method::POST, "/api/v1/subscriptions", &writer, &[], body).await;
        assert_eq!(wrong.json()["code"], "body_invalid", "{body}");
    }
    assert_eq!(server.send_body(Method::PUT, there, &From::Loopback, &[], body).await.status, 401);
}
