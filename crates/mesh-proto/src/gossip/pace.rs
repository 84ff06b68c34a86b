use std::time::Duration;

use sangam_types::Mono;

use super::MessageId;

/// What a message does to the tree beside being passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Draw {
    /// Nothing.
    Passes,
    /// Links that bring it late are pruned.
    Prunes,
    /// It goes over links that are no branches as well, and the tree is from then on where it came first: what links that
    /// came and went have made of the tree becomes short again.
    Reshapes,
}

/// How many messages come in a second, and which of them prune.
///
/// Two messages that are under way at the same time, from two sides, come twice at two places of one circle. If both pruned
/// there, the circle would fall in two. So one message in [`Pace::PRUNING_EVERY`] or so does, the same one at all nodes: who
/// see the same messages draw by the same ids.
#[derive(Debug, Default)]
pub(super) struct Pace {
    began: Mono,
    count: u32,
    /// What came in the time before.
    before: u32,
}

impl Pace {
    /// How long one message that prunes is to have the mesh for itself.
    const PRUNING_EVERY: Duration = Duration::from_secs(1);
    /// One in so many of those that prune goes everywhere.
    const RESHAPING: u32 = 32;
    /// How long messages are counted.
    const COUNTED: u32 = 4;

    /// A message came for the first time.
    pub(super) fn count(&mut self, now: Mono) {
        let passed = now.saturating_since(self.began);
        let window = Self::PRUNING_EVERY * Self::COUNTED;
        if passed >= window {
            self.before = if passed < window * 2 { self.count } else { 0 };
            self.count = 0;
            self.began = now;
        }
        self.count = self.count.saturating_add(1);
    }

    /// What this message does to the tree.
    pub(super) fn draw(&self, id: &MessageId) -> Draw {
        let in_pause = self.before.max(self.count) / Self::COUNTED;
        let [a, b, c, d, ..] = id.0;
        let (drawn, pruning) = (u32::from_be_bytes([a, b, c, d]), u32::MAX / in_pause.max(1));
        if drawn <= pruning / Self::RESHAPING {
            Draw::Reshapes
        } else if drawn <= pruning {
            Draw::Prunes
        } else {
            Draw::Passes
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(at: u32) -> MessageId {
        let mut bytes = [0; 16];
        // Evenly spread.
        bytes[..4].copy_from_slice(&at.wrapping_mul(2_654_435_761).to_be_bytes());
        MessageId(bytes)
    }

    #[test]
    fn about_one_message_in_a_second_prunes_however_many_come() {
        for in_a_second in [1_u32, 10, 1_000] {
            let mut pace = Pace::default();
            let mut prune = 0;
            for at in 0..in_a_second * 100 {
                pace.count(Mono::ZERO + Duration::from_secs(1) * at / in_a_second);
                prune += u32::from(at >= in_a_second * 10 && pace.draw(&id(at)) != Draw::Passes);
            }
            assert!((60..=130).contains(&prune), "{prune} of {in_a_second} a second");
        }
    }

    #[test]
    fn where_little_comes_everything_prunes() {
        let mut pace = Pace::default();
        for at in 0..50 {
            pace.count(Mono::ZERO + Duration::from_secs(3) * at);
            assert_ne!(pace.draw(&id(at)), Draw::Passes);
        }
    }
}
