use sangam_types::Now;

use crate::api::{Event, Output, Presence, Traits};
use crate::participant::Card;
use crate::payload::Payload;
use crate::room::{Room, RoomKey, Seat};
use crate::room_record::{ParticipantRecord, RoomRecord};
use crate::signaling::Signaling;
use crate::stopwatch::Stopwatch;

impl<P: Payload> Room<P> {
    /// What a restart should find: who can come back, and what there is.
    fn record(&self, now: Now) -> RoomRecord<P> {
        let lasting = self.members().filter(|(_, it)| it.traits.presence.is_lasting());
        let participants = lasting.map(|(id, it)| ParticipantRecord {
            id: id.clone(),
            name: it.name.clone(),
            owner: it.owner.clone(),
        });
        RoomRecord {
            room: self.id.clone(),
            participants: participants.collect(),
            locked: self.is_locked,
            verse: self.verse.clone(),
            queue: self.queue.clone(),
            timer: self.stopwatch.and_then(|it| it.record(now)),
        }
    }
}

impl<P: Payload> Signaling<P> {
    /// Has what changed kept, of each room once. A room that nobody could come back to need not be kept.
    pub(crate) fn keep_changed(&mut self, now: Now) {
        while let Some(key) = self.changed.pop_first() {
            let Some(room) = self.rooms.get_mut(&key) else { continue };
            let output = if room.has_lasting() {
                Output::Keep(room.record(now))
            } else if room.is_kept {
                Output::Forget(room.id.clone())
            } else {
                continue;
            };
            room.is_kept = room.has_lasting();
            self.output(output);
        }
    }

    /// Takes a recorded room back. In a room that is there already only participants are missing.
    pub(crate) fn restore(&mut self, now: Now, record: RoomRecord<P>) {
        let is_new = !self.names.contains_key(&record.room);
        let Some(key) = self.make_room(record.room.clone()) else {
            return self.event(Event::NotRestored { room: record.room });
        };
        if let Some(room) = self.room_mut(key) {
            room.is_kept = true;
        }
        self.changed.insert(key);
        for participant in record.participants {
            if !self.restore_participant(now, key, participant) {
                self.event(Event::NotRestored { room: record.room.clone() });
            }
        }
        if is_new {
            self.restore_state(key, record.locked, [record.verse, record.queue]);
            if let Some(stopwatch) = record.timer.and_then(|it| Stopwatch::restore(now, it)) {
                self.set_stopwatch(key, stopwatch);
                self.wind(now.mono, key);
            }
        }
    }

    fn restore_participant(&mut self, now: Now, key: RoomKey, record: ParticipantRecord) -> bool {
        let Some(room) = self.room(key) else { return false };
        let is_free = !room.participants.contains_key(&record.id) && !room.graces.contains_key(&record.id);
        if !is_free || room.participants.len() >= self.options.participants_max {
            return false;
        }
        let seat = Seat { room: key, id: record.id };
        let traits = Traits { presence: Presence::Returning, ..Traits::default() };
        self.seat(now.mono, &seat, record.owner, Card { name: record.name, traits });
        self.begin_absence(now.mono, &seat);
        self.adopt_mail(now.mono, &seat);
        true
    }

    fn restore_state(&mut self, key: RoomKey, is_locked: bool, kept: [Option<P>; 2]) {
        let [verse, queue] = kept.map(|it| it.filter(|it| it.len() <= self.options.kept_bytes_max));
        let bytes: usize = verse.iter().chain(&queue).map(P::len).sum();
        let fits = self.totals.kept_bytes + bytes <= self.options.kept_total_bytes_max;
        let Some(room) = self.rooms.get_mut(&key) else { return };
        room.is_locked = is_locked;
        if fits {
            (room.verse, room.queue) = (verse, queue);
            self.totals.kept_bytes += bytes;
        } else {
            let room = room.id.clone();
            self.event(Event::NotRestored { room });
        }
    }
}
