use sangam_turn_proto::{
    Attribute, AttributeType, Class, ErrorCode, Event, Key, KeyRefusal, Keys, Limited, MessageBuilder, Method, Options,
    PasswordAlgorithm, TransactionId,
};
use sha2::{Digest, Sha256};

use crate::fixture::{Client, House, REALM, UDP, five_tuple, long_term_key, options, peer, secs};

fn challenge(house: &mut House, method: Method) -> Vec<u8> {
    let request = MessageBuilder::new(Class::Request, method, house.transaction()).finish();
    house.raw(five_tuple(1), &request).unwrap().0
}

#[test]
fn a_request_without_credentials_is_challenged_whatever_it_asks() {
    let mut house = House::new(options());
    for method in [Method::ALLOCATE, Method::REFRESH, Method::CREATE_PERMISSION, Method::CHANNEL_BIND] {
        let reply = crate::fixture::Reply(challenge(&mut house, method));
        assert_eq!(reply.code(), Some(ErrorCode::Unauthenticated));
        assert_eq!(reply.find(AttributeType::REALM), Some(Attribute::Realm(REALM)));
        assert!(!reply.message().has_integrity());
    }
    assert!(house.events.is_empty(), "a challenge is no refusal");
    assert_eq!(house.server.stats().errors(ErrorCode::Unauthenticated), 4);
}

#[test]
fn a_challenge_stays_small() {
    let plain = Options { offers_password_algorithms: false, ..options() };
    assert!(challenge(&mut House::new(plain), Method::ALLOCATE).len() <= 84);
    assert!(challenge(&mut House::new(options()), Method::ALLOCATE).len() <= 112, "with the algorithms offered");
}

#[test]
fn a_flood_of_unauthenticated_allocates_asks_nothing_and_waits_for_nothing() {
    let mut house = House::new(Options { limits: unlimited_challenges(), ..options() });
    for port in 1..=5_000 {
        house.client(port, "alice");
    }
    assert!(house.key_questions.is_empty() && house.open_questions.is_empty());
    assert_eq!(house.deadline, None, "no timer is set, so nothing is kept");
}

fn unlimited_challenges() -> sangam_turn_proto::Limits {
    sangam_turn_proto::Limits { challenges_per_second: None, ..Default::default() }
}

#[test]
fn challenges_to_one_network_end_at_the_limit_of_each_second() {
    let limits = sangam_turn_proto::Limits { challenges_per_second: Some(3), ..Default::default() };
    let mut house = House::new(Options { limits, ..options() });
    for _ in 0..3 {
        challenge(&mut house, Method::ALLOCATE);
    }
    let request = MessageBuilder::new(Class::Request, Method::ALLOCATE, house.transaction()).finish();
    assert!(house.raw(five_tuple(2), &request).is_none());
    assert_eq!(house.server.stats().limited(Limited::Challenges), 1);
    house.pass(secs(1));
    assert!(house.raw(five_tuple(2), &request).is_some());
}

#[test]
fn the_right_password_is_answered_with_proof_of_the_same_key() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    let reply = house.ask(&client, Method::ALLOCATE, &[UDP]);
    assert_eq!(reply.code(), None);
    assert!(reply.message().is_integrity_by(client.key.as_bytes()));
    assert!(reply.message().has_fingerprint());
    let refused = house.ask(&client, Method::CHANNEL_BIND, &[]);
    assert_eq!(refused.code(), Some(ErrorCode::BadRequest));
    assert!(refused.message().is_integrity_by(client.key.as_bytes()), "a refusal after authentication is signed too");
}

#[test]
fn while_secrets_are_rotated_the_key_that_fits_is_kept_and_answered_with() {
    let keys: Vec<Key> =
        ["newest", "newer", "older", "oldest"].map(|password| long_term_key("alice", REALM, password)).into();
    for (port, &key) in (1..).zip(&keys) {
        let mut house = House::new(options());
        house.answers_keys = false;
        let client = Client { key, ..house.client(port, "alice") };
        assert!(house.try_ask(&client, Method::ALLOCATE, &[UDP]).is_none());
        house.answer_keys(Ok(Keys::new(keys.iter().copied()).unwrap()));
        let reply = house.last_reply().unwrap();
        assert_eq!(reply.code(), None);
        assert!(reply.message().is_integrity_by(key.as_bytes()), "the answer is signed with the client's own key");
        assert_eq!(house.refresh(&client, 600), None, "the secret may be gone by now");
        for &other in keys.iter().filter(|&&other| other != key) {
            let other = Client { key: other, ..client.clone() };
            assert_eq!(house.refresh(&other, 600), Some(ErrorCode::Unauthenticated), "only that key is kept");
        }
        assert!(house.key_questions.is_empty());
    }
}

#[test]
fn a_key_of_none_of_the_secrets_is_a_wrong_password() {
    let mut house = House::new(options());
    house.answers_keys = false;
    let client = house.client(1, "alice");
    house.try_ask(&client, Method::ALLOCATE, &[UDP]);
    house.answer_keys(Ok(Keys::new([Key::Md5([1; 16]), Key::Md5([2; 16])]).unwrap()));
    assert_eq!(house.last_reply().unwrap().code(), Some(ErrorCode::Unauthenticated));
}

#[test]
fn a_wrong_password_is_challenged_and_reported() {
    let mut house = House::new(options());
    let mut client = house.client(1, "alice");
    client.key = long_term_key("alice", REALM, "guess");
    let reply = house.ask(&client, Method::ALLOCATE, &[UDP]);
    assert_eq!(reply.code(), Some(ErrorCode::Unauthenticated));
    assert!(!reply.message().has_integrity());
    let five_tuple = client.five_tuple;
    assert_eq!(house.events, [Event::Refused { five_tuple, code: 401, reason: "wrong password" }]);
}

#[test]
fn each_reason_to_have_no_key_looks_the_same_to_the_client() {
    for refusal in
        [KeyRefusal::UnknownUser, KeyRefusal::Expired, KeyRefusal::TooFarAhead, KeyRefusal::Revoked, KeyRefusal::Busy]
    {
        let mut house = House::new(options());
        house.answers_keys = false;
        let client = house.client(1, "alice");
        assert!(house.try_ask(&client, Method::ALLOCATE, &[UDP]).is_none());
        house.answer_key(Some(refusal));
        let reply = house.last_reply().unwrap();
        assert_eq!(reply.code(), Some(ErrorCode::Unauthenticated));
        assert_eq!(reply.message().attributes().count(), 4, "ERROR-CODE, REALM, NONCE, PASSWORD-ALGORITHMS");
        assert!(matches!(house.events[..], [Event::Refused { code: 401, .. }]));
    }
}

#[test]
fn integrity_without_username_realm_or_nonce_is_a_bad_request() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    let all = [Attribute::Username("alice"), Attribute::Realm(REALM), Attribute::Nonce(&client.nonce)];
    for left_out in 0..all.len() {
        let mut request = MessageBuilder::new(Class::Request, Method::ALLOCATE, house.transaction());
        for (_, attribute) in all.iter().enumerate().filter(|&(at, _)| at != left_out) {
            request = request.attribute(attribute);
        }
        let reply = house.raw(client.five_tuple, &request.integrity(client.key.as_bytes()).finish()).unwrap();
        assert_eq!(reply.code(), Some(ErrorCode::BadRequest));
    }
}

#[test]
fn a_username_that_is_not_utf8_is_a_bad_request() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    let request = MessageBuilder::new(Class::Request, Method::ALLOCATE, house.transaction())
        .attribute(&Attribute::Other(AttributeType::USERNAME, &[0xFF, 0xFE]))
        .attribute(&Attribute::Realm(REALM))
        .attribute(&Attribute::Nonce(&client.nonce))
        .integrity(client.key.as_bytes());
    assert_eq!(house.raw(client.five_tuple, &request.finish()).unwrap().code(), Some(ErrorCode::BadRequest));
}

#[test]
fn a_stale_nonce_gets_438_with_a_fresh_one_that_works() {
    let mut house = House::new(options());
    let mut client = house.client(1, "alice");
    house.pass(secs(3_599));
    assert_eq!(house.ask(&client, Method::REFRESH, &[]).code(), Some(ErrorCode::AllocationMismatch));
    house.pass(secs(1));
    let reply = house.ask(&client, Method::ALLOCATE, &[UDP]);
    assert_eq!(reply.code(), Some(ErrorCode::StaleNonce));
    assert_eq!(reply.find(AttributeType::REALM), Some(Attribute::Realm(REALM)));
    client.nonce = reply.nonce();
    assert_eq!(house.ask(&client, Method::ALLOCATE, &[UDP]).code(), None);
}

#[test]
fn a_nonce_of_another_client_is_stale() {
    let mut house = House::new(options());
    let nonce = house.client(1, "alice").nonce;
    let mut client = house.client(2, "alice");
    client.nonce = nonce;
    assert_eq!(house.ask(&client, Method::ALLOCATE, &[UDP]).code(), Some(ErrorCode::StaleNonce));
}

#[test]
fn servers_that_share_a_secret_accept_each_others_nonces() {
    let nonce = House::new(options()).client(1, "alice").nonce;
    let mut house = House::new(options());
    let mut client = house.client(1, "alice");
    client.nonce = nonce;
    assert_eq!(house.ask(&client, Method::ALLOCATE, &[UDP]).code(), None);
}

#[test]
fn another_realm_is_challenged_with_ours() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    let key = long_term_key("alice", "elsewhere", "alice");
    let request = MessageBuilder::new(Class::Request, Method::ALLOCATE, house.transaction())
        .attribute(&Attribute::Username("alice"))
        .attribute(&Attribute::Realm("elsewhere"))
        .attribute(&Attribute::Nonce(&client.nonce))
        .integrity(key.as_bytes());
    let reply = house.raw(client.five_tuple, &request.finish()).unwrap();
    assert_eq!(reply.code(), Some(ErrorCode::Unauthenticated));
    assert_eq!(reply.find(AttributeType::REALM), Some(Attribute::Realm(REALM)));
}

#[test]
fn an_allocation_keeps_its_key_so_its_requests_need_no_look_up() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    house.answers_keys = false;
    assert_eq!(house.permit(&client, &[peer("8.8.8.8:1")]), None);
    assert_eq!(house.refresh(&client, 600), None);
    assert!(house.key_questions.is_empty());
    let guess = Client { key: Key::Md5([0; 16]), ..client };
    assert_eq!(house.refresh(&guess, 0), Some(ErrorCode::Unauthenticated));
}

#[test]
fn another_user_may_not_touch_an_allocation() {
    let mut house = House::new(options());
    house.allocated(1);
    let mallory = house.client(1, "mallory");
    for method in [Method::REFRESH, Method::CREATE_PERMISSION, Method::CHANNEL_BIND] {
        let reply = house.ask(&mallory, method, &[Attribute::Lifetime(0)]);
        assert_eq!(reply.code(), Some(ErrorCode::WrongCredentials));
    }
    assert_eq!(house.ask(&mallory, Method::ALLOCATE, &[UDP]).code(), Some(ErrorCode::AllocationMismatch));
    assert_eq!(house.server.stats().allocations_live, 1);
}

#[test]
fn attributes_after_the_integrity_do_not_count() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    let request = MessageBuilder::new(Class::Request, Method::ALLOCATE, house.transaction())
        .attribute(&UDP)
        .attribute(&Attribute::Username("alice"))
        .attribute(&Attribute::Realm(REALM))
        .attribute(&Attribute::Nonce(&client.nonce))
        .integrity(client.key.as_bytes())
        .attribute(&Attribute::Other(AttributeType(0x7777), b"not covered"))
        .attribute(&Attribute::Lifetime(3_600));
    let reply = house.raw(client.five_tuple, &request.finish()).unwrap();
    assert_eq!((reply.code(), reply.lifetime_secs()), (None, 600));
}

#[test]
fn a_request_waiting_for_its_key_is_asked_about_once_and_forgotten_in_time() {
    let mut house = House::new(options());
    house.answers_keys = false;
    let client = house.client(1, "alice");
    let request = client.request(TransactionId([1; 12]), Method::ALLOCATE, &[UDP]);
    assert!(house.raw(client.five_tuple, &request).is_none());
    assert!(house.raw(client.five_tuple, &request).is_none());
    assert_eq!(house.key_questions.len(), 1);
    assert_eq!(house.deadline.unwrap().at, house.now.mono + secs(5));
    house.pass(secs(5));
    assert_eq!(house.deadline, None);
    assert_eq!(house.server.stats().limited(Limited::RequestTime), 1);
    house.answer_key(None);
    assert!(house.sent.is_empty(), "an answer that comes too late finds nobody waiting");
    assert!(house.raw(client.five_tuple, &request).is_none());
    house.answer_key(None);
    assert_eq!(house.last_reply().unwrap().code(), None);
}

#[test]
fn requests_waiting_for_a_key_are_bounded_in_number_and_size() {
    let limits =
        sangam_turn_proto::Limits { pending_requests: 2, pending_request_bytes: 300, ..unlimited_challenges() };
    let mut house = House::new(Options { limits, ..options() });
    house.answers_keys = false;
    for port in 1..=3 {
        let client = house.client(port, "alice");
        assert!(house.try_ask(&client, Method::ALLOCATE, &[UDP]).is_none());
    }
    assert_eq!(house.key_questions.len(), 2);
    assert_eq!(house.server.stats().limited(Limited::PendingRequests), 1);
    let client = house.client(4, "alice");
    let padding = [0; 300];
    house.try_ask(&client, Method::ALLOCATE, &[UDP, Attribute::Other(AttributeType(0x8777), &padding)]);
    assert_eq!(house.server.stats().limited(Limited::PendingRequestBytes), 1);
}

#[test]
fn a_request_may_be_signed_with_sha_256_and_the_stronger_signature_decides() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    let request = |house: &mut House| {
        MessageBuilder::new(Class::Request, Method::REFRESH, house.transaction())
            .attribute(&Attribute::Username("alice"))
            .attribute(&Attribute::Realm(REALM))
            .attribute(&Attribute::Nonce(&client.nonce))
    };
    let (right, wrong) = (client.key.as_bytes(), &[0; 16][..]);
    let mismatch = Some(ErrorCode::AllocationMismatch);
    let no = Some(ErrorCode::Unauthenticated);
    for (sha1, sha256, code) in [
        (None, Some(right), mismatch),
        (Some(right), Some(right), mismatch),
        (Some(wrong), Some(right), mismatch),
        (Some(right), Some(wrong), no),
        (None, Some(wrong), no),
    ] {
        let mut message = request(&mut house);
        if let Some(key) = sha1 {
            message = message.integrity(key);
        }
        if let Some(key) = sha256 {
            message = message.integrity_sha256(key);
        }
        let reply = house.raw(client.five_tuple, &message.finish()).unwrap();
        assert_eq!(reply.code(), code);
        if code != no {
            assert!(reply.message().is_integrity_by(right), "who names no password algorithm is answered with SHA-1");
        }
    }
    // What follows it does not count: neither another attribute nor the weaker signature.
    let message = request(&mut house).integrity_sha256(right).attribute(&Attribute::Lifetime(0)).integrity(wrong);
    assert_eq!(house.raw(client.five_tuple, &message.finish()).unwrap().code(), mismatch);
    let cut = Attribute::Other(AttributeType::MESSAGE_INTEGRITY_SHA256, &[0; 16]);
    let message = request(&mut house).attribute(&cut).finish();
    assert!(house.raw(client.five_tuple, &message).is_none(), "a signature that is cut is no signature");
}

const MD5: Attribute<'_> = Attribute::Other(AttributeType::PASSWORD_ALGORITHM, &[0, 1, 0, 0]);
const SHA256: Attribute<'_> = Attribute::Other(AttributeType::PASSWORD_ALGORITHM, &[0, 2, 0, 0]);
const OFFER: [u8; 8] = [0, 2, 0, 0, 0, 1, 0, 0];
const OFFERED: Attribute<'_> = Attribute::Other(AttributeType::PASSWORD_ALGORITHMS, &OFFER);

fn sha256_key(username: &str, password: &str) -> Key {
    Key::Sha256(Sha256::digest(format!("{username}:{REALM}:{password}")).into())
}

/// An Allocate request of a client that knows of RFC 8489.
fn modern(house: &mut House, client: &Client, nonce: &str, algorithms: &[Attribute<'_>]) -> Vec<u8> {
    let message = MessageBuilder::new(Class::Request, Method::ALLOCATE, house.transaction()).attribute(&UDP);
    let message = algorithms.iter().fold(message, |message, attribute| message.attribute(attribute));
    message
        .attribute(&Attribute::Username(&client.username))
        .attribute(&Attribute::Realm(REALM))
        .attribute(&Attribute::Nonce(nonce))
        .integrity_sha256(client.key.as_bytes())
        .finish()
}

#[test]
fn a_challenge_offers_both_algorithms_and_its_nonce_says_so_unless_the_operator_forbids() {
    for offers_password_algorithms in [true, false] {
        let mut house = House::new(Options { offers_password_algorithms, ..options() });
        let reply = crate::fixture::Reply(challenge(&mut house, Method::ALLOCATE));
        assert_eq!(reply.nonce().starts_with("obMatJos2gAAA"), offers_password_algorithms);
        let offer = reply.message().find(AttributeType::PASSWORD_ALGORITHMS);
        assert_eq!(offer, offers_password_algorithms.then_some(&OFFER[..]));
        // A stale nonce is answered with the same offer.
        let client = Client { nonce: "stale".to_owned(), ..house.client(1, "alice") };
        let reply = house.ask(&client, Method::ALLOCATE, &[UDP]);
        assert_eq!(reply.code(), Some(ErrorCode::StaleNonce));
        assert_eq!(reply.message().find(AttributeType::PASSWORD_ALGORITHMS).is_some(), offers_password_algorithms);
    }
}

#[test]
fn a_client_that_chose_an_algorithm_is_asked_for_that_key_and_answered_with_sha_256() {
    for (chosen, algorithm, key) in [
        (SHA256, PasswordAlgorithm::Sha256, sha256_key("alice", "alice")),
        (MD5, PasswordAlgorithm::Md5, long_term_key("alice", REALM, "alice")),
    ] {
        let mut house = House::new(options());
        house.answers_keys = false;
        let client = Client { key, ..house.client(1, "alice") };
        let request = modern(&mut house, &client, &client.nonce, &[OFFERED, chosen]);
        assert!(house.raw(client.five_tuple, &request).is_none());
        assert_eq!(house.algorithm, Some(algorithm));
        house.answer_keys(Ok(Keys::from(key)));
        let reply = house.last_reply().unwrap();
        assert_eq!(reply.code(), None);
        assert!(reply.message().is_integrity_sha256_by(key.as_bytes()));
        assert!(!reply.message().is_integrity_by(key.as_bytes()));
    }
}

#[test]
fn an_allocation_may_be_used_with_the_other_algorithm_too() {
    let mut house = House::new(options());
    let old = house.allocated(1);
    house.answers_keys = false;
    let client = Client { key: sha256_key("alice", "alice"), ..old.clone() };
    let request = modern(&mut house, &client, &client.nonce, &[OFFERED, SHA256]);
    assert!(house.raw(client.five_tuple, &request).is_none(), "its key is not the one that is kept");
    house.answer_keys(Ok(Keys::from(client.key)));
    assert_eq!(house.last_reply().unwrap().code(), Some(ErrorCode::AllocationMismatch));
    assert_eq!(house.refresh(&old, 600), None, "which still serves");
}

#[test]
fn whoever_changed_the_offer_on_its_way_is_found_out() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    let weaker = Attribute::Other(AttributeType::PASSWORD_ALGORITHMS, &[0, 1, 0, 0]);
    let unknown = Attribute::Other(AttributeType::PASSWORD_ALGORITHM, &[0, 3, 0, 0]);
    for algorithms in [&[weaker, MD5][..], &[OFFERED], &[SHA256], &[OFFERED, unknown], &[weaker]] {
        let request = modern(&mut house, &client, &client.nonce, algorithms);
        let reply = house.raw(client.five_tuple, &request).unwrap();
        assert_eq!(reply.code(), Some(ErrorCode::BadRequest), "{algorithms:?}");
    }
    assert!(house.key_questions.is_empty());
    // Without the trace that the offer leaves in it, a nonce is none of ours.
    for nonce in [&client.nonce["obMatJos2gAAA".len()..], &client.nonce.replace("gAAA", "AAAA")] {
        let reply = house.ask(&Client { nonce: nonce.to_owned(), ..client.clone() }, Method::ALLOCATE, &[UDP]);
        assert_eq!(reply.code(), Some(ErrorCode::StaleNonce), "{nonce}");
    }
    assert_eq!(house.ask(&client, Method::ALLOCATE, &[UDP]).code(), None, "old clients do not notice");
}
