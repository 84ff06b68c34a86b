use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::quality::FixedState;
use hashbrown::{HashMap, HashSet};
use sangam_types::Mono;

use super::{MessageId, Options};

/// Ids of messages that came, for as long as they could come again.
pub(super) struct Seen {
    ids: HashSet<MessageId, FixedState>,
    /// In the order in which they came, and so in that in which they are forgotten.
    order: VecDeque<Remembered>,
    topics: HashMap<Arc<str>, usize, FixedState>,
    /// Ids were forgotten before their time, for want of room: nothing published until then is taken any more.
    floor: Option<Mono>,
}

struct Remembered {
    id: MessageId,
    topic: Arc<str>,
    born: Mono,
    until: Mono,
}

impl Seen {
    pub(super) fn new(hashing: FixedState) -> Self {
        Self {
            ids: HashSet::with_hasher(hashing.clone()),
            order: VecDeque::new(),
            topics: HashMap::with_hasher(hashing),
            floor: None,
        }
    }

    pub(super) fn contains(&self, id: &MessageId) -> bool {
        self.ids.contains(id)
    }

    /// Whether a message published then may have been forgotten already.
    pub(super) fn is_stale(&self, options: &Options, now: Mono, born: Mono) -> bool {
        // Half-way between the end of the caches and the end of memory: what it took on the links is not in its age.
        let slack = options.seen_time.saturating_sub(options.cache_time) / 2;
        now.saturating_since(born) > options.cache_time + slack || self.floor.is_some_and(|floor| born <= floor)
    }

    pub(super) fn insert(&mut self, options: &Options, now: Mono, id: MessageId, topic: &Arc<str>, born: Mono) {
        if !self.ids.insert(id) {
            return;
        }
        *self.topics.entry(topic.clone()).or_insert(0) += 1;
        self.order.push_back(Remembered { id, topic: topic.clone(), born, until: now + options.seen_time });
        while self.order.len() > options.seen_max {
            let Some(oldest) = self.order.pop_front() else { break };
            self.floor = self.floor.max(Some(oldest.born));
            self.drop(&oldest);
        }
    }

    pub(super) fn forget(&mut self, now: Mono) {
        while let Some(oldest) = self.order.pop_front_if(|oldest| oldest.until <= now) {
            self.drop(&oldest);
        }
    }

    fn drop(&mut self, old: &Remembered) {
        self.ids.remove(&old.id);
        if let Some(count) = self.topics.get_mut(&old.topic) {
            *count -= 1;
            if *count == 0 {
                self.topics.remove(&old.topic);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn of_topic(&self, topic: &str) -> usize {
        self.topics.get(topic).copied().unwrap_or(0)
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        self.order.front().map(|oldest| oldest.until)
    }
}
