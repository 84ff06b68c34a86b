//! What one participant has heard from one other, of one subject: whether it came in the order in which it was said.

use std::time::Instant;

use crate::message::Kind;

#[derive(Debug, Default)]
pub(crate) struct Sequence {
    youngest: u64,
    youngest_candidate: u64,
    /// The first description since both are in the room, and when it was heard.
    opening: Option<(u64, Instant)>,
}

/// How a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    InOrder,
    /// A candidate behind the one description that it had overtaken: nobody can use it earlier.
    Held,
    /// Behind a younger message.
    Late,
}

impl Sequence {
    /// Takes the next that is heard; `together_since`: when the later of the two asked for the room.
    pub(crate) fn hear(&mut self, kind: Kind, serial: u64, together_since: Option<Instant>) -> Arrival {
        let now = Instant::now();
        let is_opened = self.opening.is_some_and(|(_, at)| together_since.is_none_or(|since| since <= at));
        if !is_opened {
            self.opening = (kind.is_signal() && kind != Kind::Candidate).then_some((serial, now));
        }
        let is_behind_opening = self.opening.is_some_and(|(opening, _)| opening == self.youngest);
        let keeps_candidates = serial > self.youngest_candidate;
        let arrival = match kind {
            _ if serial > self.youngest => Arrival::InOrder,
            Kind::Candidate if is_behind_opening && keeps_candidates => Arrival::Held,
            _ => Arrival::Late,
        };
        self.youngest = serial.max(self.youngest);
        if kind == Kind::Candidate {
            self.youngest_candidate = serial.max(self.youngest_candidate);
        }
        arrival
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(sequence: &mut Sequence, kind: Kind, serial: u64) -> Arrival {
        sequence.hear(kind, serial, None)
    }

    #[test]
    fn candidates_that_overtook_the_first_description_may_come_behind_it() {
        let mut sequence = Sequence::default();
        assert_eq!(hear(&mut sequence, Kind::Answer, 3), Arrival::InOrder);
        assert_eq!(hear(&mut sequence, Kind::Candidate, 1), Arrival::Held);
        assert_eq!(hear(&mut sequence, Kind::Candidate, 2), Arrival::Held);
        assert_eq!(hear(&mut sequence, Kind::Candidate, 4), Arrival::InOrder);
    }

    #[test]
    fn held_candidates_keep_their_own_order_and_come_at_once() {
        let mut sequence = Sequence::default();
        hear(&mut sequence, Kind::Offer, 4);
        hear(&mut sequence, Kind::Candidate, 2);
        assert_eq!(hear(&mut sequence, Kind::Candidate, 1), Arrival::Late);
        hear(&mut sequence, Kind::Candidate, 5);
        assert_eq!(hear(&mut sequence, Kind::Candidate, 3), Arrival::Late);
    }

    #[test]
    fn a_later_description_is_overtaken_by_nothing() {
        let mut sequence = Sequence::default();
        hear(&mut sequence, Kind::Offer, 1);
        hear(&mut sequence, Kind::Offer, 3);
        assert_eq!(hear(&mut sequence, Kind::Candidate, 2), Arrival::Late);
        assert_eq!(hear(&mut sequence, Kind::Answer, 2), Arrival::Late);
    }

    #[test]
    fn who_joins_anew_is_described_to_again() {
        let mut sequence = Sequence::default();
        hear(&mut sequence, Kind::Offer, 1);
        let anew = Some(Instant::now());
        assert_eq!(sequence.hear(Kind::Offer, 3, anew), Arrival::InOrder);
        assert_eq!(sequence.hear(Kind::Candidate, 2, anew), Arrival::Held);
    }

    #[test]
    fn what_the_room_is_told_is_never_held() {
        let mut sequence = Sequence::default();
        hear(&mut sequence, Kind::Verse, 2);
        assert_eq!(hear(&mut sequence, Kind::Verse, 1), Arrival::Late);
    }
}
