use http::Method;
use sangam_control::{
    DeviceAdminError, DeviceList, DeviceProfile, DeviceProfiles, DeviceWants, Once, ProfileApplies, ProfileWanted,
};
use sangam_types::Wall;
use serde_json::json;

use crate::fake_devices::Answered;
use crate::server::{From, Server, token};

/// One profile with the number 3 and the revision 2.
pub(crate) struct FakeProfiles;

fn of(wanted: ProfileWanted, revision: u32) -> DeviceProfile {
    let ProfileWanted { name, enabled, priority, applies, values } = wanted;
    let created_at = Wall::from_unix_secs(1_700_000_000);
    DeviceProfile { id: 3, revision, name, enabled, priority, applies, values, created_at }
}

fn wanted() -> ProfileWanted {
    let applies = ProfileApplies { tag: Some("gold*".to_owned()), ..ProfileApplies::default() };
    ProfileWanted { name: "wifi".to_owned(), enabled: true, priority: 0, applies, values: Vec::new() }
}

fn known(id: u64, revision: Option<u32>) -> Result<(), DeviceAdminError> {
    match (id, revision) {
        (3, None | Some(2)) => Ok(()),
        (3, Some(_)) => Err(DeviceAdminError::Changed(2)),
        _ => Err(DeviceAdminError::NoProfile),
    }
}

impl DeviceProfiles for FakeProfiles {
    fn profiles(&self, after: Option<u64>, _: usize) -> Answered<'_, DeviceList<DeviceProfile>> {
        let next = after.is_none().then(|| "3".to_owned());
        Box::pin(async { Ok(DeviceList { items: vec![of(wanted(), 2)], next }) })
    }

    fn profile(&self, id: u64) -> Answered<'_, DeviceProfile> {
        Box::pin(async move { known(id, None).map(|()| of(wanted(), 2)) })
    }

    fn create(&self, wanted: ProfileWanted, once: Once) -> Answered<'_, DeviceProfile> {
        let named = ProfileWanted { name: format!("{} by {} {:?}", wanted.name, once.by, once.key), ..wanted };
        Box::pin(async { Ok(of(named, 1)) })
    }

    fn replace(&self, id: u64, wanted: ProfileWanted, revision: Option<u32>) -> Answered<'_, DeviceProfile> {
        Box::pin(async move { known(id, revision).map(|()| of(wanted, 3)) })
    }

    fn remove(&self, id: u64, revision: Option<u32>) -> Answered<'_, ()> {
        Box::pin(async move { known(id, revision) })
    }

    fn apply(&self, device: String) -> Answered<'_, DeviceWants> {
        self.of_device(device)
    }

    fn of_device(&self, device: String) -> Answered<'_, DeviceWants> {
        let (profiles, values) = (Vec::new(), Vec::new());
        let reason = String::new();
        let wants = DeviceWants { device, state: "none", reason, task: None, next_try_at: None, profiles, values };
        Box::pin(async { Ok(wants) })
    }
}

#[tokio::test]
async fn a_device_is_told_anew_by_who_may_write() {
    let server = Server::new();
    let path = "/api/v1/devices/d/profile";
    let told = server.send(Method::POST, path, &token("admin:write"), &[]).await;
    assert_eq!((told.status.as_u16(), &told.json()["state"]), (200, &json!("none")));
    assert_eq!(server.send(Method::POST, path, &token("admin:read"), &[]).await.status, 403);
}

#[tokio::test]
async fn a_profile_is_made_once_and_changed_only_by_who_has_seen_it() {
    let server = Server::new();
    let writer = token("admin:write");
    let body = r#"{"name":"wifi","values":[{"path":"Device.A","value":"1","type":"boolean"}]}"#;
    let made = server.send_body(Method::POST, "/api/v1/profiles", &writer, &[("idempotency-key", "k")], body).await;
    assert_eq!((made.status.as_u16(), made.header("etag")), (201, "\"1\""), "{}", made.body);
    assert_eq!(made.json()["name"], "wifi by alice Some(\"k\")");
    assert_eq!(made.json()["links"]["self"], "/api/v1/profiles/3");
    let expected = json!([{ "path": "Device.A", "value": "1", "type": "boolean", "hidden": false }]);
    assert_eq!(made.json()["values"], expected);
    for (tag, status) in [("\"2\"", 200), ("*", 200), ("\"1\"", 412), ("2", 400)] {
        let changed = server.send_body(Method::PUT, "/api/v1/profiles/3", &writer, &[("if-match", tag)], body).await;
        assert_eq!(changed.status.as_u16(), status, "{tag}");
    }
    let by_query = server.send_body(Method::PUT, "/api/v1/profiles/3?revision=1", &writer, &[], body).await;
    assert_eq!(by_query.status, 412);
    let stale = server.send(Method::DELETE, "/api/v1/profiles/3", &writer, &[("if-match", "\"9\"")]).await;
    assert_eq!((stale.status.as_u16(), &stale.json()["code"]), (412, &json!("revision_changed")));
    assert_eq!(server.send(Method::DELETE, "/api/v1/profiles/3", &writer, &[]).await.status, 204);
    let wrong = server.send_body(Method::POST, "/api/v1/profiles", &writer, &[], r#"{"name":"a","valves":[]}"#).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["code"]), (400, &json!("body_invalid")));
}

#[tokio::test]
async fn profiles_are_read_with_the_read_scope_and_written_with_the_write_scope_alone() {
    let server = Server::new();
    let list = server.get("/api/v1/profiles?limit=1", &From::Loopback).await.json();
    assert_eq!((&list["data"][0]["applies"]["tag"], &list["meta"]["count"]), (&json!("gold*"), &json!(1)));
    assert_eq!(list["links"]["next"], "/api/v1/profiles?limit=1&after=3");
    let wants = server.get("/api/v1/devices/00D09E-Box-A1/profile", &From::Loopback).await.json();
    assert_eq!((&wants["device"], &wants["state"]), (&json!("00D09E-Box-A1"), &json!("none")));
    assert_eq!(server.get("/api/v1/profiles/4", &From::Loopback).await.json()["code"], "profile_not_found");
    for (method, path) in [(Method::POST, "/api/v1/profiles"), (Method::DELETE, "/api/v1/profiles/3")] {
        let asked = server.send(method, path, &From::Loopback, &[]).await;
        assert_eq!(asked.status, 401, "{path}");
    }
    assert_eq!(server.get("/api/v1/profiles", &From::Public).await.status, 401);
    assert_eq!(Server::without_devices().get("/api/v1/profiles", &From::Loopback).await.json()["code"], "no_devices");
}
