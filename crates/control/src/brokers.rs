use std::time::Duration;

use sangam_types::Wall;

/// Tells how the message brokers are at which devices are met, our own endpoint for STOMP included.
pub trait Brokers: Send + Sync {
    /// What each of them is and did, and what it did in each minute of that span, the newest last. None: no broker is configured.
    fn reports(&self, history: Duration) -> Vec<BrokerReport>;
}

/// One broker, as this server sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokerReport {
    /// `stomp`, `mqtt`, or `stomp_endpoint`, which is our own.
    pub id: &'static str,
    /// `STOMP 1.2`, `MQTT 5.0`, `MQTT 3.1.1`
    pub protocol: &'static str,
    /// A name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is.
    pub state: BrokerState,
    /// Why the last connection ended or did not come about, in words; `None`: none did.
    pub trouble: Option<String>,
    /// When it was last seen to be as it is said to be.
    pub checked_at: Wall,
    /// Connections that are there and carried a message within five minutes.
    pub active: u64,
    /// Those that are there and carried none.
    pub idle: u64,
    /// Those that are wanted and not there.
    pub failed: u64,
    /// Connections that were tried.
    pub attempts: u64,
    /// Those that did not come about, or ended though nobody wanted that.
    pub failures: u64,
    /// Subscriptions of ours that are in force.
    pub subscriptions: u64,
    /// Agents that are met there, the first of them with where they are answered.
    pub agents: u64,
    /// See above; bounded.
    pub first_agents: Vec<BrokerAgent>,
    /// Records that wait to be sent.
    pub waiting: u64,
    /// Records that were sent and that the broker has not confirmed.
    pub unconfirmed: u64,
    /// Since the start.
    pub total: BrokerTally,
    /// In the last minute.
    pub minute: BrokerTally,
    /// In the last five minutes, hour and day.
    pub windows: [BrokerTally; 3],
    /// What went wrong since the start, by reason, in order.
    pub errors: Vec<(&'static str, u64)>,
    /// The minutes that were asked for.
    pub history: Vec<BrokerMinute>,
}

/// An agent behind a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerAgent {
    /// Its endpoint id.
    pub endpoint: String,
    /// The destination or topic at which it is answered.
    pub destination: String,
}

/// How a broker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerState {
    /// It is connected and subscribed to, or listens.
    Healthy,
    /// It is being connected for the first time.
    Connecting,
    /// It is not there.
    Unhealthy,
}

/// What went through a broker in a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BrokerTally {
    /// How long the span was; shorter than asked for where the server has not run as long.
    pub span: Duration,
    /// Records that were sent.
    pub published: u64,
    /// Records that came.
    pub received: u64,
    /// Records sent that the broker confirmed.
    pub acked: u64,
    /// Records sent that it refused.
    pub nacked: u64,
    /// Whatever went wrong.
    pub errors: u64,
    /// From when a record was to be sent until it was handed to the kernel, all of those together.
    pub publishing: Duration,
    /// From then until the broker confirmed it, all of `acked` together.
    pub acking: Duration,
}

impl BrokerTally {
    /// Records in both directions in a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.rate(self.published + self.received)
    }

    /// Of that many in the span, those in a second.
    #[must_use]
    pub fn rate(&self, count: u64) -> f64 {
        let secs = self.span.as_secs_f64();
        if secs > 0.0 { count as f64 / secs } else { 0.0 }
    }

    /// Milliseconds that sending a record took on average; 0: none was sent.
    #[must_use]
    pub fn publish_ms(&self) -> f64 {
        mean_ms(self.publishing, self.published)
    }

    /// Milliseconds that a confirmation took on average; 0: there was none.
    #[must_use]
    pub fn ack_ms(&self) -> f64 {
        mean_ms(self.acking, self.acked)
    }

    /// Both together, over the longer of their spans.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            span: self.span.max(other.span),
            published: self.published + other.published,
            received: self.received + other.received,
            acked: self.acked + other.acked,
            nacked: self.nacked + other.nacked,
            errors: self.errors + other.errors,
            publishing: self.publishing + other.publishing,
            acking: self.acking + other.acking,
        }
    }
}

fn mean_ms(all: Duration, count: u64) -> f64 {
    if count == 0 { 0.0 } else { all.as_secs_f64() * 1_000.0 / count as f64 }
}

/// What went through a broker in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokerMinute {
    /// When it began.
    pub at: Wall,
    /// Most connections at a time.
    pub connections: u64,
    /// What went through.
    pub tally: BrokerTally,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_means_are_numbers_where_nothing_happened_too() {
        let none = BrokerTally::default();
        assert_eq!((none.per_second(), none.publish_ms(), none.ack_ms()), (0.0, 0.0, 0.0));
        let some = BrokerTally {
            span: Duration::from_secs(10),
            published: 4,
            received: 6,
            acked: 2,
            publishing: Duration::from_millis(8),
            acking: Duration::from_millis(3),
            ..none
        };
        assert_eq!((some.per_second(), some.publish_ms(), some.ack_ms()), (1.0, 2.0, 1.5));
        assert_eq!(some.and(&some).published, 8);
        assert_eq!(some.and(&some).span, Duration::from_secs(10));
    }
}
