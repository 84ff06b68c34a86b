use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;
use sangam_signal_proto::ParticipantId;
use sangam_signal_proto::{Notice, RoomId};
use sangam_signal_server::dialect::Said;
use sangam_signal_server::dialect::socketio::{Client, Decoded, Dropped, GuardOptions, Request, encode};
use sangam_socketio_proto::Arguments;
use sangam_types::{Now, Text};

use super::support::{GUARD, NOW, arguments, event, id};

/// Clients of the documented class in one session: each sends back every event that it is told, with its members in another
/// order and its text escaped in another way, as another JSON writer may.
struct Session {
    clients: Vec<Client>,
    sent: VecDeque<(usize, Arguments)>,
    /// Events that were told, by the client.
    told: Vec<Vec<String>>,
    now: Now,
}

impl Session {
    fn new(size: usize) -> Self {
        let clients = (0..size).map(|_| Client::new(NOW.mono, &GUARD)).collect();
        Self { clients, sent: VecDeque::new(), told: vec![Vec::new(); size], now: NOW }
    }

    fn name(at: usize) -> ParticipantId {
        id(&format!("p{at}"))
    }

    /// Sends, and lets everybody react until nobody has anything left to say.
    fn send(&mut self, from: usize, event: Arguments) {
        self.sent.push_back((from, event));
        for _ in 0..10_000 {
            let Some((from, event)) = self.sent.pop_front() else { return };
            self.now = self.now + Duration::from_millis(1);
            if let Ok(Decoded::Core(request)) = self.clients[from].hear(&event, self.now, &GUARD) {
                self.relay(from, request);
            }
        }
        panic!("they talk in circles");
    }

    fn relay(&mut self, from: usize, request: Request) {
        match request {
            Request::Signal { room, signal } => {
                for at in (0..self.clients.len()).filter(|at| *at != from) {
                    let to = Self::name(at);
                    if signal.to.as_deref().is_none_or(|it| it == to.as_str()) {
                        let to = signal.to.as_ref().map(|_| to);
                        let (room, payload) = (room.clone(), signal.payload.clone());
                        let from = Self::name(from);
                        self.tell(at, &Notice::Signal { room, kind: signal.kind, from, to, payload });
                    }
                }
            }
            Request::Tell { room, telling } => {
                let (topic, value) = (telling.topic, telling.value);
                self.tell_all(&Notice::Told { room, from: Self::name(from), topic, value });
            }
            Request::End { room, reason } => self.tell_all(&Notice::Ended { room, reason }),
            Request::Lock { room, locked } => self.tell_all(&Notice::Locked { room, locked }),
            Request::Join { .. }
            | Request::Leave { .. }
            | Request::Recall { .. }
            | Request::Timer { .. }
            | Request::Kick { .. } => {}
        }
    }

    fn tell_all(&mut self, notice: &Notice<Said>) {
        (0..self.clients.len()).for_each(|at| self.tell(at, notice));
    }

    fn tell(&mut self, at: usize, notice: &Notice<Said>) {
        let client = &mut self.clients[at];
        let events = encode(notice, client.ear(), self.now.wall);
        client.told(notice, &events, self.now.mono, &GUARD);
        for event in events {
            self.told[at].push(event.arguments.json().to_owned());
            // The map sorts the members.
            let value: serde_json::Value = serde_json::from_str(event.arguments.json()).unwrap();
            self.sent.push_back((at, arguments(&value.to_string().replace('é', "\\u00e9"))));
        }
    }

    fn frames(&self) -> usize {
        self.told.iter().map(Vec::len).sum()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn clients_that_send_back_whatever_they_hear_make_one_frame_for_each_other(
        size in 2_usize..12,
        is_directed in any::<bool>(),
        stamp in prop_oneof![Just(""), Just(r#","timestamp":1"#)],
    ) {
        let mut session = Session::new(size);
        let to = if is_directed { r#","to":"p1""# } else { "" };
        let offer = format!(r#"webrtc-offer {{"type":"offer","sessionId":"s","from":"p0"{to},"data":{{"sdp":"é","n":1.0}}{stamp}}}"#);
        session.send(0, event(&offer));
        prop_assert_eq!(session.frames(), if is_directed { 1 } else { size - 1 });
        prop_assert!(session.frames() <= 10);
    }

    #[test]
    fn what_the_whole_session_is_told_comes_back_to_nobody(size in 1_usize..12) {
        let mut session = Session::new(size);
        for (at, told) in [
            r#"verse-changed {"sessionId":"s","verse":{"é":1}}"#,
            r#"reading-queue-update {"sessionId":"s","queue":["a"]}"#,
            r#"session-timer-update {"sessionId":"s","timeLeft":9}"#,
            r#"session-ended {"sessionId":"s"}"#,
        ].into_iter().enumerate() {
            session.send(0, event(told));
            prop_assert_eq!(session.frames(), size * (at + 1));
        }
    }
}

#[test]
fn a_second_offer_of_its_own_author_passes() {
    let mut session = Session::new(3);
    let offer = r#"webrtc-offer {"sessionId":"s","from":"p0","to":"p1","data":{"sdp":"v"}}"#;
    session.send(0, event(offer));
    session.send(0, event(offer));
    assert_eq!(session.told[1].len(), 2);
    session.send(1, event(&offer.replace("p0", "x").replace("p1", "p0")));
    assert_eq!(session.told[0].len(), 1);
}

#[test]
fn an_offer_that_was_heard_long_ago_may_be_sent() {
    let mut session = Session::new(2);
    let offer = r#"webrtc-offer {"sessionId":"s","data":{"sdp":"v"}}"#;
    session.send(0, event(offer));
    session.send(1, event(offer));
    assert_eq!(session.told[0].len(), 0);
    session.now = session.now + GUARD.echo_window * 2;
    session.clients[1].rest(session.now.mono, &GUARD);
    session.send(1, event(offer));
    assert_eq!(session.told[0].len(), 1);
}

#[test]
fn a_session_may_go_back_to_a_verse_at_once() {
    let mut session = Session::new(2);
    for verse in [1, 2, 1] {
        session.send(0, event(&format!(r#"verse-changed {{"sessionId":"s","verse":{verse}}}"#)));
    }
    assert_eq!(session.told[1].len(), 3);
}

#[test]
fn a_client_that_stamps_anew_what_it_sends_back_is_slowed_down() {
    let options = GuardOptions { undirected_per_sec: 10, undirected_burst: 5, ..GUARD };
    let mut client = Client::new(NOW.mono, &options);
    let mut passed = |at: Duration| {
        let now = NOW + at;
        let heard = client.hear(&event(r#"verse-changed {"sessionId":"s","verse":1}"#), now, &options);
        !matches!(heard, Ok(Decoded::Dropped(Dropped::Rate)))
    };
    assert_eq!((0..20).filter(|_| passed(Duration::ZERO)).count(), 5);
    assert_eq!((0..20).filter(|_| passed(Duration::from_millis(200))).count(), 2);
}

#[test]
fn directed_signals_and_joins_are_not_slowed_down_by_the_guard() {
    let options = GuardOptions { undirected_per_sec: 1, undirected_burst: 1, ..GUARD };
    let mut client = Client::new(NOW.mono, &options);
    for at in 0..100 {
        let candidate = event(&format!(r#"webrtc-ice-candidate {{"sessionId":"s","to":"b","data":{at}}}"#));
        assert!(matches!(client.hear(&candidate, NOW, &options), Ok(Decoded::Core(_))));
    }
}

#[test]
fn an_echo_teaches_nothing_about_a_client() {
    let mut client = Client::new(NOW.mono, &GUARD);
    client.hear(&event(r#"webrtc-signaling {"type":"offer","sessionId":"s","data":1}"#), NOW, &GUARD).unwrap();
    let before = client.ear();
    let room = RoomId::parse("s").unwrap();
    let value = Said::new(Text::from(r#"{"verse":1}"#));
    let notice = Notice::Told { room, from: id("b"), topic: sangam_signal_proto::Topic::Verse, value };
    let events = encode(&notice, before, NOW.wall);
    client.told(&notice, &events, NOW.mono, &GUARD);
    let heard = client.hear(&events[0].arguments, NOW, &GUARD);
    assert!(matches!(heard, Ok(Decoded::Dropped(Dropped::Echo))));
    assert_eq!(client.ear(), before);
}
