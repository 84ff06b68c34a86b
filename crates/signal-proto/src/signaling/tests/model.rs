//! Random inputs against what a reader of the documentation would expect.

use proptest::prelude::*;

use super::*;

mod observer;

use observer::Observer;

#[derive(Clone, Debug)]
pub(super) enum Step {
    Connect(u64, [u8; 4]),
    Join { socket: u64, room: usize, id: usize, traits: Traits },
    Leave(u64, usize),
    Send { socket: u64, room: usize, kind: SignalKind, to: Option<usize>, word: &'static str },
    Tell(u64, usize, Topic),
    Timer(u64, usize, TimerOrder),
    Poll(u64, usize, usize),
    Kick(usize, usize),
    Lock(usize, bool),
    End(u64, usize),
    Recall(u64, usize),
    Restore { room: usize, ids: Vec<usize>, verse: bool, timer: Option<u64>, locked: bool },
    Pong(u64),
    Disconnect(u64, Departure),
    Return(u64),
    Pass(u64),
}

const IDS: [&str; 3] = ["a", "b", "c"];
const ROOMS: [&str; 2] = ["one", "two"];
const SOCKETS: u64 = 4;

/// Mostly the first, so that there is somebody in it.
fn room_at() -> impl Strategy<Value = usize> + Clone {
    prop_oneof![5 => Just(0_usize), 1 => Just(1_usize)]
}

fn traits() -> impl Strategy<Value = Traits> {
    let presence = prop_oneof![
        1 => Just(Presence::Sole),
        1 => Just(Presence::Returning),
        3 => Just(Presence::Shared),
        2 => Just(Presence::Polled),
    ];
    let seldom = || prop::bool::weighted(0.2);
    (presence, seldom(), seldom()).prop_map(|(presence, rolls_back, wants_whole)| Traits {
        rolls_back,
        wants_whole,
        presence,
    })
}

fn moderation() -> impl Strategy<Value = Step> {
    let (socket, room) = (0..SOCKETS, room_at());
    prop_oneof![
        1 => (room.clone(), 0..IDS.len()).prop_map(|(room, id)| Step::Kick(room, id)),
        2 => (room.clone(), any::<bool>()).prop_map(|(room, locked)| Step::Lock(room, locked)),
        1 => (socket.clone(), room.clone()).prop_map(|(socket, room)| Step::End(socket, room)),
        1 => (socket, room.clone()).prop_map(|(socket, room)| Step::Recall(socket, room)),
        1 => (room, prop::collection::vec(0..IDS.len(), 0..4), any::<bool>(), prop::option::of(0..90_u64), any::<bool>())
            .prop_map(|(room, ids, verse, timer, locked)| Step::Restore { room, ids, verse, timer, locked }),
    ]
}

fn coming_and_going() -> impl Strategy<Value = Step> {
    let (socket, room) = (0..SOCKETS, room_at());
    let from = prop_oneof![3 => Just(HOME), 1 => Just(ELSEWHERE)];
    let departure = prop_oneof![1 => Just(Departure::Said), 2 => Just(Departure::Lost)];
    prop_oneof![
        4 => (socket.clone(), from).prop_map(|(socket, from)| Step::Connect(socket, from)),
        8 => (socket.clone(), room.clone(), 0..IDS.len(), traits())
            .prop_map(|(socket, room, id, traits)| Step::Join { socket, room, id, traits }),
        1 => (socket.clone(), room).prop_map(|(socket, room)| Step::Leave(socket, room)),
        1 => socket.clone().prop_map(Step::Pong),
        2 => (socket.clone(), departure).prop_map(|(socket, departure)| Step::Disconnect(socket, departure)),
        2 => socket.prop_map(Step::Return),
    ]
}

fn talking() -> impl Strategy<Value = Step> {
    let (socket, room) = (0..SOCKETS, room_at());
    let kind = prop_oneof![1 => Just(Offer), 1 => Just(Answer), 2 => Just(Candidate)];
    let to = prop_oneof![8 => (0..IDS.len()).prop_map(Some), 1 => Just(None)];
    let word = prop_oneof![Just("data"), Just("media"), Just("media."), Just("bad")];
    let topic = prop_oneof![Just(Topic::Verse), Just(Topic::Queue), Just(Topic::Reading)];
    let order = prop_oneof![
        (0..9_u64).prop_map(|secs| TimerOrder::Start(Duration::from_secs(secs))),
        Just(TimerOrder::Pause),
        Just(TimerOrder::Resume),
    ];
    prop_oneof![
        12 => (socket.clone(), room.clone(), kind, to, word)
            .prop_map(|(socket, room, kind, to, word)| Step::Send { socket, room, kind, to, word }),
        4 => (socket.clone(), room.clone(), 0..IDS.len()).prop_map(|(socket, room, id)| Step::Poll(socket, room, id)),
        1 => (socket.clone(), room.clone(), topic).prop_map(|(socket, room, topic)| Step::Tell(socket, room, topic)),
        1 => (socket, room, order).prop_map(|(socket, room, order)| Step::Timer(socket, room, order)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => coming_and_going(),
        12 => talking(),
        1 => moderation(),
        4 => prop_oneof![1..200_u64, 1..8_000_u64].prop_map(Step::Pass),
    ]
}

/// Tight, so that all are reached.
fn options() -> Options {
    Options {
        participants_max: 2,
        sockets_per_participant_max: 2,
        ids_per_socket_max: 3,
        graces_max: 4,
        peers_max: 2,
        held_len_max: 3,
        mail_len_max: 5,
        sender_mail_len_max: 8,
        mail_total_bytes_max: 120,
        kept_bytes_max: 8,
        kept_total_bytes_max: 20,
        ..Options::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn nothing_reaches_who_left_nothing_comes_twice_or_out_of_order_and_nothing_remains(
        steps in proptest::collection::vec(step(), 1..150),
        is_tight in any::<bool>(),
    ) {
        let mut world = World::with(if is_tight { options() } else { Options::default() });
        let mut observer = Observer::default();
        for step in &steps {
            observer.run(&mut world, step);
            observer.check_sums(&world);
        }
        observer.all_go(&mut world);
        world.pass(120 * SECOND);
        observer.watch(&mut world);
        prop_assert_eq!(world.core.stats(), Stats::default());
        prop_assert_eq!(world.core.poll_output(), Output::Wait(None));
        prop_assert!(observer.kept.is_empty(), "kept after all have gone");
        prop_assert!(observer.present.is_empty(), "announced and not left");
    }
}
