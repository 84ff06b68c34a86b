//! What was said, who has to hear it, who did: every message is accounted for until the end.
//!
//! A message to the room is owed to whoever is in it when it is said, and to whoever is cut off then and was promised to be
//! recovered. What a member misses that was promised nothing is counted apart ([`Tally::away`]). What was on its way from a
//! sender that is cut off, and was heard by nobody, is owed to nobody ([`Statistics::withdrawn`]); nor is what was on its way
//! to an agent whose wire has no offsets ([`Statistics::in_flight`]).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use rand::RngExt as _;

use crate::histogram::Histogram;
use crate::message::Kind;
use crate::sequence::{Arrival, Sequence};
use crate::wire::Promise;

/// A participant, counted through all rooms.
pub(crate) type MemberId = u32;

/// Of one kind of message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    /// Deliveries that are owed: one for each who has to hear it.
    pub(crate) owed: u64,
    pub(crate) delivered: u64,
    /// Of these, to members that were cut off meanwhile; how long that took says nothing of the server.
    pub(crate) replayed: u64,
    pub(crate) duplicated: u64,
    /// Later than a younger one from the same sender to the same recipient.
    pub(crate) reordered: u64,
    /// Missed by members that were cut off and promised nothing.
    pub(crate) away: u64,
    pub(crate) latency: Histogram,
}

#[derive(Debug, Default)]
pub(crate) struct Statistics {
    members: Vec<Member>,
    per_room: u32,
    tallies: BTreeMap<Kind, Tally>,
    sent: HashMap<u64, Sent>,
    next_serial: u64,
    /// Duration in seconds to serial number, and how many there were, by room.
    timers: HashMap<u32, Timers>,
    /// What was heard, by sender, recipient and kind.
    sequences: HashMap<(MemberId, MemberId, Option<Kind>), Sequence>,
    pub(crate) opened: Histogram,
    pub(crate) joined: Histogram,
    pub(crate) back: Histogram,
    pub(crate) cut: u64,
    pub(crate) recovered: u64,
    pub(crate) rejoined: u64,
    pub(crate) disconnected: u64,
    pub(crate) unreached: u64,
    pub(crate) withdrawn: u64,
    /// Candidates that came behind the description they had overtaken.
    pub(crate) held: u64,
    /// Signals on their way to a client without offsets when it was cut off, and never heard.
    pub(crate) in_flight: u64,
    /// What the room was told while such a client was away: it learns the state when it is back.
    pub(crate) left_to_state: u64,
    /// Orders that a participant was too busy for.
    pub(crate) not_ordered: u64,
    /// The server's words, and how often.
    pub(crate) refusals: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Member {
    state: State,
    hears_room: bool,
    has_entered: bool,
    /// When it last asked for its room. What was said before may be told it again, as the state of the room.
    asked_at: Option<Instant>,
    /// Serial number, and whether it was cut off meanwhile.
    owed: HashMap<u64, bool>,
    /// What it said and nobody has heard.
    unheard: HashSet<u64>,
    /// What was on its way to it when it was cut off, without a promise for that.
    doubtful: Vec<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Out,
    Joining {
        since: Instant,
    },
    In,
    Away {
        since: Instant,
        promise: Promise,
    },
    /// Connected again, not yet in the room again.
    Rejoining {
        since: Instant,
        promise: Promise,
    },
}

#[derive(Debug)]
struct Sent {
    kind: Kind,
    from: MemberId,
    at: Instant,
    to: Vec<MemberId>,
    outstanding: usize,
}

#[derive(Debug, Default)]
struct Timers {
    begun: u64,
    serials: HashMap<u64, u64>,
}

/// A timer's duration in seconds, of the first; each next one is shorter, so that no tick of an old one looks like a new one.
const TIMER_MAX: u64 = 86_400;
const TIMER_MIN: u64 = 3_600;
/// How long a message that all have heard is remembered, to know a duplicate.
const REMEMBERED: Duration = Duration::from_secs(30);
/// How long signals wait for an agent that was lost: what our server does, and others that know the word may be asked for.
const AGENT_WAITS: Duration = Duration::from_secs(5);
/// So soon after a cut a server may not know of it: what it sends goes the way of the connection.
const UNNOTICED: Duration = Duration::from_millis(250);
/// Different words of refusal that are kept.
const REFUSALS_MAX: usize = 16;

impl Statistics {
    pub(crate) fn new(per_room: u32, hear_room: impl IntoIterator<Item = bool>) -> Self {
        let member = |hears_room| Member {
            state: State::Out,
            hears_room,
            has_entered: false,
            asked_at: None,
            owed: HashMap::new(),
            unheard: HashSet::new(),
            doubtful: Vec::new(),
        };
        Self { members: hear_room.into_iter().map(member).collect(), per_room, ..Self::default() }
    }

    /// It asks to be let into its room.
    pub(crate) fn joining(&mut self, id: MemberId) {
        let now = Instant::now();
        let Some(member) = self.members.get_mut(id as usize) else { return };
        member.state = match member.state {
            State::Away { since, promise } | State::Rejoining { since, promise } => State::Rejoining { since, promise },
            State::Out | State::Joining { .. } | State::In => State::Joining { since: now },
        };
        // An agent that is back in time goes on as the one it was.
        if !matches!(member.state, State::Rejoining { promise: Promise::Signals, .. }) {
            member.asked_at = Some(now);
        }
    }

    /// It is in its room, for the first time or again.
    pub(crate) fn entered(&mut self, id: MemberId) {
        let Some(member) = self.members.get_mut(id as usize) else { return };
        match std::mem::replace(&mut member.state, State::In) {
            State::Joining { since } => self.joined.record(since.elapsed()),
            State::Rejoining { since, promise } => {
                self.back.record(since.elapsed());
                let is_late = promise != Promise::Signals || since.elapsed() > AGENT_WAITS;
                self.rejoined += u64::from(is_late);
                self.recovered += u64::from(!is_late);
            }
            State::Away { since, .. } => {
                self.back.record(since.elapsed());
                self.recovered += 1;
            }
            State::Out | State::In => {}
        }
        member.has_entered = true;
    }

    /// Whether it hears what its room is told, and can tell it.
    pub(crate) fn hears_room(&mut self, id: MemberId, hears: bool) {
        if let Some(member) = self.members.get_mut(id as usize) {
            member.hears_room = hears;
        }
    }

    pub(crate) fn knows_room(&self, id: MemberId) -> bool {
        self.members.get(id as usize).is_some_and(|member| member.hears_room)
    }

    /// It is cut off.
    pub(crate) fn away(&mut self, id: MemberId, promise: Promise) {
        let Some(member) = self.members.get_mut(id as usize) else { return };
        let since = match member.state {
            State::Away { since, .. } | State::Rejoining { since, .. } => since,
            State::Out | State::Joining { .. } | State::In => Instant::now(),
        };
        let promise = if member.has_entered { promise } else { Promise::Nothing };
        member.state = if member.has_entered { State::Away { since, promise } } else { State::Out };
        let unheard = std::mem::take(&mut member.unheard);
        for serial in unheard {
            self.withdraw(serial);
        }
        match promise {
            Promise::All => self.members[id as usize].owed.values_mut().for_each(|is_late| *is_late = true),
            Promise::Signals => self.doubt(id),
            Promise::Nothing => {
                let missed = std::mem::take(&mut self.members[id as usize].owed);
                for serial in missed.into_keys() {
                    if let Some(kind) = self.release(serial) {
                        self.tallies.entry(kind).or_default().away += 1;
                    }
                }
            }
        }
    }

    /// What is on its way to an agent that is cut off may come or not.
    fn doubt(&mut self, id: MemberId) {
        let owed = std::mem::take(&mut self.members[id as usize].owed);
        for serial in owed.into_keys() {
            if self.sent.get(&serial).is_some_and(|sent| sent.kind.is_signal()) {
                let member = &mut self.members[id as usize];
                member.owed.insert(serial, true);
                member.doubtful.push(serial);
            } else if self.release(serial).is_some() {
                self.left_to_state += 1;
            }
        }
    }

    /// Gives up what was on its way to agents when they were cut off.
    pub(crate) fn give_up_doubtful(&mut self) {
        for id in 0..self.members.len() {
            let member = &mut self.members[id];
            if member.doubtful.is_empty() || member.state != State::In {
                continue;
            }
            let doubtful = std::mem::take(&mut member.doubtful);
            for serial in doubtful {
                let is_waited_for = self.sent.get(&serial).is_some_and(|sent| sent.at.elapsed() < AGENT_WAITS);
                if is_waited_for {
                    self.members[id].doubtful.push(serial);
                } else if self.members[id].owed.remove(&serial).is_some() && self.release(serial).is_some() {
                    self.in_flight += 1;
                }
            }
        }
    }

    /// One delivery of a message is owed no more.
    fn release(&mut self, serial: u64) -> Option<Kind> {
        let sent = self.sent.get_mut(&serial)?;
        sent.outstanding -= 1;
        self.tallies.entry(sent.kind).or_default().owed -= 1;
        Some(sent.kind)
    }

    fn withdraw(&mut self, serial: u64) {
        let Some(sent) = self.sent.remove(&serial) else { return };
        self.withdrawn += 1;
        for id in sent.to {
            if self.members[id as usize].owed.remove(&serial).is_some() {
                self.tallies.entry(sent.kind).or_default().owed -= 1;
            }
        }
    }

    /// Somebody says something to one other; gives its serial number. `None`: the other is known to be gone.
    pub(crate) fn signal(&mut self, kind: Kind, from: MemberId, to: MemberId) -> Option<u64> {
        let state = self.members.get(to as usize)?.state;
        if matches!(state, State::Out | State::Away { promise: Promise::Nothing, .. }) {
            return None;
        }
        let serial = self.begin(kind, from, vec![to]);
        if let State::Away { since, promise: Promise::Signals } | State::Rejoining { since, promise: Promise::Signals } =
            state
            && since.elapsed() < UNNOTICED
        {
            self.members[to as usize].doubtful.push(serial);
        }
        Some(serial)
    }

    /// Somebody tells the room something; gives the number it is known by: of a timer its duration.
    pub(crate) fn tell(&mut self, kind: Kind, from: MemberId) -> u64 {
        let room = from / self.per_room;
        let first = room * self.per_room;
        let mut to = Vec::new();
        for id in first..first + self.per_room {
            let Some(member) = self.members.get(id as usize) else { break };
            match member.state {
                _ if id == from || !member.hears_room => {}
                State::In | State::Away { promise: Promise::All, .. } => to.push(id),
                State::Away { promise: Promise::Signals, .. } | State::Rejoining { promise: Promise::Signals, .. } => {
                    self.left_to_state += 1;
                }
                State::Away { promise: Promise::Nothing, .. } => self.tallies.entry(kind).or_default().away += 1,
                State::Out | State::Joining { .. } | State::Rejoining { .. } => {}
            }
        }
        let serial = self.begin(kind, from, to);
        if kind != Kind::Timer {
            return serial;
        }
        let timers = self.timers.entry(room).or_default();
        let duration = TIMER_MAX - timers.begun % (TIMER_MAX - TIMER_MIN);
        timers.begun += 1;
        timers.serials.insert(duration, serial);
        duration
    }

    fn begin(&mut self, kind: Kind, from: MemberId, to: Vec<MemberId>) -> u64 {
        self.next_serial += 1;
        let serial = self.next_serial;
        for &id in &to {
            let member = &mut self.members[id as usize];
            member.owed.insert(serial, matches!(member.state, State::Away { .. } | State::Rejoining { .. }));
        }
        let tally = self.tallies.entry(kind).or_default();
        tally.sent += 1;
        tally.owed += to.len() as u64;
        if !to.is_empty() {
            self.members[from as usize].unheard.insert(serial);
            self.sent.insert(serial, Sent { kind, from, at: Instant::now(), outstanding: to.len(), to });
        }
        if serial.is_multiple_of(4_096) {
            self.sent.retain(|_, sent| sent.outstanding > 0 || sent.at.elapsed() < REMEMBERED);
            for timers in self.timers.values_mut() {
                timers.serials.retain(|_, serial| self.sent.contains_key(serial));
            }
        }
        serial
    }

    /// Somebody hears something. A timer that nobody began is a tick, and passed over.
    pub(crate) fn heard(&mut self, id: MemberId, kind: Kind, number: u64) {
        let is_timer = kind == Kind::Timer;
        let serial = match is_timer {
            true => self.timers.get(&(id / self.per_room)).and_then(|timers| timers.serials.get(&number).copied()),
            false => Some(number),
        };
        let Some((serial, sent)) = serial.and_then(|serial| Some((serial, self.sent.get_mut(&serial)?))) else {
            return;
        };
        let tally = self.tallies.entry(kind).or_default();
        let Some(member) = self.members.get_mut(id as usize) else { return };
        let Some(is_late) = member.owed.remove(&serial) else {
            let is_state = is_timer || !kind.is_signal() && member.asked_at.is_some_and(|asked| sent.at < asked);
            tally.duplicated += u64::from(!is_state && sent.to.contains(&id));
            return;
        };
        sent.outstanding -= 1;
        tally.delivered += 1;
        if is_late {
            tally.replayed += 1;
        } else {
            tally.latency.record(sent.at.elapsed());
        }
        let from = sent.from;
        // Signals of a pair belong together, whatever they are; the room's subjects are each its own.
        let stream = (!kind.is_signal()).then_some(kind);
        let together_since = self.members[id as usize].asked_at.max(self.members[from as usize].asked_at);
        match self.sequences.entry((from, id, stream)).or_default().hear(kind, serial, together_since) {
            Arrival::InOrder => {}
            Arrival::Held => self.held += 1,
            Arrival::Late => tally.reordered += 1,
        }
        self.members[from as usize].unheard.remove(&serial);
    }

    pub(crate) fn refused(&mut self, why: String) {
        let is_known = self.refusals.contains_key(&why);
        let words = if is_known || self.refusals.len() < REFUSALS_MAX { why } else { "others".to_owned() };
        *self.refusals.entry(words).or_default() += 1;
    }

    /// Somebody of a room that is in it, by chance.
    pub(crate) fn anybody_in(&self, room: u32, but: Option<MemberId>) -> Option<MemberId> {
        let first = room * self.per_room;
        let start = rand::rng().random_range(0..self.per_room);
        let ids = (0..self.per_room).map(|step| first + (start + step) % self.per_room);
        ids.filter(|id| Some(*id) != but)
            .find(|id| self.members.get(*id as usize).is_some_and(|m| m.state == State::In))
    }

    pub(crate) fn is_in(&self, id: MemberId) -> bool {
        self.members.get(id as usize).is_some_and(|member| member.state == State::In)
    }

    pub(crate) fn in_count(&self) -> usize {
        self.members.iter().filter(|member| member.state == State::In).count()
    }

    pub(crate) fn never_entered(&self) -> usize {
        self.members.iter().filter(|member| !member.has_entered).count()
    }

    /// Deliveries that are owed and not made.
    pub(crate) fn outstanding(&self) -> u64 {
        self.tallies.values().map(|tally| tally.owed - tally.delivered).sum()
    }

    pub(crate) fn sent_count(&self) -> u64 {
        self.tallies.values().map(|tally| tally.sent).sum()
    }

    pub(crate) fn delivered_count(&self) -> u64 {
        self.tallies.values().map(|tally| tally.delivered).sum()
    }

    pub(crate) fn tally(&self, kind: Kind) -> Option<&Tally> {
        self.tallies.get(&kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rooms of three that all hear their room.
    fn all_in() -> Statistics {
        let mut statistics = Statistics::new(3, [true; 6]);
        for id in 0..6 {
            statistics.joining(id);
            statistics.entered(id);
        }
        statistics
    }

    fn of(statistics: &Statistics, kind: Kind) -> [u64; 5] {
        let tally = statistics.tally(kind).unwrap();
        [tally.owed, tally.delivered, tally.duplicated, tally.reordered, tally.away]
    }

    #[test]
    fn a_rooms_message_is_owed_to_all_others_in_it() {
        let mut statistics = all_in();
        let serial = statistics.tell(Kind::Verse, 3);
        statistics.heard(4, Kind::Verse, serial);
        statistics.heard(0, Kind::Verse, serial);
        assert_eq!(of(&statistics, Kind::Verse), [2, 1, 0, 0, 0]);
        assert_eq!(statistics.outstanding(), 1);
    }

    #[test]
    fn duplicates_and_late_ones_are_counted() {
        let mut statistics = all_in();
        let first = statistics.signal(Kind::Offer, 0, 1).unwrap();
        let second = statistics.signal(Kind::Candidate, 0, 1).unwrap();
        statistics.heard(1, Kind::Candidate, second);
        statistics.heard(1, Kind::Offer, first);
        statistics.heard(1, Kind::Offer, first);
        assert_eq!(of(&statistics, Kind::Offer), [1, 1, 1, 1, 0]);
    }

    #[test]
    fn a_candidate_that_waited_for_its_description_is_not_reordered() {
        let mut statistics = all_in();
        let candidate = statistics.signal(Kind::Candidate, 0, 1).unwrap();
        let answer = statistics.signal(Kind::Answer, 0, 1).unwrap();
        statistics.heard(1, Kind::Answer, answer);
        statistics.heard(1, Kind::Candidate, candidate);
        assert_eq!(of(&statistics, Kind::Candidate), [1, 1, 0, 0, 0]);
        assert_eq!(statistics.held, 1);
    }

    #[test]
    fn who_was_promised_recovery_is_owed_what_it_missed() {
        let mut statistics = all_in();
        statistics.away(1, Promise::All);
        statistics.away(2, Promise::Nothing);
        let serial = statistics.tell(Kind::Queue, 0);
        assert_eq!(of(&statistics, Kind::Queue), [1, 0, 0, 0, 1]);
        assert_eq!(statistics.signal(Kind::Offer, 0, 2), None);
        statistics.entered(1);
        statistics.heard(1, Kind::Queue, serial);
        statistics.joining(2);
        statistics.entered(2);
        assert_eq!((statistics.outstanding(), statistics.recovered, statistics.rejoined), (0, 1, 1));
        let tally = statistics.tally(Kind::Queue).unwrap();
        assert_eq!((tally.replayed, tally.latency.count()), (1, 0));
    }

    #[test]
    fn an_agent_that_is_back_in_time_is_owed_its_signals_and_learns_the_rooms_state() {
        let mut statistics = all_in();
        let lost = statistics.signal(Kind::Candidate, 0, 1).unwrap();
        let verse = statistics.tell(Kind::Verse, 0);
        statistics.heard(2, Kind::Verse, verse);
        statistics.away(1, Promise::Signals);
        let waiting = statistics.signal(Kind::Candidate, 0, 1).unwrap();
        let told = statistics.tell(Kind::Verse, 0);
        statistics.heard(2, Kind::Verse, told);
        assert_eq!(of(&statistics, Kind::Verse), [2, 2, 0, 0, 0]);
        statistics.joining(1);
        statistics.entered(1);
        statistics.heard(1, Kind::Candidate, waiting);
        statistics.heard(1, Kind::Candidate, lost);
        assert_eq!(of(&statistics, Kind::Candidate), [2, 2, 0, 1, 0]);
        assert_eq!((statistics.recovered, statistics.rejoined, statistics.left_to_state), (1, 0, 2));
        assert_eq!(statistics.outstanding(), 0);
    }

    #[test]
    fn the_rooms_state_told_to_who_joins_anew_is_no_duplicate() {
        let mut statistics = all_in();
        let verse = statistics.tell(Kind::Verse, 0);
        statistics.heard(1, Kind::Verse, verse);
        statistics.away(1, Promise::Nothing);
        statistics.joining(1);
        statistics.entered(1);
        statistics.heard(1, Kind::Verse, verse);
        assert_eq!(of(&statistics, Kind::Verse), [2, 1, 0, 0, 0]);
        let next = statistics.tell(Kind::Verse, 0);
        statistics.heard(1, Kind::Verse, next);
        statistics.heard(1, Kind::Verse, next);
        assert_eq!(of(&statistics, Kind::Verse), [4, 2, 1, 0, 0]);
    }

    #[test]
    fn what_a_cut_sender_had_not_got_out_is_owed_to_nobody() {
        let mut statistics = all_in();
        let heard = statistics.tell(Kind::Verse, 0);
        statistics.heard(1, Kind::Verse, heard);
        statistics.tell(Kind::Verse, 0);
        statistics.away(0, Promise::All);
        assert_eq!(of(&statistics, Kind::Verse), [2, 1, 0, 0, 0]);
        assert_eq!((statistics.withdrawn, statistics.outstanding()), (1, 1));
    }

    #[test]
    fn ticks_of_a_timer_are_no_deliveries() {
        let mut statistics = all_in();
        let duration = statistics.tell(Kind::Timer, 0);
        for heard in [duration, duration, duration - 5] {
            statistics.heard(1, Kind::Timer, heard);
        }
        assert_eq!(of(&statistics, Kind::Timer), [2, 1, 0, 0, 0]);
        assert_eq!(statistics.tell(Kind::Timer, 0), duration - 1);
    }

    #[test]
    fn the_words_of_refusals_are_bounded() {
        let mut statistics = all_in();
        for number in 0..100 {
            statistics.refused(number.to_string());
        }
        assert_eq!(statistics.refusals.len(), REFUSALS_MAX + 1);
        assert_eq!(statistics.refusals["others"], 84);
    }
}
