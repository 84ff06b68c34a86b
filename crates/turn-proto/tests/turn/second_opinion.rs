//! stun-types and turn-types, written by others, read what we write and write what we read.

use std::net::{IpAddr, SocketAddr};

use proptest::collection::vec;
use proptest::prelude::*;
use sangam_turn_proto as ours;
use stun_types::attribute as stun;
use stun_types::message::{
    IntegrityAlgorithm, Message, MessageClass, MessageIntegrityCredentials, MessageType, MessageWrite, MessageWriteExt,
    MessageWriteVec, Method, ShortTermCredentials,
};
use turn_types::attribute as turn;
use turn_types::channel::ChannelData;

/// A value for each attribute there is.
#[derive(Clone, Debug)]
struct Sample {
    class: usize,
    method: u16,
    transaction: [u8; 12],
    texts: [String; 4],
    code: u16,
    phrase: String,
    unknown: Vec<u16>,
    number: u16,
    lifetime: u32,
    addresses: [SocketAddr; 4],
    data: Vec<u8>,
    protocol: u8,
    is_v6: bool,
    token: u64,
    hash: [u8; 32],
    password: String,
}

fn address() -> impl Strategy<Value = SocketAddr> {
    let v4 = any::<[u8; 4]>().prop_map(IpAddr::from);
    let v6 = any::<[u8; 16]>().prop_map(IpAddr::from);
    (prop_oneof![v4, v6], any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip, port))
}

fn sample() -> impl Strategy<Value = Sample> {
    let text = "[a-zA-Z0-9:@é]{1,60}";
    let head = (0..4_usize, 0_u16..0x1000, any::<[u8; 12]>(), [text, text, text, text], 300_u16..700, "[a-z ]{0,40}");
    let tail = (vec(any::<u16>(), 1..9), any::<u16>(), any::<u32>(), [address(), address(), address(), address()]);
    let rest =
        (vec(any::<u8>(), 0..100), any::<u8>(), any::<bool>(), any::<u64>(), any::<[u8; 32]>(), "[a-z0-9]{1,70}");
    (head, tail, rest).prop_map(|(head, tail, (data, protocol, is_v6, token, hash, password))| {
        let (class, method, transaction, texts, code, phrase) = head;
        let (unknown, number, lifetime, addresses) = tail;
        Sample {
            class,
            method,
            transaction,
            texts,
            code,
            phrase,
            unknown,
            number,
            lifetime,
            addresses,
            data,
            protocol,
            is_v6,
            token,
            hash,
            password,
        }
    })
}

impl Sample {
    fn write_ours(&self) -> Vec<u8> {
        let classes = [ours::Class::Request, ours::Class::Indication, ours::Class::Success, ours::Class::Error];
        let unknown = self.unknown_bytes();
        self.attributes(&unknown)
            .iter()
            .fold(
                ours::MessageBuilder::new(
                    classes[self.class],
                    ours::Method(self.method),
                    ours::TransactionId(self.transaction),
                ),
                |message, attribute| message.attribute(attribute),
            )
            .integrity(self.password.as_bytes())
            .integrity_sha256(self.password.as_bytes())
            .fingerprint()
            .finish()
    }

    fn unknown_bytes(&self) -> Vec<u8> {
        self.unknown.iter().flat_map(|kind| kind.to_be_bytes()).collect()
    }

    fn attributes<'a>(&'a self, unknown: &'a [u8]) -> Vec<ours::Attribute<'a>> {
        let [username, realm, nonce, software] = &self.texts;
        let [peer, relayed, mapped, alternate] = self.addresses;
        vec![
            ours::Attribute::Username(username),
            ours::Attribute::Realm(realm),
            ours::Attribute::Nonce(nonce),
            ours::Attribute::Software(software),
            ours::Attribute::AlternateServer(alternate),
            ours::Attribute::AlternateDomain(realm),
            ours::Attribute::ErrorCode { code: self.code, phrase: &self.phrase },
            ours::Attribute::UnknownAttributes(ours::TypeList::from_bytes(unknown)),
            ours::Attribute::ChannelNumber(self.number),
            ours::Attribute::Lifetime(self.lifetime),
            ours::Attribute::XorPeerAddress(peer),
            ours::Attribute::XorRelayedAddress(relayed),
            ours::Attribute::XorMappedAddress(mapped),
            ours::Attribute::Data(&self.data),
            ours::Attribute::RequestedTransport(self.protocol),
            ours::Attribute::RequestedAddressFamily(1 + u8::from(self.is_v6)),
            ours::Attribute::EvenPort { reserve: self.is_v6 },
            ours::Attribute::DontFragment,
            ours::Attribute::ReservationToken(ours::ReservationToken(self.token.to_be_bytes())),
            ours::Attribute::Userhash(&self.hash),
            ours::Attribute::AdditionalAddressFamily(2),
            ours::Attribute::AddressErrorCode {
                family: 1 + u8::from(self.is_v6),
                code: self.code,
                phrase: &self.phrase,
            },
        ]
    }

    fn write_theirs(&self) -> Vec<u8> {
        let classes = [MessageClass::Request, MessageClass::Indication, MessageClass::Success, MessageClass::Error];
        let kind = MessageType::from_class_method(classes[self.class], Method::new(self.method));
        let mut id = [0; 16];
        id[4..].copy_from_slice(&self.transaction);
        let id = u128::from_be_bytes(id).into();
        let [username, realm, nonce, software] = &self.texts;
        let [peer, relayed, mapped, alternate] = self.addresses;
        let unknown: Vec<_> = self.unknown.iter().map(|&kind| stun::AttributeType::new(kind)).collect();
        let family = if self.is_v6 { turn_types::AddressFamily::IPV6 } else { turn_types::AddressFamily::IPV4 };
        let mut message = Message::builder(kind, id, MessageWriteVec::new());
        message.add_attribute(&stun::Username::new(username).unwrap()).unwrap();
        message.add_attribute(&stun::Realm::new(realm).unwrap()).unwrap();
        message.add_attribute(&stun::Nonce::new(nonce).unwrap()).unwrap();
        message.add_attribute(&stun::Software::new(software).unwrap()).unwrap();
        message.add_attribute(&stun::AlternateServer::new(alternate)).unwrap();
        message.add_attribute(&stun::AlternateDomain::new(realm)).unwrap();
        message.add_attribute(&stun::ErrorCode::new(self.code, &self.phrase).unwrap()).unwrap();
        message.add_attribute(&stun::UnknownAttributes::new(&unknown)).unwrap();
        message.add_attribute(&turn::ChannelNumber::new(self.number)).unwrap();
        message.add_attribute(&turn::Lifetime::new(self.lifetime)).unwrap();
        message.add_attribute(&turn::XorPeerAddress::new(peer, id)).unwrap();
        message.add_attribute(&turn::XorRelayedAddress::new(relayed, id)).unwrap();
        message.add_attribute(&stun::XorMappedAddress::new(mapped, id)).unwrap();
        message.add_attribute(&turn::Data::new(&self.data)).unwrap();
        message.add_attribute(&turn::RequestedTransport::new(self.protocol)).unwrap();
        message.add_attribute(&turn::RequestedAddressFamily::new(family)).unwrap();
        message.add_attribute(&turn::EvenPort::new(self.is_v6)).unwrap();
        message.add_attribute(&turn::DontFragment::new()).unwrap();
        message.add_attribute(&turn::ReservationToken::new(self.token)).unwrap();
        message.add_attribute(&stun::Userhash::new(self.hash)).unwrap();
        message.add_attribute(&turn::AdditionalAddressFamily::new(turn_types::AddressFamily::IPV6)).unwrap();
        let error = stun::ErrorCode::new(self.code, &self.phrase).unwrap();
        message.add_attribute(&turn::AddressErrorCode::new(family, error)).unwrap();
        message.add_message_integrity(&self.credentials(), IntegrityAlgorithm::Sha1).unwrap();
        message.add_message_integrity(&self.credentials(), IntegrityAlgorithm::Sha256).unwrap();
        message.add_fingerprint().unwrap();
        message.finish()
    }

    fn credentials(&self) -> MessageIntegrityCredentials {
        ShortTermCredentials::new(self.password.clone()).into()
    }
}

proptest! {
    #[test]
    fn both_write_the_same_bytes(sample in sample()) {
        prop_assert_eq!(sample.write_ours(), sample.write_theirs());
    }

    #[test]
    fn what_either_writes_we_read_attribute_by_attribute(sample in sample()) {
        let bytes = sample.write_theirs();
        let message = ours::Message::decode(&bytes).unwrap();
        prop_assert_eq!(message.method(), ours::Method(sample.method));
        prop_assert_eq!(message.transaction(), ours::TransactionId(sample.transaction));
        let read: Result<Vec<_>, _> = message
            .attributes()
            .map(|raw| ours::Attribute::decode(raw.kind, raw.value, message.transaction()))
            .collect();
        let unknown = sample.unknown_bytes();
        prop_assert_eq!(read.unwrap(), sample.attributes(&unknown));
        prop_assert!(message.has_fingerprint());
        prop_assert!(message.is_integrity_by(sample.password.as_bytes()));
        prop_assert!(message.is_integrity_sha256_by(sample.password.as_bytes()));
        prop_assert!(!message.is_integrity_by(b"another") && !message.is_integrity_sha256_by(b"another"));
    }

    #[test]
    fn both_hash_a_user_alike(name in "[a-zé]{1,20}") {
        prop_assert_eq!(crate::fixture::userhash(&name), stun::Userhash::compute(&name, crate::fixture::REALM));
    }

    #[test]
    fn what_we_write_they_read(sample in sample()) {
        let bytes = sample.write_ours();
        let message = Message::from_bytes(&bytes).unwrap();
        let id = message.transaction_id();
        prop_assert_eq!(message.method().value(), sample.method);
        prop_assert_eq!(message.validate_integrity(&sample.credentials()).unwrap(), IntegrityAlgorithm::Sha256);
        let username = message.attribute::<stun::Username>().unwrap();
        prop_assert_eq!(username.username(), &sample.texts[0]);
        let error = message.attribute::<stun::ErrorCode>().unwrap();
        prop_assert_eq!((error.code(), error.reason()), (sample.code, sample.phrase.as_str()));
        prop_assert_eq!(message.attribute::<turn::XorPeerAddress>().unwrap().addr(id), sample.addresses[0]);
        prop_assert_eq!(message.attribute::<turn::XorRelayedAddress>().unwrap().addr(id), sample.addresses[1]);
        prop_assert_eq!(message.attribute::<stun::XorMappedAddress>().unwrap().addr(id), sample.addresses[2]);
        prop_assert_eq!(message.attribute::<stun::AlternateServer>().unwrap().server(), sample.addresses[3]);
        let data = message.attribute::<turn::Data<'_>>().unwrap();
        prop_assert_eq!(data.data(), &sample.data[..]);
        prop_assert_eq!(message.attribute::<turn::ChannelNumber>().unwrap().channel(), sample.number);
        prop_assert_eq!(message.attribute::<turn::Lifetime>().unwrap().seconds(), sample.lifetime);
    }

    #[test]
    fn they_read_our_channel_data_and_we_theirs(number in 0x4000_u16..0x5000, payload in vec(any::<u8>(), 0..100)) {
        let written = crate::fixture::channel_data(number, &payload);
        let theirs = ChannelData::parse(&written).unwrap();
        prop_assert_eq!((theirs.id(), theirs.data()), (number, &payload[..]));
        let read = ours::ChannelData::decode(&written).unwrap();
        prop_assert_eq!((read.number, &written[read.payload]), (number, &payload[..]));
    }

    #[test]
    fn a_header_is_one_to_both_or_to_neither(sample in sample(), at in 0_usize..20, flip in any::<u8>()) {
        // They let a message be shorter than its datagram; to us it is then none.
        prop_assume!(!(2..4).contains(&at));
        let mut bytes = sample.write_ours();
        // Without its fingerprint, which would give each change away.
        bytes.truncate(bytes.len() - 8);
        let len = (bytes.len() - 20) as u16;
        bytes[2..4].copy_from_slice(&len.to_be_bytes());
        bytes[at] ^= flip;
        prop_assert_eq!(ours::Message::decode(&bytes).is_ok(), Message::from_bytes(&bytes).is_ok());
    }
}
