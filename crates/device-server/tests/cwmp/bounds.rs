//! What may not pass a bound, and what an operator ends at once.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream;
use http::StatusCode;
use sangam_control::{DeviceAdminError, DeviceOrder};
use sangam_device_proto::task::TaskRules;
use sangam_device_server::{Keep, Options, Policy};
use sangam_types::Wall;
use serde_json::{Value, json};

use crate::rig::{Device, Rig, envelope, inform};
use crate::served::{NAME, VERSION, asked_at, enrolled, order, reply, task};

#[tokio::test]
async fn a_device_that_is_blocked_or_removed_is_asked_nothing_more_in_the_session_that_is_open() {
    for is_removed in [false, true] {
        let rig = Rig::start(Policy::SharedCredential);
        let mut device = enrolled(&rig).await;
        let admin = rig.server.admin();
        admin.order(NAME.to_owned(), order("get_values", json!({"paths": ["Device."]}))).await.unwrap();
        device.inform(&["2 PERIODIC"], &[VERSION]).await;
        if is_removed {
            admin.remove(NAME.to_owned()).await.unwrap();
        } else {
            admin.set_state(NAME.to_owned(), "blocked".to_owned()).await.unwrap();
        }
        assert!(rig.counts("sangam_devices_sessions 0"), "{}", rig.metrics());
        let answer = device.post("").await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::BAD_REQUEST, ""), "its session is over");
        let event = envelope("5", "<cwmp:RequestDownload><FileType>1</FileType></cwmp:RequestDownload>");
        assert_eq!(device.post(&event).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn what_was_sent_to_a_device_that_is_blocked_meanwhile_is_settled() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let admin = rig.server.admin();
    let reboot = admin.order(NAME.to_owned(), order("reboot", Value::Null)).await.unwrap();
    assert!(asked_at(&mut device, &["2 PERIODIC"]).await.body.contains("<cwmp:Reboot>"));
    admin.set_state(NAME.to_owned(), "blocked".to_owned()).await.unwrap();
    assert_eq!(task(&rig, reboot.id).await.state, "unknown");
}

#[tokio::test]
async fn a_device_that_is_put_back_to_wait_is_asked_nothing_more_either() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let admin = rig.server.admin();
    admin.order(NAME.to_owned(), order("reboot", Value::Null)).await.unwrap();
    device.inform(&["2 PERIODIC"], &[VERSION]).await;
    admin.set_state(NAME.to_owned(), "pending".to_owned()).await.unwrap();
    assert_eq!(device.post("").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn orders_that_come_at_the_same_time_pass_no_bound_of_their_device() {
    let tasks = TaskRules { per_device_max: 3, ..Options::default().tasks };
    let rig = Rig::with(Policy::SharedCredential, Options { tasks, ..Options::default() });
    drop(enrolled(&rig).await);
    let admin = rig.server.admin();
    let orders = (0..20).map(|_| admin.order(NAME.to_owned(), order("reboot", Value::Null)));
    let taken = join_all(orders).await;
    assert_eq!(taken.iter().filter(|it| it.is_ok()).count(), 3, "{taken:?}");
    assert!(taken.iter().filter_map(|it| it.as_ref().err()).all(|why| *why == DeviceAdminError::TooMany));
}

/// d292689: it was the oldest 64 tasks that were looked at.
#[tokio::test]
async fn the_most_urgent_of_many_tasks_is_sent_first_also_if_it_is_the_last() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let admin = rig.server.admin();
    for _ in 0..64 {
        admin.order(NAME.to_owned(), order("reboot", Value::Null)).await.unwrap();
    }
    let urgent = DeviceOrder { priority: 9, ..order("factory_reset", Value::Null) };
    admin.order(NAME.to_owned(), urgent).await.unwrap();
    let asked = asked_at(&mut device, &["2 PERIODIC"]).await;
    assert!(asked.body.contains("<cwmp:FactoryReset"), "{asked:?}");
}

/// A body of which a part comes, and then nothing.
fn stuck(part: Bytes) -> Body {
    let part = stream::once(async move { Ok::<_, std::io::Error>(part) });
    Body::from_stream(futures_util::StreamExt::chain(part, stream::pending()))
}

/// d292689: bodies took the room of what waits to be written.
#[tokio::test]
async fn who_is_slow_to_send_a_body_keeps_no_operator_from_the_store() {
    let options = Options { queue_bytes_max: 300 << 10, ..Options::default() };
    let rig = Rig::with(Policy::SharedCredential, options);
    drop(enrolled(&rig).await);
    let part = Bytes::from(vec![b'<'; 150 << 10]);
    let mut slow: Vec<_> = (0..2).map(|_| Device::new(&rig, "A1")).collect();
    let mut waiting: Vec<_> = slow.iter_mut().map(|device| Box::pin(device.send_once(stuck(part.clone())))).collect();
    for one in &mut waiting {
        assert!(futures_util::poll!(one).is_pending());
    }
    let refused = Device::new(&rig, "A1").send_once(stuck(part)).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "as many bodies are read as may");
    assert!(rig.counts("sangam_devices_refusals_total{reason=\"overloaded\"} 1"), "{}", rig.metrics());
    rig.server.admin().order(NAME.to_owned(), order("reboot", Value::Null)).await.unwrap();
    drop(waiting);
    assert_eq!(
        Device::new(&rig, "A1").post_once(&inform("A1", &["1 BOOT"], &[])).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_body_that_does_not_come_to_its_end_is_given_up() {
    let rig = Rig::with(Policy::Open, Options { body_timeout: Duration::from_millis(1), ..Options::default() });
    let answer = Device::new(&rig, "A1").send_once(stuck(Bytes::from_static(b"<"))).await;
    assert_eq!(answer.status, StatusCode::REQUEST_TIMEOUT);
    assert!(rig.counts("sangam_devices_refusals_total{reason=\"body_timeout\"} 1"), "{}", rig.metrics());
}

/// d292689: without a session a device could send as much as within one.
#[tokio::test]
async fn who_has_no_session_may_send_an_inform_and_no_more() {
    let rig = Rig::start(Policy::Open);
    let long = format!("{}{}", inform("A1", &["1 BOOT"], &[]), " ".repeat(256 << 10));
    assert_eq!(Device::new(&rig, "A1").post_once(&long).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let mut device = Device::new(&rig, "A1");
    device.inform(&["1 BOOT"], &[VERSION]).await;
    let notice = envelope("5", "<cwmp:RequestDownload><FileType>1</FileType></cwmp:RequestDownload>");
    let answer = device.post(&format!("{notice}{}", " ".repeat(256 << 10))).await;
    assert!(answer.body.contains("RequestDownloadResponse"), "{answer:?}");
}

#[tokio::test]
async fn an_answer_past_its_bound_from_a_device_that_hangs_up_leaves_nothing_half_done() {
    let rig = Rig::start(Policy::SharedCredential);
    let mut device = enrolled(&rig).await;
    let admin = rig.server.admin();
    let methods = admin.order(NAME.to_owned(), order("get_methods", Value::Null)).await.unwrap().id;
    let reboot = admin.order(NAME.to_owned(), order("reboot", Value::Null)).await.unwrap().id;
    assert!(asked_at(&mut device, &["2 PERIODIC"]).await.body.contains("<cwmp:GetRPCMethods"));
    let long = "x".repeat(Options::default().soap.body_bytes + 1);
    device.post_and_hang_up_at_once(&long).await;
    // It was too much, and what is asked next has left as far as anybody knows, though nobody hears it.
    rig.until(async || task(&rig, reboot).await.state == "sent").await;
    assert_eq!(task(&rig, methods).await.state, "failed");
}

/// d292689: what waited of an earlier Inform was written over a later one.
#[tokio::test]
async fn when_a_device_was_seen_never_goes_back() {
    // Nothing is written by itself before the end.
    let options = Options { seen_interval: Duration::from_secs(3_600), ..Options::default() };
    let rig = Rig::with(Policy::Open, options);
    let mut device = Device::new(&rig, "A1");
    device.inform(&["1 BOOT"], &[VERSION]).await;
    device.inform(&["2 PERIODIC"], &[VERSION]).await;
    rig.pass(60_000);
    device.inform(&["1 BOOT"], &[VERSION]).await;
    let seen = rig.server.admin().device(NAME.to_owned()).await.unwrap().seen_at;
    assert_eq!(seen, Some(Wall::from_unix_secs(1_767_225_660)));
    drop(device);
    let rig = rig.restarted(Policy::Open).await;
    let after = rig.server.admin().device(NAME.to_owned()).await.unwrap();
    assert_eq!((after.seen_at, after.booted_at), (seen, seen));
}

/// d292689: passwords in payloads stood in logs.
#[tokio::test]
async fn what_an_order_has_in_it_is_never_printed() {
    let payload = json!({"values": [{"path": "Device.Users.User.1.Password", "value": "hunter2"}]});
    let order = order("set_values", payload.clone());
    assert!(!format!("{order:?}").contains("hunter2"));
    let bytes = payload.to_string().into();
    let payload = sangam_device_proto::task::Payload { format: Default::default(), bytes };
    assert!(!format!("{payload:?}").contains("hunter2"));
}

#[tokio::test]
async fn of_a_device_that_tells_much_the_newest_events_are_kept() {
    let keep = Keep { events_rows: 5, ..Options::default().keep };
    let options = Options { keep, sweep_interval: Duration::from_millis(1), ..Options::default() };
    let rig = Rig::with(Policy::Open, options);
    let mut device = Device::new(&rig, "A1");
    for _ in 0..20 {
        device.inform(&["1 BOOT", "4 VALUE CHANGE"], &[VERSION]).await;
    }
    device.inform(&["6 CONNECTION REQUEST"], &[VERSION]).await;
    let kept = async || rig.server.admin().events(NAME.to_owned(), None, 100).await.unwrap().items;
    rig.until(async || kept().await.len() == 5).await;
    assert_eq!(kept().await[0].kind, "6 CONNECTION REQUEST");
}

#[tokio::test]
async fn no_more_schemas_are_made_than_may_be_and_the_device_is_served_all_the_same() {
    let rig = Rig::with(Policy::SharedCredential, Options { schemas_max: 2, ..Options::default() });
    let mut device = enrolled(&rig).await;
    let version = |text: &'static str| ("Device.DeviceInfo.SoftwareVersion", text);
    assert_eq!(device.inform(&["1 BOOT"], &[version("2.0")]).await.status, StatusCode::OK);
    assert_eq!(device.inform(&["1 BOOT"], &[version("3.0")]).await.status, StatusCode::OK);
    assert!(rig.counts("sangam_devices_values_left_out_total 1"), "{}", rig.metrics());
    assert_eq!(rig.server.admin().device(NAME.to_owned()).await.unwrap().software_version, "3.0");
    // What it is told and asked is the same as ever.
    rig.server.admin().order(NAME.to_owned(), order("reboot", Value::Null)).await.unwrap();
    let asked = device.post("").await;
    assert!(asked.body.contains("<cwmp:Reboot>"), "{asked:?}");
    assert_eq!(reply(&mut device, &asked, "<cwmp:RebootResponse/>").await.status, StatusCode::NO_CONTENT);
    // Those that are there are good as before.
    assert_eq!(device.inform(&["1 BOOT"], &[version("2.0")]).await.status, StatusCode::OK);
    let known = rig.server.admin().parameters(NAME.to_owned(), String::new(), None, 10).await.unwrap().items;
    assert_eq!(known[0].value, "2.0");
}
