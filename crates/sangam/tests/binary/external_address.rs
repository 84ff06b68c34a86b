//! `relay.external_ip = ["auto-detect"]`, with STUN servers that are ours and others that are not.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use sangam_testkit::{WAIT_MAX, http, wait_until};
use serde_json::Value;
use tempfile::tempdir;

use crate::run::{Serving, run};

/// A STUN server that sees everybody at one address, or says nothing while that is 0.0.0.0.
struct Liar {
    addr: SocketAddr,
    seen: Arc<AtomicU32>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Liar {
    fn start(seen: Ipv4Addr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let addr = socket.local_addr().unwrap();
        let (seen, ends) = (Arc::new(AtomicU32::new(seen.into())), Arc::new(AtomicBool::new(false)));
        let (says, stops) = (Arc::clone(&seen), Arc::clone(&ends));
        let thread = std::thread::spawn(move || {
            let mut request = [0; 1_500];
            while !stops.load(Ordering::Relaxed) {
                let Ok((len @ 20.., from)) = socket.recv_from(&mut request) else { continue };
                let seen = says.load(Ordering::Relaxed);
                if seen != 0 && len >= 20 {
                    socket.send_to(&answer(&request, seen, from.port()), from).unwrap();
                }
            }
        });
        Self { addr, seen, ends, thread: Some(thread) }
    }

    fn say(&self, seen: Ipv4Addr) {
        self.seen.store(seen.into(), Ordering::Relaxed);
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.take().map(JoinHandle::join);
    }
}

/// A Binding success response (RFC 8489 §5) with XOR-MAPPED-ADDRESS (§14.2).
fn answer(request: &[u8], seen: u32, port: u16) -> Vec<u8> {
    const COOKIE: u32 = 0x2112_a442;
    let mut answer = vec![0x01, 0x01, 0, 12];
    answer.extend_from_slice(&request[4..20]);
    answer.extend_from_slice(&[0, 0x20, 0, 8, 0, 1]);
    answer.extend_from_slice(&(port ^ 0x2112).to_be_bytes());
    answer.extend_from_slice(&(seen ^ COOKIE).to_be_bytes());
    answer
}

fn start(dir: &std::path::Path, servers: &str) -> Serving {
    let servers = format!("relay.stun_servers={servers}");
    let detect = ["relay.external_ip=auto-detect", &servers, "relay.external_ip_interval=1s", "log.level=info"];
    let arguments: Vec<&str> = detect.iter().flat_map(|setting| ["--set", setting]).collect();
    Serving::start(dir, &arguments)
}

fn part(server: &Serving) -> (String, String) {
    let ready: Value = serde_json::from_str(&http::get(server.http(), "/ready").unwrap().body).unwrap();
    let part = &ready["parts"]["external_address"];
    (part["state"].as_str().unwrap().to_owned(), part["detail"].as_str().unwrap().to_owned())
}

const FIRST: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
const SECOND: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 8);

#[test]
fn another_relay_of_ours_says_how_it_sees_us() {
    let dirs = [tempdir().unwrap(), tempdir().unwrap()];
    let stun = Serving::start(dirs[0].path(), &[]);
    let server = start(dirs[1].path(), &stun.listeners()["relay"].to_string());
    assert_eq!(part(&server), ("ready".to_owned(), "127.0.0.1 is announced as 127.0.0.1".to_owned()));
}

#[test]
fn an_address_that_changes_is_told_counted_and_announced() {
    let (dir, liar) = (tempdir().unwrap(), Liar::start(FIRST));
    let mut server = start(dir.path(), &liar.addr.to_string());
    assert_eq!(part(&server), ("ready".to_owned(), format!("127.0.0.1 is announced as {FIRST}")));
    liar.say(SECOND);
    server.wait_for_log(&format!("has changed from {FIRST} to {SECOND}"));
    assert_eq!(part(&server).1, format!("127.0.0.1 is announced as {SECOND}"));
    let metrics = || http::get(server.http(), "/metrics").unwrap().body;
    wait_until("the change is counted", WAIT_MAX, || {
        Ok(metrics().contains("sangam_relay_external_address_changes_total 1").then_some(()))
    })
    .unwrap();
}

#[test]
fn servers_that_say_nothing_leave_a_relay_that_serves_and_asks_on() {
    let (dir, liar) = (tempdir().unwrap(), Liar::start(Ipv4Addr::UNSPECIFIED));
    let mut server = start(dir.path(), &liar.addr.to_string());
    server.wait_for_log("no STUN server says how the world sees 127.0.0.1");
    let (state, detail) = part(&server);
    assert_eq!(state, "degraded");
    assert!(detail.starts_with("the external address of 127.0.0.1 is unknown"), "{detail}");
    assert_eq!(http::get(server.http(), "/ready").unwrap().status, 200);
    liar.say(FIRST);
    server.wait_for_log(&format!("are announced as {FIRST}"));
    assert_eq!(part(&server).0, "ready");
}

#[test]
fn servers_that_differ_are_named() {
    let (dir, liars) = (tempdir().unwrap(), [Liar::start(FIRST), Liar::start(SECOND)]);
    let mut server = start(dir.path(), &format!("{},{}", liars[0].addr, liars[1].addr));
    server.wait_for_log(&format!("{} sees {FIRST}, {} sees {SECOND}", liars[0].addr, liars[1].addr));
    assert_eq!(part(&server).0, "degraded");
}

#[test]
fn auto_detect_without_a_stun_server_does_not_start() {
    let dir = tempdir().unwrap();
    let outcome = run(dir.path(), &["serve", "--set", "relay.external_ip=auto-detect"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("name some in `relay.stun_servers`"), "{}", outcome.stderr);
}
