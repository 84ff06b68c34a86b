use std::collections::VecDeque;

use axum::extract::ws::Utf8Bytes;

/// What an agent that may come back was told behind its `registered`, as far as it may not have it: messages have numbers
/// from 1, which both ends count. Bounded in bytes; the oldest go first.
#[derive(Debug)]
pub(super) struct Log {
    kept: VecDeque<Utf8Bytes>,
    bytes: usize,
    bytes_max: usize,
    /// The number of the newest.
    last: u64,
    /// What had been said when the agent was pinged: it has that if it answers.
    pinged: Option<u64>,
    /// What had been said when its connection was lost.
    lost: Option<u64>,
}

impl Log {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { kept: VecDeque::new(), bytes: 0, bytes_max, last: 0, pinged: None, lost: None }
    }

    pub(super) fn push(&mut self, text: Utf8Bytes) {
        self.last += 1;
        self.bytes += cost(&text);
        self.kept.push_back(text);
        while self.bytes > self.bytes_max {
            self.drop_oldest();
        }
    }

    /// Of several pings, the first that is not answered counts.
    pub(super) fn note_ping(&mut self) {
        self.pinged.get_or_insert(self.last);
    }

    pub(super) fn note_pong(&mut self) {
        let Some(heard) = self.pinged.take() else { return };
        while !self.kept.is_empty() && self.first() <= heard {
            self.drop_oldest();
        }
        if self.kept.is_empty() {
            // An idle agent keeps no memory of a busy past.
            self.kept = VecDeque::new();
        }
    }

    pub(super) fn note_loss(&mut self) {
        self.pinged = None;
        self.lost = Some(self.last);
    }

    /// What came after the first `received`. `None` if that is no longer known, or was never said.
    pub(super) fn after(&self, received: u64) -> Option<Vec<Utf8Bytes>> {
        let from = received.checked_add(1).filter(|from| (self.first()..=self.last + 1).contains(from))?;
        let skipped = usize::try_from(from - self.first()).ok()?;
        Some(self.kept.iter().skip(skipped).cloned().collect())
    }

    /// What came after the connection was lost, for who does not count.
    pub(super) fn since_loss(&self) -> Vec<Utf8Bytes> {
        let lost = self.lost.map(|lost| lost.max(self.first() - 1));
        lost.and_then(|lost| self.after(lost)).unwrap_or_default()
    }

    /// The number of the oldest that is kept.
    fn first(&self) -> u64 {
        self.last + 1 - self.kept.len() as u64
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.kept.pop_front() {
            self.bytes -= cost(&oldest);
        }
    }
}

fn cost(text: &Utf8Bytes) -> usize {
    text.len() + size_of::<Utf8Bytes>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_of(count: u64, bytes_max: usize) -> Log {
        let mut log = Log::new(bytes_max);
        for number in 1..=count {
            log.push(number.to_string().into());
        }
        log
    }

    fn numbers(texts: Option<Vec<Utf8Bytes>>) -> Option<Vec<u64>> {
        texts.map(|texts| texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn what_was_not_received_is_said_again_in_order() {
        let log = log_of(5, 10_000);
        assert_eq!(numbers(log.after(0)), Some(vec![1, 2, 3, 4, 5]));
        assert_eq!(numbers(log.after(3)), Some(vec![4, 5]));
        assert_eq!(numbers(log.after(5)), Some(vec![]));
        assert_eq!(numbers(log.after(6)), None, "it was never said");
        assert_eq!(numbers(log.after(u64::MAX)), None);
    }

    #[test]
    fn what_there_is_no_place_for_is_no_longer_known() {
        let log = log_of(9, 3 * (1 + size_of::<Utf8Bytes>()));
        assert_eq!(numbers(log.after(6)), Some(vec![7, 8, 9]));
        assert_eq!(numbers(log.after(5)), None);
    }

    #[test]
    fn a_pong_acknowledges_what_was_said_before_its_ping() {
        let mut log = log_of(3, 10_000);
        log.note_ping();
        log.push("4".into());
        log.note_ping();
        log.note_pong();
        assert_eq!(numbers(log.after(2)), None);
        assert_eq!(numbers(log.after(3)), Some(vec![4]));
        log.note_pong();
        assert_eq!(numbers(log.after(3)), Some(vec![4]), "nobody asked for that pong");
    }

    #[test]
    fn who_does_not_count_is_told_what_came_after_the_loss() {
        let mut log = log_of(2, 10_000);
        assert_eq!(numbers(Some(log.since_loss())), Some(vec![]));
        log.note_loss();
        log.push("3".into());
        assert_eq!(numbers(Some(log.since_loss())), Some(vec![3]));
    }
}
