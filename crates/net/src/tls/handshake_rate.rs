use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::time::Instant;

use crate::source::Source;

/// Token buckets per client address in a table of fixed size.
///
/// A source has its place in one row of [`WAYS`] slots. In a full row the source nearest to its full allowance
/// makes room: whoever is spending hardest is remembered longest, and a newcomer is never refused for want of
/// space. The hash is seeded, so nobody can choose a row.
#[derive(Debug)]
pub(crate) struct HandshakeRate {
    per_second: f64,
    burst: f64,
    rows: Vec<Row>,
    hasher: RandomState,
}

type Row = [Option<Bucket>; WAYS];

/// Slots per row: enough that sources which hash alike rarely push each other out.
const WAYS: usize = 8;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    source: Source,
    tokens: f64,
    filled_at: Instant,
}

impl HandshakeRate {
    pub(crate) fn new(per_second: u32, burst: u32, sources_max: usize) -> Self {
        Self {
            per_second: f64::from(per_second),
            burst: f64::from(burst.max(1)),
            rows: vec![[None; WAYS]; sources_max.div_ceil(WAYS).max(1)],
            hasher: RandomState::new(),
        }
    }

    /// Takes one token of `client`; false if none is left.
    pub(crate) fn take(&mut self, client: IpAddr, now: Instant) -> bool {
        let source = Source::of(client);
        let (per_second, burst) = (self.per_second, self.burst);
        let tokens_at = |bucket: &Bucket| {
            let elapsed = now.saturating_duration_since(bucket.filled_at).as_secs_f64();
            (bucket.tokens + elapsed * per_second).min(burst)
        };
        let row = self.row(source);
        let place = row
            .iter()
            .position(|slot| slot.is_some_and(|bucket| bucket.source == source))
            .or_else(|| row.iter().position(Option::is_none))
            .unwrap_or_else(|| most_rested(row, tokens_at));
        let slot = &mut row[place];
        let tokens = slot.filter(|bucket| bucket.source == source).map_or(burst, |bucket| tokens_at(&bucket));
        let allowed = tokens >= 1.0;
        let tokens = if allowed { tokens - 1.0 } else { tokens };
        *slot = Some(Bucket { source, tokens, filled_at: now });
        allowed
    }

    fn row(&mut self, source: Source) -> &mut Row {
        let rows = self.rows.len() as u64;
        let index = usize::try_from(self.hasher.hash_one(source) % rows).expect("less than the number of rows");
        &mut self.rows[index]
    }
}

fn most_rested(row: &Row, tokens_at: impl Fn(&Bucket) -> f64) -> usize {
    let rest = |slot: &Option<Bucket>| slot.as_ref().map_or(f64::INFINITY, &tokens_at);
    let most = row.iter().enumerate().max_by(|(_, a), (_, b)| rest(a).total_cmp(&rest(b)));
    most.map_or(0, |(place, _)| place)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from(Ipv4Addr::new(192, 0, 2, last))
    }

    #[test]
    fn a_burst_is_allowed_then_the_rate_holds() {
        let now = Instant::now();
        let mut rate = HandshakeRate::new(2, 3, 64);
        let allowed = (0..5).filter(|_| rate.take(ip(1), now)).count();
        assert_eq!(allowed, 3);
        assert!(!rate.take(ip(1), now + Duration::from_millis(400)));
        assert!(rate.take(ip(1), now + Duration::from_millis(1_000)));
        assert!(rate.take(ip(2), now), "another address has its own allowance");
    }

    #[test]
    fn rest_refills_no_more_than_the_burst() {
        let now = Instant::now();
        let mut rate = HandshakeRate::new(100, 3, 64);
        assert!(rate.take(ip(1), now));
        let later = now + Duration::from_secs(3_600);
        assert_eq!((0..9).filter(|_| rate.take(ip(1), later)).count(), 3);
    }

    #[test]
    fn a_full_table_lets_newcomers_in_and_remembers_the_spender() {
        let now = Instant::now();
        let mut rate = HandshakeRate::new(1, 5, WAYS);
        while rate.take(ip(0), now) {}
        for last in 1..=255 {
            assert!(rate.take(ip(last), now), "newcomer {last}");
        }
        assert!(!rate.take(ip(0), now), "the spender is still known");
        assert_eq!(rate.rows.len(), 1);
    }

    #[test]
    fn time_that_runs_backwards_gives_nothing() {
        let now = Instant::now() + Duration::from_secs(60);
        let mut rate = HandshakeRate::new(1_000, 1, 64);
        assert!(rate.take(ip(1), now));
        assert!(!rate.take(ip(1), now - Duration::from_secs(30)));
    }
}
