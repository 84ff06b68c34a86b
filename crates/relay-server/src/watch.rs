use std::time::Duration;

/// Tells a relay thread that hangs from one that is idle, busy, or stopped together with everything else.
///
/// An idle thread is woken and must turn once. Time is counted in the looks of whoever watches: where those come late,
/// this process did not run, and silence says nothing about a thread.
#[derive(Debug)]
pub(crate) struct Watch {
    limit: Duration,
    beat: u64,
    /// For how long it has been silent since it was woken; none if it was not.
    silent: Option<Duration>,
}

/// What a look at a thread finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pulse {
    /// It has turned since the last look.
    Beats,
    /// It has not: wake it.
    Silent,
    /// It was woken, and has not turned for the whole limit.
    Hangs,
}

/// Looks within the limit: one that comes late then costs an eighth of it.
const LOOKS_PER_LIMIT: u32 = 8;

/// Steps between two looks beyond which this process was not running.
const LATE: u32 = 3;

impl Watch {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, beat: 0, silent: None }
    }

    /// How often to look.
    pub(crate) fn period(limit: Duration) -> Duration {
        // A millisecond at least, whatever somebody asks for.
        (limit / LOOKS_PER_LIMIT).max(Duration::from_millis(1))
    }

    /// A look, `step` after the last one, at a heart that has beaten `beat` times.
    pub(crate) fn look(&mut self, beat: u64, step: Duration) -> Pulse {
        if beat != self.beat {
            (self.beat, self.silent) = (beat, None);
            return Pulse::Beats;
        }
        let was_stopped = step > Self::period(self.limit) * LATE;
        let silent = match self.silent {
            Some(silent) if !was_stopped => silent + step,
            Some(_) | None => Duration::ZERO,
        };
        self.silent = Some(silent);
        if silent >= self.limit { Pulse::Hangs } else { Pulse::Silent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(2);
    const STEP: Duration = Duration::from_millis(250);

    #[test]
    fn a_thread_that_does_not_turn_though_woken_hangs_after_the_limit_and_not_before() {
        let mut watch = Watch::new(LIMIT);
        let looks: Vec<Pulse> = (0..10).map(|_| watch.look(0, STEP)).collect();
        assert_eq!(looks[..8], [Pulse::Silent; 8]);
        assert_eq!(looks[8..], [Pulse::Hangs; 2]);
        assert_eq!(watch.look(1, STEP), Pulse::Beats, "it came back");
        assert_eq!(watch.look(1, STEP), Pulse::Silent);
    }

    #[test]
    fn a_thread_that_is_idle_and_turns_when_woken_never_hangs() {
        let mut watch = Watch::new(LIMIT);
        let mut beat = 0;
        for _ in 0..100 {
            match watch.look(beat, STEP) {
                Pulse::Beats => {}
                Pulse::Silent => beat += 1,
                Pulse::Hangs => panic!("it turns each time it is woken"),
            }
        }
    }

    #[test]
    fn a_process_that_was_stopped_suspects_nobody_for_it() {
        let mut watch = Watch::new(LIMIT);
        for _ in 0..8 {
            assert_eq!(watch.look(0, STEP), Pulse::Silent);
        }
        assert_eq!(watch.look(0, Duration::from_secs(600)), Pulse::Silent);
        assert!((0..7).all(|_| watch.look(0, STEP) == Pulse::Silent), "its time begins anew");
    }
}
