use sangam_types::Mono;

use crate::api::DropReason;
use crate::deadlines::Timer;
use crate::mailbox::{Letter, Load};
use crate::payload::{Fold, Payload};
use crate::room::Seat;
use crate::signaling::Signaling;

impl<P: Payload> Signaling<P> {
    /// Hands a message to a participant that takes no candidates by themselves: a description waits in its mailbox until
    /// its sender's candidates are in it.
    pub(crate) fn hand_over_whole(&mut self, now: Mono, seat: &Seat, mut letter: Letter<P>) {
        if !letter.is_description() {
            return self.fold(now, seat, &letter);
        }
        let sender = Seat { room: seat.room, id: letter.from.clone() };
        // Who takes whole descriptions only sends whole ones.
        let sends_whole = self.participant(&sender).is_some_and(|it| it.traits.wants_whole);
        let is_whole = sends_whole || letter.message.payload.ends_candidates();
        if !is_whole && self.refuses_mail(seat, &letter).is_none() {
            letter.whole_at = Some(now + self.options.whole_timeout);
            self.put(now, seat, letter);
        } else {
            self.hand_on(now, seat, letter);
        }
    }

    /// Writes a candidate into the description it belongs to, as long as that is here.
    fn fold(&mut self, now: Mono, seat: &Seat, candidate: &Letter<P>) {
        let Letter { from, message, .. } = candidate;
        let more = Load { len: 0, bytes: message.payload.len() };
        if !self.has_description(seat, candidate) {
            return self.drop_one(message.kind, DropReason::CandidateLate);
        }
        if let Some(reason) = self.refuses_load(seat, from, more) {
            return self.drop_one(message.kind, reason);
        }
        let ends = message.payload.ends_candidates();
        let until = now + self.mail_time(seat);
        let folded = self.change_description(seat, candidate, |description| {
            if ends && description.whole_at.take().is_some() {
                description.until = until;
            }
            description.message.payload.fold(&message.payload)
        });
        if folded == Some(Fold::Unfit) && !ends {
            self.drop_one(message.kind, DropReason::CandidateUnfit);
        }
        if ends {
            self.deadlines.set_earlier(Timer::Mail(seat.clone()), until);
            self.release_mail(now, seat);
        }
    }

    fn has_description(&self, seat: &Seat, candidate: &Letter<P>) -> bool {
        self.mailbox(seat).is_some_and(|it| it.letters.iter().any(|it| it.waits_for(candidate)))
    }

    /// Changes the last description of a candidate's sender.
    fn change_description<T>(
        &mut self,
        seat: &Seat,
        candidate: &Letter<P>,
        change: impl FnOnce(&mut Letter<P>) -> T,
    ) -> Option<T> {
        let room = self.rooms.get_mut(&seat.room)?;
        let mailbox = room.mailboxes.get_mut(&seat.id)?;
        let description = mailbox.letters.iter_mut().rev().find(|it| it.waits_for(candidate))?;
        let before = Load::of(description);
        let changed = change(description);
        let after = Load::of(description);
        let posted = room.posted.entry(candidate.from.clone()).or_default();
        for load in [&mut mailbox.load, posted, &mut self.totals.mail] {
            load.subtract(before);
            load.add(after);
        }
        Some(changed)
    }
}

impl<P: Payload> Letter<P> {
    /// Whether a candidate may still be written into this.
    fn waits_for(&self, candidate: &Self) -> bool {
        self.from == candidate.from && self.is_description() && !self.is_copy()
    }
}
