use std::collections::BTreeSet;

use sangam_types::Mono;

use crate::api::{DtlsRole, Notice, SignalKind};
use crate::direction::Message;
use crate::id::{ParticipantId, RoomId, SocketId};
use crate::payload::Payload;

/// What waits for one participant, in the order in which it came.
#[derive(Debug)]
pub(crate) struct Mailbox<P> {
    pub(crate) letters: Vec<Letter<P>>,
    pub(crate) load: Load,
}

/// A message that waits.
#[derive(Clone, Debug)]
pub(crate) struct Letter<P> {
    pub(crate) from: ParticipantId,
    pub(crate) message: Message<P>,
    /// Of an offer that is handed over as an answer: the role of its sender.
    pub(crate) crossed: Option<DtlsRole>,
    /// When it is too old.
    pub(crate) until: Mono,
    /// Of a description: how long it waits for the candidates that belong into it.
    pub(crate) whole_at: Option<Mono>,
    /// The sockets that it was handed over to, if it waits for further ones only.
    pub(crate) had_by: Vec<SocketId>,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) len: usize,
    pub(crate) bytes: usize,
}

impl Load {
    pub(crate) fn of<P: Payload>(letter: &Letter<P>) -> Self {
        Self { len: 1, bytes: letter.message.payload.len() }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.len += other.len;
        self.bytes += other.bytes;
    }

    pub(crate) fn subtract(&mut self, other: Self) {
        self.len -= other.len;
        self.bytes -= other.bytes;
    }
}

impl<P: Payload> Letter<P> {
    pub(crate) fn new(from: ParticipantId, message: Message<P>) -> Self {
        Self { from, message, crossed: None, until: Mono::ZERO, whole_at: None, had_by: Vec::new() }
    }

    pub(crate) fn crossed(from: ParticipantId, message: Message<P>, role: DtlsRole) -> Self {
        Self { crossed: Some(role), ..Self::new(from, message) }
    }

    /// Whether it was handed over, and waits for further sockets only.
    pub(crate) fn is_copy(&self) -> bool {
        !self.had_by.is_empty()
    }

    pub(crate) fn is_description(&self) -> bool {
        self.message.kind != SignalKind::Candidate
    }

    pub(crate) fn notice(&self, room: RoomId, to: &ParticipantId) -> Notice<P> {
        let (from, to, payload) = (self.from.clone(), to.clone(), self.message.payload.clone());
        match self.crossed {
            Some(sender_role) => Notice::Crossed { room, from, to, offer: payload, sender_role },
            None => {
                let to = (!self.message.to_all).then_some(to);
                Notice::Signal { room, kind: self.message.kind, from, to, payload }
            }
        }
    }
}

impl<P> Default for Mailbox<P> {
    fn default() -> Self {
        Self { letters: Vec::new(), load: Load::default() }
    }
}

impl<P: Payload> Mailbox<P> {
    /// Takes letters out.
    pub(crate) fn take(&mut self, mut is_meant: impl FnMut(&Letter<P>) -> bool) -> Vec<Letter<P>> {
        let taken: Vec<Letter<P>> = self.letters.extract_if(.., |it| is_meant(it)).collect();
        for letter in &taken {
            self.load.subtract(Load::of(letter));
        }
        taken
    }

    /// Takes out what can be handed over: what is no copy, neither waits for candidates, nor stands behind such a one of
    /// the same sender.
    pub(crate) fn take_ready(&mut self) -> Vec<Letter<P>> {
        let mut waiting: BTreeSet<ParticipantId> = BTreeSet::new();
        self.take(|letter| {
            if letter.whole_at.is_some() {
                waiting.insert(letter.from.clone());
            }
            !letter.is_copy() && !waiting.contains(&letter.from)
        })
    }

    /// Takes out what a newer offer of the same sender makes useless: its last offer, and the candidates behind it.
    pub(crate) fn take_stale(&mut self, from: &ParticipantId) -> Vec<Letter<P>> {
        let mut is_after = false;
        self.take(|letter| {
            if letter.from != *from {
                return false;
            }
            is_after |= letter.message.kind == SignalKind::Offer;
            is_after && letter.message.kind != SignalKind::Answer
        })
    }

    /// Takes out what is too old, and with a description the candidates behind it.
    pub(crate) fn take_expired(&mut self, now: Mono) -> Vec<Letter<P>> {
        let mut undescribed: BTreeSet<ParticipantId> = BTreeSet::new();
        self.take(|letter| {
            let is_expired = letter.whole_at.is_none() && letter.until <= now;
            if letter.is_description() && !letter.is_copy() {
                undescribed.remove(&letter.from);
                if is_expired {
                    undescribed.insert(letter.from.clone());
                }
            }
            is_expired || undescribed.contains(&letter.from)
        })
    }

    /// Whether a letter of this sender waits, so that the next has to stand behind it.
    pub(crate) fn has_waiting(&self, from: &ParticipantId) -> bool {
        self.letters.iter().any(|it| it.from == *from && !it.is_copy())
    }

    /// When it has to be looked at next.
    pub(crate) fn next(&self) -> Option<Mono> {
        self.letters.iter().map(|it| it.whole_at.unwrap_or(it.until)).min()
    }
}

/// Orders a batch as pollers expect it: senders in the order of their first letter, and of each its offer, its answer, its
/// candidates as they came.
pub(crate) fn sort_batch<P: Payload>(batch: &mut [Letter<P>]) {
    let mut senders: Vec<ParticipantId> = Vec::new();
    for letter in batch.iter() {
        if !senders.contains(&letter.from) {
            senders.push(letter.from.clone());
        }
    }
    batch.sort_by_key(|it| (senders.iter().position(|from| *from == it.from), it.message.kind));
}
