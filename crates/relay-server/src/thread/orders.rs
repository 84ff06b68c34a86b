//! What operators ask of a thread, and what it does for them: a slice of its table in each wake, so that packets go on.

use std::cmp::Reverse;
use std::mem;
use std::ops::Range;
use std::sync::atomic::Ordering;

use sangam_control::{Kick, RelaySession, RelayTraffic, SessionFilter, SessionId, SessionTransport, TopBy};
use sangam_turn_proto::{EndCause, Session, Traffic, Transport};
use sangam_types::{Mono, Wall};
use tokio::sync::oneshot;

use super::RelayThread;
use crate::orders::{Answer, Order, Task};
use crate::sessions::{busyness, place_of};

/// Places of the table looked at in one wake.
const SLICE: usize = 256;

/// The same where each costs some digests: at most four of a name and a secret.
const COSTLY_SLICE: usize = 32;

/// A task under way. Orders wait in their queue until it is done.
#[derive(Debug)]
pub(super) struct Errand {
    kind: Kind,
    /// The next place to look at.
    place: usize,
    done: Answer,
    /// None: nobody asked.
    answer: Option<oneshot::Sender<Answer>>,
}

#[derive(Debug)]
enum Kind {
    Ordered(Task),
    ReadRates,
}

impl Errand {
    fn begin(kind: Kind, answer: Option<oneshot::Sender<Answer>>) -> Self {
        let place = match &kind {
            Kind::Ordered(Task::List { place, .. }) => *place,
            Kind::Ordered(Task::Kick(Kick::One(id))) => place_of(*id),
            Kind::Ordered(_) | Kind::ReadRates => 0,
        };
        Self { kind, place, done: Answer::default(), answer }
    }
}

impl RelayThread {
    /// Works on one slice of what operators want, and comes back for the next in another wake.
    pub(super) fn work_on_orders(&mut self) {
        let Some(mut errand) = self.errand.take().or_else(|| self.next_errand()) else { return };
        if !self.work_on(&mut errand) {
            self.errand = Some(errand);
        } else if let Some(answer) = errand.answer {
            // Whoever asked may have given up.
            answer.send(errand.done).ok();
        }
        self.face().waker.wake();
    }

    fn next_errand(&mut self) -> Option<Errand> {
        if self.next_reading().is_some_and(|at| at <= self.now.mono) {
            self.rates.begin(self.now.mono);
            return Some(Errand::begin(Kind::ReadRates, None));
        }
        // Whoever has an order wakes the thread: a wake for packets alone looks no further.
        if !mem::take(&mut self.is_called) {
            return None;
        }
        if self.face().recheck_credentials.swap(false, Ordering::AcqRel) {
            return Some(Errand::begin(Kind::Ordered(Task::EndRevoked), None));
        }
        let mut orders = Vec::new();
        self.face().orders.collect(self.incarnation.owner, 1, &mut orders);
        let Order { task, answer } = orders.pop()?;
        Some(Errand::begin(Kind::Ordered(task), Some(answer)))
    }

    /// When the counters of sessions are to be read again; never while there is none.
    pub(super) fn next_reading(&self) -> Option<Mono> {
        (self.relays.len() > 0).then(|| self.rates.next())
    }

    /// One slice of it; `true` when that was the last.
    fn work_on(&mut self, errand: &mut Errand) -> bool {
        let slice = match &errand.kind {
            Kind::Ordered(Task::EndRevoked) => COSTLY_SLICE,
            Kind::Ordered(Task::Kick(Kick::One(_))) => 1,
            Kind::Ordered(_) | Kind::ReadRates => SLICE,
        };
        let places = errand.place..errand.place.saturating_add(slice);
        let is_first = errand.place == 0;
        errand.place = places.end;
        let is_last = places.end >= self.core.session_places();
        let done = &mut errand.done;
        match &errand.kind {
            Kind::Ordered(Task::List { filter, limit, .. }) => self.list(places, filter, *limit, done) || is_last,
            Kind::Ordered(Task::Top { by, count }) => {
                self.keep_busiest(places, *by, *count, done);
                is_last
            }
            Kind::Ordered(Task::Kick(Kick::One(id))) => {
                done.ended = self.end_one(*id);
                true
            }
            Kind::Ordered(Task::Kick(Kick::Each(filter))) => {
                done.ended += self.end_each(places, filter);
                is_last
            }
            Kind::Ordered(Task::EndRevoked) => {
                done.ended += self.end_revoked(places, is_first);
                is_last
            }
            Kind::ReadRates => {
                self.read_rates(places);
                is_last
            }
        }
    }

    /// `true` when the page is full.
    fn list(&self, places: Range<usize>, filter: &SessionFilter, limit: usize, done: &mut Answer) -> bool {
        for session in self.core.sessions(self.now, places) {
            if !self.is_described(&session, filter) {
                continue;
            }
            let shown = self.shown(&session);
            if done.sessions.len() >= limit {
                done.next = Some(place_of(shown.id));
                return true;
            }
            done.sessions.push(shown);
        }
        false
    }

    fn keep_busiest(&self, places: Range<usize>, by: TopBy, count: usize, done: &mut Answer) {
        done.sessions.extend(self.core.sessions(self.now, places).map(|session| self.shown(&session)));
        done.sessions.sort_by_key(|session| Reverse(busyness(session, by)));
        done.sessions.truncate(count);
    }

    fn end_one(&mut self, id: SessionId) -> usize {
        if id.start != self.start {
            return 0;
        }
        let place = place_of(id);
        let is_it = |session: &Session<'_>| session.allocation.0 == id.allocation;
        let ended = self.core.end_sessions(self.now, EndCause::Kicked, place..place + 1, is_it);
        self.drain();
        ended
    }

    fn end_each(&mut self, places: Range<usize>, filter: &SessionFilter) -> usize {
        let meant = self.core.sessions(self.now, places.clone()).filter(|session| self.is_described(session, filter));
        let meant: Vec<_> = meant.map(|session| session.allocation).collect();
        let is_meant = |session: &Session<'_>| meant.contains(&session.allocation);
        let ended = self.core.end_sessions(self.now, EndCause::Kicked, places, is_meant);
        self.drain();
        ended
    }

    fn end_revoked(&mut self, places: Range<usize>, is_first: bool) -> usize {
        let (credentials, wall) = (&self.credentials, self.now.wall);
        if is_first {
            self.core.forget_openings(|username, key| !credentials.is_good(username, *key, wall));
        }
        let is_revoked = |session: &Session<'_>| !credentials.is_good(session.username, session.key, wall);
        let ended = self.core.end_sessions(self.now, EndCause::Revoked, places, is_revoked);
        self.drain();
        ended
    }

    fn read_rates(&mut self, places: Range<usize>) {
        let are_heard = self.options.events.are_heard();
        for session in self.core.sessions(self.now, places) {
            if self.rates.read(self.now.mono, &session) && are_heard {
                self.options.events.publish(self.traffic_event(&session));
            }
        }
    }

    fn is_described(&self, session: &Session<'_>, filter: &SessionFilter) -> bool {
        let name = self.credentials.name_of(session.username);
        filter.user.as_ref().is_none_or(|user| name.is_called(user))
            && filter.label.as_ref().is_none_or(|label| name.label() == *label)
            && filter
                .client
                .is_none_or(|client| session.five_tuple.client.0.ip().to_canonical() == client.to_canonical())
    }

    fn shown(&self, session: &Session<'_>) -> RelaySession {
        let name = self.credentials.name_of(session.username);
        let age = self.now.mono.saturating_since(session.begun);
        let begun_millis = self.now.wall.unix_millis().saturating_sub(age.as_millis() as u64);
        let rate = self.rates.of(self.now.mono, session);
        RelaySession {
            id: self.session_id(session.allocation),
            username: session.username.to_owned(),
            user: name.user.to_owned(),
            label: name.label().to_owned(),
            client: session.five_tuple.client.0,
            server: session.five_tuple.server,
            transport: match session.five_tuple.transport {
                Transport::Udp => SessionTransport::Udp,
                Transport::Tcp => SessionTransport::Tcp,
                Transport::Tls => SessionTransport::Tls,
            },
            relayed: session.relayed.0,
            external: session.external,
            additional: session.additional.map(|(_, external)| external),
            begun_at: Wall::from_unix_millis(begun_millis),
            expires_in_secs: session.expires.saturating_since(self.now.mono).as_secs(),
            permissions: session.permissions,
            channels: session.channels,
            to_peer: shown_traffic(session.sent),
            to_client: shown_traffic(session.received),
            to_peer_per_sec: rate.to_peer,
            to_client_per_sec: rate.to_client,
        }
    }
}

/// Traffic as the port has it.
pub(super) fn shown_traffic(traffic: Traffic) -> RelayTraffic {
    RelayTraffic { packets: traffic.packets, bytes: traffic.bytes }
}
