//! How long it took until a share of many clients was back.

use std::time::Duration;

/// When each client that came back did, since the cut, in order.
#[derive(Debug)]
pub(crate) struct Returns {
    sorted: Vec<Duration>,
    clients: usize,
}

impl Returns {
    /// Of `clients` in all, whether they came back or not.
    pub(crate) fn new(mut times: Vec<Duration>, clients: usize) -> Self {
        times.sort_unstable();
        Self { sorted: times, clients }
    }

    /// Until so many percent of all clients were back, in seconds; `None` if so many never were.
    pub(crate) fn seconds_to(&self, percent: usize) -> Option<f64> {
        let count = (self.clients * percent).div_ceil(100);
        let last = self.sorted.get(count.checked_sub(1)?)?;
        Some(last.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_one_of_all_clients_not_of_those_that_came_back() {
        let times = (1..=8).rev().map(Duration::from_secs).collect();
        let returns = Returns::new(times, 10);
        assert_eq!(returns.seconds_to(50), Some(5.0));
        assert_eq!(returns.seconds_to(75), Some(8.0));
        assert_eq!(returns.seconds_to(99), None);
        assert_eq!(Returns::new(Vec::new(), 0).seconds_to(100), None);
    }
}
