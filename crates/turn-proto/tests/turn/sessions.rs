use sangam_turn_proto::{EndCause, ErrorCode, Event, Input, Method, Traffic, Transport};

use crate::fixture::{Client, House, UDP, options, peer, secs};

impl House {
    fn ended(&self) -> Vec<(EndCause, &str, u16)> {
        let ended = self.events.iter().filter_map(|event| match event {
            Event::Deleted { cause, username, five_tuple, .. } => {
                Some((*cause, username.as_str(), five_tuple.client.0.port()))
            }
            _ => None,
        });
        ended.collect()
    }

    fn named(&mut self, port: u16, username: &str) -> Client {
        let client = self.client(port, username);
        assert_eq!(self.ask(&client, Method::ALLOCATE, &[UDP]).code(), None);
        client
    }

    fn kick(&mut self, username: &str) -> usize {
        let places = 0..self.server.session_places();
        let ended =
            self.server.end_sessions(self.now, EndCause::Kicked, places, |session| session.username == username);
        self.input(Input::Timeout);
        ended
    }
}

#[test]
fn a_session_shows_whose_it_is_what_it_may_do_and_what_it_relayed() {
    let mut house = House::new(options());
    house.pass(secs(5));
    let client = house.allocated(1);
    house.pass(secs(10));
    house.permit(&client, &[peer("8.8.8.8:1"), peer("8.8.4.4:1")]);
    house.bind(&client, 0x4000, peer("8.8.8.8:1"));
    house.channel_data(&client, 0x4000, b"12345");
    house.datagram(peer("5.5.5.5:50000"), peer("8.8.8.8:1"), b"1234567");
    let session = house.server.sessions(house.now, 0..usize::MAX).next().unwrap();
    assert_eq!(Some(session), house.server.session(house.now, session.allocation));
    assert_eq!((session.username, session.five_tuple, session.key), ("alice", client.five_tuple, client.key));
    assert_eq!((session.relayed.0, session.external), (peer("5.5.5.5:50000"), peer("5.5.5.5:50000")));
    assert_eq!((session.begun.since_start(), session.expires.since_start()), (secs(5), secs(605)));
    assert_eq!((session.permissions, session.channels), (2, 1));
    assert_eq!(session.sent, Traffic { packets: 1, bytes: 5 });
    assert_eq!(session.received, Traffic { packets: 1, bytes: 7 });
    // Permissions last five minutes, channels ten.
    let later = house.now + secs(301);
    let session = house.server.session(later, session.allocation).unwrap();
    assert_eq!((session.permissions, session.channels), (0, 1));
}

#[test]
fn slices_show_each_session_once_also_while_others_end() {
    let mut house = House::new(options());
    for port in 1..=9 {
        house.named(port, if port % 3 == 0 { "bob" } else { "alice" });
    }
    assert_eq!(house.kick("bob"), 3);
    let mut ports = Vec::new();
    for from in (0..house.server.session_places()).step_by(2) {
        let slice = house.server.sessions(house.now, from..from + 2);
        ports.extend(slice.map(|session| session.five_tuple.client.0.port()));
    }
    assert_eq!(ports, [1, 2, 4, 5, 7, 8]);
}

#[test]
fn ending_sessions_closes_their_sockets_and_spares_all_others() {
    let mut house = House::new(options());
    let (alice, bob) = (house.named(1, "alice"), house.named(2, "bob"));
    assert_eq!(house.kick("alice"), 1);
    assert_eq!(house.ended(), [(EndCause::Kicked, "alice", 1)]);
    assert_eq!(house.closed.len(), 1);
    assert_eq!(house.refresh(&alice, 600), Some(ErrorCode::AllocationMismatch));
    assert_eq!(house.refresh(&bob, 600), None);
    assert_eq!(house.kick("alice"), 0);
    assert_eq!((house.server.stats().ended(EndCause::Kicked), house.server.stats().allocations_live), (1, 1));
    // Its place is another's now, and its name finds nothing.
    house.named(3, "carol");
    assert_eq!(house.kick("alice"), 0);
}

#[test]
fn each_way_to_end_has_its_cause() {
    let mut house = House::new(options());
    house.named(1, "alice");
    house.pass(secs(600));
    let client = house.named(2, "alice");
    house.refresh(&client, 0);
    let mut client = house.client(3, "alice");
    client.five_tuple.transport = Transport::Tcp;
    house.challenge(&mut client);
    house.ask(&client, Method::ALLOCATE, &[UDP]);
    house.input(Input::ConnectionClosed(client.five_tuple));
    house.named(4, "alice");
    house.server.end_sessions(house.now, EndCause::Revoked, 0..usize::MAX, |_| true);
    house.input(Input::Timeout);
    let causes: Vec<EndCause> = house.ended().into_iter().map(|(cause, ..)| cause).collect();
    assert_eq!(causes, [EndCause::Expired, EndCause::Client, EndCause::ConnectionClosed, EndCause::Revoked]);
    assert!(causes.iter().all(|&cause| house.server.stats().ended(cause) == 1));
}

#[test]
fn a_request_whose_socket_is_still_opened_is_forgotten_and_its_client_is_judged_anew() {
    let mut house = House::new(options());
    house.answers_opens = false;
    let client = house.client(1, "alice");
    let request = client.request(house.transaction(), Method::ALLOCATE, &[UDP]);
    assert!(house.raw(client.five_tuple, &request).is_none());
    house.server.forget_openings(|username, key| username == "alice" && *key == client.key);
    house.input(Input::Timeout);
    house.answer_open(Ok(()));
    assert_eq!((house.closed.len(), house.server.stats().allocations_live), (1, 0));
    let asked = house.open_questions.len();
    house.raw(client.five_tuple, &request);
    assert_eq!(house.open_questions.len(), asked + 1, "asked again, it is looked up again");
}

#[test]
fn a_refresh_tells_what_was_relayed_so_far() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    house.bind(&client, 0x4000, peer("8.8.8.8:1"));
    house.channel_data(&client, 0x4000, b"12345");
    house.refresh(&client, 600);
    let Some(Event::Refreshed { username, sent, received, .. }) = house.events.last() else { panic!() };
    assert_eq!((username.as_str(), sent.bytes, received.bytes), ("alice", 5, 0));
}
