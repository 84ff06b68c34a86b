use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::room::Seat;
use crate::room_record::{ParticipantRecord, RoomRecord, TimerRecord};

type Name = (RoomId, String);

/// What somebody who sees inputs and outputs knows.
#[derive(Default)]
pub(super) struct Observer {
    /// The socket in use for each socket of the steps: names are never used again.
    names: BTreeMap<u64, u64>,
    named: u64,
    /// Neither disconnected for good nor closed.
    open: BTreeSet<u64>,
    /// Those among them that were lost and have not returned.
    lost: BTreeSet<u64>,
    /// How many messages were sent.
    sent: usize,
    /// Who was on which sockets before and after the last step.
    seats: BTreeMap<Name, BTreeSet<u64>>,
    /// Pairs of which the second has had a description by the first since both are there.
    described: BTreeSet<(RoomId, String, String)>,
    /// The last message of each kind that a socket got of somebody.
    last: BTreeMap<(RoomId, String, String, SignalKind, u64), usize>,
    /// The messages that polls took.
    mailed: BTreeSet<(RoomId, String, usize)>,
    /// How often sockets asked for mail and were not answered.
    polls: BTreeMap<(RoomId, u64), usize>,
    /// Who joined and has not left.
    pub(super) present: BTreeSet<Name>,
    /// What is kept of rooms.
    pub(super) kept: BTreeMap<RoomId, Option<RoomRecord<Words>>>,
}

impl Observer {
    pub(super) fn run(&mut self, world: &mut World, step: &Step) {
        self.seats = seats(world);
        if let Some(step) = self.named(step) {
            self.feed(world, step);
        }
        for (name, sockets) in seats(world) {
            self.seats.entry(name).or_default().extend(sockets);
        }
        self.watch(world);
        if let Output::Wait(Some(deadline)) = world.core.poll_output() {
            assert!(deadline.at > world.now.mono, "a deadline that is over would make its driver spin");
        }
    }

    pub(super) fn all_go(&mut self, world: &mut World) {
        while let Some(socket) = self.open.first().copied() {
            world.disconnect(socket);
            self.watch(world);
            self.forget(socket);
        }
    }

    /// The step with the socket's name of now, if it has one or needs none.
    fn named(&mut self, step: &Step) -> Option<Step> {
        let mut step = step.clone();
        match &mut step {
            Step::Connect(socket, _) => {
                if self.names.contains_key(socket) {
                    return None;
                }
                self.named += 1;
                self.names.insert(*socket, self.named);
                self.open.insert(self.named);
                *socket = self.named;
            }
            Step::Join { socket, .. }
            | Step::Send { socket, .. }
            | Step::Leave(socket, _)
            | Step::Tell(socket, ..)
            | Step::Timer(socket, ..)
            | Step::Poll(socket, ..)
            | Step::End(socket, _)
            | Step::Recall(socket, _)
            | Step::Pong(socket)
            | Step::Return(socket)
            | Step::Disconnect(socket, _) => *socket = *self.names.get(socket)?,
            Step::Kick(..) | Step::Lock(..) | Step::Restore { .. } | Step::Pass(_) => {}
        }
        Some(step)
    }

    fn feed(&mut self, world: &mut World, step: Step) {
        if let Step::Join { socket, .. }
        | Step::Send { socket, .. }
        | Step::Leave(socket, _)
        | Step::Tell(socket, ..)
        | Step::Timer(socket, ..)
        | Step::Poll(socket, ..)
        | Step::End(socket, _)
        | Step::Recall(socket, _)
        | Step::Pong(socket)
        | Step::Return(socket) = &step
        {
            self.lost.remove(socket);
        }
        let named = |at: usize| room(ROOMS[at]);
        match step {
            Step::Connect(socket, from) => world.connect(socket, from),
            Step::Join { socket, room, id, traits } => world.join_in(ROOMS[room], socket, IDS[id], traits),
            Step::Leave(socket, at) => {
                let (socket, room) = (SocketId(socket), named(at));
                world.feed(Input::Leave { socket, room, participant: None });
            }
            Step::Send { socket, room, kind, to, word } => {
                self.sent += 1;
                let payload = match kind {
                    Candidate if word == "bad" => word.to_owned(),
                    _ => {
                        format!("{}{}", word.trim_end_matches('.'), self.sent)
                            + &word[word.trim_end_matches('.').len()..]
                    }
                };
                world.send_in(ROOMS[room], socket, "", kind, to.map(|it| IDS[it]), &payload);
            }
            Step::Tell(socket, at, topic) => {
                let telling = Telling { topic, from: None, value: words("verse") };
                world.feed(Input::Tell { socket: SocketId(socket), room: named(at), telling });
            }
            Step::Timer(socket, at, order) => {
                world.feed(Input::Timer { socket: SocketId(socket), room: named(at), order });
            }
            Step::Poll(socket, at, of) => {
                *self.polls.entry((named(at), socket)).or_default() += 1;
                world.feed(Input::TakeMail { socket: SocketId(socket), room: named(at), participant: id(IDS[of]) });
            }
            Step::Kick(at, of) => {
                world.feed(Input::Kick { by: None, room: named(at), participant: id(IDS[of]), reason: None });
            }
            Step::Lock(at, locked) => world.feed(Input::Lock { by: None, room: named(at), locked }),
            Step::End(socket, at) => {
                world.feed(Input::End { by: Some(SocketId(socket)), room: named(at), reason: None });
            }
            Step::Recall(socket, at) => world.feed(Input::Recall { socket: SocketId(socket), room: named(at) }),
            Step::Restore { room: at, ids, verse, timer, locked } => {
                self.kept.insert(named(at), None);
                world.feed(Input::Restore(record(named(at), &ids, verse, timer, locked)));
                self.present.extend(seats(world).into_keys());
            }
            Step::Pong(socket) => world.pong(socket),
            Step::Return(socket) => world.come_back(socket),
            Step::Disconnect(socket, departure) => self.disconnect(world, socket, departure),
            Step::Pass(millis) => world.pass(Duration::from_millis(millis)),
        }
    }

    fn disconnect(&mut self, world: &mut World, socket: u64, departure: Departure) {
        world.feed(Input::Disconnected { socket: SocketId(socket), departure });
        if world.core.sockets.contains_key(&SocketId(socket)) {
            assert_eq!(departure, Departure::Lost);
            self.lost.insert(socket);
        } else {
            self.forget(socket);
        }
    }

    fn forget(&mut self, socket: u64) {
        self.open.remove(&socket);
        self.lost.remove(&socket);
        self.names.retain(|_, it| *it != socket);
        self.polls.retain(|it, _| it.1 != socket);
    }

    pub(super) fn watch(&mut self, world: &mut World) {
        for output in std::mem::take(&mut world.done) {
            match output {
                Output::Deliver { to, notice } => self.watch_delivery(&to, &notice),
                Output::Ping { to } => {
                    assert!(self.open.contains(&to.0) && !self.lost.contains(&to.0), "pinged a socket that left");
                }
                Output::Close { socket, .. } => {
                    assert!(self.open.contains(&socket.0), "closed a socket that left");
                    self.forget(socket.0);
                }
                Output::Keep(record) => {
                    self.kept.insert(record.room.clone(), Some(record));
                }
                Output::Forget(room) => {
                    assert!(self.kept.remove(&room).is_some(), "forgot what was not kept");
                }
                Output::Event(event) => self.watch_event(&event),
                Output::Wait(_) => {}
            }
        }
    }

    fn watch_event(&mut self, event: &Event) {
        match event {
            Event::Joined { room, participant, .. } => {
                self.present.insert((room.clone(), participant.to_string()));
                self.described.retain(|(at, from, to)| {
                    at != room || (from != participant.as_str() && to != participant.as_str())
                });
            }
            Event::Left { room, participant, .. } => {
                let name = (room.clone(), participant.to_string());
                assert!(self.present.remove(&name), "left twice, or without having joined");
                self.described.retain(|(at, from, to)| *at != name.0 || (*from != name.1 && *to != name.1));
            }
            _ => {}
        }
    }

    fn watch_delivery(&mut self, to: &[SocketId], notice: &Notice<Words>) {
        let distinct: BTreeSet<_> = to.iter().collect();
        assert_eq!(distinct.len(), to.len(), "told a socket twice");
        for socket in to {
            assert!(self.open.contains(&socket.0), "delivered to a socket that left: {notice:?}");
        }
        match notice {
            Notice::Signal { room, kind, from, to: Some(id), payload } => {
                self.watch_signal(to, (room, from, id), *kind, &payload.0);
            }
            Notice::Signal { room, kind: Offer | Answer, from, to: None, .. } => {
                for ((_, id), sockets) in self.seats.iter().filter(|it| it.0.0 == *room) {
                    if to.iter().all(|it| sockets.contains(&it.0)) {
                        self.described.insert((room.clone(), from.to_string(), id.clone()));
                    }
                }
            }
            Notice::Crossed { room, from, to: id, offer, .. } => {
                self.watch_signal(to, (room, from, id), Offer, &offer.0);
            }
            Notice::Mail { signals } => self.watch_mail(to, signals),
            _ => {}
        }
    }

    fn watch_mail(&mut self, to: &[SocketId], signals: &[Notice<Words>]) {
        assert!(!signals.is_empty(), "an answer without mail");
        for (at, signal) in signals.iter().enumerate() {
            let Notice::Signal { room, to: id, payload, .. } = signal else { panic!("mail that is no signal") };
            if at == 0 {
                let polls = self.polls.entry((room.clone(), to[0].0)).or_default();
                assert!(*polls > 0, "mail for a socket that does not wait");
                *polls -= 1;
            }
            if let (Some(id), Some(number)) = (id, number(&payload.0)) {
                assert!(self.mailed.insert((room.clone(), id.to_string(), number)), "one message to two polls");
            }
            self.watch_delivery(to, signal);
        }
    }

    fn watch_signal(
        &mut self,
        to: &[SocketId],
        (room, from, id): (&RoomId, &ParticipantId, &ParticipantId),
        kind: SignalKind,
        payload: &str,
    ) {
        let seat = self.seats.get(&(room.clone(), id.to_string()));
        assert!(to.iter().all(|it| seat.is_some_and(|seat| seat.contains(&it.0))), "delivered to somebody else");
        let pair = (room.clone(), from.to_string(), id.to_string());
        match kind {
            Offer | Answer => drop(self.described.insert(pair.clone())),
            Candidate => assert!(self.described.contains(&pair), "a candidate before its description"),
        }
        let Some(number) = number(payload) else { return };
        for socket in to {
            let key = (pair.0.clone(), pair.1.clone(), pair.2.clone(), kind, socket.0);
            let before = self.last.insert(key, number);
            assert!(before.is_none_or(|before| before < number), "out of order, or twice");
        }
    }

    /// What the core counts is what there is.
    pub(super) fn check_sums(&self, world: &World) {
        let (core, stats) = (&world.core, world.core.stats());
        let rooms = || core.rooms.values();
        assert_eq!(core.sockets.keys().map(|it| it.0).collect::<BTreeSet<_>>(), self.open);
        assert_eq!(stats.participants, rooms().map(|it| it.participants.len()).sum::<usize>());
        assert_eq!(stats.participants, self.present.len());
        assert_eq!(stats.sessions, rooms().filter(|it| !it.participants.is_empty()).count());
        assert_eq!(stats.claims, rooms().map(|it| it.claims.len()).sum::<usize>());
        assert_eq!(stats.graces, rooms().map(|it| it.graces.len()).sum::<usize>());
        let directions = rooms().flat_map(|it| it.directions.values());
        assert_eq!(stats.held_bytes, directions.map(crate::direction::Direction::held_bytes).sum::<usize>());
        let mail = |load: fn(&Load) -> usize| {
            let boxes = rooms().flat_map(|it| it.mailboxes.values()).map(|it| load(&it.load)).sum::<usize>();
            assert_eq!(boxes, rooms().flat_map(|it| it.posted.values()).map(load).sum::<usize>());
            boxes
        };
        assert_eq!((stats.mail_len, stats.mail_bytes), (mail(|it| it.len), mail(|it| it.bytes)));
        let letters = rooms().flat_map(|it| it.mailboxes.values()).flat_map(|it| &it.letters);
        assert_eq!(stats.mail_bytes, letters.map(|it| it.message.payload.len()).sum::<usize>());
        let kept = rooms().flat_map(|it| it.verse.iter().chain(&it.queue)).map(Words::len);
        assert_eq!(stats.kept_bytes, kept.sum::<usize>());
        assert_eq!(stats.timers, rooms().filter(|it| it.stopwatch.is_some_and(|it| !it.is_over())).count());
        assert!(rooms().all(|it| !it.is_empty()), "an empty room");
        self.check_seats(world);
        self.check_kept(world);
        check_bounds(world);
    }

    /// What is kept of a room is what there is, as far as somebody could come back to it.
    fn check_kept(&self, world: &World) {
        for room in world.core.rooms.values() {
            let lasting = room.members().filter(|(_, it)| it.traits.presence.is_lasting());
            let lasting: Vec<_> = lasting.map(|(id, it)| (id, &it.owner)).collect();
            let kept = self.kept.get(&room.id).and_then(Option::as_ref);
            assert_eq!(kept.is_some(), !lasting.is_empty());
            if let Some(kept) = kept {
                let participants: Vec<_> = kept.participants.iter().map(|it| (&it.id, &it.owner)).collect();
                assert_eq!((participants, kept.locked), (lasting, room.is_locked));
                assert_eq!((&kept.verse, &kept.queue), (&room.verse, &room.queue));
            }
        }
    }

    /// Sockets and participants know each other, and who is absent has no live socket.
    fn check_seats(&self, world: &World) {
        let core = &world.core;
        for (key, room) in &core.rooms {
            for (id, participant) in &room.participants {
                let seat = Seat { room: *key, id: id.clone() };
                assert!(participant.sockets.iter().all(|it| core.sockets[it].seats.contains(&seat)));
                let is_live = participant.sockets.iter().any(|it| core.is_live(*it));
                let may_return = participant.traits.presence.is_lasting();
                assert_eq!(core.absent.contains(&seat), may_return && !is_live, "{seat:?} {participant:?}");
                assert!(is_live || !participant.is(Presence::Sole));
                assert!(participant.traits.presence.is_plural() || participant.sockets.len() <= 1);
            }
        }
        for (name, socket) in &core.sockets {
            let is_there = |seat: &Seat| core.participant(seat).is_some_and(|it| it.sockets.contains(name));
            assert!(socket.seats.iter().all(is_there));
            assert_eq!(socket.is_lost, self.lost.contains(&name.0));
        }
    }
}

fn check_bounds(world: &World) {
    let (core, options) = (&world.core, &world.core.options);
    for room in core.rooms.values() {
        assert!(room.participants.len() <= options.participants_max);
        for participant in room.participants.values() {
            assert!(participant.sockets.len() <= options.sockets_per_participant_max);
            assert!(participant.sent_to.len() <= options.peers_max);
        }
        assert!(room.mailboxes.values().all(|it| it.load.len <= options.mail_len_max));
        assert!(room.posted.values().all(|it| it.len <= options.sender_mail_len_max));
    }
    for socket in core.sockets.values() {
        assert!(socket.seats.len() + socket.claims.len() <= options.ids_per_socket_max);
    }
    let stats = core.stats();
    assert!(stats.graces <= options.graces_max);
    assert!(stats.mail_bytes <= options.mail_total_bytes_max);
    assert!(stats.kept_bytes <= options.kept_total_bytes_max);
    assert!(stats.held_bytes <= options.held_total_bytes_max);
}

fn seats(world: &World) -> BTreeMap<Name, BTreeSet<u64>> {
    let rooms = world.core.rooms.values();
    let seats = rooms.flat_map(|room| room.participants.iter().map(|(id, it)| (room.id.clone(), id, it)));
    seats.map(|(room, id, it)| ((room, id.to_string()), it.sockets.iter().map(|it| it.0).collect())).collect()
}

fn record(room: RoomId, ids: &[usize], verse: bool, timer: Option<u64>, locked: bool) -> RoomRecord<Words> {
    let owner = Owner::of_address(HOME.into());
    let participant = |of: &usize| ParticipantRecord { id: id(IDS[*of]), name: None, owner: owner.clone() };
    let rests = |secs| TimerRecord::Rests { duration: Duration::from_secs(secs), remaining: 9 * SECOND };
    RoomRecord {
        room,
        participants: ids.iter().map(participant).collect(),
        locked,
        verse: verse.then(|| words("verse")),
        queue: None,
        timer: timer.map(rests),
    }
}

/// Which message it is.
fn number(payload: &str) -> Option<usize> {
    let digits: String =
        payload.chars().skip_while(|it| !it.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
