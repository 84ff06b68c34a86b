//! A stop that gives the relay's users time.

use std::net::SocketAddr;

use sangam_testkit::{Signal, WAIT_MAX, wait_until};
use tempfile::{TempDir, tempdir};

use crate::flow::{Flow, client, client_over_tcp};
use crate::run::Serving;
use crate::turn_client::EchoPeer;

const USER: (&str, &str) = ("alice", "hT9-first-1Lw2");

/// A server that waits so long for its allocations.
fn start(drain_limit: &str) -> (Serving, TempDir) {
    let dir = tempdir().unwrap();
    let (name, password) = USER;
    let text = format!("[relay]\nusers = [\"{name}:{password}\"]\ndrain_limit = \"{drain_limit}\"\n");
    std::fs::write(dir.path().join("sangam.toml"), text).unwrap();
    (Serving::start(dir.path(), &[]), dir)
}

fn newcomer_is_told_508(relay: SocketAddr) {
    wait_until("newcomers to be refused", WAIT_MAX, || {
        let mut newcomer = client(relay, USER.0, USER.1);
        let error = newcomer.try_allocate().error;
        if error.is_none() {
            newcomer.free();
        }
        Ok((error == Some(508)).then_some(()))
    })
    .unwrap();
}

#[test]
fn a_stop_lets_flows_over_udp_and_tcp_go_on_until_they_end_and_takes_no_new_ones() {
    let (mut server, _dir) = start("10m");
    let (relay, turn) = (server.listeners()["relay"], server.listeners()["turn"]);
    let peer = EchoPeer::start("127.0.0.1".parse().unwrap());
    let over_udp = Flow::start(move || client(relay, USER.0, USER.1), peer.addr());
    let over_tcp = Flow::start(move || client_over_tcp(turn, USER.0, USER.1), peer.addr());
    server.program.signal(Signal::TERM).unwrap();
    server.wait_for_log("stopping: listeners close, clients are told");
    newcomer_is_told_508(relay);
    over_udp.goes_on();
    over_tcp.goes_on();
    over_udp.end();
    over_tcp.goes_on();
    over_tcp.end();
    let ended = server.program.wait(WAIT_MAX).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.output);
    assert!(ended.output.contains("\"message\":\"stopped\""), "{}", ended.output);
}

#[test]
fn a_stop_waits_no_longer_than_its_limit() {
    let (mut server, _dir) = start("1s");
    let mut client = client(server.listeners()["relay"], USER.0, USER.1);
    client.allocate();
    server.program.signal(Signal::TERM).unwrap();
    let ended = server.program.wait(WAIT_MAX).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.output);
    assert!(ended.output.contains("\"message\":\"stopped\""), "{}", ended.output);
}

#[test]
fn a_second_signal_ends_a_drain_at_once() {
    let (mut server, _dir) = start("10m");
    let mut client = client(server.listeners()["relay"], USER.0, USER.1);
    client.allocate();
    server.program.signal(Signal::TERM).unwrap();
    newcomer_is_told_508(server.listeners()["relay"]);
    server.program.signal(Signal::TERM).unwrap();
    let ended = server.program.wait(WAIT_MAX).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.output);
    assert!(ended.output.contains("stopped at once: clients were cut off"), "{}", ended.output);
}
