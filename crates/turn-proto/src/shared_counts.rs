use foldhash::fast::FixedState;

use crate::challenge_cap::ChallengeCap;
use crate::rate::SharedMeter;

/// What the servers of one process count together, so that a limit holds for all of them: of fixed size, by atomic
/// numbers, never waiting for anybody. Packets do not touch it: a server takes the bytes of
/// [`Limits::bytes_per_second`](crate::Limits::bytes_per_second) out in steps.
#[derive(Debug)]
pub struct SharedCounts {
    pub(crate) challenges: ChallengeCap,
    pub(crate) sent: SharedMeter,
    pub(crate) received: SharedMeter,
}

impl SharedCounts {
    /// Nothing counted yet. The seed is random where strangers are clients: they choose their own addresses, so the
    /// order of a table must not be theirs to foresee.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let challenges = ChallengeCap::new(FixedState::with_seed(seed));
        Self { challenges, sent: SharedMeter::default(), received: SharedMeter::default() }
    }
}
