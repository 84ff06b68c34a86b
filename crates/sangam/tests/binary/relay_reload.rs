//! What a reload does to the relay's users, while another one's data flows.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use sangam_testkit::{Signal, WAIT_MAX, wait_until};
use tempfile::{TempDir, tempdir};

use crate::flow::{CHANNEL, Flow, client, echo, time_limited};
use crate::run::Serving;
use crate::turn_client::EchoPeer;

/// A server with users of its own, and somebody whose data flows through it.
struct Reloading {
    server: Serving,
    dir: TempDir,
    bystander: Flow,
    peer: EchoPeer,
}

const USERS: &str = r#"users = ["bystander:fE3-calm-0Qx7", "alice:hT9-first-1Lw2"]"#;

impl Reloading {
    /// `relay` is what `[relay]` says.
    fn start(relay: &str) -> Self {
        let dir = tempdir().unwrap();
        write(&dir, relay, "info");
        let server = Serving::start(dir.path(), &["--set", "relay.threads=1", "--set", "relay.log_lines_per_sec=1000"]);
        let (addr, peer) = (server.listeners()["relay"], EchoPeer::start(loopback("127.0.0.1")));
        let bystander = Flow::start(move || client(addr, "bystander", "fE3-calm-0Qx7"), peer.addr());
        Self { server, dir, bystander, peer }
    }

    fn relay(&self) -> SocketAddr {
        self.server.listeners()["relay"]
    }

    /// Puts another `[relay]` in force.
    fn reload(&mut self, relay: &str) {
        self.reload_with(relay, "info");
    }

    fn reload_with(&mut self, relay: &str, level: &str) {
        let reloads = |server: &Serving| server.program.output().matches("\"message\":\"reloaded: ").count();
        let before = reloads(&self.server);
        write(&self.dir, relay, level);
        self.server.program.signal(Signal::HUP).unwrap();
        wait_until("the reload", WAIT_MAX, || Ok((reloads(&self.server) > before).then_some(()))).unwrap();
        self.bystander.goes_on();
    }

    /// Nothing of the bystander's was lost.
    fn end(self) {
        self.bystander.end();
        assert_eq!(self.server.program.stop().unwrap().status.code(), Some(0));
    }
}

fn write(dir: &TempDir, relay: &str, level: &str) {
    let text = format!("[server]\nwatch_interval = \"0s\"\n[log]\nlevel = \"{level}\"\n[relay]\n{relay}\n");
    fs::write(dir.path().join("sangam.toml"), text).unwrap();
}

fn loopback(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn another_password_counts_from_the_next_request_and_a_removed_user_is_refused() {
    let mut it = Reloading::start(USERS);
    client(it.relay(), "alice", "hT9-first-1Lw2").allocate();
    it.reload(&USERS.replace("hT9-first-1Lw2", "kR4-second-8Vb6"));
    assert_eq!(client(it.relay(), "alice", "hT9-first-1Lw2").try_allocate().error, Some(401));
    client(it.relay(), "alice", "kR4-second-8Vb6").allocate();
    it.reload(r#"users = ["bystander:fE3-calm-0Qx7"]"#);
    assert_eq!(client(it.relay(), "alice", "kR4-second-8Vb6").try_allocate().error, Some(401));
    it.end();
}

#[test]
fn a_secret_is_rotated_and_the_old_one_ends_when_it_is_taken_away() {
    let (first, second) = ("nB7qf0Xk2mZs5tYw9uEa", "vH3jd8Lp6rCi1oGn4xTb");
    let secrets = |list: &[&str]| format!("{USERS}\nsecrets = {list:?}");
    let mut it = Reloading::start(&secrets(&[first]));
    let allocates_with = |it: &Reloading, secret: &str| {
        let credential = time_limited(secret, "alice");
        client(it.relay(), &credential.username, &credential.password).try_allocate().error
    };
    assert_eq!((allocates_with(&it, first), allocates_with(&it, second)), (None, Some(401)));
    it.reload(&secrets(&[second, first]));
    assert_eq!((allocates_with(&it, first), allocates_with(&it, second)), (None, None));
    it.reload(&secrets(&[second]));
    assert_eq!((allocates_with(&it, first), allocates_with(&it, second)), (Some(401), None));
    it.end();
}

#[test]
fn a_lowered_quota_refuses_the_next_and_ends_none_and_a_raised_one_lets_more_in() {
    let quota = |most: usize| format!("{USERS}\nallocations_per_user_max = {most}");
    let mut it = Reloading::start(&quota(2));
    let alice = || client(it.server.listeners()["relay"], "alice", "hT9-first-1Lw2");
    let (mut first, mut second) = (alice(), alice());
    for client in [&mut first, &mut second] {
        client.allocate();
        client.bind_channel(CHANNEL, it.peer.addr());
    }
    assert_eq!(alice().try_allocate().error, Some(486));
    it.reload(&quota(1));
    let alice = || client(it.server.listeners()["relay"], "alice", "hT9-first-1Lw2");
    echo(&first, b"the first is still there");
    echo(&second, b"and the second");
    second.free();
    assert_eq!(alice().try_allocate().error, Some(486));
    it.reload(&quota(3));
    let alice = || client(it.server.listeners()["relay"], "alice", "hT9-first-1Lw2");
    alice().allocate();
    alice().allocate();
    assert_eq!(alice().try_allocate().error, Some(486));
    echo(&first, b"the first is still there");
    it.end();
}

#[test]
fn a_peer_that_becomes_denied_is_cut_off_and_one_that_is_allowed_again_is_reached() {
    let mut it = Reloading::start(USERS);
    let other = EchoPeer::start(loopback("127.0.0.2"));
    let mut alice = client(it.relay(), "alice", "hT9-first-1Lw2");
    alice.allocate();
    alice.bind_channel(CHANNEL, other.addr());
    echo(&alice, b"reached");
    it.reload(&format!("{USERS}\ndeny_peers = [\"127.0.0.2/32\"]"));
    assert_eq!(alice.try_permit(other.addr()).error, Some(403));
    alice.send_on_channel(CHANNEL, b"cut off");
    alice.sync();
    alice.be_impatient();
    assert_eq!(alice.try_data(), None);
    it.reload(USERS);
    let mut again = client(it.relay(), "alice", "hT9-first-1Lw2");
    again.allocate();
    again.bind_channel(CHANNEL, other.addr());
    echo(&again, b"reached again");
    it.end();
}

#[test]
fn another_log_level_is_heard_at_once_and_taken_back() {
    let mut it = Reloading::start(USERS);
    let begun = |it: &Reloading| it.server.program.output().matches("\"message\":\"allocation began\"").count();
    let allocate = |it: &Reloading| client(it.relay(), "alice", "hT9-first-1Lw2").allocate();
    allocate(&it);
    wait_until("the line about it", WAIT_MAX, || Ok((begun(&it) == 2).then_some(()))).unwrap();
    write(&it.dir, USERS, "warn");
    it.server.program.signal(Signal::HUP).unwrap();
    // At this level the reload itself is not heard of.
    wait_until("silence", WAIT_MAX, || {
        let before = begun(&it);
        allocate(&it);
        it.bystander.goes_on();
        Ok((begun(&it) == before).then_some(()))
    })
    .unwrap();
    it.reload_with(USERS, "info");
    let before = begun(&it);
    allocate(&it);
    wait_until("the line about it", WAIT_MAX, || Ok((begun(&it) == before + 1).then_some(()))).unwrap();
    it.end();
}
