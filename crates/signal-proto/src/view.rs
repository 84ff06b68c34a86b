use std::ops::Bound;

use sangam_types::{Mono, Text};

use crate::api::{Presence, TimerView};
use crate::deadlines::Timer;
use crate::id::{ParticipantId, RoomId, SocketId};
use crate::participant::Participant;
use crate::payload::Payload;
use crate::room::{Room, RoomKey, Seat};
use crate::signaling::Signaling;

/// A room as its operator sees it: how much there is, not what is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomView {
    /// Which.
    pub room: RoomId,
    /// Participants, absent ones that may return among them.
    pub participants: usize,
    /// Participants without a socket, or with lost ones only, that may return.
    pub absent: usize,
    /// Whether nobody new may join.
    pub locked: bool,
    /// If one was started.
    pub timer: Option<TimerView>,
    /// Bytes of the verse that late joiners hear, if there is one.
    pub verse_bytes: Option<usize>,
    /// Bytes of the queue that late joiners hear, if there is one.
    pub queue_bytes: Option<usize>,
}

/// Somebody in a room as its operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// Its id.
    pub id: ParticipantId,
    /// As it wants to be shown.
    pub name: Option<Text>,
    /// How its sockets come and go.
    pub presence: Presence,
    /// In the order in which they joined; lost ones that may return among them.
    pub sockets: Vec<SocketId>,
    /// When it joined, or the core was told of it by a record.
    pub joined_at: Mono,
    /// Since when it is absent, if it is.
    pub absent_since: Option<Mono>,
    /// Its place in the order of its room: [`Signaling::members`] goes on after it.
    pub place: u64,
}

impl<P: Payload> Signaling<P> {
    /// The rooms whose names come after that one, in the order of their names, each looked at when it is taken. Changes
    /// nothing: what is due is not done.
    pub fn rooms<'a>(&'a self, now: Mono, after: Option<&str>) -> impl Iterator<Item = RoomView> + use<'a, P> {
        let first = after.map_or(Bound::Unbounded, Bound::Excluded);
        let names = self.names.range::<str, _>((first, Bound::Unbounded));
        names.filter_map(move |(_, key)| Some(self.view(now, *key, self.rooms.get(key)?)))
    }

    /// One room. Changes nothing.
    #[must_use]
    pub fn room_view(&self, now: Mono, room: &str) -> Option<RoomView> {
        let key = self.names.get(room)?;
        Some(self.view(now, *key, self.rooms.get(key)?))
    }

    /// Who joined a room after that [place](MemberView::place), in the order in which they joined, each looked at when it is
    /// taken; nobody if there is no such room. Changes nothing.
    pub fn members<'a>(&'a self, room: &str, after: u64) -> impl Iterator<Item = MemberView> + use<'a, P> {
        let key = self.names.get(room).copied();
        let room = key.and_then(|key| Some((key, self.rooms.get(&key)?)));
        let members = room.into_iter().flat_map(move |(key, room)| room.members_after(after).map(move |it| (key, it)));
        members.map(|(key, (id, participant))| self.member_view(key, id, participant))
    }

    /// Whether a participant of that id is in a room.
    #[must_use]
    pub fn is_member(&self, room: &str, id: &str) -> bool {
        let room = self.names.get(room).and_then(|key| self.rooms.get(key));
        room.is_some_and(|room| room.participants.contains_key(id))
    }

    fn view(&self, now: Mono, key: RoomKey, room: &Room<P>) -> RoomView {
        let is_absent = |id: &ParticipantId| self.absent.contains(&Seat { room: key, id: id.clone() });
        let absent =
            if self.absent.is_empty() { 0 } else { room.participants.keys().filter(|id| is_absent(id)).count() };
        RoomView {
            room: room.id.clone(),
            participants: room.participants.len(),
            absent,
            locked: room.is_locked,
            timer: room.stopwatch.map(|it| it.view(now)),
            verse_bytes: room.verse.as_ref().map(P::len),
            queue_bytes: room.queue.as_ref().map(P::len),
        }
    }

    fn member_view(&self, room: RoomKey, id: &ParticipantId, participant: &Participant) -> MemberView {
        let seat = Seat { room, id: id.clone() };
        let ends_at = self.absent.contains(&seat).then(|| self.deadlines.at(&Timer::Absence(seat))).flatten();
        MemberView {
            id: id.clone(),
            name: participant.name.clone(),
            presence: participant.traits.presence,
            sockets: participant.sockets.clone(),
            joined_at: participant.joined_at,
            absent_since: ends_at.map(|at| at - self.options.presence_grace),
            place: participant.place,
        }
    }
}
