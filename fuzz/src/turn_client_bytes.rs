use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sangam_turn_proto::{
    AddressFamily, AllocationKey, Attribute, AttributeType, Class, ClientAddr, EndCause, Event, FiveTuple, Forward,
    FoundUser, FromClient, FromPeer, Input, Key, KeyRefusal, Limits, Message, MessageBuilder, Method, MoveRefusal,
    NonceSecret, OpenError, Opened, Options, Output, PeerAddr, PortWish, RelayAddress, RelayedAddr, RequestId, Session,
    TransactionId, Transport, TurnServer,
};
use sangam_types::{Mono, Now, Wall};

use crate::script::Script;

pub(crate) const RELAY_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const RELAY_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const KEY: Key = Key::Md5([0x4b; 16]);
/// Stands for `fuzz` as [`KEY`] for its password.
const USERHASH: [u8; 32] = [0x48; 32];
const ALLOCATIONS_MAX: usize = 3;

/// A TURN server among up to four clients, some of whom know the password: the input is the script of what they and
/// their peers send, how the driver's effects end, and how time passes.
///
/// After every step: what is sent to a client is a STUN message, what is forwarded lies inside what was given and leaves
/// through an open relay socket, the counters agree with the effects, and no deadline lies in the past. When a day has
/// passed nothing is left.
pub fn turn_client_bytes(input: &[u8]) {
    let mut script = Script::new(input);
    let mut world = World::new();
    while let Some(step) = script.step() {
        world.step(step, &mut script);
        world.check();
    }
    world.answer_all();
    world.holds_back = false;
    world.pass(Duration::from_secs(86_400));
    world.answer_all();
    world.check();
    assert!(world.relays.is_empty(), "relay sockets outlive their allocations");
}

/// The server, and what its driver would know.
struct World {
    server: TurnServer,
    now: Now,
    /// Open relay sockets.
    relays: BTreeMap<AllocationKey, RelayedAddr>,
    /// Those of `relays` that no allocation has yet.
    reserved: BTreeSet<AllocationKey>,
    /// Allocations with two relayed addresses.
    dual: BTreeSet<AllocationKey>,
    /// Questions not yet answered, when the script holds answers back.
    unanswered: Vec<Input<'static>>,
    holds_back: bool,
    fails_next: bool,
    next_port: u16,
    next_transaction: u64,
    /// The newest nonce each client was given.
    nonces: [String; 4],
    /// The newest ticket that anybody was given.
    ticket: Vec<u8>,
}

impl World {
    fn new() -> Self {
        let mut options = Options::new("fuzz", NonceSecret([7; 32]));
        options.relay_addresses = vec![RelayAddress::plain(RELAY_V4.into()), RelayAddress::plain(RELAY_V6.into())];
        options.mobility = true;
        options.limits = Limits {
            allocations: ALLOCATIONS_MAX,
            permissions: 4,
            channels: 4,
            opening: 2,
            pending_requests: 2,
            ..Limits::default()
        };
        let now = Now { mono: Mono::ZERO, wall: Wall::from_unix_secs(1_000_000_000) };
        Self {
            server: TurnServer::new(options, StdRng::seed_from_u64(0), now),
            now,
            relays: BTreeMap::new(),
            reserved: BTreeSet::new(),
            dual: BTreeSet::new(),
            unanswered: Vec::new(),
            holds_back: false,
            fails_next: false,
            next_port: 49_152,
            next_transaction: 1,
            nonces: Default::default(),
            ticket: Vec::new(),
        }
    }

    fn step(&mut self, step: u8, script: &mut Script<'_>) {
        let client = usize::from(step >> 6);
        match step & 0x0F {
            0 => self.datagram(client, script.bytes()),
            1..=4 => {
                let request = self.request(client, script, Signed::Yes);
                self.datagram(client, &request);
            }
            5 => {
                let request = self.request(client, script, Signed::No);
                self.datagram(client, &request);
            }
            6 => self.channel_data(client, script),
            7 => self.peer_datagram(script),
            8 => self.own_datagram(script),
            9 => self.pass(Duration::from_secs(script.u16().into())),
            10 => self.pass(Duration::from_millis(script.u16().into())),
            11 => self.holds_back = !self.holds_back,
            12 => self.answer_all(),
            13 => self.fails_next = true,
            14 => self.tear_down_policy(script),
            _ if step & 0x20 == 0 => self.stray_answer(script),
            _ => self.operate(script),
        }
    }

    /// One datagram the way a driver hands it in.
    fn datagram(&mut self, client: usize, bytes: &[u8]) {
        let from = five_tuple(client);
        match self.server.relay_from_client(self.now, &from, bytes) {
            FromClient::Forward(forward) => self.check_forward(&forward, bytes.len()),
            FromClient::Control => self.handle(Input::Client { from, bytes }),
            FromClient::Dropped(_) => {}
        }
    }

    /// A request or indication with attributes from the script; signed with the key if so wanted.
    fn request(&mut self, client: usize, script: &mut Script<'_>, signed: Signed) -> Vec<u8> {
        const METHODS: [Method; 6] = [
            Method::ALLOCATE,
            Method::CREATE_PERMISSION,
            Method::CHANNEL_BIND,
            Method::REFRESH,
            Method::SEND,
            Method::BINDING,
        ];
        let kind = script.u8();
        let method = METHODS.get(usize::from(kind & 0x07)).copied().unwrap_or(Method(u16::from(kind)));
        let class = if kind & 0x80 == 0 { Class::Request } else { Class::Indication };
        // A repeated transaction is a retransmission.
        self.next_transaction += u64::from(kind & 0x40 == 0);
        let mut id = [0; 12];
        id[..8].copy_from_slice(&self.next_transaction.to_be_bytes());
        let mut message = MessageBuilder::new(class, method, TransactionId(id));
        for _ in 0..script.u8() % 8 {
            message = message.attribute(&attribute(script, &self.ticket));
        }
        if signed == Signed::Yes {
            let user = if kind & 0x10 == 0 { Attribute::Username("fuzz") } else { Attribute::Userhash(&USERHASH) };
            let credentials = [user, Attribute::Realm("fuzz"), Attribute::Nonce(&self.nonces[client])];
            message = credentials.iter().fold(message, MessageBuilder::attribute).integrity(KEY.as_bytes());
        }
        if kind & 0x20 == 0 { message.finish() } else { message.fingerprint().finish() }
    }

    fn channel_data(&mut self, client: usize, script: &mut Script<'_>) {
        let number = 0x4000 | script.u16() & 0x0003;
        let payload = script.bytes();
        let payload = &payload[..payload.len().min(1_200)];
        let [n0, n1] = number.to_be_bytes();
        let [l0, l1] = (payload.len() as u16).to_be_bytes();
        self.datagram(client, &[&[n0, n1, l0, l1], payload].concat());
    }

    fn peer_datagram(&mut self, script: &mut Script<'_>) {
        let Some(key) = self.relay(script.u8()).map(|(key, _)| key) else { return };
        let verdict = self.server.relay_from_peer(self.now, key, PeerAddr(script.address()), script.u16().into());
        check_from_peer(&verdict);
    }

    fn own_datagram(&mut self, script: &mut Script<'_>) {
        let Some((_, to)) = self.relay(script.u8()) else { return };
        let from = self.relay(script.u8()).map_or(RelayedAddr(script.address()), |(_, relayed)| relayed);
        let verdict = self.server.relay_from_own(self.now, to, from, script.u16().into());
        check_from_peer(&verdict);
    }

    fn relay(&self, which: u8) -> Option<(AllocationKey, RelayedAddr)> {
        let at = usize::from(which) % self.relays.len().max(1);
        self.relays.iter().nth(at).map(|(key, relayed)| (*key, *relayed))
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.handle(Input::Timeout);
    }

    fn answer_all(&mut self) {
        for answer in std::mem::take(&mut self.unanswered) {
            self.handle(answer);
        }
    }

    /// Denies one peer address more; what was permitted to it ends.
    fn tear_down_policy(&mut self, script: &mut Script<'_>) {
        let mut policy = sangam_turn_proto::PeerPolicy::default();
        policy.own_addresses.push(script.address().ip());
        self.server.replace_policy(policy);
    }

    /// An operator ends the sessions in a slice of the table, or forgets the requests whose socket is being opened.
    fn operate(&mut self, script: &mut Script<'_>) {
        let (first, count, only) = (usize::from(script.u8()), usize::from(script.u8()), script.u8());
        if only & 0x80 != 0 {
            self.server.forget_openings(|_, key| *key == KEY);
        }
        let is_meant = |session: &Session<'_>| session.allocation.0 as u8 & 0x01 == only & 0x01;
        let places = first % 4..(first % 4).saturating_add(count);
        let before = self.server.stats().allocations_live;
        let ended = self.server.end_sessions(self.now, EndCause::Kicked, places, is_meant);
        assert_eq!(before - self.server.stats().allocations_live, ended as u64, "each that ended is counted");
        self.drain();
    }

    /// An answer to a question that nobody asked, or that was answered before.
    fn stray_answer(&mut self, script: &mut Script<'_>) {
        let request = RequestId(script.u8().into());
        self.handle(Input::KeyFound { request, result: Ok(KEY.into()) });
    }

    fn handle(&mut self, input: Input<'_>) {
        self.server.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            let answer = match self.server.poll_output() {
                Output::Transmit { to, bytes } => {
                    self.receive(&to, &bytes);
                    continue;
                }
                Output::OpenRelayed { request, allocation, family, port, username: _ } => {
                    self.open(request, allocation, family, port)
                }
                // No other thread there is keeps a socket.
                Output::TakeReserved { request, .. } => {
                    Input::RelayedOpened { request, result: Err(OpenError::NotReserved) }
                }
                // Nor an allocation.
                Output::HandOver { request, .. } => Input::HandedOver { request, result: Err(MoveRefusal::Gone) },
                Output::PathEnded(_) | Output::BindingKept(_) => continue,
                Output::CloseRelayed { allocation, relayed } => {
                    assert_eq!(self.relays.remove(&allocation), Some(relayed), "closes what was never opened");
                    self.reserved.remove(&allocation);
                    continue;
                }
                Output::FindKey { request, username, algorithm: _ } => self.find_key(request, &username),
                Output::FindUser { request, userhash, algorithm: _ } => self.find_user(request, userhash),
                Output::Event(event) => {
                    self.note(&event);
                    continue;
                }
                Output::Wait(deadline) => {
                    let past = deadline.is_some_and(|deadline| deadline.at <= self.now.mono);
                    assert!(!past, "a deadline that is over would make its driver spin");
                    return;
                }
            };
            if self.holds_back {
                self.unanswered.push(answer);
            } else {
                self.server.handle_input(self.now, answer);
            }
        }
    }

    fn note(&mut self, event: &Event) {
        match *event {
            Event::Allocated { allocation, additional, .. } => {
                self.reserved.remove(&allocation);
                if additional.is_some() {
                    self.dual.insert(allocation);
                }
            }
            Event::RelayedEnded { allocation, .. } => {
                assert!(self.dual.remove(&allocation), "of one address the last ends with its allocation");
            }
            Event::Deleted { allocation, .. } => {
                self.dual.remove(&allocation);
            }
            Event::Moved { .. } | Event::Refreshed { .. } | Event::Refused { .. } => {}
        }
    }

    fn receive(&mut self, to: &FiveTuple, bytes: &[u8]) {
        let message = Message::decode(bytes).expect("what we send is a STUN message");
        let client = (0..self.nonces.len()).find(|client| five_tuple(*client) == *to).expect("to a client there is");
        if let Some(nonce) = message.find(AttributeType::NONCE) {
            self.nonces[client] = std::str::from_utf8(nonce).expect("a nonce is text").to_owned();
        }
        if let Some(ticket) = message.find(AttributeType::MOBILITY_TICKET) {
            self.ticket = ticket.to_vec();
        }
    }

    fn open(
        &mut self,
        request: RequestId,
        allocation: AllocationKey,
        family: AddressFamily,
        port: PortWish,
    ) -> Input<'static> {
        if std::mem::take(&mut self.fails_next) {
            return Input::RelayedOpened { request, result: Err(OpenError::NoPortLeft) };
        }
        let ip: IpAddr = match family {
            AddressFamily::V4 => RELAY_V4.into(),
            AddressFamily::V6 => RELAY_V6.into(),
        };
        let odd = port != PortWish::Any && self.next_port % 2 == 1;
        self.next_port = self.next_port.saturating_add(u16::from(odd));
        let relayed = self.bind(allocation, ip);
        let next = match port {
            PortWish::Any | PortWish::Even => None,
            PortWish::EvenAndNext { next } => {
                self.reserved.insert(next);
                Some((next, self.bind(next, ip)))
            }
        };
        Input::RelayedOpened { request, result: Ok(Opened { relayed, next }) }
    }

    fn bind(&mut self, key: AllocationKey, ip: IpAddr) -> RelayedAddr {
        let relayed = RelayedAddr(SocketAddr::new(ip, self.next_port));
        self.next_port = self.next_port.checked_add(1).unwrap_or(49_152);
        assert!(self.relays.insert(key, relayed).is_none(), "a name was used twice");
        relayed
    }

    fn find_key(&mut self, request: RequestId, username: &str) -> Input<'static> {
        let refused = std::mem::take(&mut self.fails_next) || username != "fuzz";
        let result = if refused { Err(KeyRefusal::UnknownUser) } else { Ok(KEY.into()) };
        Input::KeyFound { request, result }
    }

    fn find_user(&mut self, request: RequestId, userhash: [u8; 32]) -> Input<'static> {
        let refused = std::mem::take(&mut self.fails_next) || userhash != USERHASH;
        let found = || FoundUser { username: "fuzz".to_owned(), keys: KEY.into() };
        let result = if refused { Err(KeyRefusal::UnknownHash) } else { Ok(found()) };
        Input::UserFound { request, result }
    }

    fn check_forward(&self, forward: &Forward, message_bytes: usize) {
        assert!(forward.payload.start <= forward.payload.end && forward.payload.end <= message_bytes);
        assert_eq!(self.relays.get(&forward.allocation), Some(&forward.relayed), "forwards from a socket that is open");
    }

    fn check(&self) {
        let live = self.server.stats().allocations_live;
        assert!(live <= ALLOCATIONS_MAX as u64, "{live} allocations");
        let shown = self.server.sessions(self.now, 0..usize::MAX).count();
        assert_eq!(live, shown as u64, "operators see every allocation that lives");
        if self.unanswered.is_empty() {
            let sockets = self.relays.len() - self.reserved.len() - self.dual.len();
            assert_eq!(
                live, sockets as u64,
                "as many allocations as relay sockets that are not kept in reserve or second"
            );
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Signed {
    Yes,
    No,
}

fn five_tuple(client: usize) -> FiveTuple {
    // The last two share an address, so that only the port tells them apart.
    let host = [10, 11, 12, 12][client % 4];
    FiveTuple {
        client: ClientAddr(SocketAddr::from(([198, 51, 100, host], 5_000 + client as u16))),
        server: SocketAddr::from((RELAY_V4, 3_478)),
        transport: Transport::Udp,
    }
}

fn attribute<'a, 's: 'a>(script: &mut Script<'s>, ticket: &'a [u8]) -> Attribute<'a> {
    let kind = script.u8();
    match kind % 11 {
        // Taken from the end, so that inputs kept before there were tickets mean what they meant.
        _ if kind >= 0xF8 => Attribute::MobilityTicket(ticket),
        _ if kind >= 0xF4 => Attribute::MobilityTicket(&[]),
        _ if kind >= 0xF0 => Attribute::AdditionalAddressFamily(2),
        0 => Attribute::RequestedTransport(17),
        1 => Attribute::XorPeerAddress(script.address()),
        2 => Attribute::ChannelNumber(0x4000 | script.u16() & 0x0003),
        3 => Attribute::Lifetime(script.u32()),
        4 => Attribute::Data(short(script.bytes())),
        5 => Attribute::RequestedAddressFamily(script.u8()),
        6 => Attribute::RequestedTransport(script.u8()),
        7 => Attribute::ChannelNumber(script.u16()),
        10 => Attribute::EvenPort { reserve: script.u8() & 1 == 1 },
        8 => Attribute::Software(script.text().get(..128).unwrap_or_default()),
        _ => Attribute::Other(AttributeType(script.u16()), short(script.bytes())),
    }
}

/// At most as much as fits a datagram together with all else.
fn short(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(1_000)]
}

fn check_from_peer(verdict: &FromPeer) {
    if let FromPeer::Forward { header, padding, .. } = verdict {
        assert!(*padding < 4 && !header.as_bytes().is_empty());
    }
}
