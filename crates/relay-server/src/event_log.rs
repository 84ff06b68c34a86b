use std::time::Duration;

use sangam_turn_proto::Event;
use sangam_types::Mono;

/// Writes what happened to allocations to the log, so many lines in a second at most: a flood of requests must not
/// become a flood of lines.
#[derive(Debug)]
pub(crate) struct EventLog {
    lines_per_second: u32,
    second_ends: Mono,
    left: u32,
    suppressed: u64,
}

impl EventLog {
    pub(crate) fn new(lines_per_second: u32) -> Self {
        Self { lines_per_second, second_ends: Mono::ZERO, left: lines_per_second, suppressed: 0 }
    }

    /// Lines left out so far.
    pub(crate) fn suppressed(&self) -> u64 {
        self.suppressed
    }

    pub(crate) fn write(&mut self, now: Mono, event: &Event) {
        let is_wanted = match event {
            Event::Allocated { .. } | Event::RelayedEnded { .. } | Event::Deleted { .. } => {
                tracing::enabled!(tracing::Level::INFO)
            }
            Event::Refreshed { .. } | Event::Refused { .. } => tracing::enabled!(tracing::Level::DEBUG),
        };
        if is_wanted && self.may_write(now) {
            write(event);
        }
    }

    /// Whether another line may be written; counts it if not.
    pub(crate) fn may_write(&mut self, now: Mono) -> bool {
        if now >= self.second_ends {
            self.second_ends = now + Duration::from_secs(1);
            self.left = self.lines_per_second;
        }
        let may = self.left > 0;
        self.left -= u32::from(may);
        self.suppressed += u64::from(!may);
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
        Event::Refreshed { allocation, lifetime } => {
            tracing::debug!(allocation = allocation.0, lifetime_secs = lifetime.as_secs(), "allocation refreshed");
        }
        Event::RelayedEnded { allocation, relayed, expired } => {
            tracing::info!(allocation = allocation.0, relayed = %relayed.0, expired, "one of two relayed addresses ended");
        }
        Event::Deleted { allocation, expired, sent_packets, sent_bytes, received_packets, received_bytes } => {
            tracing::info!(
                allocation = allocation.0,
                expired,
                sent_packets,
                sent_bytes,
                received_packets,
                received_bytes,
                "allocation ended"
            );
        }
        Event::Refused { five_tuple, code, reason } => {
            tracing::debug!(client = %five_tuple.client.0, code, reason, "request refused");
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
    }
}
