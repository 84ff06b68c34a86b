use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::EndpointOptions;

/// Which packets are lost on purpose.
#[derive(Debug)]
pub(super) struct Loss {
    share: f64,
    chance: Option<StdRng>,
}

impl Loss {
    pub(super) fn new(options: &EndpointOptions) -> Self {
        let share = options.loss_share.clamp(0.0, 1.0);
        let chance = || options.loss_seed.map_or_else(|| StdRng::seed_from_u64(rand::random()), StdRng::seed_from_u64);
        Self { share, chance: (share > 0.0).then(chance) }
    }

    /// Whether the next packet is lost.
    pub(super) fn is_next(&mut self) -> bool {
        self.chance.as_mut().is_some_and(|chance| chance.random_bool(self.share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(loss_share: f64, loss_seed: Option<u64>) -> Vec<bool> {
        let mut loss = Loss::new(&EndpointOptions { loss_share, loss_seed, ..EndpointOptions::default() });
        (0..1000).map(|_| loss.is_next()).collect()
    }

    #[test]
    fn with_the_same_seed_the_same_packets_are_lost() {
        assert_eq!(fates(0.2, Some(7)), fates(0.2, Some(7)));
        assert_ne!(fates(0.2, Some(7)), fates(0.2, Some(8)));
        assert_ne!(fates(0.2, None), fates(0.2, None));
    }

    #[test]
    fn as_many_are_lost_as_asked_for() {
        let lost = |share| fates(share, Some(1)).into_iter().filter(|is_lost| *is_lost).count();
        assert_eq!((lost(0.0), lost(1.0), lost(7.0), lost(f64::NAN)), (0, 1000, 1000, 0));
        assert!((150..250).contains(&lost(0.2)), "{}", lost(0.2));
    }
}
