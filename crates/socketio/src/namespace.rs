use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sangam_types::{Mono, Text};
use slab::Slab;

use crate::application::Gone;
use crate::log::{Log, Target};
use crate::outbox::Outbox;

/// One namespace: who is in it, in which rooms, and what those who are away may have missed.
#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) name: Text,
    hall: Mutex<Hall>,
}

impl Namespace {
    pub(crate) fn new(name: Text) -> Self {
        Self { name, hall: Mutex::default() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Hall> {
        self.hall.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the lock of a namespace guards.
#[derive(Debug, Default)]
pub(crate) struct Hall {
    pub(crate) members: Slab<Member>,
    by_sid: HashMap<Arc<str>, usize>,
    rooms: HashMap<Arc<str>, HashSet<usize>>,
    pub(crate) log: Log,
    /// By pid: whoever is here or may come back.
    pub(crate) sessions: HashMap<Arc<str>, Kept>,
    /// When those who are away are given up.
    expiries: BTreeSet<(Mono, Arc<str>)>,
}

/// A socket.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) sid: Arc<str>,
    pub(crate) pid: Option<Arc<str>>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) rooms: Vec<Arc<str>>,
    pub(crate) marks: Marks,
    /// Sessions that wait for this one to go, for they have its pid.
    pub(crate) heirs: Vec<Arc<Outbox>>,
}

/// Where a session stands in the log of its namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// The newest event there was when it began.
    pub(crate) begun: u64,
    /// The newest event that was for it.
    pub(crate) last: u64,
    /// The newest event there was when `last` was known to be so.
    pub(crate) seen: u64,
}

/// A session that can be recovered.
#[derive(Debug)]
pub(crate) enum Kept {
    /// Its socket is here.
    Present(usize),
    /// Its socket is gone and the application is being told. These sessions wait for that.
    Leaving(Vec<Arc<Outbox>>),
    /// Its client is away.
    Away(Box<Absent>),
}

/// What is kept of a socket whose client is away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Absent {
    pub(crate) sid: Arc<str>,
    pub(crate) rooms: Vec<Arc<str>>,
    pub(crate) marks: Marks,
    pub(crate) until: Mono,
}

impl Absent {
    pub(crate) fn into_gone(self, namespace: &Text) -> Gone {
        Gone { sid: self.sid, namespace: namespace.clone(), rooms: self.rooms }
    }
}

impl Hall {
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.sessions.is_empty()
    }

    /// Lets a socket in.
    pub(crate) fn attach(&mut self, member: Member) -> usize {
        let key = self.members.vacant_key();
        self.by_sid.insert(member.sid.clone(), key);
        if let Some(pid) = &member.pid {
            self.sessions.insert(pid.clone(), Kept::Present(key));
        }
        for room in &member.rooms {
            self.rooms.entry(room.clone()).or_default().insert(key);
        }
        self.members.insert(member)
    }

    /// Takes a socket out, and its session with it.
    pub(crate) fn detach(&mut self, key: usize) -> Option<Member> {
        let member = self.members.try_remove(key)?;
        self.by_sid.remove(&member.sid);
        for room in &member.rooms {
            self.empty_seat(room, key);
        }
        if let Some(pid) = &member.pid {
            self.sessions.remove(pid);
        }
        if self.members.is_empty() {
            // A namespace that was full once keeps nothing of it.
            self.members = Slab::new();
            self.by_sid = HashMap::new();
            self.rooms = HashMap::new();
        }
        Some(member)
    }

    /// Keeps what is left of a socket until its client is back or its time is over.
    pub(crate) fn keep(&mut self, pid: Arc<str>, absent: Absent) {
        self.expiries.insert((absent.until, pid.clone()));
        self.sessions.insert(pid, Kept::Away(Box::new(absent)));
    }

    /// The session of a client that is away: it is back, or given up.
    pub(crate) fn take_absent(&mut self, pid: &str) -> Option<Absent> {
        let Kept::Away(_) = self.sessions.get(pid)? else { return None };
        let (pid, kept) = self.sessions.remove_entry(pid)?;
        let Kept::Away(absent) = kept else { return None };
        self.expiries.remove(&(absent.until, pid));
        Some(*absent)
    }

    /// A session whose time is over.
    pub(crate) fn take_expired(&mut self, now: Mono) -> Option<(Arc<str>, Absent)> {
        let (_, pid) = self.expiries.first().filter(|(until, _)| *until <= now)?.clone();
        self.take_absent(&pid).map(|absent| (pid, absent))
    }

    /// Puts a socket into a room; false if it was there.
    pub(crate) fn join(&mut self, key: usize, room: &str) -> bool {
        let Some(member) = self.members.get_mut(key) else { return false };
        if *member.sid == *room || member.rooms.iter().any(|known| **known == *room) {
            return false;
        }
        let room = match self.rooms.get_key_value(room) {
            Some((room, _)) => room.clone(),
            None => Arc::from(room),
        };
        member.rooms.push(room.clone());
        self.rooms.entry(room).or_default().insert(key)
    }

    /// Takes a socket out of a room; false if it was not there.
    pub(crate) fn leave(&mut self, key: usize, room: &str) -> bool {
        let Some(member) = self.members.get_mut(key) else { return false };
        let Some(at) = member.rooms.iter().position(|known| **known == *room) else { return false };
        let room = member.rooms.remove(at);
        self.empty_seat(&room, key);
        true
    }

    pub(crate) fn by_sid(&self, sid: &str) -> Option<usize> {
        self.by_sid.get(sid).copied()
    }

    /// The sockets that an event is for, each once.
    pub(crate) fn select(&self, target: &Target) -> Vec<usize> {
        let mut keys = Vec::new();
        if target.rooms.is_empty() {
            keys.extend(self.members.iter().map(|(key, _)| key));
        } else {
            self.collect(&target.rooms, &mut keys);
        }
        if target.rooms.len() > 1 {
            keys.sort_unstable();
            keys.dedup();
        }
        if !target.except.is_empty() {
            let mut excepted = Vec::new();
            self.collect(&target.except, &mut excepted);
            excepted.sort_unstable();
            keys.retain(|key| excepted.binary_search(key).is_err());
        }
        keys
    }

    /// A sid is a room of one.
    fn collect(&self, rooms: &[Arc<str>], keys: &mut Vec<usize>) {
        for room in rooms {
            keys.extend(self.by_sid(room));
            keys.extend(self.rooms.get(room).into_iter().flatten());
        }
    }

    fn empty_seat(&mut self, room: &str, key: usize) {
        if let Some(seats) = self.rooms.get_mut(room) {
            seats.remove(&key);
            if seats.is_empty() {
                self.rooms.remove(room);
            }
        }
    }
}
