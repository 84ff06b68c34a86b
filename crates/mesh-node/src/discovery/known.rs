use std::collections::HashMap;
use std::time::{Duration, Instant};

use rand::seq::IteratorRandom as _;
use sangam_mesh_proto::mesh::Source;
use sangam_mesh_proto::{PeerId, Profile};

/// URLs of nodes, bounded.
#[derive(Debug)]
pub(super) struct Known {
    urls: HashMap<String, Entry>,
    urls_max: usize,
}

#[derive(Debug)]
struct Entry {
    source: Source,
    /// From the configuration: it stays, however often it fails.
    is_pinned: bool,
    standing: Standing,
}

#[derive(Debug)]
enum Standing {
    /// Nobody has visited it.
    Fresh,
    /// It was visited; whose it is, if that was found out.
    Visited(Option<(PeerId, Profile)>),
    /// It did not answer; told again after this, it is fresh.
    Failed(Instant),
    /// It is our own, by another name.
    Ours,
}

/// What became of a URL.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Added {
    New,
    /// It was known; whose it is, if that was found out.
    Known(Option<(PeerId, Profile)>),
    Full,
}

/// How long a URL that did not answer is left alone: most stand behind a NAT and never will.
const FAILED_FOR: Duration = Duration::from_secs(60);

impl Known {
    pub(super) fn new(urls_max: usize) -> Self {
        Self { urls: HashMap::new(), urls_max }
    }

    pub(super) fn add(&mut self, url: &str, source: Source, is_pinned: bool, now: Instant) -> Added {
        if let Some(entry) = self.urls.get_mut(url) {
            entry.is_pinned |= is_pinned;
            return match &entry.standing {
                Standing::Visited(whose) => Added::Known(whose.clone()),
                Standing::Failed(until) if *until <= now => {
                    entry.standing = Standing::Fresh;
                    Added::New
                }
                Standing::Fresh | Standing::Failed(_) | Standing::Ours => Added::Known(None),
            };
        }
        if self.urls.len() >= self.urls_max && !is_pinned {
            let is_lost = |entry: &Entry| matches!(entry.standing, Standing::Failed(_)) && !entry.is_pinned;
            let lost = self.urls.iter().find(|(_, entry)| is_lost(entry)).map(|(url, _)| url.clone());
            let Some(lost) = lost else { return Added::Full };
            self.urls.remove(&lost);
        }
        self.urls.insert(url.to_owned(), Entry { source, is_pinned, standing: Standing::Fresh });
        Added::New
    }

    /// One that nobody has visited; it counts as visited from now on.
    pub(super) fn take_fresh(&mut self) -> Option<(String, Source)> {
        let (url, entry) = self.urls.iter_mut().find(|(_, entry)| matches!(entry.standing, Standing::Fresh))?;
        entry.standing = Standing::Visited(None);
        Some((url.clone(), entry.source))
    }

    /// Any that answers, as far as we know.
    pub(super) fn any(&self) -> Option<(String, Source)> {
        let may_answer = |entry: &Entry| match entry.standing {
            Standing::Fresh | Standing::Visited(_) => true,
            Standing::Failed(_) => entry.is_pinned,
            Standing::Ours => false,
        };
        let urls = self.urls.iter().filter(|(_, entry)| may_answer(entry));
        urls.choose(&mut rand::rng()).map(|(url, entry)| (url.clone(), entry.source))
    }

    pub(super) fn is_of(&mut self, url: &str, peer: &PeerId, profile: Profile) {
        self.set(url, Standing::Visited(Some((peer.clone(), profile))));
    }

    pub(super) fn is_ours(&mut self, url: &str) {
        self.set(url, Standing::Ours);
    }

    pub(super) fn failed(&mut self, url: &str, now: Instant) {
        self.set(url, Standing::Failed(now + FAILED_FOR));
    }

    fn set(&mut self, url: &str, standing: Standing) {
        if let Some(entry) = self.urls.get_mut(url) {
            entry.standing = standing;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_fails_is_left_alone_for_a_while_and_makes_room_unless_it_is_pinned() {
        let (mut known, now) = (Known::new(2), Instant::now());
        let gossip = Source::Gossip;
        assert_eq!(known.add("http://a", gossip, false, now), Added::New);
        assert_eq!(known.add("http://b", Source::Bootstrap, true, now), Added::New);
        assert_eq!(known.add("http://c", gossip, false, now), Added::Full);
        known.failed("http://a", now);
        known.failed("http://b", now);
        assert_eq!(known.any(), Some(("http://b".to_owned(), Source::Bootstrap)));
        assert_eq!(known.add("http://a", gossip, false, now), Added::Known(None));
        assert_eq!(known.add("http://a", gossip, false, now + FAILED_FOR), Added::New);
        assert_eq!(known.add("http://c", gossip, false, now), Added::Full);
        known.failed("http://a", now);
        assert_eq!(known.add("http://c", gossip, false, now), Added::New);
        assert_eq!(known.add("http://d", gossip, false, now), Added::Full);
    }

    #[test]
    fn each_url_is_fresh_once_and_our_own_is_never_visited_again() {
        let (mut known, now) = (Known::new(2), Instant::now());
        known.add("http://a", Source::Rendezvous(3), false, now);
        assert_eq!(known.take_fresh(), Some(("http://a".to_owned(), Source::Rendezvous(3))));
        assert_eq!(known.take_fresh(), None);
        let peer = PeerId::new("p").unwrap();
        known.is_of("http://a", &peer, Profile::Synapse);
        let whose = Some((peer, Profile::Synapse));
        assert_eq!(known.add("http://a", Source::Gossip, false, now), Added::Known(whose));
        known.is_ours("http://a");
        assert_eq!((known.any(), known.take_fresh()), (None, None));
    }
}
