use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::histogram::Percentiles;
use crate::message::Kind;
use crate::options::RoomsOptions;
use crate::statistics::Statistics;

/// What came of a fleet in rooms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RoomsReport {
    /// How many rooms.
    pub rooms: u32,
    /// In all of them.
    pub participants: u64,
    /// From the first to the last.
    pub took_secs: f64,
    /// Of each kind of message that was sent.
    pub messages: Vec<KindReport>,
    /// How long it took to connect, WebSocket and handshake.
    pub connect: Option<Percentiles>,
    /// How long it took from asking for the room to being in it.
    pub join: Option<Percentiles>,
    /// How long it took from being cut off to being in the room again, the client's own pause included.
    pub back: Option<Percentiles>,
    /// Participants that never were in their room.
    pub never_joined: u64,
    /// Participants that were not in their room at the end.
    pub absent_at_end: u64,
    /// How often the fleet cut a client off.
    pub cut: u64,
    /// How often the server or the network did.
    pub disconnected: u64,
    /// How often a client came back as the one it was, with its rooms.
    pub recovered: u64,
    /// How often a client came back and had to join anew.
    pub rejoined: u64,
    /// Attempts to connect that nobody answered.
    pub unreached: u64,
    /// Messages that were on their way from a client when it was cut off, and came to nobody.
    pub withdrawn: u64,
    /// Candidates said before the first description to somebody and heard behind it: of no use earlier, and not reordered.
    pub held: u64,
    /// Signals on their way to a JSON agent when it was cut off, and never heard: its wire has no offsets to ask again by.
    pub in_flight: u64,
    /// What rooms were told while a JSON agent was away, which learns the room's state when it is back.
    pub left_to_state: u64,
    /// What participants did not get to say, because they were too busy: with many the machine of the fleet is the limit.
    pub not_said: u64,
    /// What the server refused, in its words, and how often.
    pub refused: BTreeMap<String, u64>,
}

/// Of one kind of message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KindReport {
    /// Which.
    pub kind: Kind,
    /// How often it was said.
    pub sent: u64,
    /// Deliveries that are owed: one for each who had to hear it.
    pub expected: u64,
    /// Deliveries that were made.
    pub delivered: u64,
    /// Of these, to members that were cut off meanwhile and recovered.
    pub replayed: u64,
    /// Deliveries that are owed and were not made.
    pub missing: u64,
    /// Missed by members while they were cut off, without a promise to be recovered.
    pub missed_away: u64,
    /// Delivered again.
    pub duplicated: u64,
    /// Delivered after a younger one of the same sender.
    pub reordered: u64,
    /// From being said to being heard, but for what was replayed.
    pub latency: Option<Percentiles>,
}

impl RoomsReport {
    pub(crate) fn of(options: &RoomsOptions, statistics: &Statistics, absent: u64, took: Duration) -> Self {
        let message = |kind| {
            let tally = statistics.tally(kind)?;
            Some(KindReport {
                kind,
                sent: tally.sent,
                expected: tally.owed,
                delivered: tally.delivered,
                replayed: tally.replayed,
                missing: tally.owed - tally.delivered,
                missed_away: tally.away,
                duplicated: tally.duplicated,
                reordered: tally.reordered,
                latency: tally.latency.percentiles(),
            })
        };
        Self {
            rooms: options.rooms,
            participants: options.participants_total(),
            took_secs: (took.as_secs_f64() * 1e3).round() / 1e3,
            messages: Kind::ALL.into_iter().filter_map(message).collect(),
            connect: statistics.opened.percentiles(),
            join: statistics.joined.percentiles(),
            back: statistics.back.percentiles(),
            never_joined: statistics.never_entered() as u64,
            absent_at_end: absent,
            cut: statistics.cut,
            disconnected: statistics.disconnected,
            recovered: statistics.recovered,
            rejoined: statistics.rejoined,
            unreached: statistics.unreached,
            withdrawn: statistics.withdrawn,
            held: statistics.held,
            in_flight: statistics.in_flight,
            left_to_state: statistics.left_to_state,
            not_said: statistics.not_ordered,
            refused: statistics.refusals.clone(),
        }
    }

    /// Deliveries that somebody waits for in vain.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.messages.iter().map(|message| message.missing + message.missed_away).sum()
    }

    /// Deliveries made again.
    #[must_use]
    pub fn duplicated(&self) -> u64 {
        self.messages.iter().map(|message| message.duplicated).sum()
    }

    /// Deliveries behind a younger message of the same sender.
    #[must_use]
    pub fn reordered(&self) -> u64 {
        self.messages.iter().map(|message| message.reordered).sum()
    }

    /// Whether all were in their rooms at the end, nothing was lost, nothing came twice and all in order.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        let wrong = self.lost() + self.duplicated() + self.reordered();
        wrong == 0 && self.never_joined == 0 && self.absent_at_end == 0
    }

    /// One sentence.
    #[must_use]
    pub fn verdict(&self) -> String {
        let in_time = |wrong: u64| format!("{wrong} of {} participants", self.participants);
        let why = self.refused.iter().max_by_key(|(_, count)| **count);
        let why = why.map(|(why, count)| format!(" (refused {count} times: {why})")).unwrap_or_default();
        if self.never_joined > 0 {
            return format!("no: {} never joined{why}", in_time(self.never_joined));
        }
        if self.lost() > 0 {
            let expected: u64 = self.messages.iter().map(|message| message.expected + message.missed_away).sum();
            return format!("no: {} of {expected} deliveries were lost{why}", self.lost());
        }
        if self.duplicated() > 0 {
            return format!("no: {} deliveries came twice{why}", self.duplicated());
        }
        if self.reordered() > 0 {
            return format!("no: {} deliveries came out of order{why}", self.reordered());
        }
        if self.absent_at_end > 0 {
            return format!("no: {} were not back in their rooms at the end{why}", in_time(self.absent_at_end));
        }
        "nothing was lost, nothing came twice, all in order".to_owned()
    }
}
