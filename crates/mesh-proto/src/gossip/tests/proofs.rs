use std::time::Duration;

use bytes::Bytes;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sangam_types::Wall;

use super::super::{Frame, Input, MessageId, Options, Proofs, RefuseReason, Verdict};
use super::bench::peer;
use super::play::Play;
use crate::channel::{Body, Header, Incoming, Message};
use crate::{LinkId, PeerId, Profile};

const LINK: LinkId = LinkId(1);

/// Ids are keys in hexadecimal.
struct Keys(SigningKey);

fn id(key: &SigningKey) -> PeerId {
    peer(&key.verifying_key().to_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

impl Proofs for Keys {
    fn sign(&self, bytes: &[u8]) -> Option<[u8; 64]> {
        Some(self.0.sign(bytes).to_bytes())
    }

    fn verify(&self, origin: &PeerId, bytes: &[u8], signature: &[u8; 64]) -> Verdict {
        let digits: Option<Vec<u8>> =
            (0..64).step_by(2).map(|at| u8::from_str_radix(origin.as_str().get(at..at + 2)?, 16).ok()).collect();
        let Some(key) = digits.and_then(|it| it.try_into().ok()).and_then(|it| VerifyingKey::from_bytes(&it).ok())
        else {
            return Verdict::Unknown;
        };
        match key.verify_strict(bytes, &Signature::from_bytes(signature)) {
            Ok(()) => Verdict::Right,
            Err(_) => Verdict::Wrong,
        }
    }
}

fn play(options: Options) -> Play {
    let mut play = Play::new(options);
    play.node = play.node.with_proofs(Box::new(Keys(SigningKey::from_bytes(&[1; 32]))));
    play.input(Input::Subscribe { topic: "t".to_owned() });
    play.up_ours(LINK, "forwarder");
    play
}

fn signed(by: &SigningKey, origin: PeerId, payload: &[u8]) -> Frame {
    let body = Body::new(Wall::default(), MessageId([9; 16]), "t".into(), origin, payload);
    let signature = Some(by.sign(&body.signed()).to_bytes());
    Message::encode(&Header { hops: 2, age: Duration::ZERO, signature }, &body)
}

#[test]
fn what_its_origin_signed_is_delivered_as_proven_and_goes_on_with_the_signature() {
    let key = SigningKey::from_bytes(&[2; 32]);
    let mut play = play(Options::default());
    play.up_ours(LinkId(2), "next");
    play.hear(LINK, signed(&key, id(&key), b"hi"));
    assert!(play.delivered[0].proven);
    let said = play.said(LinkId(2));
    let [Incoming::Message(on)] = &said[..] else { panic!("{said:?}") };
    assert_eq!(on.header.hops, 3);
    let verdict = Keys(key.clone()).verify(&on.body.origin, &on.body.signed(), &on.header.signature.unwrap());
    assert_eq!(verdict, Verdict::Right);
}

#[test]
fn a_forged_message_is_refused_and_does_not_keep_the_true_one_out() {
    let (key, forger) = (SigningKey::from_bytes(&[2; 32]), SigningKey::from_bytes(&[3; 32]));
    let mut play = play(Options::default());
    play.hear(LINK, signed(&forger, id(&key), b"forged"));
    let good = signed(&key, id(&key), b"true");
    let mut altered = good.bytes.to_vec();
    *altered.last_mut().unwrap() ^= 1;
    play.hear(LINK, Frame { binary: true, bytes: altered.into() });
    assert_eq!(play.refused, [RefuseReason::Signature; 2]);
    assert!(play.delivered.is_empty());
    play.hear(LINK, good);
    assert_eq!(&play.delivered[0].payload[..], b"true");
}

#[test]
fn without_a_signature_a_message_is_delivered_unproven_or_refused_as_is_wished() {
    let body = Body::new(Wall::default(), MessageId([9; 16]), "t".into(), peer("x"), b"hi");
    let unsigned = Message::encode(&Header { hops: 1, age: Duration::ZERO, signature: None }, &body);
    let mut lenient = play(Options::default());
    lenient.hear(LINK, unsigned.clone());
    assert!(!lenient.delivered[0].proven);
    let mut strict = play(Options { signature_required: true, ..Options::default() });
    strict.hear(LINK, unsigned);
    assert_eq!(strict.refused, [RefuseReason::Signature]);
    let odd = SigningKey::from_bytes(&[2; 32]);
    strict.hear(LINK, signed(&odd, peer("no key"), b"hi"));
    assert_eq!(strict.refused, [RefuseReason::Signature; 2]);
    assert!(strict.delivered.is_empty());
}

#[test]
fn where_signatures_are_required_an_original_is_heard_and_not_passed_on() {
    let mut play = play(Options { signature_required: true, ..Options::default() });
    play.up(LinkId(3), "original", Profile::Synapse);
    let text = r#"{"type":"MESSAGE","topic":"t","payload":1,"sender_id":"o","timestamp":1,"message_id":"m"}"#;
    play.hear(LinkId(3), Frame { binary: false, bytes: Bytes::from_static(text.as_bytes()) });
    assert_eq!(play.delivered.len(), 1);
    play.pass(Duration::from_secs(5));
    assert_eq!(play.said(LINK), []);
}

#[test]
fn what_we_publish_is_signed() {
    let mut play = play(Options::default());
    play.publish("t", "hi");
    let said = play.said(LINK);
    let [Incoming::Message(message)] = &said[..] else { panic!("{said:?}") };
    let key = SigningKey::from_bytes(&[1; 32]);
    let signature = message.header.signature.unwrap();
    assert_eq!(Keys(key.clone()).verify(&id(&key), &message.body.signed(), &signature), Verdict::Right);
}
