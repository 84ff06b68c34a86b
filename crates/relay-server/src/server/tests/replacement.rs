//! Threads that panic, hang and fail, and what becomes of everybody's flows.

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use sangam_auth::turn::{RestCredential, RestOptions, RestSecret, RestSecrets};
use sangam_control::PartState;
use sangam_net::udp::{Socket, SocketBuffers};
use sangam_net::{FrontOptions, FrontRules, LiveRules, TcpFront, Tls};
use sangam_telemetry::metrics::relay::{RelayMetrics, RelaySnapshot};
use sangam_turn_proto::{AllocationKey, Attribute, Limits, Method, NonceSecret, RequestId};
use sangam_types::Wall;

use self::client::{Client, Data, EchoPeer};
use crate::failures::Cause;
use crate::fault::{Fault, Place, Spell};
use crate::handover::{Handover, ReservedAnswer};
use crate::incarnation::Owner;
use crate::{Options, RelayServer};

#[allow(dead_code, reason = "shared with the tests that see the server from outside")]
#[path = "../../../tests/relay/client.rs"]
mod client;

const CHANNEL: u16 = 0x4000;

/// More than a check takes, which shall find the thread hanging.
const HANG_LIMIT: Duration = Duration::from_millis(1_500);

struct Relay {
    server: RelayServer,
    secrets: RestSecrets,
}

impl Relay {
    fn with(change: impl FnOnce(Options) -> Options) -> Self {
        let secrets = RestSecrets::new(vec![RestSecret::new("s")], RestOptions::default()).unwrap();
        let listen = vec!["127.0.0.1:0".parse().unwrap()];
        let stored = Arc::new(ArcSwap::from_pointee(secrets.clone()));
        let options = Options::new(listen, "sangam", stored, NonceSecret([0; 32]));
        let options = Options { threads: 3, thread_hang_limit: Duration::from_secs(20), ..options };
        Self { server: RelayServer::start(change(options), &RelayMetrics::default()).unwrap(), secrets }
    }

    fn start() -> Self {
        Self::with(|options| options)
    }

    fn credential(&self) -> RestCredential {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        self.secrets.mint("alice", Wall::from_unix_secs(now.as_secs() + 600)).unwrap()
    }

    /// A client whose datagrams reach that thread.
    fn client_of(&self, thread: usize) -> Client {
        let credential = self.credential();
        let group = &self.server.groups[0];
        // Those that are not its are kept, so that each gets another port.
        let mut spare = Vec::new();
        loop {
            let client = Client::new(group.local(), credential.clone());
            if group.member_for(client.addr()) == Some(thread) {
                return client;
            }
            spare.push(client);
        }
    }

    fn strike(&self, thread: usize, place: Place, fault: Fault) {
        self.server.shared.threads[thread].faults.prepare(place, fault);
        self.server.shared.threads[thread].waker.wake();
    }

    fn check(&self) -> sangam_control::PartReport {
        self.server.part_now().check_now()
    }

    fn failures(&self, cause: Cause) -> u64 {
        let failures = self.server.snapshot().thread_failures;
        failures.iter().find(|(label, _)| *label == cause.as_str()).unwrap().1
    }

    fn await_replacements(&self, number: u64) {
        eventually("the thread is replaced", || self.server.snapshot().thread_replacements == number);
    }
}

/// A client with a channel to a peer that echoes.
struct Flow {
    client: Client,
    relayed: SocketAddr,
    peer: EchoPeer,
    sent: u32,
}

impl Flow {
    fn begin(relay: &Relay, thread: usize) -> Self {
        let peer = EchoPeer::start(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let mut flow = Self { client: relay.client_of(thread), relayed: peer.addr(), peer, sent: 0 };
        flow.allocate();
        flow
    }

    fn allocate(&mut self) {
        self.relayed = self.client.allocate();
        self.client.bind_channel(CHANNEL, self.peer.addr());
    }

    /// There and back, again and again until `done`: each datagram arrives, once, in order.
    fn exchange_until(&mut self, done: &AtomicBool) {
        let least = self.sent + 50;
        while !done.load(Ordering::Relaxed) || self.sent < least {
            self.exchange();
        }
    }

    fn exchange(&mut self) {
        self.sent += 1;
        let payload = self.sent.to_be_bytes();
        self.client.send_on_channel(CHANNEL, &payload);
        assert_eq!(self.client.data(), Data::Channel(CHANNEL, payload.to_vec()));
    }
}

/// Keeps the flows of other threads busy while `act` runs; they lose nothing.
fn beside(flows: &mut [&mut Flow], act: impl FnOnce()) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for flow in flows {
            scope.spawn(|| flow.exchange_until(&done));
        }
        // Ends the flows also if `act` fails.
        struct Done<'a>(&'a AtomicBool);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _done = Done(&done);
        act();
    });
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_thread_that_panics_gives_back_the_quota_of_its_allocations() {
    let relay = Relay::start();
    let quotas = &relay.server.shared.quotas;
    let mut lost = relay.client_of(1);
    lost.allocate();
    let mut kept = relay.client_of(2);
    kept.allocate();
    assert_eq!(quotas.total(), 2);
    relay.strike(1, Place::Wake, Fault::Panic);
    relay.await_replacements(1);
    eventually("the quota is given back", || (quotas.of("alice"), quotas.total()) == (1, 1));
}

#[test]
fn a_thread_that_hangs_gives_back_the_quota_of_its_allocations_before_it_ends() {
    let relay = Relay::with(|options| Options { thread_hang_limit: HANG_LIMIT, ..options });
    let quotas = &relay.server.shared.quotas;
    relay.client_of(1).allocate();
    assert_eq!(quotas.total(), 1);
    let spell = Spell::default();
    relay.strike(1, Place::Wake, Fault::Hang(spell.clone()));
    relay.await_replacements(1);
    eventually("the quota is given back", || quotas.total() == 0);
    spell.break_it();
}

fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 64]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

fn live_figures(snapshot: &RelaySnapshot) -> (u64, u64, u64) {
    (snapshot.threads_running, snapshot.allocations, snapshot.ports_in_use)
}

#[test]
fn a_thread_that_panics_is_replaced_and_no_flow_of_another_thread_loses_a_packet() {
    let log = Log::begin();
    let relay = Relay::start();
    let [mut first, mut lost, mut third] = [0, 1, 2].map(|thread| Flow::begin(&relay, thread));
    lost.exchange();
    let created = relay.server.snapshot().allocations_created;
    beside(&mut [&mut first, &mut third], || {
        relay.strike(1, Place::Flush, Fault::Panic);
        lost.client.send_on_channel(CHANNEL, b"which it dies of");
        relay.await_replacements(1);
    });
    assert_eq!(relay.failures(Cause::Panic), 1);
    let lines = log.lines();
    let line = lines.iter().find(|line| line.contains("a relay thread has failed")).expect("it is logged");
    for part in ["thread=1", "cause=\"panic\"", "detail=\"as a defect would\"", "allocations_lost=1"] {
        assert!(line.contains(part), "{part} in {line}");
    }
    let snapshot = relay.server.snapshot();
    assert_eq!((live_figures(&snapshot), snapshot.allocations_lost), ((3, 2, 2), 1));
    assert!(snapshot.allocations_created >= created);
    let owner = |flow: &Flow| relay.server.shared.directory.owner(flow.relayed);
    assert_eq!([owner(&first), owner(&lost), owner(&third)], [Some(0), None, Some(2)]);
    UdpSocket::bind(lost.relayed).expect("the lost port is free");

    assert_eq!(lost.client.request(Method::REFRESH, &[Attribute::Lifetime(600)]).error, Some(437));
    lost.allocate();
    lost.exchange();
    // Between the replaced thread and another, both ways.
    first.client.permit(lost.relayed);
    lost.client.permit(first.relayed);
    first.client.send_to_peer(lost.relayed, b"there");
    assert_eq!(lost.client.data(), Data::Indication(first.relayed, b"there".to_vec()));
    lost.client.send_to_peer(first.relayed, b"and back");
    assert_eq!(first.client.data(), Data::Indication(lost.relayed, b"and back".to_vec()));
    assert!((0..3).all(|thread| relay.client_of(thread).try_allocate().error.is_none()));
    assert_eq!(relay.check().state, PartState::Ready, "{:?}", relay.check());
}

#[test]
fn connections_of_a_thread_that_panics_close_and_their_clients_are_served_when_they_come_again() {
    let relay = Relay::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let rules = LiveRules::new(FrontRules::default());
    let front = TcpFront::bind("127.0.0.1:0".parse().unwrap(), Tls::Off, FrontOptions::default(), rules).unwrap();
    let addr = front.local_addr();
    relay.server.serve_streams(front);
    let connect = || {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(client::PATIENCE)).unwrap();
        let mut client = Client::over(stream.try_clone().unwrap(), relay.credential());
        client.allocate();
        stream
    };
    let mut streams: Vec<TcpStream> = (0..6).map(|_| connect()).collect();
    (0..3).for_each(|thread| relay.strike(thread, Place::Wake, Fault::Panic));
    relay.await_replacements(3);
    for stream in &mut streams {
        assert!(is_closed(stream), "it is closed, and nothing more is said");
    }
    assert_eq!((relay.server.snapshot().connections, relay.server.snapshot().allocations_lost), (0, 6));
    (0..6).for_each(|_| drop(connect()));
}

#[test]
fn the_part_is_degraded_while_a_thread_waits_for_its_next_start_and_then_ready_again() {
    let relay = Relay::start();
    relay.strike(1, Place::Wake, Fault::Panic);
    relay.await_replacements(1);
    relay.strike(1, Place::Wake, Fault::Error);
    eventually("it fails again", || relay.failures(Cause::Error) == 1);
    let report = relay.check();
    assert_eq!(report.state, PartState::Degraded);
    let expected = "relay thread 1 is being replaced (the system failed it: as a broken queue would)";
    assert_eq!(report.detail, expected);
    assert_eq!(relay.server.snapshot().threads_running, 2);
    eventually("it is ready again", || relay.check().state == PartState::Ready);
    assert_eq!((relay.server.snapshot().threads_running, relay.server.snapshot().thread_replacements), (3, 2));
}

#[test]
fn a_thread_that_hangs_is_replaced_and_harms_nobody_when_it_comes_back() {
    let relay = Relay::with(|options| Options { thread_hang_limit: HANG_LIMIT, ..options });
    let [mut first, mut third] = [0, 2].map(|thread| Flow::begin(&relay, thread));
    let mut client = relay.client_of(1);
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(client::PATIENCE)).unwrap();
    let peer_addr = peer.local_addr().unwrap();
    let old = client.allocate();
    client.bind_channel(CHANNEL, peer_addr);
    let spell = Spell::default();
    beside(&mut [&mut first, &mut third], || {
        relay.strike(1, Place::Flush, Fault::Hang(spell.clone()));
        client.send_on_channel(CHANNEL, b"old");
        let report = relay.check();
        assert_eq!(report.state, PartState::Degraded, "{report:?}");
        assert!(report.detail.contains('1'), "{report:?}");
        relay.await_replacements(1);
    });
    let snapshot = relay.server.snapshot();
    assert_eq!((relay.failures(Cause::Hang), snapshot.threads_hung, snapshot.allocations_lost), (1, 1, 1));
    assert_eq!(relay.check().state, PartState::Ready);
    assert!(UdpSocket::bind(old).is_err(), "the thread that hangs still holds its port");

    let relayed = client.allocate();
    assert_ne!(relayed, old);
    client.bind_channel(CHANNEL, peer_addr);
    beside(&mut [&mut first, &mut third], || {
        spell.break_it();
        eventually("it ends", || relay.server.snapshot().threads_hung == 0);
    });
    UdpSocket::bind(old).expect("its port is free");
    assert_eq!(relay.server.shared.directory.owner(relayed), Some(1));
    client.send_on_channel(CHANNEL, b"new");
    let mut buffer = [0; 16];
    let (len, from) = peer.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..len], from), (&b"new"[..], relayed), "what it was about to send is not sent any more");
    assert_eq!(live_figures(&relay.server.snapshot()), (3, 3, 3));
}

#[test]
fn beyond_the_limit_a_thread_that_hangs_stays_and_the_part_asks_for_a_restart() {
    let limit = Duration::from_millis(400);
    let relay = Relay::with(|options| Options { hung_threads_max: 1, thread_hang_limit: limit, ..options });
    let spells = [Spell::default(), Spell::default()];
    relay.strike(0, Place::Wake, Fault::Hang(spells[0].clone()));
    relay.await_replacements(1);
    relay.strike(2, Place::Wake, Fault::Hang(spells[1].clone()));
    eventually("it has failed", || relay.check().state == PartState::Failed);
    assert_eq!(relay.check().detail, "relay thread 2 hangs, as 1 before it: restart the server");
    assert_eq!((relay.failures(Cause::Hang), relay.server.snapshot().thread_replacements), (2, 1));
    spells[1].break_it();
    eventually("it runs again", || relay.check().state == PartState::Ready);
    spells[0].break_it();
    eventually("the other ends", || relay.server.snapshot().threads_hung == 0);
    assert_eq!(relay.server.snapshot().thread_replacements, 1);
}

#[test]
fn a_check_leaves_no_line_in_the_log_of_allocations() {
    let log = Log::begin();
    let relay = Relay::start();
    assert_eq!(relay.check().state, PartState::Ready);
    let client = relay.client_of(0).allocate();
    // In the order in which one thread wrote them.
    eventually("the client's is logged", || log.lines().iter().any(|line| line.contains(&format!("relayed={client}"))));
    let probes: Vec<String> = log.lines().into_iter().filter(|line| line.contains("probe-")).collect();
    assert_eq!(probes, Vec::<String>::new());
}

#[test]
fn a_stop_does_not_wait_for_a_thread_that_hung_and_was_replaced() {
    let limit = Duration::from_millis(400);
    let relay = Relay::with(|options| Options { thread_hang_limit: limit, ..options });
    let spell = Spell::default();
    relay.strike(0, Place::Wake, Fault::Hang(spell.clone()));
    relay.await_replacements(1);
    let began = Instant::now();
    relay.server.stop(Duration::ZERO);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    spell.break_it();
}

#[test]
fn a_stop_ends_with_the_last_thread_and_not_with_its_patience() {
    let relay = Relay::start();
    let began = Instant::now();
    relay.server.stop(Duration::ZERO);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn idle_threads_are_woken_to_see_their_hearts_beat_and_none_is_suspected() {
    let limit = Duration::from_millis(400);
    let relay = Relay::with(|options| Options { thread_hang_limit: limit, ..options });
    eventually("all beat", || {
        relay.server.shared.threads.iter().all(|thread| thread.heartbeat().is_some_and(|(_, beat)| beat > 10))
    });
    assert_eq!(relay.failures(Cause::Hang), 0);
}

#[test]
fn an_answer_meant_for_an_earlier_life_is_thrown_away_with_its_socket() {
    let relay = Relay::start();
    let shared = &relay.server.shared;
    let held = relay.client_of(0).allocate();
    let socket = Socket::bind(SocketAddr::new(held.ip(), 0), SocketBuffers::default()).unwrap();
    let addr = socket.local();
    shared.directory.claim(addr, Owner { thread: 0, life: 1 });
    let hold = shared.quotas.take("alice", 1, &Limits::default()).unwrap();
    let answer = ReservedAnswer {
        asker: Owner { thread: 1, life: 0 },
        request: RequestId(0),
        allocation: AllocationKey(1 << 32),
        reserved: Some((socket, hold)),
    };
    shared.threads[1].inbox.post(Handover::Reserved(answer)).unwrap();
    shared.threads[1].waker.wake();
    eventually("the port is free", || UdpSocket::bind(addr).is_ok());
    assert_eq!(shared.directory.owner(addr), None);
    assert_eq!(shared.quotas.total(), 1, "that of the client alone");
}

#[test]
fn a_hundred_panics_in_a_row_leave_no_descriptor_and_no_memory_behind() {
    let delay = Duration::from_millis(1);
    let relay = Relay::with(|options| Options { thread_restart_delay_max: delay, ..options });
    let mut deaths = 0;
    let mut die = |times: u64| {
        for _ in 0..times {
            relay.client_of(1).allocate();
            relay.strike(1, Place::Wake, Fault::Panic);
            deaths += 1;
            relay.await_replacements(deaths);
        }
    };
    die(10);
    let (descriptors, resident) = (descriptors(), resident_bytes());
    die(100);
    // Other tests of this process come and go: a thread that leaves one descriptor behind leaves a hundred.
    eventually("descriptors are closed", || self::descriptors() < descriptors + 80);
    // Its batch alone has 600 kB.
    eventually("memory is given back", || resident_bytes() < resident + (30 << 20));
    assert_eq!(relay.failures(Cause::Panic), 110);
    assert_eq!(live_figures(&relay.server.snapshot()), (3, 0, 0));
    let snapshot = relay.server.snapshot();
    assert_eq!((snapshot.allocations_created, snapshot.allocations_lost), (110, 110));
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

/// What this process logs, as text.
struct Log;

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl Log {
    fn begin() -> Self {
        // Fails if it was begun before.
        tracing::subscriber::set_global_default(Self).ok();
        Self
    }

    fn lines(&self) -> Vec<String> {
        LINES.lock().unwrap().clone()
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::INFO && metadata.target().starts_with("sangam")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = String::new();
        event.record(&mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
            line.push_str(&format!("{field}={value:?} "));
        });
        LINES.lock().unwrap().push(line);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
