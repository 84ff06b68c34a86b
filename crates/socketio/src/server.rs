use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use sangam_bus::Journal;
use sangam_socketio_proto::{AckId, Arguments, Packet, PacketKind};
use sangam_types::{Frame, Mono, Now, Text, Wall};

use crate::application::Gone;
use crate::audience::Audience;
use crate::figures::{Counters, Figures, add, sub};
use crate::namespace::{Absent, Hall, Kept, Marks, Member, Namespace};
use crate::options::{Options, RecoveryOptions};
use crate::outbox::{Order, Outbox, Pushed};
use crate::record::{SESSIONS, SessionRecord};

/// The namespaces, rooms and sockets of a server. Cheap to clone; usable from any thread.
#[derive(Clone, Debug)]
pub struct Server(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) options: Options,
    clock: Box<dyn Fn() -> Now + Send + Sync>,
    pub(crate) journal: Option<Arc<dyn Journal>>,
    pub(crate) namespaces: Mutex<HashMap<String, Arc<Namespace>>>,
    next_ack: AtomicU64,
    /// The newest event's number, over all namespaces. Counted up under the lock of the namespace that has the event.
    pub(crate) seq: AtomicU64,
    /// Numbers that no event of ours has, for another life of this server may have given them: above, up to.
    pub(crate) gap: Mutex<(u64, u64)>,
    pub(crate) counters: Counters,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("options", &self.options).field("figures", &self.counters.read()).finish()
    }
}

impl Server {
    /// A server without sockets. With a journal, call [`Server::restore`] before the first client.
    #[must_use]
    pub fn new(options: Options, journal: Option<Arc<dyn Journal>>) -> Self {
        let start = Instant::now();
        Self::with_clock(options, journal, move || Now { mono: Mono::from_start(start.elapsed()), wall: wall() })
    }

    /// As [`Server::new`], with time as a test wants it.
    #[must_use]
    pub fn with_clock(
        options: Options,
        journal: Option<Arc<dyn Journal>>,
        clock: impl Fn() -> Now + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Shared {
            options,
            clock: Box::new(clock),
            journal,
            namespaces: Mutex::default(),
            next_ack: AtomicU64::new(0),
            seq: AtomicU64::new(0),
            gap: Mutex::default(),
            counters: Counters::default(),
        }))
    }

    /// Everybody in a namespace: narrow it with [`Audience::to`] and [`Audience::except`].
    pub fn of(&self, namespace: &str) -> Audience {
        Audience::new(self.clone(), namespace)
    }

    /// The sids of the sockets in a room, in no order.
    #[must_use]
    pub fn sockets_in(&self, namespace: &str, room: &str) -> Vec<Arc<str>> {
        self.of(namespace).to(room).sids()
    }

    /// Puts a socket out of its namespace, or with `close` closes its whole session. False if there is none.
    pub fn disconnect(&self, namespace: &str, sid: &str, close: bool) -> bool {
        let Some(namespace) = self.namespace(namespace) else { return false };
        let hall = namespace.lock();
        let Some(member) = hall.by_sid(sid).and_then(|key| hall.members.get(key)) else { return false };
        let order = Order::Disconnect { namespace: namespace.name.clone(), sid: member.sid.clone(), close };
        member.outbox.push(order, 0) == Pushed::Waits
    }

    /// What it has counted.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.0.counters.read()
    }

    pub(crate) fn now(&self) -> Now {
        (self.0.clock)()
    }

    pub(crate) fn recovery(&self) -> Option<&RecoveryOptions> {
        self.0.options.recovery.as_ref()
    }

    pub(crate) fn next_ack(&self) -> AckId {
        AckId(self.0.next_ack.fetch_add(1, Ordering::Relaxed))
    }

    /// An event as packets of the session below.
    pub(crate) fn encode(&self, namespace: &Text, id: Option<u64>, arguments: Arguments) -> Vec<Frame> {
        self.encode_as(PacketKind::Event, namespace, id, arguments)
    }

    pub(crate) fn encode_as(
        &self,
        kind: PacketKind,
        namespace: &Text,
        id: Option<u64>,
        arguments: Arguments,
    ) -> Vec<Frame> {
        let packet = Packet { kind, namespace: namespace.clone(), id, arguments: Some(arguments) };
        self.0.options.parser.encode_behind(ENGINE_MESSAGE, &packet)
    }

    pub(crate) fn namespace(&self, name: &str) -> Option<Arc<Namespace>> {
        self.namespaces().get(name).cloned()
    }

    pub(crate) fn namespaces(&self) -> MutexGuard<'_, HashMap<String, Arc<Namespace>>> {
        self.0.namespaces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a socket out of its namespace; `None` if it is out already. If its session may be recovered, tell the
    /// application first and then [`release`](Self::release) it.
    pub(crate) fn detach(&self, namespace: &Namespace, key: usize, may_recover: bool) -> Option<Detached> {
        let mut hall = namespace.lock();
        let Member { sid, pid, rooms, marks, heirs, .. } = hall.detach(key)?;
        sub(&self.0.counters.sockets);
        let gone = Gone { sid: sid.clone(), namespace: namespace.name.clone(), rooms: rooms.clone() };
        let (Some(pid), Some(recovery)) = (pid, self.recovery()) else {
            drop(hall);
            self.tidy(namespace.name.as_str());
            return Some(Detached { gone, kept: None });
        };
        if !may_recover {
            self.forget_session(&pid);
            drop(hall);
            self.resume(namespace, &heirs);
            self.tidy(namespace.name.as_str());
            return Some(Detached { gone, kept: None });
        }
        let marks = Marks { seen: self.0.seq.load(Ordering::Relaxed), ..marks };
        self.write_session(&namespace.name, &pid, &sid, &rooms, marks, recovery.window);
        hall.sessions.insert(pid.clone(), Kept::Leaving(heirs));
        let until = self.now().mono + recovery.window;
        Some(Detached { gone, kept: Some((pid, Absent { sid, rooms, marks, until })) })
    }

    /// A client may come back for its session from now on.
    pub(crate) fn release(&self, namespace: &Namespace, pid: Arc<str>, absent: Absent) {
        let mut hall = namespace.lock();
        let heirs = match hall.sessions.remove(&pid) {
            Some(Kept::Leaving(heirs)) => heirs,
            Some(Kept::Present(_) | Kept::Away(_)) | None => Vec::new(),
        };
        hall.keep(pid, absent);
        add(&self.0.counters.waiting_sessions);
        drop(hall);
        self.resume(namespace, &heirs);
    }

    fn resume(&self, namespace: &Namespace, heirs: &[Arc<Outbox>]) {
        for heir in heirs {
            heir.push(Order::Resume { namespace: namespace.name.clone() }, 0);
        }
    }

    /// Drops a namespace that nobody is in.
    pub(crate) fn tidy(&self, name: &str) {
        let mut namespaces = self.namespaces();
        if namespaces.get(name).is_some_and(|namespace| namespace.lock().is_empty()) {
            namespaces.remove(name);
            namespaces.shrink_to(64);
        }
    }

    /// The record of a session whose socket is here, as it is now.
    pub(crate) fn write_member(&self, namespace: &Text, hall: &mut Hall, key: usize) {
        let (Some(recovery), true) = (self.recovery(), self.0.journal.is_some()) else { return };
        let Some(member) = hall.members.get_mut(key) else { return };
        let Some(pid) = member.pid.clone() else { return };
        member.marks.seen = self.0.seq.load(Ordering::Relaxed);
        self.write_session(namespace, &pid, &member.sid, &member.rooms, member.marks, recovery.record_life());
    }

    fn write_session(&self, namespace: &Text, pid: &str, sid: &str, rooms: &[Arc<str>], marks: Marks, life: Duration) {
        if let Some(journal) = &self.0.journal {
            let record = SessionRecord::new(namespace, sid, rooms, marks);
            journal.put(SESSIONS, pid, record.encode(), self.now().wall + life);
        }
    }

    pub(crate) fn forget_session(&self, pid: &str) {
        if let Some(journal) = &self.0.journal {
            journal.remove(SESSIONS, pid);
        }
    }

    /// The next session whose time is over.
    pub(crate) fn take_expired(&self) -> Option<Gone> {
        let now = self.now().mono;
        let namespaces: Vec<_> = self.namespaces().values().cloned().collect();
        for namespace in namespaces {
            let mut hall = namespace.lock();
            if let Some((pid, absent)) = hall.take_expired(now) {
                self.forget_session(&pid);
                sub(&self.0.counters.waiting_sessions);
                add(&self.0.counters.expired);
                let is_empty = hall.is_empty();
                drop(hall);
                if is_empty {
                    self.tidy(namespace.name.as_str());
                }
                return Some(absent.into_gone(&namespace.name));
            }
        }
        None
    }

    /// Drops events that nobody can have missed any more.
    pub(crate) fn prune(&self) {
        let Some(recovery) = self.recovery() else { return };
        let now = self.now().mono;
        let namespaces: Vec<_> = self.namespaces().values().cloned().collect();
        for namespace in namespaces {
            // A journal forgets them by itself at the same age.
            namespace.lock().log.prune(now, recovery);
        }
    }

    /// Tells the old session of a client that is back to go, and remembers whom to tell when it is gone.
    pub(crate) fn supersede(&self, hall: &mut Hall, pid: &str, heir: &Arc<Outbox>) -> bool {
        let heirs = match hall.sessions.get_mut(pid) {
            Some(Kept::Leaving(heirs)) => heirs,
            Some(Kept::Present(key)) => {
                let Some(member) = hall.members.get_mut(*key) else { return false };
                member.outbox.push(Order::Supersede, 0);
                add(&self.0.counters.superseded);
                &mut member.heirs
            }
            Some(Kept::Away(_)) | None => return false,
        };
        heirs.push(heir.clone());
        true
    }
}

/// What Engine.IO writes before a text message; a binary one stands by itself.
const ENGINE_MESSAGE: &str = "4";

/// A socket that was taken out of its namespace.
#[derive(Debug)]
pub(crate) struct Detached {
    pub(crate) gone: Gone,
    /// Its pid and what is kept of it.
    pub(crate) kept: Option<(Arc<str>, Absent)>,
}

/// A clock before 1970 reads as 1970.
fn wall() -> Wall {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Wall::default() + since_epoch
}
