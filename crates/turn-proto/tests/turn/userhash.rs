//! RFC 8489 §9.2.2, §14.4: a request may hide the name of its user behind a hash.

use sangam_turn_proto::{Attribute, AttributeType, ErrorCode, Event, Limits, Method, Options};

use crate::fixture::{Client, House, Reply, UDP, options, userhash};

pub(crate) fn ask(house: &mut House, client: &Client, method: Method, attributes: &[Attribute<'_>]) -> Reply {
    let hash = userhash(&client.username);
    let request = client.request_as(&[Attribute::Userhash(&hash)], house.transaction(), method, attributes);
    house.raw(client.five_tuple, &request).expect("a response")
}

#[test]
fn an_allocation_made_by_hash_is_the_users_as_if_made_by_name() {
    let limits = Limits { allocations_per_user: 2, ..Limits::default() };
    let mut house = House::new(Options { limits, ..options() });
    let (hidden, named) = (house.client(1, "alice"), house.client(2, "alice"));
    assert_eq!(ask(&mut house, &hidden, Method::ALLOCATE, &[UDP]).code(), None);
    assert!(matches!(&house.events[..], [Event::Allocated { username, .. }] if username == "alice"));
    assert_eq!(house.ask(&named, Method::ALLOCATE, &[UDP]).code(), None);
    for port in [3, 4] {
        let third = house.client(port, "alice");
        assert_eq!(ask(&mut house, &third, Method::ALLOCATE, &[UDP]).code(), Some(ErrorCode::AllocationQuotaReached));
    }
    // Each may be used either way, and neither way by another.
    assert_eq!(house.refresh(&hidden, 600), None);
    assert_eq!(ask(&mut house, &named, Method::REFRESH, &[]).code(), None);
    let bob = Client { five_tuple: hidden.five_tuple, nonce: hidden.nonce, ..house.client(5, "bob") };
    assert_eq!(ask(&mut house, &bob, Method::REFRESH, &[]).code(), Some(ErrorCode::WrongCredentials));
}

#[test]
fn the_requests_of_an_allocation_need_no_look_up_by_hash_either() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    house.answers_keys = false;
    assert_eq!(ask(&mut house, &client, Method::REFRESH, &[]).code(), None);
    assert!(house.user_questions.is_empty() && house.key_questions.is_empty());
}

#[test]
fn a_hash_that_no_long_term_user_has_is_challenged_again_and_named() {
    let mut house = House::new(options());
    let client = house.client(1, "1900000000:alice");
    assert_eq!(ask(&mut house, &client, Method::ALLOCATE, &[UDP]).code(), Some(ErrorCode::Unauthenticated));
    let Some(Event::Refused { code: 401, reason, .. }) = house.events.last() else { panic!("{:?}", house.events) };
    assert_eq!(*reason, "no long-term user has that USERHASH");
}

#[test]
fn a_wrong_password_behind_a_hash_is_found_out() {
    let mut house = House::new(options());
    let key = house.client(1, "mallory").key;
    let client = Client { key, ..house.client(1, "alice") };
    assert_eq!(ask(&mut house, &client, Method::ALLOCATE, &[UDP]).code(), Some(ErrorCode::Unauthenticated));
}

#[test]
fn a_user_named_both_ways_or_not_at_all_is_a_bad_request() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    let (name, hash) = (Attribute::Username("alice"), userhash("alice"));
    let cut = Attribute::Other(AttributeType::USERHASH, &hash[..31]);
    for user in [&[][..], &[name, Attribute::Userhash(&hash)], &[cut]] {
        let request = client.request_as(user, house.transaction(), Method::ALLOCATE, &[UDP]);
        let reply = house.raw(client.five_tuple, &request).unwrap();
        assert_eq!(reply.code(), Some(ErrorCode::BadRequest), "{user:?}");
    }
    assert!(house.key_questions.is_empty() && house.user_questions.is_empty());
}

#[test]
fn the_nonce_says_that_hashes_are_understood_only_if_the_operator_wants_it() {
    for (offers_password_algorithms, offers_username_anonymity, cookie) in
        [(true, false, "obMatJos2gAAA"), (true, true, "obMatJos2wAAA"), (false, true, "obMatJos2QAAA")]
    {
        let mut house = House::new(Options { offers_password_algorithms, offers_username_anonymity, ..options() });
        let client = house.client(1, "alice");
        assert!(client.nonce.starts_with(cookie), "{}", client.nonce);
        assert_eq!(ask(&mut house, &client, Method::ALLOCATE, &[UDP]).code(), None);
    }
}
