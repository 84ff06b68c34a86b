use std::collections::BTreeMap;

use super::value::{Key, number_json, to_number};
use crate::dialect::object::ObjectWriter;

/// A timer's key lives as long without being written, in milliseconds.
const KEY_MILLIS: u64 = 3_600_000;

/// The timers as they stand in Redis, by the text of their session's id.
#[derive(Debug, Default)]
pub(super) struct Timers {
    timers: BTreeMap<String, Timer>,
}

#[derive(Debug)]
struct Timer {
    session: Key,
    /// As the client wrote it; nothing checks it.
    duration: Option<String>,
    /// As ticked last.
    remaining: Option<String>,
    is_active: bool,
    is_paused: bool,
    /// Moved on by every pause; may lie in the future.
    started: u64,
    paused: Option<u64>,
    expires: u64,
}

/// A `session-timer-update`.
#[derive(Debug)]
pub(super) struct Update {
    /// Into which session's room.
    pub(super) session: Key,
    /// The argument.
    pub(super) object: String,
}

impl Timers {
    pub(super) fn len(&self) -> usize {
        self.timers.len()
    }

    pub(super) fn start(&mut self, session: Key, duration: Option<&str>, now: u64) -> Update {
        let timer = Timer {
            session: session.clone(),
            duration: duration.map(str::to_owned),
            remaining: duration.map(str::to_owned),
            is_active: true,
            is_paused: false,
            started: now,
            paused: None,
            expires: now + KEY_MILLIS,
        };
        let update = timer.update(session, now);
        self.timers.insert(update.session.in_template(), timer);
        update
    }

    /// Says how much was left at the last tick. Again while it rests: what it rested before counts as run.
    pub(super) fn pause(&mut self, session: Key, now: u64) -> Option<Update> {
        let timer = self.live(&session, now)?;
        timer.is_paused = true;
        timer.paused = Some(now);
        timer.expires = now + KEY_MILLIS;
        Some(timer.update(session, now))
    }

    /// Answered for a timer that has run out, too.
    pub(super) fn resume(&mut self, session: Key, now: u64) -> Option<Update> {
        let timer = self.live(&session, now)?;
        if let Some(paused) = timer.paused.take() {
            timer.started += now.saturating_sub(paused);
        }
        timer.is_paused = false;
        timer.expires = now + KEY_MILLIS;
        Some(timer.update(session, now))
    }

    pub(super) fn tick(&mut self, now: u64) -> Vec<Update> {
        self.timers.retain(|_, timer| timer.expires > now);
        let running = self.timers.values_mut().filter(|timer| timer.is_active && !timer.is_paused);
        running.map(|timer| timer.tick(now)).collect()
    }

    fn live(&mut self, session: &Key, now: u64) -> Option<&mut Timer> {
        self.timers.get_mut(&session.in_template()).filter(|timer| timer.expires > now)
    }
}

impl Timer {
    /// What is no number stays none, and never runs out.
    fn tick(&mut self, now: u64) -> Update {
        let elapsed = now.saturating_sub(self.started) / 1_000;
        let left = to_number(self.duration.as_deref()) - elapsed as f64;
        let left = if left.is_nan() { left } else { left.max(0.0) };
        self.is_active = left.is_nan() || left > 0.0;
        self.remaining = Some(number_json(left));
        self.expires = now + KEY_MILLIS;
        self.update(self.session.clone(), now)
    }

    fn update(&self, session: Key, now: u64) -> Update {
        let flag = |is_set: bool| if is_set { "true" } else { "false" };
        let object = ObjectWriter::new()
            .raw_if("sessionId", session.json())
            .raw_if("timeRemaining", self.remaining.as_deref())
            .raw("isActive", flag(self.is_active))
            .raw("isPaused", flag(self.is_paused))
            .raw("timestamp", &now.to_string())
            .end();
        Update { session, object }
    }
}
