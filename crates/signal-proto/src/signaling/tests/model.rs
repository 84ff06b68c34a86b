//! Random inputs against what a reader of the documentation would expect.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Connect(u64, [u8; 4]),
    Register(u64, usize),
    Send(u64, SignalKind, usize, bool),
    Pong(u64),
    Disconnect(u64),
    Pass(u64),
}

const IDS: [&str; 4] = ["a", "b", "c", "d"];

fn step() -> impl Strategy<Value = Step> {
    let socket = 0..6_u64;
    let from = prop_oneof![Just(HOME), Just(ELSEWHERE)];
    let kind = prop_oneof![Just(Offer), Just(Answer), Just(Candidate)];
    prop_oneof![
        2 => (socket.clone(), from).prop_map(|(socket, from)| Step::Connect(socket, from)),
        4 => (socket.clone(), 0..IDS.len()).prop_map(|(socket, id)| Step::Register(socket, id)),
        10 => (socket.clone(), kind, 0..IDS.len(), any::<bool>())
            .prop_map(|(socket, kind, to, data)| Step::Send(socket, kind, to, data)),
        1 => socket.clone().prop_map(Step::Pong),
        1 => socket.prop_map(Step::Disconnect),
        3 => (1..8_000_u64).prop_map(Step::Pass),
    ]
}

/// What somebody who sees inputs and outputs knows.
#[derive(Default)]
struct Observer {
    /// The socket id in use for each socket of the steps: ids are never used again.
    names: BTreeMap<u64, u64>,
    named: u64,
    open: BTreeSet<u64>,
    /// Who is on which socket, from what was delivered alone.
    seats: BTreeMap<String, u64>,
    /// Pairs of which the second has had a description by the first since both took their seats.
    described: BTreeSet<(String, String)>,
}

impl Observer {
    fn watch(&mut self, outputs: &[Output]) {
        for output in outputs {
            match output {
                Output::Deliver { to, notice } => self.watch_delivery(to, notice),
                Output::Ping { to } => assert!(self.open.contains(&to.0), "pinged a socket that left"),
                Output::Close { socket, .. } => {
                    assert!(self.open.remove(&socket.0), "closed a socket that left");
                    self.names.retain(|_, it| *it != socket.0);
                }
                Output::Event(Event::Left { participant, .. }) => self.unseat(participant.as_str()),
                Output::Event(_) | Output::Wait(_) => {}
            }
        }
    }

    fn watch_delivery(&mut self, to: &[SocketId], notice: &Notice) {
        let distinct: BTreeSet<_> = to.iter().collect();
        assert_eq!(distinct.len(), to.len(), "told a socket twice");
        for socket in to {
            assert!(self.open.contains(&socket.0), "delivered to a socket that left: {notice:?}");
        }
        match notice {
            Notice::Registered { participant, others } => {
                assert!(!others.contains(participant), "told of itself");
                if self.seats.get(participant.as_str()) != Some(&to[0].0) {
                    self.unseat(participant.as_str());
                    self.seats.insert(participant.to_string(), to[0].0);
                }
            }
            Notice::Signal { kind, from, to: id, .. } => {
                assert_eq!(self.seats.get(id.as_str()), Some(&to[0].0), "delivered to somebody else");
                let pair = (from.to_string(), id.to_string());
                match kind {
                    Offer | Answer => drop(self.described.insert(pair)),
                    Candidate => assert!(self.described.contains(&pair), "a candidate before its description"),
                }
            }
            Notice::Crossed { from, to: id, .. } => {
                assert_eq!(self.seats.get(id.as_str()), Some(&to[0].0), "delivered to somebody else");
                self.described.insert((from.to_string(), id.to_string()));
            }
            Notice::Joined { .. } | Notice::Left { .. } | Notice::Refused(_) => {}
        }
    }

    fn unseat(&mut self, id: &str) {
        self.seats.remove(id);
        self.described.retain(|(from, to)| from != id && to != id);
    }
}

fn run(world: &mut World, observer: &mut Observer, step: &Step) {
    let name = |socket| observer.names.get(socket).copied();
    match step {
        Step::Connect(socket, from) => {
            if name(socket).is_none() {
                observer.named += 1;
                observer.names.insert(*socket, observer.named);
                observer.open.insert(observer.named);
                world.connect(observer.named, *from);
            }
        }
        Step::Register(socket, id) => {
            if let Some(socket) = name(socket) {
                world.register(socket, IDS[*id]);
            }
        }
        Step::Send(socket, kind, to, data) => {
            if let Some(socket) = name(socket) {
                world.send(socket, *kind, IDS[*to], if *data { "data" } else { "media" });
            }
        }
        Step::Pong(socket) => {
            if let Some(socket) = name(socket) {
                world.pong(socket);
            }
        }
        Step::Disconnect(socket) => {
            if let Some(socket) = observer.names.remove(socket) {
                observer.open.remove(&socket);
                world.disconnect(socket);
            }
        }
        Step::Pass(millis) => world.pass(Duration::from_millis(*millis)),
    }
}

proptest! {
    #[test]
    fn nothing_reaches_who_left_and_no_candidate_comes_before_its_description(
        steps in proptest::collection::vec(step(), 1..120)
    ) {
        let mut world = World::new();
        let mut observer = Observer::default();
        for step in &steps {
            run(&mut world, &mut observer, step);
            observer.watch(&std::mem::take(&mut world.done));
            let (room, stats) = (&world.core.room, world.core.stats());
            prop_assert_eq!(stats.sockets, observer.open.len());
            let seats = room.participants.iter().map(|(id, it)| (id.to_string(), it.socket.0));
            prop_assert_eq!(&seats.collect::<BTreeMap<_, _>>(), &observer.seats);
            let held: usize = room.directions.values().map(crate::direction::Direction::held_bytes).sum();
            prop_assert_eq!(stats.held_bytes, held);
        }
        for socket in observer.open {
            world.disconnect(socket);
        }
        world.pass(60 * SECOND);
        prop_assert_eq!(world.core.stats(), Stats::default());
        prop_assert_eq!(world.core.room.directions.len(), 0);
        prop_assert_eq!(world.core.poll_output(), Output::Wait(None));
    }
}
