use std::time::Duration;

use sangam_types::Mono;

/// Signs of life of a connection (STOMP 1.2, Heart-beating).
#[derive(Clone, Debug, Default)]
pub struct HeartBeat {
    send_every: Option<Duration>,
    hear_every: Option<Duration>,
    sent: Mono,
    heard: Mono,
}

/// How much later than agreed a sign may come: networks and timers are not exact.
const PATIENCE: u32 = 2;

impl HeartBeat {
    /// What both ends agreed on: `ours` and `theirs` are how often each can send and wants to hear.
    pub(super) fn agreed(now: Mono, ours: (Duration, Duration), theirs: (Duration, Duration)) -> Self {
        let every = |can: Duration, wants: Duration| (!can.is_zero() && !wants.is_zero()).then(|| can.max(wants));
        Self { send_every: every(ours.0, theirs.1), hear_every: every(theirs.0, ours.1), sent: now, heard: now }
    }

    /// How often this end sends a sign of life, if it does.
    #[must_use]
    pub const fn send_every(&self) -> Option<Duration> {
        self.send_every
    }

    /// How often it hears one, if it does.
    #[must_use]
    pub const fn hear_every(&self) -> Option<Duration> {
        self.hear_every
    }

    pub(super) const fn handle_sent(&mut self, now: Mono) {
        self.sent = now;
    }

    pub(super) const fn handle_heard(&mut self, now: Mono) {
        self.heard = now;
    }

    pub(super) fn is_send_due(&self, now: Mono) -> bool {
        self.send_every.is_some_and(|every| self.sent + every <= now)
    }

    pub(super) fn is_peer_gone(&self, now: Mono) -> bool {
        self.hear_every.is_some_and(|every| self.heard + every * PATIENCE <= now)
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        let send = self.send_every.map(|every| self.sent + every);
        let hear = self.hear_every.map(|every| self.heard + every * PATIENCE);
        send.into_iter().chain(hear).min()
    }
}

/// The value of a `heart-beat` header.
pub(super) fn header(intervals: (Duration, Duration)) -> String {
    format!("{},{}", intervals.0.as_millis(), intervals.1.as_millis())
}

/// Reads a `heart-beat` header; none is `0,0`. `None`: it is not one.
pub(super) fn parse(header: Option<&str>) -> Option<(Duration, Duration)> {
    let Some(text) = header else { return Some((Duration::ZERO, Duration::ZERO)) };
    let (send, hear) = text.split_once(',')?;
    let millis = |text: &str| text.trim().parse::<u32>().ok().map(|millis| Duration::from_millis(millis.into()));
    Some((millis(send)?, millis(hear)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_of_the_two_is_agreed_on_and_none_if_either_does_not() {
        let secs = Duration::from_secs;
        let beat = |ours: (u64, u64), theirs: (u64, u64)| {
            let it = HeartBeat::agreed(Mono::ZERO, (secs(ours.0), secs(ours.1)), (secs(theirs.0), secs(theirs.1)));
            (it.send_every.map(|it| it.as_secs()), it.hear_every.map(|it| it.as_secs()))
        };
        assert_eq!(beat((10, 20), (5, 30)), (Some(30), Some(20)));
        assert_eq!(beat((0, 20), (5, 30)), (None, Some(20)));
        assert_eq!(beat((10, 0), (5, 30)), (Some(30), None));
        assert_eq!(beat((10, 20), (0, 0)), (None, None));
    }

    #[test]
    fn headers_are_two_numbers() {
        assert_eq!(parse(None), Some((Duration::ZERO, Duration::ZERO)));
        assert_eq!(parse(Some("100,2000")), Some((Duration::from_millis(100), Duration::from_secs(2))));
        for text in ["", "1", "1,", "a,b", "-1,0", "99999999999,0"] {
            assert_eq!(parse(Some(text)), None, "{text}");
        }
    }
}
