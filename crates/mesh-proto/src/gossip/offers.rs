use std::collections::VecDeque;

use sangam_types::Mono;

use super::link::Link;
use super::partial::AROUND_BYTES_MAX;
use super::seen::Seen;
use super::wants::{Want, Wants};
use super::{MessageId, Options};
use crate::LinkId;
use crate::channel::{Ask, asked_fitting};

/// A message that a peer has, as it told us.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    pub(super) id: MessageId,
    pub(super) born: Mono,
    /// Bytes of it; 0 if that was not said.
    pub(super) bytes: u32,
}

/// Deals with what a link told us of: what we have is dealt with, what is asked for elsewhere is remembered, the rest is
/// asked for, so many at a time. Gives what to ask.
pub(super) fn ask(
    id: LinkId,
    link: &mut Link,
    now: Mono,
    options: &Options,
    seen: &Seen,
    wants: &mut Wants,
) -> Option<Ask> {
    let most = options.ids_max.min(asked_fitting(link.frame_bytes_max));
    let mut ask = Ask { graft: false, ids: Vec::new() };
    while ask.ids.len() < most && link.asking.len() < options.ids_max {
        let next = match link.again.pop_front() {
            Some(again) => again_wanted(wants, again),
            None => match next_offer(id, link, now, options, seen, wants) {
                Some(next) => next,
                None => break,
            },
        };
        let Some(wanted) = next else { continue };
        wants.ask(wanted, id, now, options);
        link.asking.insert(wanted);
        ask.ids.push(wanted);
    }
    Some(ask).filter(|ask| !ask.ids.is_empty())
}

fn again_wanted(wants: &Wants, id: MessageId) -> Option<MessageId> {
    wants.ids.get(&id).is_some_and(|want| want.asked.is_none()).then_some(id)
}

/// The next offer. `None`: there is none, or no more may be asked for now. `Some(None)`: it needs no asking.
fn next_offer(
    id: LinkId,
    link: &mut Link,
    now: Mono,
    options: &Options,
    seen: &Seen,
    wants: &mut Wants,
) -> Option<Option<MessageId>> {
    let offer = *link.offers.front()?;
    // Chunks add a little to what they carry.
    let bytes_max = options.message_bytes_max + options.message_bytes_max / 32 + AROUND_BYTES_MAX;
    let needless =
        seen.contains(&offer.id) || seen.is_stale(options, now, offer.born) || offer.bytes as usize > bytes_max;
    if !needless && !wants.ids.contains_key(&offer.id) && !wants.has_room(options, offer.bytes) {
        wants.starved = true;
        return None;
    }
    link.offers.pop_front();
    link.heard_due = link.heard_due.saturating_add(1);
    if needless {
        return Some(None);
    }
    if let Some(want) = wants.ids.get_mut(&offer.id) {
        want.add_holder(id);
        want.born = want.born.min(offer.born);
        return Some(None);
    }
    let Offer { born, bytes, .. } = offer;
    let want = Want { asked: None, until: now, holders: VecDeque::new(), born, bytes, tries: 0 };
    wants.ids.insert(offer.id, want);
    Some(Some(offer.id))
}
