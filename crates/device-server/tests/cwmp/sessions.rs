use http::{StatusCode, header};
use sangam_device_server::{Options, Policy};

use crate::rig::{Device, Rig, envelope, inform, text_of};

const VERSION: (&str, &str) = ("Device.DeviceInfo.SoftwareVersion", "1.0");

/// Goes on until the session is over, and answers whatever is set.
async fn finish(device: &mut Device) {
    let mut answer = device.post("").await;
    while answer.status == StatusCode::OK {
        let id = text_of(&answer.body, "cwmp:ID").unwrap().to_owned();
        let body = "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>";
        answer = device.post(&envelope(&id, body)).await;
    }
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
}

#[tokio::test]
async fn an_inform_is_answered_by_its_response_with_its_id_in_its_namespace() {
    let rig = Rig::start(Policy::Open);
    let mut device = Device::new(&rig, "A1");
    let answer = device.inform(&["1 BOOT"], &[VERSION]).await;
    assert_eq!(text_of(&answer.body, "cwmp:ID"), Some("17"), "{answer:?}");
    assert!(answer.body.contains("urn:dslforum-org:cwmp-1-2"));
    assert_eq!(text_of(&answer.body, "MaxEnvelopes"), Some("1"));
    assert!(answer.headers[header::SET_COOKIE].to_str().unwrap().ends_with("; path=/"));
    finish(&mut device).await;
    assert!(rig.counts("sangam_devices_sessions 0"), "{}", rig.metrics());
    assert!(rig.counts("sangam_devices_sessions_ended_total{reason=\"done\"} 1"), "{}", rig.metrics());
}

#[tokio::test]
async fn a_post_that_tells_no_length_takes_room_for_what_came_of_it_and_no_more() {
    let rig = Rig::with(Policy::Open, Options { queue_bytes_max: 64 << 10, ..Options::default() });
    let (mut slow, mut other) = (Device::new(&rig, "A1"), Device::new(&rig, "A2"));
    slow.inform(&["1 BOOT"], &[VERSION]).await;
    let mut posting = std::pin::pin!(slow.post_without_end("<"));
    assert!(futures_util::poll!(&mut posting).is_pending());
    assert_eq!(other.inform(&["1 BOOT"], &[VERSION]).await.status, StatusCode::OK);
    assert_eq!(other.post(&" ".repeat(100 << 10)).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(rig.counts("sangam_devices_refusals_total{reason=\"overloaded\"} 1"), "{}", rig.metrics());
    finish(&mut other).await;
}

#[tokio::test]
async fn a_periodic_inform_with_nothing_new_writes_no_row_but_when_the_device_was_seen() {
    let rig = Rig::start(Policy::Open);
    let mut device = Device::new(&rig, "A1");
    device.inform(&["1 BOOT"], &[VERSION]).await;
    finish(&mut device).await;
    let rows = |rig: &Rig| {
        rig.metrics().lines().find_map(|line| line.strip_prefix("sangam_devices_commit_rows_total ").map(str::to_owned))
    };
    let before = rows(&rig);
    for _ in 0..5 {
        device.inform(&["2 PERIODIC"], &[VERSION]).await;
        finish(&mut device).await;
    }
    assert_eq!(rows(&rig), before);
    device.inform(&["4 VALUE CHANGE"], &[("Device.DeviceInfo.SoftwareVersion", "1.1")]).await;
    assert_ne!(rows(&rig), before);
}

#[tokio::test]
async fn what_is_no_inform_begins_no_session() {
    let rig = Rig::start(Policy::Open);
    let mut device = Device::new(&rig, "A1");
    assert_eq!(device.post("").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(device.post("<a/>").await.status, StatusCode::BAD_REQUEST);
    let bomb = "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>";
    assert_eq!(device.post(bomb).await.status, StatusCode::BAD_REQUEST);
    let early = envelope("1", "<cwmp:GetRPCMethods/>");
    assert_eq!(device.post(&early).await.status, StatusCode::BAD_REQUEST);
    assert!(rig.counts("sangam_devices_refusals_total{reason=\"no_inform\"} 2"), "{}", rig.metrics());
}

#[tokio::test]
async fn a_second_session_of_a_device_ends_its_first() {
    let rig = Rig::start(Policy::Open);
    let (mut first, mut second) = (Device::new(&rig, "A1"), Device::new(&rig, "A1"));
    first.inform(&["1 BOOT"], &[VERSION]).await;
    second.inform(&["1 BOOT"], &[VERSION]).await;
    assert_eq!(first.post("").await.status, StatusCode::BAD_REQUEST, "its cookie names nothing any more");
    finish(&mut second).await;
    assert!(rig.counts("sangam_devices_sessions_ended_total{reason=\"superseded\"} 1"), "{}", rig.metrics());
}

#[tokio::test]
async fn a_device_says_who_it_is_once_in_a_session() {
    let rig = Rig::start(Policy::Open);
    let mut device = Device::new(&rig, "A1");
    device.inform(&["1 BOOT"], &[VERSION]).await;
    let other = device.post(&inform("B2", &["1 BOOT"], &[VERSION])).await;
    assert_eq!(other.status, StatusCode::BAD_REQUEST, "{other:?}");
}

#[tokio::test]
async fn what_was_known_is_known_after_a_restart() {
    let rig = Rig::start(Policy::Open);
    let mut device = Device::new(&rig, "A1");
    device.inform(&["1 BOOT"], &[VERSION]).await;
    finish(&mut device).await;
    drop(device);
    let rig = rig.restarted(Policy::Closed).await;
    let mut known = Device::new(&rig, "A1");
    known.inform(&["2 PERIODIC"], &[VERSION]).await;
    assert!(rig.counts("sangam_devices_values_changed_total 0"), "{}", rig.metrics());
    finish(&mut known).await;
    // Nobody is enrolled any more: it is, from before.
    known.inform(&["4 VALUE CHANGE"], &[("Device.DeviceInfo.ProvisioningCode", "p")]).await;
    assert!(rig.counts("sangam_devices_values_changed_total 1"), "{}", rig.metrics());
}

#[tokio::test]
async fn at_the_end_open_sessions_go_on_and_none_begins() {
    let rig = Rig::start(Policy::Open);
    let (mut open, mut late) = (Device::new(&rig, "A1"), Device::new(&rig, "B2"));
    open.inform(&["1 BOOT"], &[VERSION]).await;
    let mut ending = std::pin::pin!(rig.server.finish_sessions(std::time::Duration::from_secs(60)));
    assert!(futures_util::poll!(&mut ending).is_pending());
    assert_eq!(late.inform(&["1 BOOT"], &[VERSION]).await.status, StatusCode::SERVICE_UNAVAILABLE);
    finish(&mut open).await;
    ending.await;
}

#[tokio::test]
async fn no_more_devices_are_taken_than_may_be_known() {
    let rig = Rig::with_devices_max(Policy::Open, 1);
    let mut first = Device::new(&rig, "A1");
    assert_eq!(first.inform(&["1 BOOT"], &[VERSION]).await.status, StatusCode::OK);
    let mut second = Device::new(&rig, "B2");
    assert_eq!(second.inform(&["1 BOOT"], &[VERSION]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(first.inform(&["1 BOOT"], &[VERSION]).await.status, StatusCode::OK, "who is known is served");
}
