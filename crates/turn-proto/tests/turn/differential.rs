//! turn-server-proto, a TURN server written by others, and ours are told the same and must answer alike.

use std::net::SocketAddr;
use std::time::Duration;

use sangam_turn_proto::{
    Attribute, AttributeType, Class, ErrorCode, Key, Message, MessageBuilder, Method, Options, PeerPolicy,
    TransactionId,
};
use stun_proto::agent::Transmit;
use stun_types::TransportType;
use turn_server_proto::api::{TurnServerApi, TurnServerPollRet};
use turn_server_proto::server::TurnServer;
use turn_types::Instant;

use crate::fixture::{House, REALM, UDP, five_tuple, long_term_key, options, peer};

/// Both servers, and the nonce each gave last.
struct Pair {
    ours: House,
    theirs: TurnServer,
    now: Instant,
    nonces: [String; 2],
    next_transaction: u8,
}

/// What must be the same in both answers.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    class: Class,
    code: Option<u16>,
    attributes: Vec<AttributeType>,
    lifetime: Option<Vec<u8>>,
    mapped: Option<SocketAddr>,
    is_signed: bool,
}

impl Pair {
    fn new() -> Self {
        let nonce_lifetime = Duration::from_secs(3_600);
        let mut theirs = TurnServer::new(TransportType::Udp, five_tuple(1).server, REALM.to_owned());
        theirs.add_user("alice".to_owned(), "alice".to_owned());
        theirs.add_user("bob".to_owned(), "bob".to_owned());
        theirs.set_nonce_expiry_duration(nonce_lifetime);
        Self {
            ours: House::new(Options {
                nonce_lifetime,
                policy: PeerPolicy::default(),
                offers_password_algorithms: false,
                ..options()
            }),
            theirs,
            now: Instant::ZERO,
            nonces: [String::new(), String::new()],
            next_transaction: 0,
        }
    }

    /// The same request to both, each with its own nonce; the answer of both if they agree.
    fn ask(&mut self, who: Option<(&str, &str)>, method: Method, attributes: &[Attribute<'_>]) -> Answer {
        self.next_transaction += 1;
        let transaction = TransactionId([self.next_transaction; 12]);
        let nonces = self.nonces.clone();
        let [to_ours, to_theirs] = nonces
            .each_ref()
            .map(|nonce| request(transaction, method, attributes, who.map(|who| (who, nonce.as_str()))));
        let ours = self.ours.raw(five_tuple(1_000), &to_ours).expect("an answer of ours").0;
        let theirs = self.ask_theirs(to_theirs).expect("an answer of theirs");
        for (nonce, bytes) in self.nonces.iter_mut().zip([&ours, &theirs]) {
            let message = Message::decode(bytes).unwrap();
            if let Some(fresh) = message.find(AttributeType::NONCE) {
                *nonce = String::from_utf8(fresh.to_vec()).unwrap();
            }
        }
        let key = who.map(|(username, password)| long_term_key(username, REALM, password));
        let [ours, theirs] = [ours, theirs].map(|bytes| answer(&bytes, key));
        assert_eq!(ours, theirs, "{method:?} {attributes:?}");
        ours
    }

    /// Where the other server is known to be wrong.
    fn ask_ours(&mut self, who: Option<(&str, &str)>, method: Method, attributes: &[Attribute<'_>]) -> Answer {
        self.next_transaction += 1;
        let transaction = TransactionId([self.next_transaction; 12]);
        let bytes = request(transaction, method, attributes, who.map(|who| (who, self.nonces[0].as_str())));
        let reply = self.ours.raw(five_tuple(1_000), &bytes).expect("an answer of ours");
        answer(&reply.0, who.map(|(username, password)| long_term_key(username, REALM, password)))
    }

    fn ask_theirs(&mut self, bytes: Vec<u8>) -> Option<Vec<u8>> {
        let tuple = five_tuple(1_000);
        let transmit = Transmit::new(bytes, TransportType::Udp, tuple.client.0, tuple.server);
        if let Some(reply) = self.theirs.recv(transmit, self.now) {
            return Some(reply.build().data);
        }
        while let TurnServerPollRet::AllocateSocket {
            transport,
            listen_addr,
            client_addr,
            allocation_transport,
            family,
        } = self.theirs.poll(self.now)
        {
            let is_v4 = family == turn_types::AddressFamily::IPV4;
            let relayed = Ok(peer(if is_v4 { "5.5.5.5:50000" } else { "[2600::5]:50000" }));
            self.theirs.allocated_socket(
                transport,
                listen_addr,
                client_addr,
                allocation_transport,
                family,
                relayed,
                self.now,
            );
        }
        self.theirs.poll_transmit(self.now).map(|transmit| transmit.data)
    }

    fn pass(&mut self, time: Duration) {
        self.ours.pass(time);
        self.now += time;
        self.theirs.poll(self.now);
    }
}

fn request(
    transaction: TransactionId,
    method: Method,
    attributes: &[Attribute<'_>],
    credentials: Option<((&str, &str), &str)>,
) -> Vec<u8> {
    let mut request = MessageBuilder::new(Class::Request, method, transaction);
    for attribute in attributes {
        request = request.attribute(attribute);
    }
    let Some(((username, password), nonce)) = credentials else { return request.finish() };
    request
        .attribute(&Attribute::Username(username))
        .attribute(&Attribute::Realm(REALM))
        .attribute(&Attribute::Nonce(nonce))
        .integrity(long_term_key(username, REALM, password).as_bytes())
        .finish()
}

/// Attributes that one of the two servers may add without the other being wrong.
const OPTIONAL: [AttributeType; 2] = [AttributeType::SOFTWARE, AttributeType(0x8002)];
/// They repeat both in each answer; RFC 8489 §9.2.4 wants them in challenges.
const OPTIONAL_IF_SIGNED: [AttributeType; 2] = [AttributeType::REALM, AttributeType::NONCE];

fn answer(bytes: &[u8], key: Option<Key>) -> Answer {
    let message = Message::decode(bytes).unwrap();
    let read = |kind| message.find(kind).map(|value| Attribute::decode(kind, value, message.transaction()).unwrap());
    let is_signed = key.is_some_and(|key| message.is_integrity_by(key.as_bytes()));
    let mut attributes: Vec<_> = message.attributes().map(|raw| raw.kind).collect();
    attributes.retain(|kind| !(OPTIONAL.contains(kind) || is_signed && OPTIONAL_IF_SIGNED.contains(kind)));
    attributes.sort_unstable();
    // They tell lifetime and mapped address once for each relayed address.
    attributes.dedup();
    Answer {
        class: message.class(),
        code: match read(AttributeType::ERROR_CODE) {
            Some(Attribute::ErrorCode { code, .. }) => Some(code),
            _ => None,
        },
        attributes,
        lifetime: message.find(AttributeType::LIFETIME).map(<[u8]>::to_vec),
        mapped: match read(AttributeType::XOR_MAPPED_ADDRESS) {
            Some(Attribute::XorMappedAddress(mapped)) => Some(mapped),
            _ => None,
        },
        is_signed,
    }
}

const ALICE: Option<(&str, &str)> = Some(("alice", "alice"));

fn to(text: &str) -> Attribute<'static> {
    Attribute::XorPeerAddress(peer(text))
}

#[test]
fn a_whole_life_of_an_allocation_is_answered_alike() {
    let mut pair = Pair::new();
    let is = |answer: Answer, code: Option<ErrorCode>| assert_eq!(answer.code, code.map(ErrorCode::number));
    is(pair.ask(None, Method::BINDING, &[]), None);
    is(pair.ask(None, Method::ALLOCATE, &[UDP]), Some(ErrorCode::Unauthenticated));
    is(pair.ask(Some(("alice", "guess")), Method::ALLOCATE, &[UDP]), Some(ErrorCode::Unauthenticated));
    is(pair.ask(ALICE, Method::REFRESH, &[]), Some(ErrorCode::AllocationMismatch));
    is(pair.ask(ALICE, Method::CREATE_PERMISSION, &[to("8.8.8.8:1")]), Some(ErrorCode::AllocationMismatch));
    is(pair.ask(ALICE, Method::ALLOCATE, &[]), Some(ErrorCode::BadRequest));
    is(pair.ask(ALICE, Method::ALLOCATE, &[UDP, Attribute::Lifetime(1_000)]), None);
    is(pair.ask(ALICE, Method::ALLOCATE, &[UDP]), Some(ErrorCode::AllocationMismatch));
    is(pair.ask(ALICE, Method::CREATE_PERMISSION, &[]), Some(ErrorCode::BadRequest));
    is(pair.ask(ALICE, Method::CREATE_PERMISSION, &[to("8.8.8.8:1")]), None);
    is(pair.ask(ALICE, Method::CREATE_PERMISSION, &[to("8.8.8.8:1"), to("8.8.4.4:1")]), None);
    is(pair.ask(ALICE, Method::CREATE_PERMISSION, &[to("[2600::9]:1")]), Some(ErrorCode::PeerAddressFamilyMismatch));
    let bind = |number| Attribute::ChannelNumber(number);
    is(pair.ask(ALICE, Method::CHANNEL_BIND, &[bind(0x4000), to("8.8.8.8:1")]), None);
    is(pair.ask(ALICE, Method::CHANNEL_BIND, &[bind(0x4000), to("8.8.8.8:1")]), None);
    // RFC 8656 §12.2 lets a number stand for one transport address; they do not look.
    is(pair.ask_ours(ALICE, Method::CHANNEL_BIND, &[bind(0x4000), to("8.8.8.8:2")]), Some(ErrorCode::BadRequest));
    is(pair.ask(ALICE, Method::CHANNEL_BIND, &[bind(0x4001), to("8.8.8.8:1")]), Some(ErrorCode::BadRequest));
    is(pair.ask(ALICE, Method::CHANNEL_BIND, &[bind(0x3FFF), to("8.8.8.8:3")]), Some(ErrorCode::BadRequest));
    is(pair.ask(ALICE, Method::CHANNEL_BIND, &[to("8.8.8.8:3")]), Some(ErrorCode::BadRequest));
    is(pair.ask(ALICE, Method::CHANNEL_BIND, &[bind(0x4002)]), Some(ErrorCode::BadRequest));
    is(pair.ask(ALICE, Method::REFRESH, &[Attribute::Lifetime(700)]), None);
    is(pair.ask(ALICE, Method::REFRESH, &[Attribute::Lifetime(0)]), None);
    is(pair.ask(ALICE, Method::REFRESH, &[Attribute::Lifetime(0)]), Some(ErrorCode::AllocationMismatch));
}

#[test]
fn an_allocation_with_both_families_is_answered_alike() {
    let mut pair = Pair::new();
    let is = |answer: Answer, code: Option<ErrorCode>| assert_eq!(answer.code, code.map(ErrorCode::number));
    let additional = Attribute::AdditionalAddressFamily;
    let [v4, v6] = [1, 2].map(Attribute::RequestedAddressFamily);
    let mismatch = Some(ErrorCode::PeerAddressFamilyMismatch);
    is(pair.ask(None, Method::ALLOCATE, &[UDP]), Some(ErrorCode::Unauthenticated));
    is(pair.ask(ALICE, Method::ALLOCATE, &[UDP, additional(1)]), Some(ErrorCode::BadRequest));
    is(pair.ask(ALICE, Method::ALLOCATE, &[UDP, additional(2), v6]), Some(ErrorCode::BadRequest));
    is(pair.ask(ALICE, Method::ALLOCATE, &[UDP, additional(2)]), None);
    is(pair.ask(ALICE, Method::CREATE_PERMISSION, &[to("8.8.8.8:1"), to("[2600::9]:1")]), None);
    is(pair.ask(ALICE, Method::CHANNEL_BIND, &[Attribute::ChannelNumber(0x4000), to("[2600::9]:1")]), None);
    is(pair.ask(ALICE, Method::REFRESH, &[v6]), None);
    is(pair.ask(ALICE, Method::REFRESH, &[v4, Attribute::Lifetime(0)]), None);
    is(pair.ask(ALICE, Method::CREATE_PERMISSION, &[to("8.8.8.8:1")]), mismatch);
    is(pair.ask(ALICE, Method::REFRESH, &[v4]), mismatch);
    is(pair.ask(ALICE, Method::REFRESH, &[Attribute::Lifetime(0)]), None);
    is(pair.ask(ALICE, Method::REFRESH, &[]), Some(ErrorCode::AllocationMismatch));
}

#[test]
fn a_stale_nonce_is_answered_alike() {
    let mut pair = Pair::new();
    pair.ask(None, Method::ALLOCATE, &[UDP]);
    assert_eq!(pair.ask(ALICE, Method::ALLOCATE, &[UDP]).code, None);
    pair.pass(Duration::from_secs(3_601));
    assert_eq!(pair.ask(ALICE, Method::REFRESH, &[]).code, Some(438));
    assert_eq!(pair.ask(ALICE, Method::REFRESH, &[]).code, Some(437));
}

#[test]
fn another_user_is_answered_alike() {
    let mut pair = Pair::new();
    pair.ask(None, Method::ALLOCATE, &[UDP]);
    pair.ask(ALICE, Method::ALLOCATE, &[UDP]);
    assert_eq!(pair.ask(Some(("bob", "bob")), Method::REFRESH, &[Attribute::Lifetime(0)]).code, Some(441));
    assert_eq!(pair.ask(Some(("nobody", "x")), Method::REFRESH, &[]).code, Some(401));
    assert_eq!(pair.ask(ALICE, Method::REFRESH, &[Attribute::Lifetime(0)]).code, None);
}

#[test]
fn data_goes_the_same_way() {
    let mut pair = Pair::new();
    pair.ask(None, Method::ALLOCATE, &[UDP]);
    pair.ask(ALICE, Method::ALLOCATE, &[UDP]);
    pair.ask(ALICE, Method::CHANNEL_BIND, &[Attribute::ChannelNumber(0x4000), to("8.8.8.8:1")]);
    let client = pair.ours.client(1_000, "alice");
    for bytes in [
        crate::fixture::channel_data(0x4000, b"on a channel"),
        crate::fixture::channel_data(0x4001, b"on no channel"),
        crate::fixture::send_indication(TransactionId([1; 12]), peer("8.8.8.8:9"), b"as an indication"),
        crate::fixture::send_indication(TransactionId([2; 12]), peer("8.8.4.4:9"), b"to a stranger"),
    ] {
        let ours = match pair.ours.server.relay_from_client(pair.ours.now, &client.five_tuple, &bytes) {
            sangam_turn_proto::FromClient::Forward(forward) => Some((forward.peer.0, bytes[forward.payload].to_vec())),
            sangam_turn_proto::FromClient::Dropped(_) => None,
            sangam_turn_proto::FromClient::Control => panic!("data is no control message"),
        };
        let transmit =
            Transmit::new(&bytes[..], TransportType::Udp, client.five_tuple.client.0, client.five_tuple.server);
        let theirs = pair.theirs.recv(transmit, pair.now).map(|reply| {
            let reply = reply.build();
            (reply.to, reply.data)
        });
        assert_eq!(ours, theirs);
    }
}
