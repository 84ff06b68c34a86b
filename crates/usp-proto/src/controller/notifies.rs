use std::collections::{BTreeMap, VecDeque};

use prost::Message as _;

use crate::exchange::Via;
use crate::message::Notify;

/// Names a notification that is being stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NotifyToken(u64);

/// Notifications that are being stored, and those that were answered lately.
///
/// An agent that does not hear an answer tells it again with the same message id. An id alone does not say that it is the
/// same: agents count from one again after a reboot. So what it says counts as well.
#[derive(Debug)]
pub(super) struct Notifies {
    pending_max: usize,
    answered_max: usize,
    next: u64,
    pending: BTreeMap<NotifyToken, PendingNotify>,
    answered: VecDeque<(String, u64)>,
}

#[derive(Debug)]
struct PendingNotify {
    fingerprint: u64,
    answer: Answer,
}

/// What to answer once it is stored.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) msg_id: String,
    pub(super) subscription_id: String,
    pub(super) via: Via,
    pub(super) wanted: bool,
}

/// Whether a notification came before.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    New(NotifyToken),
    Pending,
    Answered,
    TooMany,
}

impl Notifies {
    pub(super) fn new(pending_max: usize, answered_max: usize) -> Self {
        Self { pending_max, answered_max, next: 1, pending: BTreeMap::new(), answered: VecDeque::new() }
    }

    pub(super) fn take(&mut self, msg_id: &str, notify: &Notify, via: Via) -> Seen {
        let fingerprint = fingerprint(notify);
        if self.answered.iter().any(|(id, print)| id == msg_id && *print == fingerprint) {
            return Seen::Answered;
        }
        if self.pending.values().any(|it| it.answer.msg_id == msg_id && it.fingerprint == fingerprint) {
            return Seen::Pending;
        }
        if self.pending.len() >= self.pending_max {
            return Seen::TooMany;
        }
        let token = NotifyToken(self.next);
        self.next += 1;
        let answer = Answer {
            msg_id: msg_id.to_owned(),
            subscription_id: notify.subscription_id.clone(),
            via,
            wanted: notify.send_resp,
        };
        self.pending.insert(token, PendingNotify { fingerprint, answer });
        Seen::New(token)
    }

    /// The answer that may be given now. One that could not be stored is forgotten: the agent tells it again.
    pub(super) fn stored(&mut self, token: NotifyToken, is_stored: bool) -> Option<Answer> {
        let pending = self.pending.remove(&token)?;
        if !is_stored {
            return None;
        }
        if self.answered.len() >= self.answered_max {
            self.answered.pop_front();
        }
        if self.answered_max > 0 {
            self.answered.push_back((pending.answer.msg_id.clone(), pending.fingerprint));
        }
        Some(pending.answer)
    }

    /// The agent began anew: its ids may as well.
    pub(super) fn forget_answered(&mut self) {
        self.answered.clear();
    }
}

/// FNV-1a over what it says. Who could make two alike could as well send one of them twice.
fn fingerprint(notify: &Notify) -> u64 {
    notify
        .encode_to_vec()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
