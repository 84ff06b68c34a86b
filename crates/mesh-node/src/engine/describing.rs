use sangam_mesh_proto::mesh::Gathering;
use sangam_mesh_proto::{Description, LinkId, PeerId};
use sangam_types::Mono;

/// A description that has to be made.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// Whose.
    pub(super) link: LinkId,
    /// For whom.
    pub(super) peer: PeerId,
    /// Which.
    pub(super) kind: Kind,
    /// How many of our candidates it waits for.
    pub(super) gathering: Gathering,
}

/// What a description is for.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A first offer, for a data channel of this name.
    Offer {
        /// The channel's label.
        label: &'static str,
        /// Whether the peer may hold a session with an earlier process of ours, as agents do.
        remembers: bool,
    },
    /// New ICE credentials for a link that is there.
    Restart,
    /// The answer to a first offer, or to one that renews.
    Answer {
        /// The offer.
        offer: Description,
    },
}

/// Descriptions that wait for candidates. At most one for a link.
#[derive(Debug, Default)]
pub(super) struct Describing {
    waiting: Vec<Task>,
}

impl Describing {
    /// Has it wait if it has to; gives it back if it need not.
    pub(super) fn wait(&mut self, task: Task, gathered: bool, now: Mono) -> Option<Task> {
        self.forget(task.link);
        match task.gathering {
            Gathering::Whole { until } if !gathered && now < until => {
                self.waiting.push(task);
                None
            }
            Gathering::Whole { .. } | Gathering::Trickle => Some(task),
        }
    }

    /// Those that need not wait any longer.
    pub(super) fn due(&mut self, gathered: bool, now: Mono) -> Vec<Task> {
        let is_due = |task: &Task| match task.gathering {
            Gathering::Whole { until } => gathered || until <= now,
            Gathering::Trickle => true,
        };
        self.waiting.extract_if(.., |task| is_due(task)).collect()
    }

    /// When the next one is due at the latest.
    pub(super) fn deadline(&self) -> Option<Mono> {
        let until = |task: &Task| match task.gathering {
            Gathering::Whole { until } => Some(until),
            Gathering::Trickle => None,
        };
        self.waiting.iter().filter_map(until).min()
    }

    /// The link is gone.
    pub(super) fn forget(&mut self, link: LinkId) {
        self.waiting.retain(|task| task.link != link);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn task(link: u64, until: u64) -> Task {
        let until = Mono::from_start(Duration::from_secs(until));
        let peer = PeerId::new("a").unwrap();
        Task { link: LinkId(link), peer, kind: Kind::Restart, gathering: Gathering::Whole { until } }
    }

    fn at(seconds: u64) -> Mono {
        Mono::from_start(Duration::from_secs(seconds))
    }

    #[test]
    fn a_whole_description_waits_until_everything_is_gathered_or_its_time_has_come() {
        let mut describing = Describing::default();
        assert!(describing.wait(task(1, 5), false, at(0)).is_none());
        assert!(describing.wait(task(2, 9), false, at(0)).is_none());
        assert_eq!(describing.deadline(), Some(at(5)));
        assert!(describing.due(false, at(4)).is_empty());
        assert_eq!(describing.due(false, at(5)).len(), 1);
        assert_eq!(describing.due(true, at(6)).len(), 1);
        assert!(describing.wait(task(3, 9), true, at(6)).is_some());
    }

    #[test]
    fn a_newer_description_takes_the_place_of_one_that_waits() {
        let mut describing = Describing::default();
        assert!(describing.wait(task(1, 5), false, at(0)).is_none());
        assert!(describing.wait(task(1, 7), false, at(0)).is_none());
        assert_eq!(describing.deadline(), Some(at(7)));
        describing.forget(LinkId(1));
        assert_eq!(describing.deadline(), None);
    }
}
