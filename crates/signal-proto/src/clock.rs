use sangam_types::Mono;

use crate::api::{Event, Notice, Refusal, Right, TimerOrder};
use crate::deadlines::Timer;
use crate::id::{RoomId, SocketId};
use crate::payload::Payload;
use crate::room::RoomKey;
use crate::signaling::Signaling;
use crate::stopwatch::Stopwatch;

impl<P: Payload> Signaling<P> {
    pub(crate) fn order_timer(&mut self, now: Mono, socket: SocketId, room: &RoomId, order: TimerOrder) {
        let Some(key) = self.member(socket, room, Right::Timer) else { return };
        let Some(room) = self.room_mut(key) else { return };
        match order {
            TimerOrder::Start(duration) => {
                let Some(stopwatch) = Stopwatch::start(now, duration) else {
                    return self.refuse(socket, Refusal::BadDuration);
                };
                self.set_stopwatch(key, stopwatch);
            }
            TimerOrder::Pause | TimerOrder::Resume => {
                let Some(stopwatch) = &mut room.stopwatch else { return self.refuse(socket, Refusal::NoTimer) };
                if order == TimerOrder::Pause {
                    stopwatch.pause(now);
                } else {
                    stopwatch.resume(now);
                }
            }
        }
        self.changed.insert(key);
        self.tell_time(now, key);
    }

    pub(crate) fn set_stopwatch(&mut self, key: RoomKey, stopwatch: Stopwatch) {
        let Some(room) = self.rooms.get_mut(&key) else { return };
        let before = room.stopwatch.replace(stopwatch);
        self.totals.timers -= usize::from(before.is_some_and(|it| !it.is_over()));
        self.totals.timers += usize::from(!stopwatch.is_over());
    }

    /// Tells all in a room how its timer stands, and notes when to tell it next.
    fn tell_time(&mut self, now: Mono, key: RoomKey) {
        let Some(room) = self.room(key) else { return };
        let Some(stopwatch) = room.stopwatch else { return };
        let room = room.id.clone();
        let to = self.audience(key);
        self.deliver(to, Notice::Timer { room, timer: stopwatch.view(now) });
        self.wind(now, key);
    }

    /// Notes when a room's timer is to be told next.
    pub(crate) fn wind(&mut self, now: Mono, key: RoomKey) {
        let stopwatch = self.room(key).and_then(|it| it.stopwatch);
        match stopwatch.and_then(|it| it.next(now, self.options.timer_tick)) {
            Some(at) => self.deadlines.set(Timer::Clock(key), at),
            None => self.deadlines.cancel(&Timer::Clock(key)),
        }
    }

    /// A running timer has run for another tick, or out.
    pub(crate) fn tick(&mut self, now: Mono, key: RoomKey) {
        let Some(room) = self.room_mut(key) else { return };
        let name = room.id.clone();
        let runs_out = room.stopwatch.as_mut().is_some_and(|it| it.runs_out(now));
        self.tell_time(now, key);
        if runs_out {
            self.totals.timers -= 1;
            self.changed.insert(key);
            self.event(Event::TimerExpired { room: name });
            if let Some(reason) = self.options.end_on_expiry.clone() {
                self.end_session(key, Some(reason));
            }
        }
    }
}
