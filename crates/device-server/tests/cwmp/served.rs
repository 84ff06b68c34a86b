//! A device that is one of ours, and what is ordered of it.

use http::StatusCode;
use sangam_control::{DeviceOrder, DeviceTask};
use serde_json::Value;

use crate::rig::{Answer, Device, Rig, envelope, text_of};

pub(crate) const VERSION: (&str, &str) = ("Device.DeviceInfo.SoftwareVersion", "1.0");
pub(crate) const NAME: &str = "00D09E-Box-A1";

pub(crate) fn order(kind: &str, payload: Value) -> DeviceOrder {
    DeviceOrder {
        kind: kind.to_owned(),
        payload,
        priority: 0,
        not_before: None,
        expires: None,
        ordered_by: "operator".to_owned(),
        idempotency_key: None,
        call: false,
        wait: None,
    }
}

/// Answers what was asked.
pub(crate) async fn reply(device: &mut Device, asked: &Answer, body: &str) -> Answer {
    device.post(&envelope(text_of(&asked.body, "cwmp:ID").unwrap(), body)).await
}

/// A device that is one of ours and has taken its login, and is known by it.
pub(crate) async fn enrolled(rig: &Rig) -> Device {
    let mut device = Device::new(rig, "A1").with_login("factory", "factory-password");
    device.inform(&["0 BOOTSTRAP"], &[VERSION]).await;
    let asked = device.post("").await;
    let after = |name: &str| {
        let at = asked.body.find(&format!("ManagementServer.{name}</Name>")).unwrap();
        text_of(&asked.body[at..], "Value").unwrap().to_owned()
    };
    let own = Device::new(rig, "A1").with_login(&after("Username"), &after("Password"));
    let done = "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>";
    assert_eq!(reply(&mut device, &asked, done).await.status, StatusCode::NO_CONTENT);
    own
}

pub(crate) async fn task(rig: &Rig, id: u64) -> DeviceTask {
    rig.server.admin().task(id).await.unwrap()
}

/// What it is asked for in a session that begins with these events.
pub(crate) async fn asked_at(device: &mut Device, events: &[&str]) -> Answer {
    assert_eq!(device.inform(events, &[VERSION]).await.status, StatusCode::OK);
    device.post("").await
}

/// What of a request stands between its element's tags.
pub(crate) fn request_of<'a>(asked: &'a Answer, method: &str) -> &'a str {
    let (open, close) = (format!("<cwmp:{method}>"), format!("</cwmp:{method}>"));
    let begin = asked.body.find(&open).unwrap_or_else(|| panic!("no {method}: {asked:?}")) + open.len();
    &asked.body[begin..asked.body.find(&close).unwrap()]
}
