//! A server with its driver played by hand, and clients that know the protocol.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use md5::{Digest, Md5};
use rand::SeedableRng;
use rand::rngs::StdRng;
use sangam_turn_proto::{
    AllocationKey, Attribute, AttributeType, ChannelData, Class, ClientAddr, Deadline, ErrorCode, Event, FiveTuple,
    Forward, FoundUser, FromClient, FromPeer, Input, KeptBinding, Key, KeyRefusal, Keys, Message, MessageBuilder,
    Method, MoveRefusal, NonceSecret, OpenError, Opened, Options, Output, PasswordAlgorithm, PeerAddr, PortWish,
    RelayAddress, RelayedAddr, RequestId, ReservationToken, TransactionId, Transport, TurnServer,
};
use sangam_types::{Mono, Now, Wall};
use sha2::Sha256;

pub(crate) const REALM: &str = "sangam";
pub(crate) const RELAY_V4: [u8; 4] = [5, 5, 5, 5];
pub(crate) const UDP: Attribute<'_> = Attribute::RequestedTransport(17);

/// A server, the time, and what the server wanted done so far.
pub(crate) struct House {
    pub(crate) server: TurnServer,
    pub(crate) now: Now,
    /// Whether questions for keys and relay sockets are answered at once.
    pub(crate) answers_keys: bool,
    pub(crate) answers_opens: bool,
    pub(crate) sent: Vec<(FiveTuple, Vec<u8>)>,
    pub(crate) events: Vec<Event>,
    pub(crate) closed: Vec<(AllocationKey, RelayedAddr)>,
    pub(crate) key_questions: Vec<(RequestId, String)>,
    /// Questions for users by their hash.
    pub(crate) user_questions: Vec<(RequestId, [u8; 32])>,
    /// What the last of them said.
    pub(crate) algorithm: Option<PasswordAlgorithm>,
    pub(crate) open_questions: Vec<(RequestId, AllocationKey, IpAddr, PortWish)>,
    pub(crate) take_questions: Vec<(RequestId, AllocationKey, ReservationToken, String)>,
    /// To other servers, and what comes of it.
    pub(crate) handed_over: Vec<(u16, FiveTuple, Vec<u8>)>,
    pub(crate) answers_handovers: Result<(), MoveRefusal>,
    pub(crate) ended_paths: Vec<FiveTuple>,
    pub(crate) kept_bindings: Vec<KeptBinding>,
    pub(crate) deadline: Option<Deadline>,
    opened: BTreeMap<SocketAddr, AllocationKey>,
    next_relay_port: u16,
    /// What the last question for a relay socket said.
    pub(crate) port_wish: Option<PortWish>,
    /// Who it was for.
    pub(crate) opener: Option<String>,
    next_transaction: u64,
}

/// Somebody with an address, a name, a password and the nonce they were given last.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) five_tuple: FiveTuple,
    pub(crate) username: String,
    pub(crate) key: Key,
    pub(crate) nonce: String,
}

/// A response, with the bytes it came in.
#[derive(Debug)]
pub(crate) struct Reply(pub(crate) Vec<u8>);

pub(crate) fn options() -> Options {
    Options {
        relay_addresses: vec![RelayAddress::plain(RELAY_V4.into()), RelayAddress::plain("2600::5".parse().unwrap())],
        nonce_lifetime: Duration::from_secs(3_600),
        ..Options::new(REALM, NonceSecret([7; 32]))
    }
}

pub(crate) fn five_tuple(client_port: u16) -> FiveTuple {
    FiveTuple {
        client: ClientAddr(([77, 0, 0, 1], client_port).into()),
        server: ([5, 5, 5, 5], 3_478).into(),
        transport: Transport::Udp,
    }
}

pub(crate) fn peer(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// RFC 8489 §9.2.2
pub(crate) fn long_term_key(username: &str, realm: &str, password: &str) -> Key {
    Key::Md5(Md5::digest(format!("{username}:{realm}:{password}")).into())
}

/// RFC 8489 §14.4
pub(crate) fn userhash(username: &str) -> [u8; 32] {
    Sha256::digest(format!("{username}:{REALM}")).into()
}

impl House {
    pub(crate) fn new(options: Options) -> Self {
        let now = Now { mono: Mono::ZERO, wall: Wall::from_unix_secs(1_800_000_000) };
        Self {
            server: TurnServer::new(options, StdRng::seed_from_u64(1), now),
            now,
            answers_keys: true,
            answers_opens: true,
            sent: Vec::new(),
            events: Vec::new(),
            closed: Vec::new(),
            key_questions: Vec::new(),
            user_questions: Vec::new(),
            algorithm: None,
            open_questions: Vec::new(),
            take_questions: Vec::new(),
            handed_over: Vec::new(),
            answers_handovers: Ok(()),
            ended_paths: Vec::new(),
            kept_bindings: Vec::new(),
            deadline: None,
            opened: BTreeMap::new(),
            next_relay_port: 50_000,
            port_wish: None,
            opener: None,
            next_transaction: 0,
        }
    }

    pub(crate) fn input(&mut self, input: Input<'_>) {
        self.server.handle_input(self.now, input);
        self.drain();
    }

    /// What a driver does, with every password equal to the user's name.
    fn drain(&mut self) {
        loop {
            match self.server.poll_output() {
                Output::Transmit { to, bytes } => self.sent.push((to, bytes)),
                Output::OpenRelayed { request, allocation, family, port, username } => {
                    (self.port_wish, self.opener) = (Some(port), Some(username));
                    let ip = match family {
                        sangam_turn_proto::AddressFamily::V4 => IpAddr::from(RELAY_V4),
                        sangam_turn_proto::AddressFamily::V6 => "2600::5".parse().unwrap(),
                    };
                    self.open_questions.push((request, allocation, ip, port));
                    if self.answers_opens {
                        self.answer_open(Ok(()));
                    }
                }
                Output::TakeReserved { request, allocation, token, username } => {
                    self.take_questions.push((request, allocation, token, username));
                }
                Output::HandOver { request, server_index, from, bytes } => {
                    self.handed_over.push((server_index, from, bytes));
                    let result = self.answers_handovers;
                    self.input(Input::HandedOver { request, result });
                }
                Output::PathEnded(five_tuple) => self.ended_paths.push(five_tuple),
                Output::BindingKept(kept) => self.kept_bindings.push(kept),
                Output::CloseRelayed { allocation, relayed } => self.closed.push((allocation, relayed)),
                Output::FindKey { request, username, algorithm } => {
                    self.algorithm = Some(algorithm);
                    self.key_questions.push((request, username));
                    if self.answers_keys {
                        self.answer_key(None);
                    }
                }
                Output::FindUser { request, userhash, algorithm } => {
                    self.algorithm = Some(algorithm);
                    self.user_questions.push((request, userhash));
                    if self.answers_keys {
                        self.answer_user();
                    }
                }
                Output::Event(event) => self.events.push(event),
                Output::Wait(deadline) => {
                    self.deadline = deadline;
                    return;
                }
            }
        }
    }

    /// Answers the oldest open question for a relay socket.
    pub(crate) fn answer_open(&mut self, result: Result<(), OpenError>) {
        let (request, allocation, ip, wish) = self.open_questions.remove(0);
        let result = result.map(|()| {
            if wish != PortWish::Any {
                self.next_relay_port = self.next_relay_port.next_multiple_of(2);
            }
            let relayed = self.open(allocation, ip);
            let next = match wish {
                PortWish::EvenAndNext { next } => Some((next, self.open(next, ip))),
                PortWish::Any | PortWish::Even => None,
            };
            Opened { relayed, next }
        });
        self.input(Input::RelayedOpened { request, result });
    }

    fn open(&mut self, allocation: AllocationKey, ip: IpAddr) -> RelayedAddr {
        let relayed = SocketAddr::new(ip, self.next_relay_port);
        self.next_relay_port += 1;
        self.opened.insert(relayed, allocation);
        RelayedAddr(relayed)
    }

    /// Answers the oldest open question for a key: with the right one unless told otherwise.
    pub(crate) fn answer_key(&mut self, refusal: Option<KeyRefusal>) {
        let result = match refusal {
            None if self.key_questions[0].1.starts_with("nobody") => Err(KeyRefusal::UnknownUser),
            None => Ok(Keys::from(long_term_key(&self.key_questions[0].1, REALM, &self.key_questions[0].1))),
            Some(refusal) => Err(refusal),
        };
        self.answer_keys(result);
    }

    /// Answers the oldest open question for a key.
    pub(crate) fn answer_keys(&mut self, result: Result<Keys, KeyRefusal>) {
        let (request, _) = self.key_questions.remove(0);
        self.input(Input::KeyFound { request, result });
    }

    /// Answers the oldest open question for a user by hash: there are alice and bob.
    pub(crate) fn answer_user(&mut self) {
        let (request, hash) = self.user_questions.remove(0);
        let named = ["alice", "bob"].into_iter().find(|name| userhash(name) == hash);
        let found = |name: &str| FoundUser { username: name.to_owned(), keys: long_term_key(name, REALM, name).into() };
        self.input(Input::UserFound { request, result: named.map(found).ok_or(KeyRefusal::UnknownHash) });
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.input(Input::Timeout);
    }

    pub(crate) fn transaction(&mut self) -> TransactionId {
        self.next_transaction += 1;
        let mut id = [0xA5; 12];
        id[4..].copy_from_slice(&self.next_transaction.to_be_bytes());
        TransactionId(id)
    }

    /// A client that has asked once and been told a nonce.
    pub(crate) fn client(&mut self, port: u16, username: &str) -> Client {
        let mut client = Client {
            five_tuple: five_tuple(port),
            username: username.to_owned(),
            key: long_term_key(username, REALM, username),
            nonce: String::new(),
        };
        self.challenge(&mut client);
        client
    }

    /// Asks without credentials and takes the nonce.
    pub(crate) fn challenge(&mut self, client: &mut Client) {
        let request = MessageBuilder::new(Class::Request, Method::ALLOCATE, self.transaction()).attribute(&UDP);
        let reply = self.raw(client.five_tuple, &request.finish()).expect("a challenge");
        assert_eq!(reply.code(), Some(ErrorCode::Unauthenticated));
        client.nonce = reply.nonce();
    }

    /// A client with an allocation for IPv4 peers.
    pub(crate) fn allocated(&mut self, port: u16) -> Client {
        let client = self.client(port, "alice");
        let reply = self.ask(&client, Method::ALLOCATE, &[UDP]);
        assert_eq!(reply.code(), None);
        client
    }

    /// An authenticated request and its response.
    pub(crate) fn ask(&mut self, client: &Client, method: Method, attributes: &[Attribute<'_>]) -> Reply {
        self.try_ask(client, method, attributes).expect("a response")
    }

    pub(crate) fn try_ask(&mut self, client: &Client, method: Method, attributes: &[Attribute<'_>]) -> Option<Reply> {
        let transaction = self.transaction();
        let request = client.request(transaction, method, attributes);
        self.raw(client.five_tuple, &request)
    }

    /// These bytes as the fast call and then the state machine see them; the last response, if there is one.
    pub(crate) fn raw(&mut self, from: FiveTuple, bytes: &[u8]) -> Option<Reply> {
        self.sent.clear();
        assert_eq!(self.server.relay_from_client(self.now, &from, bytes), FromClient::Control);
        self.input(Input::Client { from, bytes });
        self.last_reply()
    }

    pub(crate) fn last_reply(&mut self) -> Option<Reply> {
        self.sent.pop().map(|(_, bytes)| Reply(bytes))
    }

    pub(crate) fn permit(&mut self, client: &Client, peers: &[SocketAddr]) -> Option<ErrorCode> {
        let attributes: Vec<_> = peers.iter().map(|&peer| Attribute::XorPeerAddress(peer)).collect();
        self.ask(client, Method::CREATE_PERMISSION, &attributes).code()
    }

    pub(crate) fn bind(&mut self, client: &Client, number: u16, peer: SocketAddr) -> Option<ErrorCode> {
        let attributes = [Attribute::ChannelNumber(number), Attribute::XorPeerAddress(peer)];
        self.ask(client, Method::CHANNEL_BIND, &attributes).code()
    }

    pub(crate) fn refresh(&mut self, client: &Client, lifetime_secs: u32) -> Option<ErrorCode> {
        self.ask(client, Method::REFRESH, &[Attribute::Lifetime(lifetime_secs)]).code()
    }

    pub(crate) fn send(&mut self, client: &Client, to: SocketAddr, payload: &[u8]) -> FromClient {
        let bytes = send_indication(self.transaction(), to, payload);
        self.server.relay_from_client(self.now, &client.five_tuple, &bytes)
    }

    pub(crate) fn channel_data(&mut self, client: &Client, number: u16, payload: &[u8]) -> FromClient {
        let bytes = channel_data(number, payload);
        self.server.relay_from_client(self.now, &client.five_tuple, &bytes)
    }

    /// A datagram from outside to the relayed address.
    pub(crate) fn datagram(&mut self, to: SocketAddr, from: SocketAddr, payload: &[u8]) -> FromPeer {
        let key = self.key_of(to);
        self.server.relay_from_peer(self.now, key, PeerAddr(from), payload.len())
    }

    /// What the driver does with a forward to one of our own.
    pub(crate) fn hand_over(&mut self, forward: &Forward) -> FromPeer {
        let to = RelayedAddr(forward.peer.0);
        self.server.relay_from_own(self.now, to, forward.relayed, forward.payload.len())
    }

    /// Every relay socket that was ever opened.
    pub(crate) fn opened(&self) -> Vec<(AllocationKey, SocketAddr)> {
        self.opened.iter().map(|(&relayed, &key)| (key, relayed)).collect()
    }

    /// Those that were closed, in the same order.
    pub(crate) fn all_closed(&self) -> Vec<(AllocationKey, SocketAddr)> {
        let mut closed: Vec<_> = self.closed.iter().map(|&(key, relayed)| (key, relayed.0)).collect();
        closed.sort_unstable_by_key(|&(_, relayed)| relayed);
        closed
    }

    pub(crate) fn key_of(&self, relayed: SocketAddr) -> AllocationKey {
        self.opened[&relayed]
    }
}

impl Client {
    pub(crate) fn request(&self, transaction: TransactionId, method: Method, attributes: &[Attribute<'_>]) -> Vec<u8> {
        self.request_as(&[Attribute::Username(&self.username)], transaction, method, attributes)
    }

    /// A request that names its user so.
    pub(crate) fn request_as(
        &self,
        user: &[Attribute<'_>],
        transaction: TransactionId,
        method: Method,
        attributes: &[Attribute<'_>],
    ) -> Vec<u8> {
        let request = MessageBuilder::new(Class::Request, method, transaction);
        attributes
            .iter()
            .chain(user)
            .fold(request, MessageBuilder::attribute)
            .attribute(&Attribute::Realm(REALM))
            .attribute(&Attribute::Nonce(&self.nonce))
            .integrity(self.key.as_bytes())
            .fingerprint()
            .finish()
    }
}

impl Reply {
    pub(crate) fn message(&self) -> Message<'_> {
        Message::decode(&self.0).expect("the server sends what it can read")
    }

    /// `None` for a success.
    pub(crate) fn code(&self) -> Option<ErrorCode> {
        let Some(Attribute::ErrorCode { code, .. }) = self.find(AttributeType::ERROR_CODE) else {
            assert_eq!(self.message().class(), Class::Success);
            return None;
        };
        assert_eq!(self.message().class(), Class::Error);
        Some(ErrorCode::ALL.into_iter().find(|known| known.number() == code).expect("a code of ours"))
    }

    pub(crate) fn find(&self, kind: AttributeType) -> Option<Attribute<'_>> {
        let message = self.message();
        message.find(kind).map(|value| Attribute::decode(kind, value, message.transaction()).expect("understood"))
    }

    pub(crate) fn nonce(&self) -> String {
        match self.find(AttributeType::NONCE) {
            Some(Attribute::Nonce(nonce)) => nonce.to_owned(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn relayed(&self) -> SocketAddr {
        match self.find(AttributeType::XOR_RELAYED_ADDRESS) {
            Some(Attribute::XorRelayedAddress(relayed)) => relayed,
            other => panic!("{other:?}"),
        }
    }

    /// Both, if there are two.
    pub(crate) fn all_relayed(&self) -> Vec<SocketAddr> {
        let message = self.message();
        let its = message.attributes().filter(|raw| raw.kind == AttributeType::XOR_RELAYED_ADDRESS);
        let read = its.map(|raw| Attribute::decode(raw.kind, raw.value, message.transaction()));
        let relayed = |read| match read {
            Ok(Attribute::XorRelayedAddress(relayed)) => relayed,
            other => panic!("{other:?}"),
        };
        read.map(relayed).collect()
    }

    pub(crate) fn token(&self) -> Option<ReservationToken> {
        match self.find(AttributeType::RESERVATION_TOKEN) {
            Some(Attribute::ReservationToken(token)) => Some(token),
            Some(other) => panic!("{other:?}"),
            None => None,
        }
    }

    pub(crate) fn ticket(&self) -> Option<Vec<u8>> {
        match self.find(AttributeType::MOBILITY_TICKET) {
            Some(Attribute::MobilityTicket(ticket)) => Some(ticket.to_vec()),
            Some(other) => panic!("{other:?}"),
            None => None,
        }
    }

    pub(crate) fn lifetime_secs(&self) -> u32 {
        match self.find(AttributeType::LIFETIME) {
            Some(Attribute::Lifetime(secs)) => secs,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn unknown(&self) -> Vec<AttributeType> {
        match self.find(AttributeType::UNKNOWN_ATTRIBUTES) {
            Some(Attribute::UnknownAttributes(list)) => list.iter().collect(),
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn send_indication(transaction: TransactionId, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    MessageBuilder::new(Class::Indication, Method::SEND, transaction)
        .attribute(&Attribute::XorPeerAddress(to))
        .attribute(&Attribute::Data(payload))
        .finish()
}

pub(crate) fn channel_data(number: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = ChannelData::encode_header(number, payload.len() as u16).to_vec();
    bytes.extend_from_slice(payload);
    bytes
}

/// Unwraps a verdict to forward.
pub(crate) fn forwarded(verdict: FromClient) -> Forward {
    match verdict {
        FromClient::Forward(forward) => forward,
        other => panic!("{other:?}"),
    }
}

/// What a client gets: header, payload and padding as the driver would send them.
pub(crate) fn delivered(verdict: FromPeer, payload: &[u8]) -> (FiveTuple, Vec<u8>) {
    match verdict {
        FromPeer::Forward { to, header, padding } => (to, [header.as_bytes(), payload, &[0; 3][..padding]].concat()),
        FromPeer::Dropped(reason) => panic!("{reason:?}"),
    }
}

/// The peer and payload of a Data indication.
pub(crate) fn data_indication(bytes: &[u8]) -> (SocketAddr, Vec<u8>) {
    let message = Message::decode(bytes).expect("a message");
    assert_eq!((message.class(), message.method()), (Class::Indication, Method::DATA));
    let mut found = (None, None);
    for raw in message.attributes() {
        match Attribute::decode(raw.kind, raw.value, message.transaction()).expect("understood") {
            Attribute::XorPeerAddress(peer) => found.0 = Some(peer),
            Attribute::Data(payload) => found.1 = Some(payload.to_vec()),
            other => panic!("{other:?}"),
        }
    }
    (found.0.expect("XOR-PEER-ADDRESS"), found.1.expect("DATA"))
}
