//! What can be brought about only by whoever holds a session.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use prometheus_client::registry::Registry;
use sangam_control::DeviceOrder;
use sangam_cwmp_proto::session::Post;
use sangam_cwmp_proto::{Envelope, SoapLimits, decode};
use sangam_device_proto::admission::{Admission, Class};
use sangam_device_proto::enrol::{EnrolRules, Policy};
use sangam_net::http::{Client, Scheme};
use sangam_storage::devices::DeviceId;
use sangam_storage_sqlite::{SqliteOptions, open_devices};
use sangam_telemetry::metrics::devices::DeviceMetrics;
use sangam_types::Wall;
use serde_json::json;
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::endpoint::load;
use crate::committer::Condition;
use crate::options::{Credentials, Live, Options};
use crate::server::{Deps, DeviceServer};

struct Rig {
    server: DeviceServer,
    _dir: TempDir,
}

impl Rig {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = SqliteOptions { synced: false, wal_bytes_laid_down: 0, ..SqliteOptions::default() };
        let store = open_devices(dir.path(), &options).unwrap();
        let metrics = Arc::new(DeviceMetrics::register(&mut Registry::default()));
        let live = Live {
            enrol: EnrolRules { policy: Policy::Open, rotate: false, ..EnrolRules::default() },
            credentials: Credentials::default(),
            basic_without_tls: false,
            periodic_interval: None,
        };
        let deps = Deps { store, metrics, clock: Arc::new(|| Wall::from_unix_secs(1_767_225_600)), stun: None };
        Self { server: DeviceServer::start(Options::default(), live, deps).unwrap(), _dir: dir }
    }

    /// Status, cookie and body.
    async fn post(&self, cookie: Option<&str>, body: &str) -> (StatusCode, Option<String>, String) {
        let mut request = Request::post("/").header(header::HOST, "acs.example");
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(Client {
            addr: "192.0.2.7:40000".parse().unwrap(),
            local: "192.0.2.1:7547".parse().unwrap(),
            scheme: Scheme::Http,
            trusted_loopback: false,
            origin_allowed: true,
        });
        let (parts, body) = self.server.router().oneshot(request).await.unwrap().into_parts();
        let cookie = parts.headers.get(header::SET_COOKIE);
        let cookie = cookie.map(|it| it.to_str().unwrap().split(';').next().unwrap().to_owned());
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        (parts.status, cookie, body)
    }

    async fn ordered(&self, kind: &str, payload: serde_json::Value) -> u64 {
        let order = DeviceOrder {
            kind: kind.to_owned(),
            payload,
            priority: 0,
            not_before: None,
            expires: None,
            ordered_by: "operator".to_owned(),
            idempotency_key: None,
            call: false,
            wait: None,
        };
        self.server.admin().order("00D09E-Box-A1".to_owned(), order).await.unwrap().id
    }
}

const INFORM: &str = "<soap-env:Envelope xmlns:soap-env=\"http://schemas.xmlsoap.org/soap/envelope/\" \
    xmlns:soap-enc=\"http://schemas.xmlsoap.org/soap/encoding/\" xmlns:cwmp=\"urn:dslforum-org:cwmp-1-2\">\
    <soap-env:Header><cwmp:ID soap-env:mustUnderstand=\"1\">1</cwmp:ID></soap-env:Header><soap-env:Body><cwmp:Inform>\
    <DeviceId><Manufacturer>M</Manufacturer><OUI>00D09E</OUI><ProductClass>Box</ProductClass>\
    <SerialNumber>A1</SerialNumber></DeviceId><Event soap-enc:arrayType=\"cwmp:EventStruct[1]\"><EventStruct>\
    <EventCode>2 PERIODIC</EventCode><CommandKey/></EventStruct></Event><MaxEnvelopes>1</MaxEnvelopes>\
    <CurrentTime>0001-01-01T00:00:00Z</CurrentTime><RetryCount>0</RetryCount>\
    <ParameterList soap-enc:arrayType=\"cwmp:ParameterValueStruct[0]\"/></cwmp:Inform></soap-env:Body></soap-env:Envelope>";

/// The answer to a GetParameterValues.
fn values(asked: &str) -> Envelope {
    let begin = asked.find("<cwmp:ID").unwrap();
    let id = &asked[begin..begin + asked[begin..].find("</cwmp:ID>").unwrap()];
    let id = id.rsplit('>').next().unwrap();
    let text = format!(
        "<soap-env:Envelope xmlns:soap-env=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:cwmp=\"urn:dslforum-org:cwmp-1-2\"><soap-env:Header><cwmp:ID>{id}</cwmp:ID></soap-env:Header><soap-env:Body>\
         <cwmp:GetParameterValuesResponse><ParameterList/></cwmp:GetParameterValuesResponse></soap-env:Body>\
         </soap-env:Envelope>"
    );
    decode(text.as_bytes(), &SoapLimits::default()).unwrap()
}

#[tokio::test]
async fn of_three_informs_at_once_the_last_waits_for_what_the_first_is_told_and_asks_for_it_no_second_time() {
    let rig = Rig::start();
    let (_, cookie, _) = rig.post(None, INFORM).await;
    let task = rig.ordered("get_values", json!({"paths": ["Device."]})).await;
    let (_, _, asked) = rig.post(cookie.as_deref(), "").await;
    let service = rig.server.service();
    let first = service.sessions.of_device(DeviceId(1)).unwrap();
    // The first session is in the middle of hearing the answer: the second waits for it.
    let mut held = first.conversation.lock().await;
    let mut second = std::pin::pin!(rig.post(None, INFORM));
    while service.sessions.of_device(DeviceId(1)).unwrap().cookie == first.cookie {
        assert!(futures_util::poll!(&mut second).is_pending());
        tokio::task::yield_now().await;
    }
    let middle = service.sessions.of_device(DeviceId(1)).unwrap().cookie;
    let mut third = Box::pin(rig.post(None, INFORM));
    let mut last = None;
    while last.is_none() && service.sessions.of_device(DeviceId(1)).unwrap().cookie == middle {
        last = match futures_util::poll!(&mut third) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        };
        tokio::task::yield_now().await;
    }
    // If it does not wait it comes to its end in this time.
    for _ in 0..200 {
        service.committer.round_trip().await.unwrap();
        if last.is_none()
            && let Poll::Ready(answer) = futures_util::poll!(&mut third)
        {
            last = Some(answer);
        }
    }
    assert!(last.is_none(), "the last waits for the first: {last:?}");
    held.go_on(service, &first, Post::Envelope(Box::new(values(&asked)))).await;
    drop(held);
    assert_eq!(second.await.0, StatusCode::SERVICE_UNAVAILABLE, "the third one is served");
    let (status, cookie, _) = third.await;
    assert_eq!(status, StatusCode::OK);
    let told = rig.server.admin().task(task).await.unwrap();
    assert_eq!((told.state, told.attempts), ("done", 1), "{told:?}");
    assert_eq!(rig.post(cookie.as_deref(), "").await.0, StatusCode::NO_CONTENT, "nothing is asked twice");
}

/// d292689: how long the writer writes, and how many devices there are, count.
#[tokio::test]
async fn who_matters_least_is_told_to_come_back_while_a_write_hangs_and_the_later_the_more_devices_there_are() {
    let rig = Rig::start();
    rig.post(None, INFORM).await;
    let service = rig.server.service();
    let calm = service.committer.condition();
    assert_eq!(load(service, &calm).fleet, 1);
    let rules = &service.options.admission;
    assert_eq!(rules.decide(&load(service, &calm), Class::Routine, 7), Admission::Admit);
    let hangs = Condition { writing_for: Duration::from_secs(3), ..calm };
    let shed = |fleet: u64| {
        let load = sangam_device_proto::admission::Load { fleet, ..load(service, &hangs) };
        match rules.decide(&load, Class::Routine, u64::MAX) {
            Admission::Shed { retry_after_secs } => retry_after_secs,
            Admission::Admit => panic!("it is let in"),
        }
    };
    assert!(shed(1_000_000) > shed(1), "{} {}", shed(1_000_000), shed(1));
}
