//! What comes over a real socket from whoever means harm, or is no good at this: refused, counted, and without effect on others.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use sangam_auth::digest::{Challenges, DigestClient, RequestLine};
use sangam_control::DeviceFileFacts;
use sangam_device_server::{FileOptions, Options, Policy};
use sangam_net::http::serve;
use sangam_net::{FrontOptions, LiveRules, TcpFront, Tls};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::rig::{Rig, envelope, inform, text_of};
use crate::served::{NAME, VERSION, enrolled, order, task};

/// The server's port. It closes when this is dropped.
struct Port {
    addr: SocketAddr,
    stop: CancellationToken,
}

impl Port {
    fn of(rig: &Rig) -> Self {
        let any = "127.0.0.1:0".parse().unwrap();
        let front = TcpFront::bind(any, Tls::Off, FrontOptions::default(), LiveRules::default()).unwrap();
        let (addr, stop) = (front.local_addr(), CancellationToken::new());
        tokio::spawn(serve(front, rig.server.router(), Default::default(), stop.clone()));
        Self { addr, stop }
    }

    async fn connect(&self) -> Line {
        Line { stream: TcpStream::connect(self.addr).await.unwrap(), cookie: String::new() }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A connection of a device.
struct Line {
    stream: TcpStream,
    cookie: String,
}

#[derive(Debug)]
struct Got {
    status: u16,
    head: String,
    body: String,
}

impl Got {
    fn header(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }
}

impl Line {
    async fn send(&mut self, method: &str, path: &str, more: &str, body: &str) {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: acs.example:7547\r\nContent-Length: {}\r\n{more}\r\n",
            body.len()
        );
        self.stream.write_all(head.as_bytes()).await.unwrap();
        // It may be refused before all of it has left.
        let _: Result<(), _> = self.stream.write_all(body.as_bytes()).await;
    }

    async fn head(&mut self) -> Got {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Got { status, head, body: String::new() }
    }

    async fn answer(&mut self) -> Got {
        let mut got = self.head().await;
        let length: usize = got.header("content-length").first().map_or(0, |it| it.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        got.body = String::from_utf8(body).unwrap();
        got
    }

    /// A POST with what the device knows.
    async fn post(&mut self, more: &str, body: &str) -> Got {
        let more = if self.cookie.is_empty() { more.to_owned() } else { format!("{more}Cookie: {}\r\n", self.cookie) };
        self.send("POST", "/acs", &more, body).await;
        let got = self.answer().await;
        if let Some(cookie) = got.header("set-cookie").first() {
            self.cookie = cookie.split(';').next().unwrap().to_owned();
        }
        got
    }
}

/// The header line by which a device of the factory answers a challenge.
fn authorized(login: &mut DigestClient, challenge: &Got) -> String {
    login.challenged(&Challenges::parse(challenge.header("www-authenticate"))).unwrap();
    let line = RequestLine { method: "POST", target: "/acs" };
    format!("Authorization: {}\r\n", login.authorize(line, [7; 16]).unwrap())
}

#[tokio::test]
async fn a_login_that_is_shown_again_opens_no_session_and_leaves_the_one_that_is_open_alone() {
    let rig = Rig::start(Policy::SharedCredential);
    let port = Port::of(&rig);
    let mut device = port.connect().await;
    let hello = inform("A1", &["0 BOOTSTRAP"], &[VERSION]);
    let challenge = device.post("", &hello).await;
    assert_eq!(challenge.status, 401);
    let shown = authorized(&mut DigestClient::new("factory", "factory-password"), &challenge);
    assert_eq!(device.post(&shown, &hello).await.status, 200);
    let mut thief = port.connect().await;
    let refused = thief.post(&shown, &hello).await;
    assert_eq!((refused.status, thief.cookie.as_str()), (401, ""), "{refused:?}");
    assert!(refused.head.contains("stale=true"), "whoever has the password may try again: {refused:?}");
    assert!(rig.counts("sangam_devices_refusals_total{reason=\"replayed\"} 1"), "{}", rig.metrics());
    // Nor for another device, with another body.
    let other = thief.post(&shown, &inform("B2", &["0 BOOTSTRAP"], &[VERSION])).await;
    assert_eq!(other.status, 401);
    assert!(device.post("", "").await.body.contains("ManagementServer.Password"), "its session goes on");
    assert!(rig.counts("sangam_devices_sessions 1"), "{}", rig.metrics());
}

#[tokio::test]
async fn an_answer_with_another_id_ends_the_session_and_what_was_asked_may_have_run() {
    let rig = Rig::start(Policy::Open);
    let port = Port::of(&rig);
    let mut device = port.connect().await;
    assert_eq!(device.post("", &inform("A1", &["1 BOOT"], &[VERSION])).await.status, 200);
    let reboot = rig.server.admin().order(NAME.to_owned(), order("reboot", Value::Null)).await.unwrap().id;
    let told = device.post("", "").await;
    let done = "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>";
    let asked = device.post("", &envelope(text_of(&told.body, "cwmp:ID").unwrap(), done)).await;
    assert!(asked.body.contains("<cwmp:Reboot>"), "{asked:?}");
    let answer = device.post("", &envelope("no-such-id", "<cwmp:RebootResponse/>")).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(task(&rig, reboot).await.state, "unknown");
    assert!(rig.counts("sangam_devices_sessions 0"), "{}", rig.metrics());
    // The right id comes too late: there is no session any more.
    let late = device.post("", &envelope(text_of(&asked.body, "cwmp:ID").unwrap(), "<cwmp:RebootResponse/>")).await;
    assert_eq!(late.status, 400);
    assert_eq!(task(&rig, reboot).await.state, "unknown");
}

#[tokio::test]
async fn bombs_of_entities_and_deep_xml_are_refused_and_counted_and_the_next_device_is_served() {
    let rig = Rig::start(Policy::Open);
    let port = Port::of(&rig);
    let bomb = "<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">\
        <!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]><l>&c;</l>";
    let file = "<?xml version=\"1.0\"?><!DOCTYPE l SYSTEM \"file:///etc/passwd\"><l/>";
    let entity = envelope("1", "<cwmp:Inform>&unknown;</cwmp:Inform>");
    let deep = envelope("1", &format!("<cwmp:Inform>{}{}</cwmp:Inform>", "<a>".repeat(30_000), "</a>".repeat(30_000)));
    let wide =
        envelope("1", &format!("<cwmp:Inform {}/>", (0..40).map(|at| format!("a{at}=\"\" ")).collect::<String>()));
    let open = "<a>".repeat(60_000);
    let odd = "\u{0}\u{1}<<<>>>&#0;&#x110000;]]>";
    let mut line = port.connect().await;
    for (body, reason) in [
        (bomb, "doctype"),
        (file, "doctype"),
        (&entity, "entity"),
        (&deep, "depth"),
        (&wide, "attributes"),
        (&open, "not_soap"),
        (odd, "syntax"),
    ] {
        let before = refused(&rig, reason);
        let got = line.post("", body).await;
        assert!(got.status == 400 || got.status == 413, "{reason}: {got:?}");
        assert_eq!(refused(&rig, reason), before + 1, "{reason}: {}", rig.metrics());
        if got.header("connection").contains(&"close") {
            line = port.connect().await;
        }
    }
    assert!(rig.counts("sangam_devices_sessions 0"), "{}", rig.metrics());
    let served = line.post("", &inform("A1", &["1 BOOT"], &[VERSION])).await;
    assert_eq!(served.status, 200, "on the same connection: {served:?}");
    // In a session too, which that ends.
    let got = line.post("", &deep).await;
    assert!(got.status != 200, "{got:?}");
}

fn refused(rig: &Rig, reason: &str) -> u64 {
    let begin = format!("sangam_devices_refusals_total{{reason=\"{reason}\"}} ");
    let metrics = rig.metrics();
    metrics.lines().find_map(|line| line.strip_prefix(&begin)).map_or(0, |count| count.parse().unwrap())
}

/// A server that keeps files, and how its device logs in for the transfer that was ordered.
async fn with_transfer(kind: &str, files: FileOptions) -> (Rig, tempfile::TempDir, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let files = FileOptions { dir: Some(dir.path().to_owned()), ..files };
    let rig = Rig::with(Policy::SharedCredential, Options { files, ..Options::default() });
    let chunks = (0..32).map(|_| Ok(Bytes::from(vec![7; 1 << 20])));
    let put = rig.server.admin().files();
    put.put("fw".to_owned(), DeviceFileFacts::default(), stream::iter(chunks).boxed()).await.unwrap();
    let mut device = enrolled(&rig).await;
    let file = json!({"file_type": "1 Firmware Upgrade Image", "file": if kind == "upload" { "log" } else { "fw" }});
    rig.server.admin().order(NAME.to_owned(), order(kind, file)).await.unwrap();
    device.inform(&["2 PERIODIC"], &[VERSION]).await;
    let asked = device.post("").await.body;
    let text = |element: &str| text_of(&asked, element).unwrap().to_owned();
    let path = text("URL").strip_prefix("http://acs.example:7547").unwrap().to_owned();
    (rig, dir, path, format!("{}:{}", text("Username"), text("Password")))
}

fn basic(login: &str) -> String {
    format!("Authorization: Basic {}\r\n", crate::files::base64(login))
}

#[tokio::test]
async fn a_device_that_stops_reading_a_file_is_cut_off_and_gives_its_place_to_the_next() {
    let options = FileOptions { transfers_max: 1, stall_timeout: Duration::from_millis(200), ..FileOptions::default() };
    let (rig, _dir, path, login) = with_transfer("download", options).await;
    let port = Port::of(&rig);
    let mut stalled = port.connect().await;
    stalled.send("GET", &path, &basic(&login), "").await;
    assert_eq!(stalled.head().await.status, 200);
    // It holds the one place until it is cut off.
    rig.until(async || {
        let mut next = port.connect().await;
        next.send("HEAD", &path, &basic(&login), "").await;
        next.head().await.status == 200
    })
    .await;
    let mut read = Vec::new();
    let ended = stalled.stream.read_to_end(&mut read).await;
    assert!(ended.is_err() || read.len() < 32 << 20, "it has all of it: {} bytes", read.len());
}

#[tokio::test]
async fn a_device_that_stops_in_the_middle_of_bringing_a_file_is_told_so_and_nothing_of_it_stays() {
    let options = FileOptions { stall_timeout: Duration::from_millis(200), ..FileOptions::default() };
    let (rig, dir, path, login) = with_transfer("upload", options).await;
    let before = std::fs::read_dir(dir.path()).unwrap().count();
    let port = Port::of(&rig);
    let mut line = port.connect().await;
    let head =
        format!("PUT {path} HTTP/1.1\r\nHost: acs.example:7547\r\nContent-Length: 100\r\n{}\r\nhalf", basic(&login));
    line.stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(line.head().await.status, 408);
    assert!(rig.counts("sangam_devices_refusals_total{reason=\"file_stalled\"} 1"), "{}", rig.metrics());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), before);
}
