//! Who reaches the relay, and by which way.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use sangam_testkit::{WAIT_MAX, http};
use tempfile::tempdir;

use crate::run::{FREE_PORTS, Serving, outcome, sangam};

/// What a Binding request over TCP is answered, behind a PROXY v2 header that names `client`; nothing if the connection
/// is closed.
fn ask_through_proxy(listener: SocketAddr, client: Ipv4Addr) -> Vec<u8> {
    let mut stream = TcpStream::connect(listener).unwrap();
    stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    bytes.extend_from_slice(&client.octets());
    bytes.extend_from_slice(&[192, 0, 2, 1, 0x13, 0x88, 0x0d, 0x96]);
    bytes.extend_from_slice(&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
    bytes.extend_from_slice(&[7; 12]);
    stream.write_all(&bytes).unwrap();
    let mut answer = [0; 200];
    let len = stream.read(&mut answer).unwrap_or(0);
    answer[..len].to_vec()
}

#[test]
fn a_client_behind_a_load_balancer_is_judged_by_its_own_address() {
    let dir = tempdir().unwrap();
    let settings = ["http.trusted_proxies=127.0.0.1", "relay.listen_proxy=127.0.0.1:0", "relay.allow_from=10.0.0.0/8"];
    let arguments: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let mut server = Serving::start(dir.path(), &arguments);
    let listener = server.listeners()["turn_proxy"];
    let answer = ask_through_proxy(listener, Ipv4Addr::new(10, 0, 0, 9));
    assert_eq!(answer.get(..2), Some(&[1, 1][..]), "a Binding success response: {answer:?}");
    assert!(ask_through_proxy(listener, Ipv4Addr::new(203, 0, 113, 9)).is_empty());
    assert!(server.wait_for_log("not in `relay.allow_from`").contains("203.0.113.9"));
    let ready = http::get(server.http(), "/ready").unwrap();
    assert_eq!(ready.status, 200, "{}", ready.body);
}

#[test]
fn a_relay_without_udp_listeners_relays_for_clients_over_tcp() {
    let dir = tempdir().unwrap();
    let arguments = ["--set", "relay.listen=", "--set", "relay.listen_tcp=127.0.0.1:0"];
    let server = Serving::start(dir.path(), &arguments);
    assert!(!server.listeners().contains_key("relay"), "{:?}", server.listeners());
    assert_eq!(http::get(server.http(), "/ready").unwrap().status, 200);
    let ice_servers = format!("http://{}/ice-servers", server.http());
    let probe = ["probe", "turn", "--ice-servers", &ice_servers, "--transport", "tcp", "--messages", "5"];
    let probe = outcome(sangam(dir.path(), &probe).output().unwrap());
    assert_eq!(probe.code, Some(0), "{} {}", probe.stdout, probe.stderr);
}

#[test]
fn a_turnserver_conf_without_udp_and_tls_opens_tcp_alone() {
    let dir = tempdir().unwrap();
    let conf = "listening-ip=127.0.0.1\nno-udp\nno-tls\nno-dtls\nstale-nonce=600\nchannel-lifetime=900\n";
    fs::write(dir.path().join("turnserver.conf"), conf).unwrap();
    let mut command = sangam(dir.path(), &["serve", "--turnserver-conf", "turnserver.conf"]);
    // Its own port may be taken: TCP alone is put on a free one.
    let arguments = [&FREE_PORTS[..8], &["--set", "relay.listen_tcp=127.0.0.1:0"]].concat();
    let server = Serving::start_command(command.args(arguments));
    let names: Vec<String> = server.listeners().into_keys().collect();
    assert_eq!(names, ["devices", "http", "signal", "socketio", "turn"]);
}
