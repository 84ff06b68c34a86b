use std::collections::BTreeMap;
use std::time::Duration;

use sangam_control::RelayTraffic;
use sangam_turn_proto::{AllocationKey, Session, Traffic};
use sangam_types::Mono;

/// How fast each allocation of a thread relays: its counters are read at intervals, packets pay nothing for it.
#[derive(Debug)]
pub(crate) struct Rates {
    interval: Duration,
    next: Mono,
    samples: BTreeMap<AllocationKey, Sample>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Mono,
    sent: Traffic,
    received: Traffic,
    rate: Rate,
}

/// What an allocation relays in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) to_peer: RelayTraffic,
    pub(crate) to_client: RelayTraffic,
}

impl Rates {
    pub(crate) fn new(interval: Duration) -> Self {
        Self { interval, next: Mono::ZERO, samples: BTreeMap::new() }
    }

    /// When the counters are to be read again.
    pub(crate) fn next(&self) -> Mono {
        self.next
    }

    /// The counters are being read now.
    pub(crate) fn begin(&mut self, now: Mono) {
        self.next = now + self.interval;
    }

    /// Reads the counters of one allocation; whether it has relayed since they were read last.
    pub(crate) fn read(&mut self, now: Mono, session: &Session<'_>) -> bool {
        let former = self.samples.get(&session.allocation).copied().unwrap_or_else(|| beginning(session));
        let rate = rate_since(&former, now, session);
        let sample = Sample { at: now, sent: session.sent, received: session.received, rate };
        self.samples.insert(session.allocation, sample);
        former.sent != session.sent || former.received != session.received
    }

    /// Over the last whole interval; over its life if it began since.
    pub(crate) fn of(&self, now: Mono, session: &Session<'_>) -> Rate {
        let sampled = self.samples.get(&session.allocation).map(|sample| sample.rate);
        sampled.unwrap_or_else(|| rate_since(&beginning(session), now, session))
    }

    pub(crate) fn forget(&mut self, allocation: AllocationKey) {
        self.samples.remove(&allocation);
    }
}

fn beginning(session: &Session<'_>) -> Sample {
    Sample { at: session.begun, sent: Traffic::default(), received: Traffic::default(), rate: Rate::default() }
}

fn rate_since(former: &Sample, now: Mono, session: &Session<'_>) -> Rate {
    // Who began a moment ago has not yet shown how fast it is.
    let millis = now.saturating_since(former.at).as_millis().max(100);
    let per_sec = |now: Traffic, before: Traffic| RelayTraffic {
        packets: scaled(now.packets.saturating_sub(before.packets), millis),
        bytes: scaled(now.bytes.saturating_sub(before.bytes), millis),
    };
    Rate { to_peer: per_sec(session.sent, former.sent), to_client: per_sec(session.received, former.received) }
}

fn scaled(amount: u64, millis: u128) -> u64 {
    u64::try_from(u128::from(amount) * 1_000 / millis).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use sangam_turn_proto::{ClientAddr, FiveTuple, Key, RelayedAddr, Transport};

    use super::*;

    fn session(packets: u64) -> Session<'static> {
        let addr = "127.0.0.1:1".parse().unwrap();
        Session {
            allocation: AllocationKey(1 << 32),
            five_tuple: FiveTuple { client: ClientAddr(addr), server: addr, transport: Transport::Udp },
            username: "alice",
            key: Key::Md5([0; 16]),
            relayed: RelayedAddr(addr),
            external: addr,
            additional: None,
            begun: Mono::ZERO,
            expires: Mono::ZERO,
            permissions: 0,
            channels: 0,
            sent: Traffic { packets, bytes: packets * 100 },
            received: Traffic::default(),
        }
    }

    #[test]
    fn a_rate_is_what_was_relayed_within_the_last_interval() {
        let mut rates = Rates::new(Duration::from_secs(5));
        let at = |secs| Mono::from_start(Duration::from_secs(secs));
        assert_eq!(rates.of(at(2), &session(20)).to_peer, RelayTraffic { packets: 10, bytes: 1_000 });
        assert!(rates.read(at(5), &session(100)));
        assert!(rates.read(at(10), &session(200)));
        assert_eq!(rates.of(at(12), &session(900)).to_peer, RelayTraffic { packets: 20, bytes: 2_000 });
        assert!(!rates.read(at(15), &session(200)));
        assert_eq!(rates.of(at(15), &session(200)), Rate::default());
        rates.forget(AllocationKey(1 << 32));
        assert!(rates.samples.is_empty());
    }
}
