//! `sangam node`, as an operator meets it.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use sangam_mesh_proto::identity::Identity;
use sangam_testkit::{WAIT_MAX, free_tcp_port, http, wait_until};
use serde_json::Value;
use tempfile::tempdir;

use crate::run::{Outcome, Serving, outcome, run, sangam};

/// What keeps a node on this host's loopback.
const ON_LOOPBACK: [&str; 8] = [
    "node",
    "--no-mdns",
    "--listen",
    "127.0.0.1:0",
    "--set",
    "node.allow_loopback=true",
    "--set",
    "node.addresses=127.0.0.1",
];

fn node(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = sangam(dir, &ON_LOOPBACK);
    command.args(arguments);
    command
}

fn start(dir: &Path, arguments: &[&str]) -> Serving {
    Serving::start_command(&mut node(dir, arguments))
}

fn address(node: &Serving) -> SocketAddr {
    node.listeners()["node"]
}

fn id(node: &Serving) -> String {
    node.ready["node_id"].as_str().unwrap().to_owned()
}

fn json(node: &Serving, path: &str) -> Value {
    let answer = http::get(address(node), path).unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

/// It ended with exit code 2 and one sentence that holds every part.
fn check_refused(outcome: &Outcome, parts: &[&str]) {
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
    let (log, sentences): (Vec<&str>, Vec<&str>) = outcome.stderr.lines().partition(|line| line.starts_with('{'));
    assert_eq!(sentences.len(), 1, "{outcome:?}");
    assert!(log.iter().all(|line| line.contains("was made")), "a key may be made before: {log:?}");
    for part in parts {
        assert!(outcome.stderr.contains(part), "{part:?} in {}", outcome.stderr);
    }
}

fn refused(dir: &Path, arguments: &[&str], parts: &[&str]) {
    check_refused(&outcome(node(dir, arguments).output().unwrap()), parts);
}

#[test]
fn a_node_says_who_it_is_and_is_the_same_when_it_is_started_again() {
    let dir = tempdir().unwrap();
    let first = start(dir.path(), &[]);
    let us = id(&first);
    assert_eq!(us.len(), 44, "{us}");
    assert_eq!(json(&first, "/whoami")["node_id"], us);
    assert_eq!(http::get(address(&first), "/health").unwrap().status, 200);
    assert_eq!(http::get(address(&first), "/ready").unwrap().status, 200);
    let metrics = http::get(address(&first), "/metrics").unwrap().body;
    for name in ["sangam_mesh_topics ", "sangam_mesh_peers{profile=\"sangam\"} 0", "process_resident_memory_bytes"] {
        assert!(metrics.contains(name), "{name} in\n{metrics}");
    }
    let key = dir.path().join("sangam-data/node.key.pem");
    assert_eq!(mode(&key), 0o600);
    let pem = fs::read_to_string(&key).unwrap();
    let ended = first.program.stop().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.output);
    assert!(!ended.output.contains(pem.lines().nth(1).unwrap()), "no key is logged");
    assert_eq!(id(&start(dir.path(), &[])), us);
}

#[test]
fn the_key_of_a_synapse_node_is_taken_over_and_one_that_others_may_read_is_refused() {
    let dir = tempdir().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, Permissions::from_mode(0o700)).unwrap();
    let identity = Identity::from_seed(&[7; 32]);
    let original = data.join("ed25519_private_key.pem");
    fs::write(&original, identity.to_pem().as_bytes()).unwrap();
    fs::set_permissions(&original, Permissions::from_mode(0o644)).unwrap();
    let mut taken_over = start(dir.path(), &["--data-dir", "data"]);
    assert_eq!(id(&taken_over), identity.id().as_str());
    taken_over.wait_for_log("it has mode 0600 now");
    assert_eq!(mode(&original), 0o600);
    let named = dir.path().join("my.pem");
    fs::write(&named, identity.to_pem().as_bytes()).unwrap();
    fs::set_permissions(&named, Permissions::from_mode(0o644)).unwrap();
    let arguments = ["--id-file", "my.pem"];
    refused(dir.path(), &arguments, &["my.pem is open to other users (mode 0644)", "chmod 600"]);
    assert_eq!(mode(&named), 0o644, "it is the operator's file");
}

#[test]
fn what_keeps_a_node_from_starting_is_said_in_one_sentence() {
    let dir = tempdir().unwrap();
    refused(dir.path(), &["--set", "node.rendevous=http://a"], &["node.rendevous", "node.rendezvous"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("node.listen={}", taken.local_addr().unwrap());
    let words = ["node", "--no-mdns", "--set", &listen];
    check_refused(&run(dir.path(), &words), &["`node.listen`: cannot listen on", "the port is in use"]);
    refused(dir.path(), &["--relay-only"], &["TURN"]);
    let first = start(dir.path(), &[]);
    let holder = format!("in use by another process (pid {})", first.program.pid());
    refused(dir.path(), &[], &["the data directory", &holder, "`--data-dir`"]);
    start(dir.path(), &["--data-dir", "other"]).program.stop().unwrap();
}

/// Waits for a request that begins so; a node asks for several things at once.
fn wait_for_request(listener: &TcpListener, beginning: &str) {
    while !next_request(listener).starts_with(beginning) {}
}

/// The head of the next request that comes.
fn next_request(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
    let mut head = Vec::new();
    let mut buffer = [0; 1_024];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let length = stream.read(&mut buffer).unwrap();
        assert!(length > 0, "it hung up after {}", String::from_utf8_lossy(&head));
        head.extend_from_slice(&buffer[..length]);
    }
    let _read_or_not = stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    String::from_utf8_lossy(&head).into_owned()
}

#[test]
fn the_variables_of_the_guide_take_effect() {
    let dir = tempdir().unwrap();
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [rendezvous, bootstrap] = listeners.each_ref().map(|it| format!("http://{}", it.local_addr().unwrap()));
    let stun = UdpSocket::bind("127.0.0.1:0").unwrap();
    stun.set_read_timeout(Some(WAIT_MAX)).unwrap();
    let servers = format!(r#"[{{"urls":"stun:{}"}}]"#, stun.local_addr().unwrap());
    let mut command = node(dir.path(), &[]);
    command.env("OWN_URL", "http://me.example.org:8001/").env("SUBSCRIBED_CHANNELS", "sviluppo_ui,ricerca");
    command.env("RENDEZVOUS_URL", &rendezvous).env("BOOTSTRAP_NODES", &bootstrap).env("ICE_SERVERS_JSON", &servers);
    let node = Serving::start_command(&mut command);
    wait_for_request(&listeners[0], "POST /register ");
    wait_for_request(&listeners[1], "POST /bootstrap/handshake ");
    let mut request = [0; 64];
    stun.recv(&mut request).unwrap();
    assert_eq!((&request[..2], &request[4..8]), (&[0, 1][..], &[0x21, 0x12, 0xa4, 0x42][..]), "a Binding request");
    assert_eq!(json(&node, "/api/v1/node")["url"], "http://me.example.org:8001");
    let channels = json(&node, "/channels").to_string();
    for channel in ["global", "ricerca", "sviluppo_ui"] {
        assert!(channels.contains(channel), "{channel} in {channels}");
    }
}

#[test]
fn two_nodes_link_up_and_their_metrics_and_logs_show_it() {
    let dir = tempdir().unwrap();
    let server = Serving::start(dir.path(), &[]);
    let signaling = format!("ws://{}/", server.listeners()["signal"]);
    let with = |data: &str| {
        let mut command = node(dir.path(), &["--signaling", &signaling, "--data-dir", data]);
        Serving::start_command(command.env("LOG_LEVEL", "DEBUG"))
    };
    let (mut one, other) = (with("one"), with("other"));
    let shown = |node: &Serving, lines: &[&str]| {
        wait_until("the metrics of a link", WAIT_MAX, || {
            let text = http::get(address(node), "/metrics")?.body;
            let value = |wanted: &str| {
                let of_line =
                    |line: &str| Some(line.strip_prefix(wanted)?.trim().parse::<f64>().is_ok_and(|it| it > 0.0));
                text.lines().filter_map(of_line).any(|is_more| is_more)
            };
            Ok(lines.iter().all(|line| value(line)).then_some(()))
        })
        .unwrap_or_else(|error| panic!("{error}: {}", http::get(address(node), "/metrics").unwrap().body));
    };
    for node in [&one, &other] {
        shown(
            node,
            &[
                r#"sangam_mesh_links{state="open",profile="sangam"}"#,
                r#"sangam_mesh_open_links{kind="host",protocol="udp",relayed="false"}"#,
                r#"sangam_mesh_connect_seconds_count{path="direct"}"#,
                r#"sangam_mesh_candidates_total{direction="sent",kind="host"}"#,
                r#"sangam_mesh_candidates_total{direction="received",kind="host"}"#,
                r#"sangam_mesh_messages_total{direction="sent"}"#,
                r#"sangam_mesh_messages_total{direction="received"}"#,
                r#"sangam_mesh_message_bytes_total{direction="received"}"#,
                r#"sangam_mesh_packets_total{direction="sent"}"#,
                r#"sangam_mesh_packets_total{direction="received"}"#,
                r#"sangam_mesh_peers{profile="sangam"}"#,
                r#"sangam_mesh_discovery_total{outcome="sent"}"#,
                r#"sangam_mesh_source_up{source="signaling",place="0"}"#,
                "sangam_mesh_topics",
            ],
        );
    }
    let peer: String = id(&other).chars().take(8).collect();
    one.wait_for_log(&format!("🧊 ICE candidate per {peer}...: type=host, protocol=udp"));
    other.program.stop().unwrap();
    shown(&one, &["sangam_mesh_links_closed_total{reason=\"closed_by_peer\"}"]);
}

#[test]
fn events_are_told_in_lines_behind_the_one_that_says_it_is_ready() {
    let dir = tempdir().unwrap();
    let server = Serving::start(dir.path(), &[]);
    let signaling = format!("ws://{}/", server.listeners()["signal"]);
    let with = |data: &str| start(dir.path(), &["--json", "--signaling", &signaling, "--data-dir", data]);
    let (mut one, other) = (with("one"), with("other"));
    one.wait_for_log("\"datachannel_open\"");
    let output = one.program.output();
    let lines: Vec<Value> = output.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let ready = lines.iter().position(|line| line["message"] == "ready");
    let event = lines.iter().position(|line| line["event"].is_string());
    assert!(ready.is_some() && ready < event, "{output}");
    other.program.stop().unwrap();
}

/// Killed when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn who_is_told_of_events_and_does_not_read_them_holds_up_nothing() {
    let dir = tempdir().unwrap();
    let server = Serving::start(dir.path(), &[]);
    let signaling = format!("ws://{}/", server.listeners()["signal"]);
    // Of the 64 KiB of a pipe the line that says it is ready finds room, and hardly an event.
    let (_unread, mut pipe) = std::io::pipe().unwrap();
    pipe.write_all(&vec![b' '; 63 * 1024]).unwrap();
    let listen = format!("127.0.0.1:{}", free_tcp_port().unwrap());
    let words = ["node", "--json", "--no-mdns", "--listen", &listen, "--signaling", &signaling, "--data-dir", "one"];
    let mut command = sangam(dir.path(), &words);
    command.args(&ON_LOOPBACK[4..]).args(["--set", "server.worker_threads=1"]);
    let _one = Killed(command.stdout(pipe).stderr(Stdio::null()).spawn().unwrap());
    let other = start(dir.path(), &["--signaling", &signaling, "--data-dir", "other"]);
    let open = r#"sangam_mesh_links{state="open",profile="sangam"} 1"#;
    wait_until("a link", WAIT_MAX, || {
        let text = http::get(address(&other), "/metrics")?.body;
        Ok(text.lines().any(|line| line == open).then_some(()))
    })
    .unwrap();
    assert_eq!(http::get(listen.parse().unwrap(), "/health").unwrap().status, 200);
}
