use http::{StatusCode, header};
use sangam_device_server::Policy;

use crate::rig::{Device, Rig, envelope, text_of};

const VERSION: (&str, &str) = ("Device.DeviceInfo.SoftwareVersion", "1.0");

/// What a device answers to a SetParameterValues.
fn set_done(asked: &str) -> String {
    envelope(
        text_of(asked, "cwmp:ID").unwrap(),
        "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>",
    )
}

/// The value that a SetParameterValues has for a parameter.
fn value_of<'a>(asked: &'a str, parameter: &str) -> Option<&'a str> {
    let at = asked.find(&format!("ManagementServer.{parameter}</Name>"))?;
    text_of(&asked[at..], "Value")
}

#[tokio::test]
async fn a_device_that_nobody_knows_waits_and_is_asked_nothing() {
    let rig = Rig::start(Policy::Closed);
    let mut device = Device::new(&rig, "A1");
    let answer = device.inform(&["0 BOOTSTRAP", "1 BOOT"], &[VERSION]).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert!(answer.body.contains("<cwmp:InformResponse>"), "{answer:?}");
    assert_eq!(device.post("").await.status, StatusCode::NO_CONTENT);
    assert!(rig.counts("sangam_devices_values_changed_total 0"), "{}", rig.metrics());
    assert!(rig.counts("sangam_devices_enrolled_total 0"), "{}", rig.metrics());
}

#[tokio::test]
async fn a_device_with_the_shared_credential_is_enrolled_and_gets_its_own() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = Device::new(&rig, "A1").with_login("factory", "factory-password");
    let answer = device.inform(&["0 BOOTSTRAP"], &[VERSION]).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert!(answer.headers.contains_key(header::CONTENT_LENGTH) || !answer.body.is_empty());
    let asked = device.post("").await;
    let (user, password) = (value_of(&asked.body, "Username").unwrap(), value_of(&asked.body, "Password").unwrap());
    assert_eq!((user, password.len()), ("00D09E-Box-A1", 26), "{asked:?}");
    assert!(value_of(&asked.body, "ConnectionRequestPassword").is_some());
    assert_eq!(device.post(&set_done(&asked.body)).await.status, StatusCode::NO_CONTENT);
    assert!(rig.counts("sangam_devices_enrolled_total 1"), "{}", rig.metrics());

    let mut own = Device::new(&rig, "A1").with_login(user, password);
    assert_eq!(own.inform(&["2 PERIODIC"], &[VERSION]).await.status, StatusCode::OK);
    assert_eq!(own.post("").await.status, StatusCode::NO_CONTENT, "it was told already");
    let shared = device.inform(&["2 PERIODIC"], &[VERSION]).await;
    assert_eq!(shared.status, StatusCode::UNAUTHORIZED, "since it has its own, the shared one is good no more");
}

#[tokio::test]
async fn a_device_that_did_not_take_its_login_is_told_the_same_again() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = Device::new(&rig, "A1").with_login("factory", "factory-password");
    device.inform(&["0 BOOTSTRAP"], &[VERSION]).await;
    let first = device.post("").await;
    device.inform(&["1 BOOT"], &[VERSION]).await;
    let second = device.post("").await;
    assert_eq!(value_of(&first.body, "Password"), value_of(&second.body, "Password"), "{second:?}");
}

#[tokio::test]
async fn a_device_that_says_again_that_it_is_new_is_taken_again() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = Device::new(&rig, "A1").with_login("factory", "factory-password");
    // The answer to the first was lost on its way.
    for events in [&["0 BOOTSTRAP", "1 BOOT"][..], &["0 BOOTSTRAP", "1 BOOT"], &["0 BOOTSTRAP"]] {
        let answer = device.inform(events, &[VERSION]).await;
        assert!(answer.body.contains("<cwmp:InformResponse>"), "{answer:?}");
    }
    // And once more in its session.
    let answer = device.post(&crate::rig::inform("A1", &["0 BOOTSTRAP", "1 BOOT"], &[VERSION])).await;
    assert!(answer.body.contains("<cwmp:InformResponse>"), "{answer:?}");
    assert!(device.post("").await.body.contains("ManagementServer.Username"));
}

#[tokio::test]
async fn who_proves_nothing_is_challenged_and_nothing_is_kept_of_it() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = Device::new(&rig, "A1");
    let answer = device.inform(&["0 BOOTSTRAP"], &[VERSION]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.headers[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Digest realm=\"sangam\""));
    assert!(!answer.headers.contains_key(header::SET_COOKIE));
    let mut liar = Device::new(&rig, "A1").with_login("factory", "wrong");
    assert_eq!(liar.inform(&["0 BOOTSTRAP"], &[VERSION]).await.status, StatusCode::UNAUTHORIZED);
    assert!(rig.counts("sangam_devices_refusals_total{reason=\"wrong_response\"} 1"), "{}", rig.metrics());
    assert!(rig.counts("sangam_devices_commit_rows_total 0"), "{}", rig.metrics());
}

#[tokio::test]
async fn a_login_is_good_for_its_own_device_alone() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut first = Device::new(&rig, "A1").with_login("factory", "factory-password");
    first.inform(&["0 BOOTSTRAP"], &[VERSION]).await;
    let asked = first.post("").await;
    first.post(&set_done(&asked.body)).await;
    let mut second = Device::new(&rig, "B2").with_login("factory", "factory-password");
    second.inform(&["0 BOOTSTRAP"], &[VERSION]).await;
    let other = second.post("").await;
    second.post(&set_done(&other.body)).await;
    let (user, password) = (value_of(&asked.body, "Username").unwrap(), value_of(&asked.body, "Password").unwrap());
    let mut forger = Device::new(&rig, "B2").with_login(user, password);
    assert_eq!(forger.inform(&["2 PERIODIC"], &[VERSION]).await.status, StatusCode::UNAUTHORIZED);
}
