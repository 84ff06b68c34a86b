use std::time::{Duration, Instant};

/// When a request is sent again (RFC 8489 §6.2.1), and when it is given up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    /// The first pause; each is twice as long as the one before.
    pub(super) initial: Duration,
    /// Times it is sent in all.
    pub(super) sendings: u32,
    /// How long the last sending is waited for, in initial pauses.
    pub(super) last_wait: u32,
}

impl Schedule {
    /// RFC 8489 §6.2.1: RTO 500 ms, Rc 7, Rm 16: given up after 39.5 s.
    pub(super) const DATAGRAMS: Self = Self { initial: Duration::from_millis(500), sendings: 7, last_wait: 16 };
    /// For a request by which it is noticed that a server is gone: given up after 11.5 s.
    pub(super) const CHECK: Self = Self { initial: Duration::from_millis(500), sendings: 5, last_wait: 8 };
    /// RFC 8489 §6.2.2 over a stream: sent once. Ti is 39.5 s there; a relay that is silent for ten is of no use to a call.
    pub(super) const STREAM: Self = Self { initial: Duration::from_secs(10), sendings: 1, last_wait: 1 };
}

/// Where one request is in its schedule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retransmission {
    schedule: Schedule,
    sent: u32,
    due: Instant,
}

/// What is to be done with a request that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing yet.
    Wait,
    /// Send it again.
    Send,
    /// Give it up.
    GiveUp,
}

impl Retransmission {
    /// It was sent now, for the first time.
    pub(super) fn start(schedule: Schedule, now: Instant) -> Self {
        let mut this = Self { schedule, sent: 0, due: now };
        this.count(now);
        this
    }

    /// When [`poll`](Self::poll) has something to say.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    pub(super) fn poll(&mut self, now: Instant) -> Due {
        if now < self.due {
            return Due::Wait;
        }
        if self.sent >= self.schedule.sendings {
            return Due::GiveUp;
        }
        self.count(now);
        Due::Send
    }

    fn count(&mut self, now: Instant) {
        let doublings = self.sent.min(16);
        self.sent += 1;
        let pauses = if self.sent == self.schedule.sendings { self.schedule.last_wait } else { 1 << doublings };
        self.due = now + self.schedule.initial * pauses;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_sent_at_the_times_of_rfc_8489_and_given_up_after_39_and_a_half_seconds() {
        let start = Instant::now();
        let mut request = Retransmission::start(Schedule::DATAGRAMS, start);
        let mut times = vec![];
        let given_up = loop {
            let due = request.due();
            match request.poll(due) {
                Due::Send => times.push((due - start).as_millis()),
                Due::GiveUp => break (due - start).as_millis(),
                Due::Wait => unreachable!("polled when due"),
            }
        };
        assert_eq!(times, [500, 1_500, 3_500, 7_500, 15_500, 31_500]);
        assert_eq!(given_up, 39_500);
    }

    #[test]
    fn a_request_over_a_stream_is_sent_once() {
        let start = Instant::now();
        let mut request = Retransmission::start(Schedule::STREAM, start);
        assert_eq!(request.poll(start + Duration::from_secs(9)), Due::Wait);
        assert_eq!(request.poll(start + Duration::from_secs(10)), Due::GiveUp);
    }
}
