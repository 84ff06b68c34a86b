use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

use sangam_types::Mono;

/// A token bucket in one number: the time until which what has passed is paid for, in nanoseconds since the start. The
/// bucket holds one second of the rate, which is what coturn lets through at once: a key frame of video passes whole.
/// Over any window, what passes is at most the rate times the window and that second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meter {
    paid_until: u64,
}

/// What the bucket holds, as time.
const BURST_NANOS: u64 = 1_000_000_000;

impl Meter {
    /// The meter once so many bytes have passed; `None` if they may not pass now. More than a second of the rate never
    /// passes at once.
    pub(crate) fn after(self, now: Mono, bytes: u64, rate: NonZeroU64) -> Option<Self> {
        pay(self.paid_until, nanos(now), bytes, rate).ok().map(|paid_until| Self { paid_until })
    }
}

/// A bucket that many threads take from, in coarse steps.
#[derive(Debug, Default)]
pub(crate) struct SharedMeter {
    paid_until: AtomicU64,
}

impl SharedMeter {
    /// Takes so many bytes out.
    ///
    /// # Errors
    ///
    /// They are not there: the time at which they will be, if nobody takes them before.
    pub(crate) fn take(&self, now: Mono, bytes: u64, rate: NonZeroU64) -> Result<(), Mono> {
        let now = nanos(now);
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        let taken = self.paid_until.fetch_update(set, fetch, |paid_until| pay(paid_until, now, bytes, rate).ok());
        let refused = |paid_until| pay(paid_until, now, bytes, rate).err().unwrap_or(now);
        taken.map(drop).map_err(|paid_until| Mono::from_start(std::time::Duration::from_nanos(refused(paid_until))))
    }
}

/// Until when all is paid for once so many bytes have passed; if they may not pass now, when they may.
fn pay(paid_until: u64, now: u64, bytes: u64, rate: NonZeroU64) -> Result<u64, u64> {
    // Rounded up, so that a rate is never exceeded: by a nanosecond a datagram at most.
    let cost = bytes.saturating_mul(1_000_000_000).div_ceil(rate.get());
    let after = paid_until.max(now).saturating_add(cost);
    if after.saturating_sub(now) <= BURST_NANOS { Ok(after) } else { Err(after - BURST_NANOS) }
}

/// Wraps after 584 years.
fn nanos(now: Mono) -> u64 {
    let since_start = now.since_start();
    since_start.as_secs().wrapping_mul(1_000_000_000) + u64::from(since_start.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn rate(bytes: u64) -> NonZeroU64 {
        NonZeroU64::new(bytes).unwrap()
    }

    proptest! {
        #[test]
        fn over_any_window_no_more_passes_than_the_rate_and_one_second_of_it(
            bytes_per_sec in 1_500_u64..20_000,
            packets in vec((0_u64..50_000, 1_u64..1_500), 1..400),
        ) {
            // Some 30,000 bytes a second are offered.
            let (mut meter, mut now, mut passed) = (Meter::default(), Mono::ZERO, Vec::new());
            for (pause_micros, bytes) in packets {
                now = now + Duration::from_micros(pause_micros);
                if let Some(after) = meter.after(now, bytes, rate(bytes_per_sec)) {
                    meter = after;
                    passed.push((now, bytes));
                }
            }
            for (first, (begin, _)) in passed.iter().enumerate() {
                let mut sum = 0;
                for (end, bytes) in &passed[first..] {
                    sum += bytes;
                    let window = end.saturating_since(*begin) + Duration::from_secs(1);
                    prop_assert!(u128::from(sum) * 1_000_000_000 <= u128::from(bytes_per_sec) * window.as_nanos());
                }
            }
        }

        #[test]
        fn a_flow_at_nine_tenths_of_the_rate_loses_nothing_even_in_bursts(
            bytes_per_sec in 15_000_u64..1_000_000,
            burst_millis in 1_u64..900,
            sizes in vec(1_u64..1_500, 1..400),
        ) {
            let (mut meter, mut sent) = (Meter::default(), 0);
            for bytes in sizes {
                // What becomes due within a burst's time is sent at its end.
                let due_millis = sent * 10_000 / (9 * bytes_per_sec);
                let now = Mono::from_start(Duration::from_millis((due_millis / burst_millis + 1) * burst_millis));
                let after = meter.after(now, bytes, rate(bytes_per_sec));
                prop_assert!(after.is_some(), "at {now:?}");
                meter = after.unwrap();
                sent += bytes;
            }
        }
    }

    #[test]
    fn a_second_of_the_rate_passes_at_once_and_not_a_byte_more() {
        let meter = Meter::default().after(Mono::ZERO, 1_000, rate(1_000)).unwrap();
        assert_eq!(meter.after(Mono::ZERO, 1, rate(1_000)), None);
        assert!(meter.after(Mono::from_start(Duration::from_millis(1)), 1, rate(1_000)).is_some());
        assert_eq!(Meter::default().after(Mono::ZERO, 1_001, rate(1_000)), None);
    }

    #[test]
    fn who_is_refused_by_a_shared_meter_learns_when_to_come_back() {
        let meter = SharedMeter::default();
        assert_eq!(meter.take(Mono::ZERO, 900, rate(1_000)), Ok(()));
        let later = Mono::from_start(Duration::from_millis(100));
        assert_eq!(meter.take(Mono::ZERO, 200, rate(1_000)), Err(later));
        assert_eq!(meter.take(later, 200, rate(1_000)), Ok(()));
    }
}
