use std::time::Duration;

/// How long things took.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    micros: Vec<u32>,
}

impl Latencies {
    pub(crate) fn add(&mut self, took: Duration) {
        self.micros.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        self.micros.append(&mut other.micros);
    }

    pub(crate) fn len(&self) -> usize {
        self.micros.len()
    }

    /// Milliseconds that this part of them, 0 to 1, did not take longer than; 0 of none.
    pub(crate) fn quantile_ms(&mut self, part: f64) -> f64 {
        if self.micros.is_empty() {
            return 0.0;
        }
        let at = ((self.micros.len() - 1) as f64 * part).round() as usize;
        let (_, value, _) = self.micros.select_nth_unstable(at);
        f64::from(*value) / 1_000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_readings() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile_ms(0.5), 0.0);
        (1..=100).rev().for_each(|ms| latencies.add(Duration::from_millis(ms)));
        assert_eq!((latencies.quantile_ms(0.0), latencies.quantile_ms(1.0)), (1.0, 100.0));
        assert_eq!(latencies.quantile_ms(0.99), 99.0);
    }
}
