use std::time::Duration;

use sangam_types::{Mono, Now};

use crate::api::TimerView;
use crate::room_record::TimerRecord;

/// The timer of a room: counts down by the times it is told, to the nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stopwatch {
    duration: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Runs { ends: Mono },
    Rests { remaining: Duration },
    Over,
}

impl Stopwatch {
    /// The shortest that can be started.
    pub(crate) const MIN: Duration = Duration::from_secs(1);
    /// The longest.
    pub(crate) const MAX: Duration = Duration::from_secs(24 * 60 * 60);

    /// Begins to run. None if a timer of that length cannot be.
    pub(crate) fn start(now: Mono, duration: Duration) -> Option<Self> {
        let is_possible = (Self::MIN..=Self::MAX).contains(&duration);
        is_possible.then_some(Self { duration, state: State::Runs { ends: now + duration } })
    }

    pub(crate) fn pause(&mut self, now: Mono) {
        if let State::Runs { ends } = self.state {
            self.state = State::Rests { remaining: ends.saturating_since(now) };
        }
    }

    pub(crate) fn resume(&mut self, now: Mono) {
        if let State::Rests { remaining } = self.state {
            self.state = State::Runs { ends: now + remaining };
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Notes that it has run out, if it has. True the first time.
    pub(crate) fn runs_out(&mut self, now: Mono) -> bool {
        let runs_out = matches!(self.state, State::Runs { ends } if ends <= now);
        if runs_out {
            self.state = State::Over;
        }
        runs_out
    }

    fn remaining(&self, now: Mono) -> Duration {
        match self.state {
            State::Runs { ends } => ends.saturating_since(now),
            State::Rests { remaining } => remaining,
            State::Over => Duration::ZERO,
        }
    }

    pub(crate) fn view(&self, now: Mono) -> TimerView {
        let remaining = self.remaining(now);
        let begun = u64::from(remaining.subsec_nanos() > 0);
        TimerView {
            remaining: Duration::from_secs(remaining.as_secs() + begun),
            active: !self.is_over(),
            paused: matches!(self.state, State::Rests { .. }),
        }
    }

    /// When it is told next while it runs: each time that it has run for another `tick`, and when it runs out.
    pub(crate) fn next(&self, now: Mono, tick: Duration) -> Option<Mono> {
        let State::Runs { ends } = self.state else { return None };
        if tick.is_zero() {
            return Some(ends);
        }
        let run = self.duration.saturating_sub(self.remaining(now)).as_nanos();
        let to_next = tick.as_nanos() - run % tick.as_nanos();
        let to_next = u64::try_from(to_next).map_or(Duration::MAX, Duration::from_nanos);
        Some(ends.min(now + to_next))
    }

    /// What outlasts the process; nothing once it has run out.
    pub(crate) fn record(&self, now: Now) -> Option<TimerRecord> {
        let duration = self.duration;
        match self.state {
            State::Runs { .. } => {
                // Rounded up, so that no timer is shorter after a restart.
                let remaining = self.remaining(now.mono) + Duration::from_nanos(999_999);
                Some(TimerRecord::Runs { duration, until: now.wall + remaining })
            }
            State::Rests { remaining } => Some(TimerRecord::Rests { duration, remaining }),
            State::Over => None,
        }
    }

    /// As it was recorded. One that ran out meanwhile is due at once. None if no such timer could have been started.
    pub(crate) fn restore(now: Now, record: TimerRecord) -> Option<Self> {
        let (TimerRecord::Runs { duration, .. } | TimerRecord::Rests { duration, .. }) = record;
        let state = match record {
            TimerRecord::Runs { until, .. } => {
                let millis = until.unix_millis().saturating_sub(now.wall.unix_millis());
                State::Runs { ends: now.mono + Duration::from_millis(millis).min(duration) }
            }
            TimerRecord::Rests { remaining, .. } => State::Rests { remaining: remaining.min(duration) },
        };
        Self::start(now.mono, duration).map(|_| Self { duration, state })
    }
}

#[cfg(test)]
mod tests;
