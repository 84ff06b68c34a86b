use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use http::StatusCode;
use md5::{Digest as _, Md5};
use sangam_control::{DeviceOrder, DeviceTask};
use sangam_device_server::{CallOptions, Options, Policy};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::rig::{Answer, Device, Rig, envelope, text_of};

pub(crate) const NAME: &str = "00D09E-Box-A1";
pub(crate) const URL: &str = "Device.ManagementServer.ConnectionRequestURL";
pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
/// As devices write it.
const CHALLENGE: &str = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"IGD\", nonce=\"dcd98b71\", \
    algorithm=\"MD5\", qop=\"auth\", opaque=\"5ccc\"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Where a device is called.
pub(crate) struct Bell {
    listener: TcpListener,
    /// The same, asked without waiting.
    at_once: std::net::TcpListener,
}

impl Bell {
    fn new() -> Self {
        let at_once = std::net::TcpListener::bind((LOOPBACK, 0)).unwrap();
        at_once.set_nonblocking(true).unwrap();
        Self { listener: TcpListener::from_std(at_once.try_clone().unwrap()).unwrap(), at_once }
    }

    fn url(&self) -> String {
        format!("http://{}/a1b2?c=d", self.listener.local_addr().unwrap())
    }

    /// The head of the next request, and where it is answered.
    async fn next(&self) -> (String, TcpStream) {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        (String::from_utf8(head).unwrap(), stream)
    }

    async fn answer(&self, bytes: &str) -> String {
        let (head, mut stream) = self.next().await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        head
    }

    /// Whether nobody has called.
    fn is_silent(&self) -> bool {
        self.at_once.accept().is_err()
    }
}

/// A device with what it is called by.
pub(crate) struct Called {
    pub(crate) device: Device,
    pub(crate) user: String,
    pub(crate) password: String,
}

pub(crate) fn options(calls: CallOptions) -> Options {
    Options { calls, ..Options::default() }
}

pub(crate) fn order(kind: &str) -> DeviceOrder {
    DeviceOrder {
        kind: kind.to_owned(),
        payload: Value::Null,
        priority: 0,
        not_before: None,
        expires: None,
        ordered_by: "operator".to_owned(),
        idempotency_key: None,
        call: true,
        wait: None,
    }
}

pub(crate) fn waiting(kind: &str) -> DeviceOrder {
    DeviceOrder { wait: Some(Duration::from_secs(30)), ..order(kind) }
}

/// A device that has taken its login, and told where it is called.
async fn enrolled(rig: &Rig, from: IpAddr, url: Option<&str>) -> Called {
    let told: Vec<(&str, &str)> = url.iter().map(|url| (URL, *url)).collect();
    enrolled_telling(rig, from, &told).await
}

/// The same, which has told that in its first Inform.
pub(crate) async fn enrolled_telling(rig: &Rig, from: IpAddr, told: &[(&str, &str)]) -> Called {
    let mut device = Device::new(rig, "A1").at(from).with_login("factory", "factory-password");
    device.inform(&["0 BOOTSTRAP"], told).await;
    let asked = device.post("").await;
    let after = |name: &str| {
        let at = asked.body.find(&format!("ManagementServer.{name}</Name>")).unwrap();
        text_of(&asked.body[at..], "Value").unwrap().to_owned()
    };
    let own = Device::new(rig, "A1").at(from).with_login(&after("Username"), &after("Password"));
    let (user, password) = (after("ConnectionRequestUsername"), after("ConnectionRequestPassword"));
    let done = "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>";
    assert_eq!(reply(&mut device, &asked, done).await.status, StatusCode::NO_CONTENT);
    Called { device: own, user, password }
}

async fn reply(device: &mut Device, asked: &Answer, body: &str) -> Answer {
    device.post(&envelope(text_of(&asked.body, "cwmp:ID").unwrap(), body)).await
}

pub(crate) async fn take(rig: &Rig, order: DeviceOrder) -> DeviceTask {
    rig.server.admin().order(NAME.to_owned(), order).await.unwrap()
}

/// The device comes and does what it is asked.
pub(crate) async fn comes(device: &mut Device, event: &str, done: &[(&str, &str)]) {
    device.inform(&[event], &[]).await;
    let mut asked = device.post("").await;
    for (request, response) in done {
        assert!(asked.body.contains(request), "{asked:?}");
        asked = reply(device, &asked, response).await;
    }
    assert_eq!(asked.status, StatusCode::NO_CONTENT);
}

pub(crate) const REBOOT: (&str, &str) = ("<cwmp:Reboot>", "<cwmp:RebootResponse/>");

fn md5(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A field of a header.
fn field<'a>(head: &'a str, name: &str) -> &'a str {
    let at = head.find(&format!(" {name}=")).unwrap_or_else(|| panic!("{name} is not in {head}")) + name.len() + 2;
    head[at..].trim_start_matches('"').split(['"', ',', '\r']).next().unwrap()
}

#[tokio::test]
async fn a_device_that_something_is_ordered_of_is_called_and_the_answer_waits_until_it_is_done() {
    let rig = Rig::start(Policy::SharedCredential);
    let bell = Bell::new();
    let Called { mut device, user, password } = enrolled(&rig, LOOPBACK, Some(&bell.url())).await;
    let device_side = async {
        let first = bell.answer(CHALLENGE).await;
        assert!(first.starts_with("GET /a1b2?c=d HTTP/1.1\r\n"), "{first}");
        assert!(!first.to_lowercase().contains("authorization"), "{first}");
        let second = bell.answer(OK).await;
        let (a1, a2) = (md5(&format!("{user}:IGD:{password}")), md5("GET:/a1b2?c=d"));
        let (nc, cnonce) = (field(&second, "nc"), field(&second, "cnonce"));
        let expected = md5(&format!("{a1}:dcd98b71:{nc}:{cnonce}:auth:{a2}"));
        assert_eq!((field(&second, "response"), nc), (expected.as_str(), "00000001"), "{second}");
        assert_eq!(field(&second, "opaque"), "5ccc");
        accepted(&rig).await;
        comes(&mut device, "6 CONNECTION REQUEST", &[REBOOT]).await;
    };
    let (told, ()) = tokio::join!(take(&rig, waiting("reboot")), device_side);
    assert_eq!((told.state, told.called), ("done", Some("accepted")), "{told:?}");
    assert!(rig.counts("sangam_devices_calls_total{outcome=\"accepted\"} 1"), "{}", rig.metrics());
}

/// The call has come to its end: the device comes no sooner.
async fn accepted(rig: &Rig) {
    rig.until(async || rig.counts("sangam_devices_calls_total{outcome=\"accepted\"} 1")).await;
}

/// What is told when a device answers its call with that.
async fn outcome(answers: &[&str]) -> (DeviceTask, Rig) {
    let calls = CallOptions { answer_timeout: Duration::from_secs(30), ..CallOptions::default() };
    let rig = Rig::with(Policy::SharedCredential, options(calls));
    let bell = Bell::new();
    enrolled(&rig, LOOPBACK, Some(&bell.url())).await;
    let device_side = async {
        for answer in answers {
            bell.answer(answer).await;
        }
    };
    let (told, ()) = tokio::join!(take(&rig, order("reboot")), device_side);
    (told, rig)
}

#[tokio::test]
async fn what_a_device_answers_to_its_call_stands_in_the_answer_in_the_task_and_in_a_counter() {
    let busy = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n";
    let basic = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
    let forbidden = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    let not_found = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    for (answers, expected, text) in [
        (vec![CHALLENGE, CHALLENGE], "refused_login", "did not take our login"),
        (vec![basic], "refused_login", "did not take our login"),
        (vec![forbidden], "refused_login", "did not take our login"),
        (vec![busy], "busy", "is busy"),
        (vec![not_found], "refused", "refused"),
        (vec!["SSH-2.0-dropbear\r\n"], "unreachable", "nobody answered"),
        (vec![""], "unreachable", "nobody answered"),
        (vec![&long], "unreachable", "nobody answered"),
    ] {
        let (told, rig) = outcome(&answers).await;
        assert_eq!((told.state, told.called), ("queued", Some(expected)), "{answers:?}");
        assert!(told.text.contains(text), "{told:?}");
        let line = format!("sangam_devices_calls_total{{outcome=\"{expected}\"}} 1");
        assert!(rig.counts(&line), "{line}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Bell::new();
    let redirect = format!("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", elsewhere.url());
    let (told, _rig) = outcome(&[&redirect]).await;
    assert_eq!(told.called, Some("refused"));
    assert!(elsewhere.is_silent());
}

#[tokio::test]
async fn a_device_that_does_not_answer_is_waited_for_no_longer_than_may_be() {
    let calls = CallOptions { answer_timeout: Duration::from_millis(50), ..CallOptions::default() };
    let rig = Rig::with(Policy::SharedCredential, options(calls));
    let bell = Bell::new();
    enrolled(&rig, LOOPBACK, Some(&bell.url())).await;
    let (told, (_, _held)) = tokio::join!(take(&rig, order("reboot")), bell.next());
    assert_eq!((told.state, told.called), ("queued", Some("timeout")));
}

#[tokio::test]
async fn a_task_whose_device_was_not_reached_is_done_when_it_comes_by_itself() {
    let rig = Rig::start(Policy::SharedCredential);
    let url = Bell::new().url();
    let mut called = enrolled(&rig, LOOPBACK, Some(&url)).await;
    let told = take(&rig, order("reboot")).await;
    assert_eq!((told.state, told.called), ("queued", Some("unreachable")));
    comes(&mut called.device, "2 PERIODIC", &[REBOOT]).await;
    let done = rig.server.admin().task(told.id).await.unwrap();
    assert_eq!((done.state, done.text.as_str()), ("done", ""), "{done:?}");
}

#[tokio::test]
async fn a_device_that_told_no_address_or_one_that_is_none_is_not_called() {
    for url in [None, Some("ftp://192.0.2.7/"), Some("http://user:pw@192.0.2.7/"), Some("http://2130706433/")] {
        let rig = Rig::start(Policy::SharedCredential);
        enrolled(&rig, LOOPBACK, url).await;
        assert_eq!(take(&rig, order("reboot")).await.called, Some("no_address"), "{url:?}");
    }
}

#[tokio::test]
async fn a_device_is_not_called_at_an_address_that_its_session_did_not_come_from() {
    for any_address in [false, true] {
        let calls = CallOptions { any_address, ..CallOptions::default() };
        let rig = Rig::with(Policy::SharedCredential, options(calls));
        let bell = Bell::new();
        enrolled(&rig, "192.0.2.7".parse().unwrap(), Some(&bell.url())).await;
        let told = take(&rig, order("reboot")).await;
        assert_eq!((told.called, bell.is_silent()), (Some("not_allowed"), true), "any_address: {any_address}");
        let name = bell.url().replace("127.0.0.1", "localhost");
        let rig = Rig::with(Policy::SharedCredential, rig_options(any_address));
        enrolled(&rig, "192.0.2.7".parse().unwrap(), Some(&name)).await;
        let told = take(&rig, order("reboot")).await;
        assert_eq!((told.called, bell.is_silent()), (Some("not_allowed"), true), "any_address: {any_address}");
    }
}

fn rig_options(any_address: bool) -> Options {
    options(CallOptions { any_address, ..CallOptions::default() })
}

#[tokio::test]
async fn after_a_restart_a_device_is_called_once_it_has_come_again() {
    let rig = Rig::start(Policy::SharedCredential);
    let bell = Bell::new();
    let Called { device, .. } = enrolled(&rig, LOOPBACK, Some(&bell.url())).await;
    let login = device.into_login();
    let rig = rig.restarted(Policy::SharedCredential).await;
    let first = take(&rig, order("reboot")).await;
    assert_eq!((first.called, bell.is_silent()), (Some("not_allowed"), true));
    let mut device = Device::new(&rig, "A1").at(LOOPBACK).logged_in(login);
    comes(&mut device, "2 PERIODIC", &[REBOOT]).await;
    let calls = async {
        bell.answer(OK).await;
        accepted(&rig).await;
        comes(&mut device, "6 CONNECTION REQUEST", &[REBOOT]).await;
    };
    let (told, ()) = tokio::join!(take(&rig, waiting("reboot")), calls);
    assert_eq!((told.state, told.called), ("done", Some("accepted")));
}

#[tokio::test]
async fn a_device_is_called_once_for_all_that_is_ordered_meanwhile() {
    let rig = Rig::start(Policy::SharedCredential);
    let bell = Bell::new();
    let mut called = enrolled(&rig, LOOPBACK, Some(&bell.url())).await;
    let methods =
        ("<cwmp:GetRPCMethods", "<cwmp:GetRPCMethodsResponse><MethodList></MethodList></cwmp:GetRPCMethodsResponse>");
    let device_side = async {
        let (_, mut stream) = bell.next().await;
        // Both are ordered before the device answers its call.
        let both = async || rig.server.admin().tasks(None, None, None, 10).await.unwrap().items.len() == 2;
        rig.until(both).await;
        stream.write_all(OK.as_bytes()).await.unwrap();
        accepted(&rig).await;
        comes(&mut called.device, "6 CONNECTION REQUEST", &[REBOOT, methods]).await;
    };
    let second = async {
        let first = async || rig.server.admin().tasks(None, None, None, 10).await.unwrap().items.len() == 1;
        rig.until(first).await;
        take(&rig, waiting("get_methods")).await
    };
    let (one, two, ()) = tokio::join!(take(&rig, waiting("reboot")), second, device_side);
    assert_eq!((one.state, one.called), ("done", Some("accepted")));
    assert_eq!((two.state, two.called), ("done", Some("accepted")));
    assert!(bell.is_silent());
}

#[tokio::test]
async fn a_device_that_was_called_a_moment_ago_is_not_called_again_if_it_comes() {
    let calls = CallOptions { interval: Duration::from_secs(3_600), ..CallOptions::default() };
    let rig = Rig::with(Policy::SharedCredential, options(calls));
    let bell = Bell::new();
    let mut called = enrolled(&rig, LOOPBACK, Some(&bell.url())).await;
    let (_, first) = tokio::join!(bell.answer(OK), take(&rig, order("reboot")));
    assert_eq!(first.called, Some("accepted"));
    let device_side = async {
        let both = async || rig.server.admin().tasks(None, None, None, 10).await.unwrap().items.len() == 2;
        rig.until(both).await;
        comes(&mut called.device, "6 CONNECTION REQUEST", &[REBOOT, REBOOT]).await;
    };
    let (second, ()) = tokio::join!(take(&rig, waiting("reboot")), device_side);
    assert_eq!((second.state, second.called), ("done", Some("waiting")));
    assert!(bell.is_silent());
}

#[tokio::test]
async fn what_is_ordered_for_later_or_without_a_call_calls_nobody() {
    let rig = Rig::start(Policy::SharedCredential);
    let bell = Bell::new();
    enrolled(&rig, LOOPBACK, Some(&bell.url())).await;
    let later = sangam_types::Wall::from_unix_millis(4_000_000_000_000);
    for order in
        [DeviceOrder { call: false, ..order("reboot") }, DeviceOrder { not_before: Some(later), ..order("reboot") }]
    {
        assert_eq!(take(&rig, order).await.called, None);
    }
    assert!(bell.is_silent());
}

#[tokio::test]
async fn an_answer_waits_no_longer_than_it_was_asked_to_nor_longer_than_may_be() {
    let calls = CallOptions { wait_max: Duration::from_millis(20), ..CallOptions::default() };
    let rig = Rig::with(Policy::SharedCredential, options(calls));
    enrolled(&rig, LOOPBACK, None).await;
    let told = take(&rig, DeviceOrder { wait: Some(Duration::from_secs(1_000_000)), ..order("reboot") }).await;
    assert_eq!(told.state, "queued");
    let told = take(&rig, DeviceOrder { wait: Some(Duration::from_millis(1)), ..order("reboot") }).await;
    assert_eq!(told.state, "queued");
}

#[tokio::test]
async fn more_requests_than_may_wait_are_answered_at_once() {
    let calls = CallOptions { waits_max: 0, ..CallOptions::default() };
    let rig = Rig::with(Policy::SharedCredential, options(calls));
    enrolled(&rig, LOOPBACK, None).await;
    assert_eq!(take(&rig, waiting("reboot")).await.state, "queued");
    assert!(rig.counts("sangam_devices_refusals_total{reason=\"waits_max\"} 1"), "{}", rig.metrics());
}
