use std::collections::BTreeSet;

use sangam_control::{Members, Room, RoomEnded, RoomError, RoomList, RoomMember, RoomTimer, RoomWire, RoomWithMembers};
use sangam_signal_proto::{Input, MemberView, ParticipantId, Presence, RoomId, RoomView};
use sangam_types::{Mono, Text, Wall};
use tokio::sync::oneshot;

use super::{Hub, Peer};

/// Rooms that are looked at before clients have their turn again.
const ROOMS_PER_TURN: usize = 64;

/// Participants that are looked at before clients have their turn again; one room more, whatever its size.
const PARTICIPANTS_PER_TURN: usize = 1_024;

/// What an operator wants of the rooms.
#[derive(Debug)]
pub(crate) enum Order {
    /// As many of the rooms as one turn allows: at least one, if there is one.
    List { after: Option<String>, limit: usize, answer: oneshot::Sender<RoomList> },
    /// A room, and as many of its members as one turn allows: at least one, if there is one.
    Find { room: String, members: Members, answer: oneshot::Sender<Result<RoomWithMembers, RoomError>> },
    /// Puts a participant out.
    Kick { room: String, participant: String, reason: Option<Text>, answer: oneshot::Sender<Result<(), RoomError>> },
    /// Locks a room, or opens it.
    Lock { room: String, locked: bool, answer: oneshot::Sender<Result<(), RoomError>> },
    /// Ends a session.
    End { room: String, reason: Option<Text>, answer: oneshot::Sender<Result<RoomEnded, RoomError>> },
}

impl Hub {
    pub(super) fn carry_out(&mut self, order: Order) {
        match order {
            Order::List { after, limit, answer } => reply(answer, self.list_rooms(after.as_deref(), limit)),
            Order::Find { room, members, answer } => reply(answer, self.find_room(&room, members)),
            Order::Kick { room, participant, reason, answer } => reply(answer, self.kick(&room, &participant, reason)),
            Order::Lock { room, locked, answer } => reply(answer, self.lock(&room, locked)),
            Order::End { room, reason, answer } => reply(answer, self.end(&room, reason)),
        }
    }

    fn list_rooms(&self, after: Option<&str>, limit: usize) -> RoomList {
        let mut views = self.core.rooms(self.clock.mono(), after).peekable();
        let (mut rooms, mut participants) = (Vec::new(), 0);
        while rooms.len() < limit.clamp(1, ROOMS_PER_TURN)
            && participants < PARTICIPANTS_PER_TURN
            && let Some(view) = views.next()
        {
            participants += view.participants;
            rooms.push(shown(view));
        }
        let stats = self.core.stats();
        let has_more = views.peek().is_some();
        RoomList { rooms, has_more, total: stats.rooms, participants: stats.participants }
    }

    fn find_room(&self, room: &str, members: Members) -> Result<RoomWithMembers, RoomError> {
        let view = self.core.room_view(self.clock.mono(), room).ok_or(RoomError::NoRoom)?;
        let mut views = self.core.members(room, members.after).peekable();
        let (mut members_shown, mut last) = (Vec::new(), members.after);
        while members_shown.len() < members.limit.clamp(1, PARTICIPANTS_PER_TURN)
            && let Some(member) = views.next()
        {
            last = member.place;
            members_shown.push(self.shown_member(member));
        }
        let next = views.peek().map(|_| last);
        Ok(RoomWithMembers { room: shown(view), members: members_shown, next })
    }

    fn kick(&mut self, room: &str, participant: &str, reason: Option<Text>) -> Result<(), RoomError> {
        let id = self.room_id(room)?;
        let participant = ParticipantId::parse(participant).map_err(|_| RoomError::NoParticipant)?;
        if !self.core.is_member(room, participant.as_str()) {
            return Err(RoomError::NoParticipant);
        }
        self.feed_and_drain(Input::Kick { by: None, room: id, participant, reason });
        Ok(())
    }

    fn lock(&mut self, room: &str, locked: bool) -> Result<(), RoomError> {
        let room = self.room_id(room)?;
        self.feed_and_drain(Input::Lock { by: None, room, locked });
        Ok(())
    }

    fn end(&mut self, room: &str, reason: Option<Text>) -> Result<RoomEnded, RoomError> {
        let view = self.core.room_view(self.clock.mono(), room).ok_or(RoomError::NoRoom)?;
        self.feed_and_drain(Input::End { by: None, room: view.room, reason });
        Ok(RoomEnded { ended: view.participants })
    }

    /// The room of that name, if there is one.
    fn room_id(&self, room: &str) -> Result<RoomId, RoomError> {
        self.core.room_view(self.clock.mono(), room).map(|view| view.room).ok_or(RoomError::NoRoom)
    }

    fn shown_member(&self, member: MemberView) -> RoomMember {
        let wires: BTreeSet<RoomWire> = member
            .sockets
            .iter()
            .filter_map(|socket| self.peers.get(socket).map(Peer::wire))
            // A node has a socket for as long as a request lasts.
            .chain((member.presence == Presence::Polled).then_some(RoomWire::Rendezvous))
            .collect();
        RoomMember {
            id: member.id.as_str().to_owned(),
            name: member.name.map(|name| name.as_str().to_owned()),
            wires: wires.into_iter().collect(),
            present: member.absent_since.is_none(),
            joined_at: self.wall_at(member.joined_at),
            absent_since: member.absent_since.map(|at| self.wall_at(at)),
        }
    }

    /// What the wall's clock would have shown then, had nobody set it since.
    fn wall_at(&self, then: Mono) -> Wall {
        let now = self.clock.now();
        let passed = u64::try_from(now.mono.saturating_since(then).as_millis()).unwrap_or(u64::MAX);
        Wall::from_unix_millis(now.wall.unix_millis().saturating_sub(passed))
    }
}

impl Peer {
    fn wire(&self) -> RoomWire {
        match self {
            Self::Agent(_) => RoomWire::Json,
            Self::Node(_) => RoomWire::Rendezvous,
            Self::Page(_) => RoomWire::Socketio,
        }
    }
}

fn reply<T>(to: oneshot::Sender<T>, answer: T) {
    if to.send(answer).is_err() {
        tracing::debug!("the operator who asked about the rooms has stopped waiting");
    }
}

fn shown(view: RoomView) -> Room {
    Room {
        room: view.room.as_str().to_owned(),
        participants: view.participants,
        absent: view.absent,
        locked: view.locked,
        timer: view.timer.map(|timer| RoomTimer {
            remaining_secs: timer.remaining.as_secs(),
            active: timer.active,
            paused: timer.paused,
        }),
        verse_bytes: view.verse_bytes,
        queue_bytes: view.queue_bytes,
    }
}
