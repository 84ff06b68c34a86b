use std::time::Duration;

use sangam_turn_proto::Event;
use sangam_types::Mono;

/// Writes what happened to allocations to the log, so many lines in a second at most: a flood of requests must not
/// become a flood of lines. Allocations that began or ended have lines of their own, which no flood of refusals uses up.
#[derive(Debug)]
pub(crate) struct EventLog {
    of_allocations: LineRate,
    others: LineRate,
    suppressed: u64,
}

#[derive(Debug)]
struct LineRate {
    lines_per_second: u32,
    second_ends: Mono,
    left: u32,
}

impl EventLog {
    pub(crate) fn new(lines_per_second: u32) -> Self {
        let rate = || LineRate { lines_per_second, second_ends: Mono::ZERO, left: lines_per_second };
        Self { of_allocations: rate(), others: rate(), suppressed: 0 }
    }

    /// Lines left out so far.
    pub(crate) fn suppressed(&self) -> u64 {
        self.suppressed
    }

    pub(crate) fn write(&mut self, now: Mono, event: &Event) {
        let is_wanted = match event {
            Event::Allocated { .. }
            | Event::RelayedEnded { .. }
            | Event::Moved { .. }
            | Event::Deleted { .. }
            | Event::Refused { .. } => tracing::enabled!(tracing::Level::INFO),
            Event::Refreshed { .. } => tracing::enabled!(tracing::Level::DEBUG),
        };
        if !is_wanted {
            return;
        }
        let may = match event {
            Event::Allocated { .. } | Event::RelayedEnded { .. } | Event::Moved { .. } | Event::Deleted { .. } => {
                self.of_allocations.take(now)
            }
            Event::Refreshed { .. } | Event::Refused { .. } => self.others.take(now),
        };
        self.suppressed += u64::from(!may);
        if may {
            write(event);
        }
    }

    /// Whether another line about something else may be written; counts it if not.
    pub(crate) fn may_write(&mut self, now: Mono) -> bool {
        let may = self.others.take(now);
        self.suppressed += u64::from(!may);
        may
    }
}

impl LineRate {
    fn take(&mut self, now: Mono) -> bool {
        if now >= self.second_ends {
            self.second_ends = now + Duration::from_secs(1);
            self.left = self.lines_per_second;
        }
        let may = self.left > 0;
        self.left -= u32::from(may);
        may
    }
}

fn write(event: &Event) {
    match event {
        Event::Allocated { allocation, five_tuple, username, relayed, additional, lifetime } => tracing::info!(
            allocation = allocation.0,
            client = %five_tuple.client.0,
            relayed = %relayed.0,
            additional = additional.map(|additional| tracing::field::display(additional.0)),
            username,
            lifetime_secs = lifetime.as_secs(),
            "allocation began"
        ),
        Event::Refreshed { allocation, username, lifetime, .. } => {
            tracing::debug!(
                allocation = allocation.0,
                username,
                lifetime_secs = lifetime.as_secs(),
                "allocation refreshed"
            );
        }
        Event::RelayedEnded { allocation, relayed, cause } => {
            tracing::info!(allocation = allocation.0, relayed = %relayed.0, cause = cause.as_str(), "one of two relayed addresses ended");
        }
        Event::Moved { allocation, from, to } => tracing::info!(
            allocation = allocation.0,
            from = %from.client.0,
            client = %to.client.0,
            "allocation moved"
        ),
        Event::Deleted { allocation, cause, five_tuple, username, relayed, sent, received } => {
            tracing::info!(
                allocation = allocation.0,
                client = %five_tuple.client.0,
                relayed = %relayed.0,
                username,
                cause = cause.as_str(),
                sent_packets = sent.packets,
                sent_bytes = sent.bytes,
                received_packets = received.packets,
                received_bytes = received.bytes,
                "allocation ended"
            );
        }
        Event::Refused { five_tuple, code, reason } => {
            tracing::info!(client = %five_tuple.client.0, code, reason, "request refused");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_rate_are_counted_and_the_next_second_has_new_ones() {
        let mut log = EventLog::new(2);
        let second = Mono::from_start(Duration::from_secs(5));
        let written = (0..5).filter(|_| log.may_write(second)).count();
        assert_eq!((written, log.suppressed()), (2, 3));
        assert!(log.may_write(second + Duration::from_secs(1)));
        assert_eq!(log.suppressed(), 3);
        assert!(log.of_allocations.take(second), "refusals leave the lines of allocations alone");
    }
}
