//! Several cores with one quota, their driver played by hand.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use sangam_turn_proto::{
    Attribute, Class, ClientAddr, Event, FiveTuple, Input, Key, Keys, Message, MessageBuilder, Method, NonceSecret,
    Opened, Options, Output, PortWish, RelayAddress, RelayedAddr, RequestId, ReservationToken, TransactionId,
    Transport, TurnServer,
};
use sangam_types::Now;

use super::*;

const CORES: usize = 3;
const CLIENTS: usize = 9;
const USERS: [&str; 3] = ["alice", "1800000000:bob", "1800000600:bob"];
const KEY: Key = Key::Md5([9; 16]);

#[derive(Clone, Copy, Debug)]
enum Port {
    Any,
    /// With the next one reserved.
    Pair,
    /// The one that was reserved last, on whichever core.
    Reserved,
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Allocate {
        client: usize,
        user: usize,
        port: Port,
        opens: bool,
    },
    Free(usize),
    Close(usize),
    /// The oldest question of one core to another arrives, or is lost.
    Deliver {
        arrives: bool,
    },
    /// A thread dies and another begins in its place.
    Replace(usize),
    Pass(u64),
}

/// A question for a reserved socket on its way.
struct Question {
    asker: usize,
    request: RequestId,
    allocation: AllocationKey,
    token: ReservationToken,
    username: String,
}

struct Core {
    server: TurnServer,
    holds: Holds,
    /// Who has a socket here, for an allocation or in reserve.
    sockets: BTreeMap<AllocationKey, String>,
    /// Whose allocations have begun and not ended.
    allocations: BTreeMap<AllocationKey, String>,
    nonces: BTreeMap<usize, String>,
}

struct Process {
    quotas: Arc<Quotas>,
    limits: Limits,
    cores: Vec<Core>,
    questions: Vec<Question>,
    token: Option<ReservationToken>,
    now: Now,
    next_port: u16,
    opens: bool,
    /// The error code of the last response.
    code: Option<u16>,
}

fn core(index: usize, limits: Limits) -> Core {
    let relay = RelayAddress::plain([5, 5, 5, 5].into());
    let options = Options {
        relay_addresses: vec![relay],
        server_index: index as u16,
        limits,
        ..Options::new("realm", NonceSecret([1; 32]))
    };
    Core {
        server: TurnServer::new(options, StdRng::seed_from_u64(index as u64), Now::default()),
        holds: Holds::default(),
        sockets: BTreeMap::new(),
        allocations: BTreeMap::new(),
        nonces: BTreeMap::new(),
    }
}

fn five_tuple(client: usize) -> FiveTuple {
    let addr = ClientAddr(([77, 0, 0, 1], 1_000 + client as u16).into());
    FiveTuple { client: addr, server: ([5, 5, 5, 5], 3_478).into(), transport: Transport::Tcp }
}

impl Process {
    fn new(limits: Limits) -> Self {
        Self {
            quotas: Arc::default(),
            limits,
            cores: (0..CORES).map(|index| core(index, limits)).collect(),
            questions: Vec::new(),
            token: None,
            now: Now::default(),
            next_port: 50_000,
            opens: true,
            code: None,
        }
    }

    fn input(&mut self, at: usize, input: Input<'_>) {
        self.cores[at].server.handle_input(self.now, input);
        self.drain(at);
    }

    fn drain(&mut self, at: usize) {
        loop {
            match self.cores[at].server.poll_output() {
                Output::Transmit { to, bytes } => self.receive(at, &to, &bytes),
                Output::OpenRelayed { request, allocation, family: _, port, username } => {
                    let result = self.open(at, allocation, port, &username);
                    self.input(at, Input::RelayedOpened { request, result });
                }
                Output::TakeReserved { request, allocation, token, username } => {
                    self.questions.push(Question { asker: at, request, allocation, token, username });
                }
                Output::CloseRelayed { allocation, relayed: _ } => {
                    assert!(self.cores[at].sockets.remove(&allocation).is_some());
                    self.cores[at].holds.take(allocation);
                }
                Output::FindKey { request, .. } => {
                    self.input(at, Input::KeyFound { request, result: Ok(Keys::from(KEY)) });
                }
                Output::Event(Event::Allocated { allocation, username, .. }) => {
                    self.cores[at].allocations.insert(allocation, user_of(&username).to_owned());
                }
                Output::Event(Event::Deleted { allocation, .. }) => {
                    self.cores[at].allocations.remove(&allocation);
                }
                // Nobody here hides a name or moves.
                Output::FindUser { .. }
                | Output::HandOver { .. }
                | Output::PathEnded(_)
                | Output::BindingKept(_)
                | Output::Event(
                    Event::Refreshed { .. } | Event::RelayedEnded { .. } | Event::Moved { .. } | Event::Refused { .. },
                ) => {}
                Output::Wait(_) => return,
            }
        }
    }

    fn open(
        &mut self,
        at: usize,
        allocation: AllocationKey,
        port: PortWish,
        username: &str,
    ) -> Result<Opened, OpenError> {
        let next = if let PortWish::EvenAndNext { next } = port { Some(next) } else { None };
        let hold = self.quotas.take(username, 1 + usize::from(next.is_some()), &self.limits)?;
        if !self.opens {
            return Err(OpenError::NoPortLeft);
        }
        let core = &mut self.cores[at];
        match next {
            Some(next) => core.holds.keep_both(allocation, next, hold),
            None => core.holds.keep(allocation, hold),
        }
        let mut bind = |key| {
            core.sockets.insert(key, user_of(username).to_owned());
            self.next_port += 1;
            RelayedAddr(([5, 5, 5, 5], self.next_port).into())
        };
        let relayed = bind(allocation);
        Ok(Opened { relayed, next: next.map(|next| (next, bind(next))) })
    }

    fn receive(&mut self, at: usize, to: &FiveTuple, bytes: &[u8]) {
        let message = Message::decode(bytes).unwrap();
        self.code = None;
        for raw in message.attributes() {
            match Attribute::decode(raw.kind, raw.value, message.transaction()) {
                Ok(Attribute::ErrorCode { code, .. }) => self.code = Some(code),
                Ok(Attribute::Nonce(nonce)) => {
                    let client = usize::from(to.client.0.port() - 1_000);
                    self.cores[at].nonces.insert(client, nonce.to_owned());
                }
                Ok(Attribute::ReservationToken(token)) => self.token = Some(token),
                Ok(_) | Err(_) => {}
            }
        }
    }

    fn ask(&mut self, client: usize, user: &str, method: Method, attributes: &[Attribute<'_>]) {
        let at = client % CORES;
        let from = five_tuple(client);
        let request = || MessageBuilder::new(Class::Request, method, TransactionId(rand::random()));
        self.input(at, Input::Client { from, bytes: &request().finish() });
        let nonce = self.cores[at].nonces[&client].clone();
        let signed = attributes.iter().fold(request(), |request, attribute| request.attribute(attribute));
        let signed = signed
            .attribute(&Attribute::Username(user))
            .attribute(&Attribute::Realm("realm"))
            .attribute(&Attribute::Nonce(&nonce));
        self.input(at, Input::Client { from, bytes: &signed.integrity(KEY.as_bytes()).finish() });
    }

    fn allocate(&mut self, client: usize, user: &str, port: Port) {
        let udp = Attribute::RequestedTransport(17);
        match port {
            Port::Any => self.ask(client, user, Method::ALLOCATE, &[udp]),
            Port::Pair => self.ask(client, user, Method::ALLOCATE, &[udp, Attribute::EvenPort { reserve: true }]),
            Port::Reserved => {
                let token = Attribute::ReservationToken(self.token.unwrap_or(ReservationToken([0; 8])));
                self.ask(client, user, Method::ALLOCATE, &[udp, token]);
            }
        }
    }

    fn deliver(&mut self, arrives: bool) {
        if self.questions.is_empty() {
            return;
        }
        let Question { asker, request, allocation, token, username } = self.questions.remove(0);
        let owner = usize::from(token.server_index());
        let key = self.cores[owner].server.release_reserved(self.now, token, &username);
        self.drain(owner);
        let moved = key.map(|key| {
            let user = self.cores[owner].sockets.remove(&key).unwrap();
            (user, self.cores[owner].holds.take(key).unwrap())
        });
        // What is lost on its way is closed.
        let Some((user, hold)) = moved.filter(|_| arrives) else {
            return self.input(asker, Input::RelayedOpened { request, result: Err(OpenError::NotReserved) });
        };
        self.cores[asker].sockets.insert(allocation, user);
        self.cores[asker].holds.keep(allocation, hold);
        self.next_port += 1;
        let result = Ok(Opened::from(RelayedAddr(([5, 5, 5, 5], self.next_port).into())));
        self.input(asker, Input::RelayedOpened { request, result });
    }

    fn perform(&mut self, op: Op) {
        match op {
            Op::Allocate { client, user, port, opens } => {
                self.opens = opens;
                self.allocate(client, USERS[user], port);
                self.opens = true;
            }
            Op::Free(client) => {
                for user in USERS {
                    self.ask(client, user, Method::REFRESH, &[Attribute::Lifetime(0)]);
                }
            }
            Op::Close(client) => self.input(client % CORES, Input::ConnectionClosed(five_tuple(client))),
            Op::Deliver { arrives } => self.deliver(arrives),
            Op::Replace(at) => {
                self.cores[at] = core(at, self.limits);
                self.questions.retain(|question| question.asker != at);
            }
            Op::Pass(secs) => {
                self.now = self.now + Duration::from_secs(secs);
                (0..CORES).for_each(|at| self.input(at, Input::Timeout));
            }
        }
    }

    /// Sockets of this user on all cores.
    fn sockets_of(&self, user: &str) -> usize {
        self.cores.iter().flat_map(|core| core.sockets.values()).filter(|owner| *owner == user).count()
    }

    fn assert_counts_are_what_lives(&self) {
        for user in ["alice", "bob"] {
            assert_eq!(self.quotas.of(user), self.sockets_of(user));
            assert!(self.quotas.of(user) <= self.limits.allocations_per_user);
        }
        assert_eq!(self.quotas.total(), self.quotas.of("alice") + self.quotas.of("bob"));
        assert!(self.quotas.total() <= self.limits.allocations);
        for core in &self.cores {
            assert_eq!(core.server.stats().allocations_live, core.allocations.len() as u64);
            assert!(core.allocations.iter().all(|(key, user)| core.sockets.get(key) == Some(user)));
        }
    }
}

fn op() -> impl Strategy<Value = Op> {
    let port = prop_oneof![3 => Just(Port::Any), 2 => Just(Port::Pair), 3 => Just(Port::Reserved)];
    prop_oneof![
        8 => (0..CLIENTS, 0..USERS.len(), port, prop::bool::weighted(0.9))
            .prop_map(|(client, user, port, opens)| Op::Allocate { client, user, port, opens }),
        3 => (0..CLIENTS).prop_map(Op::Free),
        1 => (0..CLIENTS).prop_map(Op::Close),
        4 => prop::bool::weighted(0.8).prop_map(|arrives| Op::Deliver { arrives }),
        1 => (0..CORES).prop_map(Op::Replace),
        2 => prop::sample::select(vec![1_u64, 4, 5, 29, 300, 600]).prop_map(Op::Pass),
    ]
}

fn limits(allocations: usize, allocations_per_user: usize) -> Limits {
    Limits { allocations, allocations_per_user, challenges_per_second: None, ..Limits::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_begins_moves_fails_and_ends_on_several_cores_counts_are_what_lives(ops in vec(op(), 1..80)) {
        let mut process = Process::new(limits(6, 4));
        for op in ops {
            process.perform(op);
            process.assert_counts_are_what_lives();
        }
        process.questions.clear();
        process.perform(Op::Pass(4_000));
        prop_assert_eq!(process.quotas.total(), 0);
        prop_assert!(process.quotas.users.iter().all(|users| users.lock().unwrap().is_empty()));
    }
}

#[test]
fn a_user_is_refused_486_exactly_when_all_cores_together_are_at_the_limit() {
    let mut process = Process::new(limits(100, 4));
    for client in 0..4 {
        process.allocate(client, USERS[1 + client % 2], Port::Any);
        assert_eq!(process.code, None, "{client}");
    }
    process.allocate(4, "bob", Port::Any);
    assert_eq!(process.code, Some(486));
    let limited = process.cores[1].server.stats().limited(sangam_turn_proto::Limited::AllocationsPerUser);
    assert_eq!(limited, 1);
    process.allocate(5, "alice", Port::Any);
    assert_eq!(process.code, None);
    process.perform(Op::Free(0));
    process.allocate(4, "bob", Port::Pair);
    assert_eq!(process.code, Some(486), "a pair is two");
    process.allocate(4, "bob", Port::Any);
    assert_eq!(process.code, None);
}

#[test]
fn the_server_is_full_for_all_cores_together_and_lowered_limits_keep_what_there_is() {
    let mut process = Process::new(limits(4, 4));
    process.allocate(0, "alice", Port::Pair);
    process.allocate(1, USERS[1], Port::Any);
    process.allocate(2, USERS[1], Port::Any);
    process.allocate(3, "alice", Port::Any);
    assert_eq!(process.code, Some(508));
    process.limits = limits(1, 1);
    process.perform(Op::Free(1));
    assert_eq!((process.quotas.total(), process.quotas.of("alice")), (3, 2));
    process.allocate(1, USERS[1], Port::Any);
    assert_eq!(process.code, Some(486));
}

#[test]
fn allocations_are_let_in_while_their_rates_do_not_use_up_that_of_all() {
    let rates = |each, all| Limits {
        allocation_bytes_per_second: NonZeroU64::new(each),
        bytes_per_second: NonZeroU64::new(all),
        ..limits(100, 100)
    };
    for (each, all, let_in) in [(1_000, 3_000, 3), (1_000, 3_001, 4), (5_000, 1_000, 1), (0, 1_000, 9), (1_000, 0, 9)] {
        let mut process = Process::new(rates(each, all));
        for client in 0..CLIENTS {
            process.allocate(client, "alice", Port::Any);
            assert_eq!(process.code, (client >= let_in).then_some(486), "{client} of {let_in}");
        }
        let limited =
            process.cores.iter().map(|core| core.server.stats().limited(sangam_turn_proto::Limited::Bandwidth));
        assert_eq!(limited.sum::<u64>(), (CLIENTS - let_in) as u64);
    }
}

#[test]
fn threads_that_take_and_give_back_at_once_never_exceed_a_limit_and_leave_nothing() {
    let quotas: Arc<Quotas> = Arc::default();
    let limits = limits(5, 3);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (quotas, user) = (&quotas, ["alice", "bob"][thread % 2]);
            scope.spawn(move || {
                for _ in 0..2_000 {
                    let hold = quotas.take(user, 2, &limits);
                    assert!(quotas.of(user) <= 3 && quotas.total() <= 5);
                    drop(hold);
                }
            });
        }
    });
    assert_eq!((quotas.total(), quotas.of("alice"), quotas.of("bob")), (0, 0, 0));
}
