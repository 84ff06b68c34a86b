//! Devices called by a running `sangam serve`: through a real XMPP server, Prosody, and through its own STUN listener.

use std::fs;
use std::net::UdpSocket;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, bail};
use sangam_interop::{Prosody, XmppDevice};
use sangam_testkit::http::{self, Answer};
use sangam_testkit::{Server, WAIT_MAX, sangam_binary, wait_until};
use serde_json::Value;
use tempfile::TempDir;

const DEVICE: &str = "00D09E-Box-A1";

/// A server that calls devices through Prosody, and one device that it has enrolled.
struct Bench {
    server: Server,
    prosody: Prosody,
    token: String,
    /// What the device was told to expect when it is called.
    user: String,
    password: String,
    _secrets: TempDir,
}

fn envelope(id: &str, body: &str) -> String {
    format!(
        "<soap-env:Envelope xmlns:soap-env=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:soap-enc=\"http://schemas.xmlsoap.org/soap/encoding/\" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:cwmp=\"urn:dslforum-org:cwmp-1-2\">\
         <soap-env:Header><cwmp:ID soap-env:mustUnderstand=\"1\">{id}</cwmp:ID></soap-env:Header>\
         <soap-env:Body>{body}</soap-env:Body></soap-env:Envelope>"
    )
}

/// An Inform that tells these parameters of `Device.ManagementServer.`
fn inform(told: &[(&str, &str)]) -> String {
    let value = |(name, value): &(&str, &str)| {
        format!(
            "<ParameterValueStruct><Name>Device.ManagementServer.{name}</Name><Value xsi:type=\"xsd:string\">{value}</Value>\
             </ParameterValueStruct>"
        )
    };
    let values: String = told.iter().map(value).collect();
    let count = told.len();
    let body = format!(
        "<cwmp:Inform><DeviceId><Manufacturer>Maker</Manufacturer><OUI>00D09E</OUI><ProductClass>Box</ProductClass>\
         <SerialNumber>A1</SerialNumber></DeviceId><Event soap-enc:arrayType=\"cwmp:EventStruct[1]\"><EventStruct>\
         <EventCode>0 BOOTSTRAP</EventCode><CommandKey></CommandKey></EventStruct></Event><MaxEnvelopes>1</MaxEnvelopes>\
         <CurrentTime>2026-01-31T12:00:00Z</CurrentTime><RetryCount>0</RetryCount>\
         <ParameterList soap-enc:arrayType=\"cwmp:ParameterValueStruct[{count}]\">{values}</ParameterList></cwmp:Inform>"
    );
    envelope("1", &body)
}

/// The text of the first element after `mark`.
fn after<'a>(text: &'a str, mark: &str, element: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(mark)?;
    let (_, rest) = rest.split_once(&format!("<{element}"))?;
    rest.split_once('>')?.1.split('<').next()
}

impl Bench {
    fn start() -> Result<Self> {
        let (prosody, secrets) = (Prosody::start()?, tempfile::tempdir()?);
        let secret = secrets.path().join("component");
        fs::write(&secret, format!("{}\n", Prosody::COMPONENT_SECRET))?;
        let components = prosody.components();
        let server = Server::builder()
            .argument("--roles")
            .argument("devices")
            .set("devices.enroll", "open")
            .set("devices.calls.xmpp.host", &components.ip().to_string())
            .set("devices.calls.xmpp.port", &components.port().to_string())
            .set("devices.calls.xmpp.domain", Prosody::COMPONENT)
            .set("devices.calls.xmpp.secret_file", &secret.display().to_string())
            .start()?;
        let token = minted(&server)?;
        let (user, password) = enrol(&server, &[("ConnReqJabberID", XmppDevice::JID)])?;
        let bench = Self { server, prosody, token, user, password, _secrets: secrets };
        bench.await_component()?;
        Ok(bench)
    }

    /// Until Prosody has let the server in.
    fn await_component(&self) -> Result<()> {
        wait_until("Prosody to let the component in", WAIT_MAX, || {
            let metrics = self.server.get("/metrics")?.body;
            Ok(metrics.lines().any(|line| line == "sangam_devices_xmpp_connected 1").then_some(()))
        })
        .with_context(|| self.server.log())
    }

    /// Orders something, and says what is answered.
    fn order(&self) -> Result<Value> {
        order(&self.server, &self.token)
    }

    /// The same while a device answers that expects this password.
    fn order_of(&self, device: XmppDevice, password: &str) -> Result<(Value, String)> {
        let (user, password, mut device) = (self.user.clone(), password.to_owned(), device);
        let answering = thread::spawn(move || device.answer(&user, &password).map(|iq| (iq, device)));
        let told = self.order()?;
        let (iq, _device) = answering.join().map_err(|_| anyhow::anyhow!("the device has panicked"))??;
        Ok((told, iq))
    }
}

/// A token of an operator.
fn minted(server: &Server) -> Result<String> {
    let minted = Command::new(sangam_binary()?)
        .args(["token", "mint", "--scope", "admin:write", "--sub", "olga", "--data-dir"])
        .arg(server.data_dir())
        .output()?;
    Ok(String::from_utf8(minted.stdout)?.trim().to_owned())
}

/// Orders a reboot, and says what is answered.
fn order(server: &Server, token: &str) -> Result<Value> {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let path = format!("/api/v1/devices/{DEVICE}/tasks");
    let answer = http::send(server.listener("http")?, "POST", &path, &headers, r#"{"kind":"reboot"}"#)?;
    if !matches!(answer.status, 200..=202) {
        bail!("the order is answered {answer:?}");
    }
    Ok(serde_json::from_str(&answer.body)?)
}

/// A first session, in which the device is told its logins; the one by which it is called.
fn enrol(server: &Server, parameters: &[(&str, &str)]) -> Result<(String, String)> {
    let at = server.listener("devices")?;
    let post = |cookie: &str, body: &str| -> Result<Answer> {
        http::send(at, "POST", "/acs", &[("Content-Type", "text/xml"), ("Cookie", cookie)], body)
    };
    let first = post("none=1", &inform(parameters))?;
    let cookie = first.head.lines().find_map(|line| {
        line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")).map(|(_, value)| value)
    });
    let cookie = cookie.and_then(|cookie| cookie.split(';').next()).context("no cookie")?;
    let told = post(cookie, "")?.body;
    let value = |name: &str| after(&told, &format!("ManagementServer.{name}</Name>"), "Value").map(str::to_owned);
    let id = after(&told, "<soap", "cwmp:ID").context("the device is told no login")?;
    let done = "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>";
    let ended = post(cookie, &envelope(id, done))?;
    if ended.status != 204 {
        bail!("the session goes on: {ended:?}");
    }
    let login = value("ConnectionRequestUsername").zip(value("ConnectionRequestPassword"));
    login.with_context(|| format!("no login for calls in {told}"))
}

#[test]
fn a_device_that_is_logged_in_with_prosody_is_called_with_its_login_and_accepts() -> Result<()> {
    let bench = Bench::start()?;
    let device = XmppDevice::connect(bench.prosody.clients())?;
    let (told, iq) = bench.order_of(device, &bench.password)?;
    assert_eq!(told["called"], "accepted", "{told} after {iq}");
    let seen: Value = serde_json::from_str(&bench.server.get(&format!("/api/v1/devices/{DEVICE}"))?.body)?;
    assert_eq!(seen["last_call"]["attempts"][0]["kind"], "xmpp", "{seen}");
    assert_eq!(seen["jabber_id"], XmppDevice::JID);
    Ok(())
}

#[test]
fn a_device_that_expects_another_password_refuses_and_that_is_said() -> Result<()> {
    let bench = Bench::start()?;
    let device = XmppDevice::connect(bench.prosody.clients())?;
    let (told, iq) = bench.order_of(device, "another")?;
    assert_eq!(told["called"], "refused_login", "{told} after {iq}");
    Ok(())
}

#[test]
fn a_device_that_is_not_logged_in_is_unreachable_and_its_task_waits() -> Result<()> {
    let bench = Bench::start()?;
    let told = bench.order()?;
    assert_eq!((told["called"].as_str(), told["state"].as_str()), (Some("unreachable"), Some("queued")), "{told}");
    Ok(())
}

#[test]
fn when_prosody_comes_back_devices_are_called_again() -> Result<()> {
    let mut bench = Bench::start()?;
    bench.prosody.stop()?;
    wait_until("the loss to be noticed", WAIT_MAX, || {
        let metrics = bench.server.get("/metrics")?.body;
        Ok(metrics.lines().any(|line| line == "sangam_devices_xmpp_connected 0").then_some(()))
    })?;
    let told = bench.order()?;
    assert_eq!(told["called"], "not_connected", "{told}");
    bench.prosody.start_again()?;
    bench.await_component()?;
    let device = XmppDevice::connect(bench.prosody.clients())?;
    let (told, iq) = bench.order_of(device, &bench.password)?;
    assert_eq!(told["called"], "accepted", "{told} after {iq}");
    Ok(())
}

/// A Binding request of RFC 3489 that marks its binding (TR-069 Annex G.2.1.3), with a USERNAME of 13 letters filled to 16.
fn binding_request() -> Vec<u8> {
    let mut request = b"\x00\x01\x00\x30sixteen bytes id\xC0\x01\x00\x14dslforum.org/TR-111 ".to_vec();
    request.extend_from_slice(b"\x00\x06\x00\x1000D09E-Box-A1   \xC0\x02\x00\x00");
    request
}

#[test]
fn a_device_behind_nat_is_asked_through_the_socket_that_its_stun_requests_go_to() -> Result<()> {
    let server =
        Server::builder().argument("--roles").argument("relay,devices").set("devices.enroll", "open").start()?;
    let (relay, token) = (server.listener("relay")?, minted(&server)?);
    let device = UdpSocket::bind("127.0.0.1:0")?;
    device.set_read_timeout(Some(WAIT_MAX))?;
    let mut buffer = [0; 1_500];
    device.send_to(&binding_request(), relay)?;
    let (len, from) = device.recv_from(&mut buffer)?;
    let told = [&buffer[28..32], &buffer[26..28]].concat();
    let here = [&[127, 0, 0, 1][..], &device.local_addr()?.port().to_be_bytes()].concat();
    assert_eq!((len, from, told), (32, relay, here), "MAPPED-ADDRESS is where it is");

    // What it told last is another port: its binding has changed since.
    let address = [("UDPConnectionRequestAddress", "127.0.0.1:9"), ("NATDetected", "1")];
    let (user, _) = enrol(&server, &address)?;
    assert_eq!(user, DEVICE);
    wait_until("the binding to be heard of", WAIT_MAX, || {
        let heard = "sangam_devices_bindings_total{named=\"yes\",changed=\"yes\"} 1";
        Ok(server.get("/metrics")?.body.lines().any(|line| line == heard).then_some(()))
    })?;
    let task = order(&server, &token)?;
    assert_eq!(task["called"], "waiting", "nothing comes back: {task}");
    let (len, from) = device.recv_from(&mut buffer)?;
    let text = std::str::from_utf8(&buffer[..len])?;
    let start = format!("GET http://{}?ts=", device.local_addr()?);
    assert!(text.starts_with(&start) && text.contains("&un=00D09E-Box-A1&cn="), "{text}");
    assert_eq!(from, relay, "it comes from the STUN port");
    Ok(())
}
