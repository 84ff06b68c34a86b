use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use foldhash::quality::FixedState;
use hashbrown::HashMap;
use sangam_types::Mono;

use super::{MessageId, Options};
use crate::LinkId;

/// A message that we were told of and do not have.
pub(super) struct Want {
    /// Who is asked now.
    pub(super) asked: Option<LinkId>,
    /// Until when.
    pub(super) until: Mono,
    /// Who else has it.
    pub(super) holders: VecDeque<LinkId>,
    /// When it was published, as those who told us say: the longest ago counts.
    pub(super) born: Mono,
    /// Bytes of it, as the first who told us says.
    pub(super) bytes: u32,
    /// How often it was asked for.
    pub(super) tries: u8,
}

impl Want {
    /// Holders that are remembered.
    const HOLDERS_MAX: usize = 4;

    /// How long whoever is asked next has time. What fits a frame comes at once or its holder is busy: the first are asked
    /// in quick turns, the last have long. What comes in chunks may have to wait for others.
    fn patience(&self, options: &Options) -> Duration {
        if self.bytes as usize > options.frame_bytes_max {
            return options.want_time;
        }
        options.want_time * (1 << self.tries.min(4)) / 8
    }

    /// Something that would have been pushed to us came first from whom we asked for it: the tree has lost a branch here. If
    /// it comes by the tree meanwhile, it only was slow.
    pub(super) fn is_branch_lost(&self, now: Mono, options: &Options) -> bool {
        let is_pushed = (self.bytes as usize) <= options.frame_bytes_max;
        is_pushed && now.saturating_since(self.born) < options.graft_time
    }

    pub(super) fn add_holder(&mut self, link: LinkId) {
        if self.asked != Some(link) && !self.holders.contains(&link) && self.holders.len() < Self::HOLDERS_MAX {
            self.holders.push_back(link);
        }
    }
}

/// What we miss, by id.
pub(super) struct Wants {
    pub(super) ids: HashMap<MessageId, Want, FixedState>,
    /// Whether a link had more to offer than we could ask for.
    pub(super) starved: bool,
    /// Until when those who are asked have time.
    deadlines: BTreeSet<(Mono, MessageId)>,
    /// Bytes of all that is asked for now.
    asked_bytes: usize,
}

impl Wants {
    /// How often one message is asked for before it is given up.
    pub(super) const TRIES_MAX: u8 = 6;

    pub(super) fn new(hashing: FixedState) -> Self {
        Self { ids: HashMap::with_hasher(hashing), starved: false, deadlines: BTreeSet::new(), asked_bytes: 0 }
    }

    /// Whether one more message of so many bytes may be asked for: as many ids as are remembered, and as many bytes as may
    /// be coming in. One may always.
    pub(super) fn has_room(&self, options: &Options, bytes: u32) -> bool {
        self.ids.is_empty()
            || self.ids.len() < options.seen_max && self.asked_bytes + bytes as usize <= options.partial_bytes_max
    }

    /// That link is asked.
    pub(super) fn ask(&mut self, id: MessageId, link: LinkId, now: Mono, options: &Options) {
        let Some(want) = self.ids.get_mut(&id) else { return };
        let until = now + want.patience(options);
        want.asked = Some(link);
        want.until = until;
        want.tries = want.tries.saturating_add(1);
        self.asked_bytes += want.bytes as usize;
        self.deadlines.insert((until, id));
    }

    /// Nobody is asked any more, for now.
    pub(super) fn unask(&mut self, id: &MessageId) -> Option<&mut Want> {
        let want = self.ids.get_mut(id)?;
        if want.asked.take().is_some() {
            self.asked_bytes -= want.bytes as usize;
            self.deadlines.remove(&(want.until, *id));
        }
        Some(want)
    }

    pub(super) fn remove(&mut self, id: &MessageId) -> Option<Want> {
        let want = self.ids.remove(id)?;
        if want.asked.is_some() {
            self.asked_bytes -= want.bytes as usize;
            self.deadlines.remove(&(want.until, *id));
        }
        Some(want)
    }

    /// Whoever is asked gets more time: something is coming.
    pub(super) fn extend(&mut self, id: MessageId, until: Mono) {
        if let Some(want) = self.ids.get_mut(&id).filter(|want| want.asked.is_some()) {
            self.deadlines.remove(&(want.until, id));
            want.until = until;
            self.deadlines.insert((until, id));
        }
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        self.deadlines.first().map(|(until, _)| *until)
    }

    /// The first whose time is over, and who was asked for it. It is to be given more, or asked for elsewhere.
    pub(super) fn due(&self, now: Mono) -> Option<(MessageId, LinkId)> {
        let (_, id) = self.deadlines.first().filter(|(until, _)| *until <= now)?;
        Some((*id, self.ids.get(id)?.asked?))
    }
}
