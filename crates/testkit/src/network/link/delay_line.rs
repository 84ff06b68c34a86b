use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use super::Impairment;

/// One direction of a [`Link`](super::Link): packets go in, and come out later, out of order or not at all.
#[derive(Debug)]
pub(super) struct DelayLine {
    impairment: Impairment,
    chance: Chance,
    waiting: BinaryHeap<Reverse<Waiting>>,
    bytes: usize,
    /// Of the next packet.
    number: u64,
}

/// What became of a packet at the entrance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Queued,
    Lost,
    /// The queue is full.
    Overflowed,
}

/// The earliest first; of two with the same time the one that came first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    due: Instant,
    number: u64,
    packet: Vec<u8>,
}

impl DelayLine {
    /// `lane` sets the two directions of a link apart, which share a seed.
    pub(super) fn new(impairment: Impairment, lane: u64) -> Self {
        let chance = Chance(impairment.seed.wrapping_mul(2).wrapping_add(lane));
        Self { impairment, chance, waiting: BinaryHeap::new(), bytes: 0, number: 0 }
    }

    pub(super) fn push(&mut self, now: Instant, packet: Vec<u8>) -> Fate {
        // Both are drawn for each packet, so that the loss of the n-th depends on nothing but the seed.
        let (loss, jitter) = (self.chance.unit(), self.chance.unit());
        if loss < self.impairment.loss {
            return Fate::Lost;
        }
        if self.bytes + packet.len() > self.impairment.queue_bytes_max {
            return Fate::Overflowed;
        }
        self.bytes += packet.len();
        let due = now + self.impairment.delay + self.impairment.jitter.mul_f64(jitter);
        self.waiting.push(Reverse(Waiting { due, number: self.number, packet }));
        self.number += 1;
        Fate::Queued
    }

    /// A packet that is due.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.waiting.peek().filter(|first| first.0.due <= now)?;
        let Reverse(first) = self.waiting.pop()?;
        self.bytes -= first.packet.len();
        Some(first.packet)
    }

    /// How long until the next one is due; none if none waits.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        self.waiting.peek().map(|first| first.0.due.saturating_duration_since(now))
    }

    /// Loses all that waits.
    pub(super) fn clear(&mut self) -> usize {
        self.bytes = 0;
        let lost = self.waiting.len();
        self.waiting.clear();
        lost
    }
}

/// Numbers that look random and are the same each time (splitmix64).
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    /// At least 0, below 1.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let upper = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(u32::MAX);
        f64::from(upper) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(impairment: Impairment, lane: u64, packets: usize) -> Vec<usize> {
        let mut line = DelayLine::new(impairment, lane);
        let now = Instant::now();
        (0..packets).filter(|_| line.push(now, vec![0]) == Fate::Lost).collect()
    }

    #[test]
    fn loss_is_what_was_asked_and_the_same_for_the_same_seed_and_direction() {
        let impairment = Impairment { loss: 0.05, seed: 7, ..Impairment::default() };
        let first = lost(impairment, 0, 100_000);
        assert!((4_500..5_500).contains(&first.len()), "{} of 100,000 lost", first.len());
        assert_eq!(lost(impairment, 0, 100_000), first);
        assert_ne!(lost(impairment, 1, 100_000), first);
        assert_ne!(lost(Impairment { seed: 8, ..impairment }, 0, 100_000), first);
        assert!(lost(Impairment::default(), 0, 1_000).is_empty());
        assert_eq!(lost(Impairment { loss: 1.0, ..impairment }, 0, 1_000).len(), 1_000);
    }

    #[test]
    fn packets_come_out_after_the_delay_in_order_and_no_sooner() {
        let delay = Duration::from_millis(40);
        let mut line = DelayLine::new(Impairment { delay, ..Impairment::default() }, 0);
        let now = Instant::now();
        assert_eq!(line.wait(now), None);
        assert_eq!((line.push(now, vec![1]), line.push(now, vec![2])), (Fate::Queued, Fate::Queued));
        assert_eq!(line.wait(now), Some(delay));
        assert_eq!(line.pop(now + delay - Duration::from_nanos(1)), None);
        assert_eq!(
            [line.pop(now + delay), line.pop(now + delay), line.pop(now + delay)],
            [Some(vec![1]), Some(vec![2]), None]
        );
    }

    #[test]
    fn jitter_delays_further_up_to_its_measure_and_reorders() {
        let (delay, jitter) = (Duration::from_millis(10), Duration::from_millis(10));
        let mut line = DelayLine::new(Impairment { delay, jitter, ..Impairment::default() }, 0);
        let now = Instant::now();
        for number in 0..100 {
            line.push(now, vec![number]);
        }
        assert_eq!(line.pop(now + delay - Duration::from_nanos(1)), None);
        let out: Vec<u8> = std::iter::from_fn(|| line.pop(now + delay + jitter)).flatten().collect();
        assert_eq!(out.len(), 100);
        assert!(!out.is_sorted());
    }

    #[test]
    fn a_full_queue_takes_no_more_until_something_has_left_it() {
        let mut line = DelayLine::new(Impairment { queue_bytes_max: 3, ..Impairment::default() }, 0);
        let now = Instant::now();
        assert_eq!(line.push(now, vec![0; 2]), Fate::Queued);
        assert_eq!(line.push(now, vec![0; 2]), Fate::Overflowed);
        assert!(line.pop(now).is_some());
        assert_eq!(line.push(now, vec![0; 3]), Fate::Queued);
        assert_eq!((line.clear(), line.push(now, vec![0; 3])), (1, Fate::Queued));
    }
}
