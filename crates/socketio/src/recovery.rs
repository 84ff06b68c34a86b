//! Connection state recovery: who comes back, with what, and what a journal gives back to a server that starts again.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sangam_bus::{JournalError, Record};
use sangam_socketio_proto::Arguments;
use sangam_types::{Now, Text};
use serde::Deserialize;
use serde_json::Value;

use crate::application::Gone;
use crate::audience::len;
use crate::figures::{add, sub};
use crate::log::Entry;
use crate::namespace::{Absent, Hall, Marks, Member, Namespace};
use crate::outbox::{Frames, Outbox};
use crate::record::{EVENTS, EventRecord, SESSIONS, SessionRecord, names};
use crate::server::Server;

/// What a client that was here before shows when it enters a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pid: String,
    offset: Option<String>,
}

#[derive(Deserialize)]
struct RawClaim {
    pid: Option<Value>,
    offset: Option<Value>,
}

impl Claim {
    pub(crate) fn from_auth(auth: Option<&Arguments>) -> Option<Self> {
        let json = auth?.json();
        if !json.contains("pid") {
            return None;
        }
        let RawClaim { pid, offset } = serde_json::from_str(json).ok()?;
        let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
        Some(Self { pid: text(pid)?, offset: text(offset) })
    }
}

/// What becomes of a client that wants to be who it was.
#[derive(Debug)]
pub(crate) enum Readmission {
    /// It is.
    In(Place),
    /// Its old session has to go first; an order to resume follows.
    Wait,
    /// It cannot be; the session that it asked for, if there was one, is no more.
    Refused(Option<Gone>),
}

/// A client's place in a namespace.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) namespace: Arc<Namespace>,
    pub(crate) key: usize,
    pub(crate) sid: Arc<str>,
    pub(crate) pid: Option<Arc<str>>,
    /// What it missed, if it is back.
    pub(crate) missed: Option<Vec<Frames>>,
}

/// The offset of an event. The first character keeps somebody's own text from being taken for one.
pub(crate) fn offset(seq: u64) -> String {
    format!(".{seq:06x}")
}

fn parse_offset(offset: &str) -> Option<u64> {
    u64::from_str_radix(offset.strip_prefix('.')?, 16).ok()
}

/// As many events as one server could lose to a journal that was not written in time.
const GAP: u64 = 1 << 32;

impl Server {
    /// Lets a client back into a namespace as who it was, if it can be. Whoever guards the namespace is not asked, as in
    /// Node: it was when the session began.
    pub(crate) fn readmit(&self, name: &Text, claim: &Claim, outbox: &Arc<Outbox>) -> Readmission {
        if self.recovery().is_none() {
            return Readmission::Refused(None);
        }
        let Some(namespace) = self.namespace(name.as_str()) else {
            add(&self.0.counters.recovery_unknown);
            return Readmission::Refused(None);
        };
        let mut hall = namespace.lock();
        if self.supersede(&mut hall, &claim.pid, outbox) {
            return Readmission::Wait;
        }
        let Some(absent) = hall.take_absent(&claim.pid) else {
            add(&self.0.counters.recovery_unknown);
            return Readmission::Refused(None);
        };
        sub(&self.0.counters.waiting_sessions);
        let is_late = absent.until <= self.now().mono;
        let missed = if is_late { None } else { self.missed(&hall, &absent, claim.offset.as_deref()) };
        let Some((last, missed)) = missed else {
            add(if is_late { &self.0.counters.recovery_unknown } else { &self.0.counters.recovery_outrun });
            add(&self.0.counters.expired);
            self.forget_session(&claim.pid);
            return Readmission::Refused(Some(absent.into_gone(name)));
        };
        let Absent { sid, rooms, marks, .. } = absent;
        let (pid, marks) = (Some(Arc::from(claim.pid.as_str())), Marks { last, ..marks });
        add(&self.0.counters.recovered);
        let (outbox, heirs) = (outbox.clone(), Vec::new());
        let place = self.seat(&namespace, &mut hall, Member { sid, pid, outbox, rooms, marks, heirs });
        Readmission::In(Place { missed: Some(missed), ..place })
    }

    /// Lets a client into a namespace as somebody new.
    pub(crate) fn admit(&self, name: &Text, outbox: &Arc<Outbox>) -> Place {
        let mut namespaces = self.namespaces();
        let namespace = namespaces.entry(name.as_str().to_owned());
        let namespace = namespace.or_insert_with(|| Arc::new(Namespace::new(name.clone()))).clone();
        let mut hall = namespace.lock();
        drop(namespaces);
        let seq = self.0.seq.load(Ordering::Relaxed);
        let marks = Marks { begun: seq, last: seq, seen: seq };
        let pid = self.recovery().map(|_| new_id());
        let (sid, outbox) = (new_id(), outbox.clone());
        let member = Member { sid, pid, outbox, rooms: Vec::new(), marks, heirs: Vec::new() };
        self.seat(&namespace, &mut hall, member)
    }

    fn seat(&self, namespace: &Arc<Namespace>, hall: &mut Hall, member: Member) -> Place {
        let (sid, pid) = (member.sid.clone(), member.pid.clone());
        let key = hall.attach(member);
        add(&self.0.counters.sockets);
        self.write_member(&namespace.name, hall, key);
        Place { namespace: namespace.clone(), key, sid, pid, missed: None }
    }

    /// What a client missed that has events up to `offset`, and the newest event that was for it. `None` if that is no
    /// longer known.
    fn missed(&self, hall: &Hall, absent: &Absent, offset: Option<&str>) -> Option<(u64, Vec<Frames>)> {
        let marks = absent.marks;
        let got = match offset {
            // Of an event before this session: the client had another then, and nothing came to it since.
            Some(offset) => parse_offset(offset).filter(|seq| self.is_ours(*seq))?.max(marks.begun),
            // Nothing ever came to it, for nothing was sent.
            None if marks.last == marks.begun => marks.begun,
            None => return None,
        };
        // Whoever has the last event that was for it missed nothing of what came until that was known.
        let from = if got >= marks.last { got.max(marks.seen) } else { got };
        let is_for_it = |entry: &&Entry| entry.target.includes(&absent.sid, &absent.rooms);
        let missed: Vec<_> = hall.log.after(from)?.filter(is_for_it).collect();
        let last = missed.last().map_or(marks.last.max(got), |entry| entry.seq);
        Some((last, missed.into_iter().map(|entry| entry.frames.clone()).collect()))
    }

    fn is_ours(&self, seq: u64) -> bool {
        let (above, upto) = *self.gap();
        seq <= self.0.seq.load(Ordering::Relaxed) && !(above < seq && seq <= upto)
    }

    fn gap(&self) -> MutexGuard<'_, (u64, u64)> {
        self.0.gap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads back what the journal kept. Call it once, before the first client.
    ///
    /// # Errors
    /// If the journal cannot be read. What was read until then counts; a server without its past serves nevertheless.
    pub async fn restore(&self) -> Result<(), JournalError> {
        let (Some(journal), Some(_)) = (&self.0.journal, self.recovery()) else { return Ok(()) };
        let sessions = journal.load(SESSIONS).await?;
        let events = journal.load(EVENTS).await?;
        let now = self.now();
        let newest = self.restore_events(&events, now).max(self.restore_sessions(sessions, now));
        *self.gap() = (newest, newest + GAP);
        self.0.seq.store(newest + GAP, Ordering::Relaxed);
        self.namespaces().retain(|_, namespace| !namespace.lock().is_empty());
        Ok(())
    }

    fn restore_events(&self, records: &[Record], now: Now) -> u64 {
        let mut in_order = BTreeMap::new();
        for record in records {
            match EventRecord::decode(&record.value).and_then(|event| Some((event.arguments()?, event))) {
                Some((arguments, event)) => {
                    in_order.insert(event.seq, (arguments, event));
                }
                None => add(&self.0.counters.records_unreadable),
            }
        }
        let newest = in_order.last_key_value().map_or(0, |(seq, _)| *seq);
        for (seq, (arguments, event)) in in_order {
            let namespace = self.restored(&event.namespace);
            let frames: Frames = self.encode(&namespace.name, None, arguments).into();
            let bytes = len(&frames);
            let entry = Entry { seq, at: now.mono, target: event.target(), frames, bytes };
            namespace.lock().log.restore(entry, event.floor);
        }
        newest
    }

    /// Whoever was here when the process ended has a whole window from now.
    fn restore_sessions(&self, records: Vec<Record>, now: Now) -> u64 {
        let mut newest = 0;
        for Record { key, value, .. } in records {
            let (Some(session), Some(recovery)) = (SessionRecord::decode(&value), self.recovery()) else {
                add(&self.0.counters.records_unreadable);
                continue;
            };
            let marks = session.marks();
            newest = newest.max(marks.seen).max(marks.last);
            let until = now.mono + recovery.window;
            let absent = Absent { sid: session.sid.into(), rooms: names(&session.rooms), marks, until };
            add(&self.0.counters.waiting_sessions);
            self.restored(&session.namespace).lock().keep(key.into(), absent);
        }
        newest
    }

    fn restored(&self, name: &str) -> Arc<Namespace> {
        let namespace = || Arc::new(Namespace::new(Text::from(name)));
        self.namespaces().entry(name.to_owned()).or_insert_with(namespace).clone()
    }
}

/// A name that nobody guesses, as long as Node's: 120 bits in 20 characters.
fn new_id() -> Arc<str> {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 15]>()).into()
}
