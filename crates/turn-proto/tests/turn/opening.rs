//! The time between asking for a relay socket and having it.

use sangam_turn_proto::{ErrorCode, Limited, Limits, Method, OpenError, Options, TransactionId};

use crate::fixture::{House, UDP, options, peer, secs};

fn patient_house() -> House {
    let mut house = House::new(options());
    house.answers_opens = false;
    house
}

#[test]
fn an_allocate_is_answered_when_its_socket_is_open() {
    let mut house = patient_house();
    let client = house.client(1, "alice");
    assert!(house.try_ask(&client, Method::ALLOCATE, &[UDP]).is_none());
    assert_eq!(house.deadline.unwrap().at, house.now.mono + secs(5));
    house.answer_open(Ok(()));
    assert_eq!(house.last_reply().unwrap().relayed(), peer("5.5.5.5:50000"));
}

#[test]
fn a_retransmission_meanwhile_opens_no_second_socket() {
    let mut house = patient_house();
    let client = house.client(1, "alice");
    let request = client.request(TransactionId([1; 12]), Method::ALLOCATE, &[UDP]);
    for _ in 0..3 {
        assert!(house.raw(client.five_tuple, &request).is_none());
    }
    assert!(house.try_ask(&client, Method::ALLOCATE, &[UDP]).is_none());
    assert_eq!(house.open_questions.len(), 1);
    house.answer_open(Ok(()));
    assert_eq!(house.sent.len(), 1);
}

#[test]
fn each_way_to_have_no_socket_is_answered_508_and_leaves_nothing() {
    for error in [OpenError::NoPortLeft, OpenError::NoDescriptorLeft, OpenError::Refused] {
        let mut house = patient_house();
        let client = house.client(1, "alice");
        house.try_ask(&client, Method::ALLOCATE, &[UDP]);
        house.answer_open(Err(error));
        let reply = house.last_reply().unwrap();
        assert_eq!(reply.code(), Some(ErrorCode::InsufficientCapacity));
        assert!(reply.message().is_integrity_by(client.key.as_bytes()));
        assert_eq!(house.deadline, None);
        house.answers_opens = true;
        assert_eq!(house.ask(&client, Method::ALLOCATE, &[UDP]).code(), None);
    }
}

#[test]
fn a_socket_that_comes_too_late_is_closed() {
    let mut house = patient_house();
    let client = house.client(1, "alice");
    house.try_ask(&client, Method::ALLOCATE, &[UDP]);
    house.pass(secs(5));
    assert_eq!(house.last_reply().unwrap().code(), Some(ErrorCode::InsufficientCapacity));
    assert_eq!(house.server.stats().limited(Limited::RequestTime), 1);
    let late = house.open_questions[0].1;
    house.answer_open(Ok(()));
    assert_eq!(house.closed.len(), 1);
    assert_eq!(house.closed[0].0, late);
    assert_eq!((house.server.stats().allocations_live, house.deadline), (0, None));
    house.try_ask(&client, Method::ALLOCATE, &[UDP]);
    assert_ne!(house.open_questions[0].1, late, "a key is never used again");
}

#[test]
fn an_answer_nobody_asked_for_changes_nothing() {
    let mut house = patient_house();
    let client = house.client(1, "alice");
    house.try_ask(&client, Method::ALLOCATE, &[UDP]);
    let question = house.open_questions[0];
    house.answer_open(Ok(()));
    house.open_questions.push(question);
    house.answer_open(Err(OpenError::Refused));
    assert_eq!(house.server.stats().allocations_live, 1);
}

#[test]
fn sockets_being_opened_are_bounded() {
    let limits = Limits { opening: 2, ..Limits::default() };
    let mut house = House::new(Options { limits, ..options() });
    house.answers_opens = false;
    for port in 1..=2 {
        let client = house.client(port, "alice");
        assert!(house.try_ask(&client, Method::ALLOCATE, &[UDP]).is_none());
    }
    let client = house.client(3, "alice");
    assert_eq!(house.ask(&client, Method::ALLOCATE, &[UDP]).code(), Some(ErrorCode::InsufficientCapacity));
    assert_eq!(house.server.stats().limited(Limited::Opening), 1);
    house.answer_open(Ok(()));
    assert!(house.try_ask(&client, Method::ALLOCATE, &[UDP]).is_none(), "there is room again");
}
