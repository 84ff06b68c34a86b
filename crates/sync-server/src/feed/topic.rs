use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::ws::Utf8Bytes;
use sangam_auth::token::TokenIdentity;
use sangam_sync_proto::Name;
use sangam_sync_proto::rows::LogEntry;
use sangam_types::Wall;

use super::encoded::{self, Encoded};
use super::queue::{Put, Queue};
use super::{Listener, StreamFigures, Wire, lock};

/// Only these collections, sorted, without repetitions; `None`: all.
pub(crate) type Filter = Option<Arc<[Name]>>;

/// Rows that wait for the distributor, as a multiple of what may wait for one stream. Beyond it all streams get a hint.
const INBOX_QUEUES: usize = 64;

/// The streams of one database.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) db: Name,
    queue_bytes_max: usize,
    inbox: Mutex<Inbox>,
    members: Mutex<Members>,
    events: AtomicU64,
}

/// Rows that were committed and not yet distributed.
#[derive(Debug, Default)]
struct Inbox {
    entries: Vec<LogEntry>,
    bytes: usize,
    /// The cursor of the newest one that came.
    head: u64,
    /// Some were dropped, as too many waited.
    lost: bool,
}

#[derive(Debug, Default)]
struct Members {
    /// By age.
    by_id: BTreeMap<u64, Member>,
    /// Everything up to here was distributed.
    published: u64,
    /// What is known of the head of the database.
    head: Option<u64>,
}

#[derive(Debug)]
struct Member {
    stream: Arc<Stream>,
    filter: Filter,
    /// It was told of everything up to here before it went live; `None`: it still reads the log.
    after: Option<u64>,
}

/// One stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: u64,
    pub(super) wire: Wire,
    pub(super) device: Name,
    pub(super) until: Option<Wall>,
    pub(super) token: Option<Box<TokenIdentity>>,
    pub(super) queue: Queue,
}

impl Stream {
    pub(super) fn new(id: u64, listener: &Listener, queue_bytes_max: usize) -> Self {
        Self {
            id,
            wire: listener.wire,
            device: Arc::clone(&listener.device),
            until: listener.until,
            token: listener.token.clone().map(Box::new),
            queue: Queue::new(queue_bytes_max),
        }
    }
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Distributed {
    /// Event streams that were too slow.
    pub(super) sse_lagged: usize,
    /// WebSockets that were too slow.
    pub(super) websocket_lagged: usize,
}

impl Topic {
    pub(super) fn new(db: &Name, queue_bytes_max: usize) -> Self {
        Self {
            db: Arc::clone(db),
            queue_bytes_max,
            inbox: Mutex::default(),
            members: Mutex::default(),
            events: AtomicU64::new(0),
        }
    }

    /// Puts rows into the inbox. Returns whether the distributor has to be told.
    pub(super) fn deliver(&self, entries: Vec<LogEntry>) -> bool {
        let mut inbox = lock(&self.inbox);
        let quiet = inbox.entries.is_empty() && !inbox.lost;
        let bytes: usize = entries.iter().map(|entry| weight(entry, true)).sum();
        inbox.head = entries.last().map_or(inbox.head, |last| inbox.head.max(last.cursor));
        let full = inbox.bytes + bytes > self.queue_bytes_max.saturating_mul(INBOX_QUEUES);
        // What comes alone is taken whatever it weighs: it is there in any case.
        if inbox.lost || (full && !inbox.entries.is_empty()) {
            inbox.entries = Vec::new();
            inbox.bytes = 0;
            inbox.lost = true;
        } else if inbox.entries.is_empty() {
            inbox.entries = entries;
            inbox.bytes = bytes;
        } else {
            inbox.entries.extend(entries);
            inbox.bytes += bytes;
        }
        quiet
    }

    /// Gives what came to all streams.
    pub(super) fn distribute(&self) -> Distributed {
        let inbox = std::mem::take(&mut *lock(&self.inbox));
        let mut done = Distributed::default();
        if inbox.head == 0 {
            return done;
        }
        let mut members = lock(&self.members);
        members.published = members.published.max(inbox.head);
        members.head = Some(members.published.max(members.head.unwrap_or(0)));
        if inbox.lost {
            let hints = Hints::new(self, inbox.head);
            for (member, _) in members.live().filter(|(_, after)| *after < inbox.head) {
                member.stream.queue.put_hint(hints.of(member.stream.wire));
                done.lagged(member.stream.wire);
            }
            return done;
        }
        let bodies = members.by_id.values().any(|member| member.stream.wire == Wire::WebSocket);
        for entries in batches(&inbox.entries, self.queue_bytes_max / 4, bodies) {
            self.give(&members, entries, &mut done);
        }
        done
    }

    fn give(&self, members: &Members, entries: &[LogEntry], done: &mut Distributed) {
        let Some(last) = entries.last() else { return };
        let mut encoded = Encoded::new(&self.db, entries, self.count_event());
        let hints = Hints::new(self, last.cursor);
        for (member, after) in members.live() {
            let wire = member.stream.wire;
            let Some(text) = encoded.text(wire, &member.filter, after) else { continue };
            if member.stream.queue.put(&text, || hints.of(wire)) == Put::Lagged {
                done.lagged(wire);
            }
        }
    }

    pub(super) fn enter(&self, stream: Arc<Stream>, filter: Filter) {
        lock(&self.members).by_id.insert(stream.id, Member { stream, filter, after: None });
    }

    /// Whether it was still there.
    pub(super) fn exit(&self, stream: &Stream) -> bool {
        lock(&self.members).by_id.remove(&stream.id).is_some()
    }

    pub(super) fn head(&self) -> Option<u64> {
        lock(&self.members).head
    }

    pub(super) fn start_at(&self, id: u64, head: u64) -> u64 {
        let mut members = lock(&self.members);
        let from = head.max(members.head.unwrap_or(0));
        members.set_live(id, from);
        from
    }

    pub(super) fn go_live(&self, id: u64, read: u64) -> bool {
        let mut members = lock(&self.members);
        let told = members.published <= read;
        if told {
            members.set_live(id, read);
        }
        told
    }

    /// Whether it was too slow for the answer.
    pub(super) fn refilter(&self, id: u64, filter: Filter, answer: impl FnOnce(u64) -> String) -> bool {
        let mut members = lock(&self.members);
        let published = members.published;
        let Some(member) = members.by_id.get_mut(&id) else { return false };
        member.filter = filter;
        let told = member.after.unwrap_or(0).max(published);
        let hint = || Hints::new(self, told).of(member.stream.wire);
        member.stream.queue.put_answer(answer(told).into(), hint) == Put::Lagged
    }

    pub(super) fn count_event(&self) -> u64 {
        self.events.fetch_add(1, Ordering::Relaxed)
    }

    /// The oldest streams of the listener's replica, so many that there is room for one more.
    pub(super) fn beyond(&self, listener: &Listener, max: usize) -> Vec<Arc<Stream>> {
        let members = lock(&self.members);
        let same = |stream: &&Arc<Stream>| stream.wire == listener.wire && stream.device == listener.device;
        let own: Vec<&Arc<Stream>> = members.by_id.values().map(|member| &member.stream).filter(same).collect();
        let beyond = (own.len() + 1).saturating_sub(max.max(1));
        own.into_iter().take(beyond).cloned().collect()
    }

    pub(super) fn streams(&self) -> Vec<Arc<Stream>> {
        lock(&self.members).by_id.values().map(|member| Arc::clone(&member.stream)).collect()
    }

    pub(super) fn figures(&self, wire: Wire) -> StreamFigures {
        let members = lock(&self.members);
        let streams = || members.by_id.values().map(|member| &member.stream).filter(|stream| stream.wire == wire);
        let devices: HashSet<&Name> = streams().map(|stream| &stream.device).collect();
        StreamFigures { subscriptions: streams().count(), devices: devices.len() }
    }

    pub(super) fn of_device(&self, device: &Name) -> usize {
        lock(&self.members).by_id.values().filter(|member| member.stream.device == *device).count()
    }
}

impl Members {
    /// Those that have read the log, and up to where.
    fn live(&self) -> impl Iterator<Item = (&Member, u64)> {
        self.by_id.values().filter_map(|member| member.after.map(|after| (member, after)))
    }

    fn set_live(&mut self, id: u64, after: u64) {
        self.head = Some(after.max(self.head.unwrap_or(0)));
        if let Some(member) = self.by_id.get_mut(&id) {
            member.after = Some(after);
        }
    }
}

impl Distributed {
    fn lagged(&mut self, wire: Wire) {
        match wire {
            Wire::Sse => self.sse_lagged += 1,
            Wire::WebSocket => self.websocket_lagged += 1,
        }
    }
}

/// The hint for streams that are too slow, made when the first one is.
struct Hints<'a> {
    topic: &'a Topic,
    cursor: u64,
    sse: std::cell::OnceCell<Utf8Bytes>,
    websocket: std::cell::OnceCell<Utf8Bytes>,
}

impl<'a> Hints<'a> {
    fn new(topic: &'a Topic, cursor: u64) -> Self {
        Self { topic, cursor, sse: std::cell::OnceCell::new(), websocket: std::cell::OnceCell::new() }
    }

    fn of(&self, wire: Wire) -> Utf8Bytes {
        let cell = match wire {
            Wire::Sse => &self.sse,
            Wire::WebSocket => &self.websocket,
        };
        cell.get_or_init(|| encoded::hint(&self.topic.db, self.cursor, wire, self.topic.count_event())).clone()
    }
}

/// Cuts rows so that each event takes at most about so many bytes; a row is never cut.
pub(crate) fn batches(entries: &[LogEntry], bytes_max: usize, bodies: bool) -> impl Iterator<Item = &[LogEntry]> {
    let mut bytes = 0;
    entries.chunk_by(move |before, next| {
        if bytes == 0 {
            bytes = weight(before, bodies);
        }
        bytes += weight(next, bodies);
        let together = bytes <= bytes_max;
        if !together {
            bytes = 0;
        }
        together
    })
}

/// About how long a row is in JSON: a body is an array of numbers.
fn weight(entry: &LogEntry, bodies: bool) -> usize {
    let names = entry.device.len() + entry.of.collection.len() + entry.of.entity.len();
    let body = entry.body.as_ref().filter(|_| bodies).map_or(0, |body| body.len().saturating_mul(4));
    200 + names + body
}
