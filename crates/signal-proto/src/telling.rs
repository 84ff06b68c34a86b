use sangam_types::Mono;

use crate::api::{Notice, Refusal, Right, Telling, Topic};
use crate::id::{RoomId, SocketId};
use crate::payload::Payload;
use crate::room::RoomKey;
use crate::signaling::Signaling;

impl<P: Payload> Signaling<P> {
    pub(crate) fn tell(&mut self, now: Mono, socket: SocketId, room: &RoomId, telling: Telling<P>) {
        let Some(key) = self.member(socket, room, Right::Signal) else { return };
        let Some(from) = self.sender(socket, key, telling.from.as_deref()) else { return };
        self.hear_polled(now, &from);
        let Telling { topic, value, .. } = telling;
        if let Err(max) = self.keep(key, topic, &value) {
            return self.refuse(socket, Refusal::TooLarge { max });
        }
        let to = self.audience(key);
        self.deliver(to, Notice::Told { room: room.clone(), from: from.id, topic, value });
    }

    /// Keeps what late joiners are to hear.
    ///
    /// # Errors
    ///
    /// How many bytes may be kept, if it is more.
    fn keep(&mut self, key: RoomKey, topic: Topic, value: &P) -> Result<(), usize> {
        let Some(room) = self.rooms.get_mut(&key) else { return Ok(()) };
        let kept = match topic {
            Topic::Verse => &mut room.verse,
            Topic::Queue => &mut room.queue,
            Topic::Reading => return Ok(()),
        };
        if value.len() > self.options.kept_bytes_max {
            return Err(self.options.kept_bytes_max);
        }
        let others = self.totals.kept_bytes - kept.as_ref().map_or(0, P::len);
        if others + value.len() > self.options.kept_total_bytes_max {
            return Err(self.options.kept_total_bytes_max.saturating_sub(others));
        }
        self.totals.kept_bytes = others + value.len();
        *kept = Some(value.clone());
        self.changed.insert(key);
        Ok(())
    }

    pub(crate) fn recall(&mut self, now: Mono, socket: SocketId, room: &RoomId) {
        let Some(key) = self.member(socket, room, Right::Room) else { return };
        let Some(snapshot) = self.room(key).map(|it| it.snapshot(now)) else { return };
        self.deliver(vec![socket], Notice::Recalled { room: room.clone(), snapshot });
    }
}
