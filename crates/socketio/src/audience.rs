use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sangam_socketio_proto::Arguments;
use sangam_types::Text;
use tokio::sync::mpsc;

use crate::figures::add;
use crate::log::{Entry, Target};
use crate::namespace::{Hall, Namespace};
use crate::options::RecoveryOptions;
use crate::outbox::{Frames, Order, Pushed, Question};
use crate::record::{EVENTS, EventRecord, event_key};
use crate::recovery::offset;
use crate::server::Server;

/// Sockets of one namespace, to send to: all of them, or those in some rooms, but not those in others.
///
/// What is sent is encoded once. Two broadcasts arrive in the same order everywhere.
#[derive(Clone, Debug)]
#[must_use = "an audience hears nothing until something is emitted"]
pub struct Audience {
    server: Server,
    namespace: Box<str>,
    target: Target,
    is_volatile: bool,
}

/// What an audience answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// The answers as they came, each a list.
    pub lists: Vec<Arguments>,
    /// How many did not answer in time, or could not any more.
    pub missing: usize,
}

impl Audience {
    pub(crate) fn new(server: Server, namespace: &str) -> Self {
        Self { server, namespace: namespace.into(), target: Target::default(), is_volatile: false }
    }

    /// The sockets of a namespace that is at hand: for [`Audience::emit_in`] alone.
    pub(crate) fn here(server: &Server, sid: &Arc<str>) -> Self {
        let target = Target { rooms: vec![sid.clone()], except: Vec::new() };
        Self { server: server.clone(), namespace: Box::default(), target, is_volatile: false }
    }

    /// Those in this room too: the first room replaces everybody. A sid is a room of one.
    pub fn to(mut self, room: &str) -> Self {
        self.target.rooms.push(room.into());
        self
    }

    /// Those in each of these rooms too: as [`to`](Self::to) for many, whose names are shared and not copied.
    pub fn to_each(mut self, rooms: &[Arc<str>]) -> Self {
        self.target.rooms.extend_from_slice(rooms);
        self
    }

    /// Not those in this room.
    pub fn except(mut self, room: &str) -> Self {
        self.target.except.push(room.into());
        self
    }

    /// Only those who can take it at once, and never again after a recovery.
    pub fn volatile(mut self) -> Self {
        self.is_volatile = true;
        self
    }

    /// Their sids, in no order.
    #[must_use]
    pub fn sids(&self) -> Vec<Arc<str>> {
        let Some(namespace) = self.server.namespace(&self.namespace) else { return Vec::new() };
        let hall = namespace.lock();
        let keys = hall.select(&self.target);
        keys.into_iter().filter_map(|key| hall.members.get(key)).map(|member| member.sid.clone()).collect()
    }

    /// Sends an event, a list with its name first, and returns to how many. Who is away but may come back gets it then.
    pub fn emit(self, event: Arguments) -> usize {
        match self.server.namespace(&self.namespace) {
            Some(namespace) => self.emit_in(&namespace, event),
            None => 0,
        }
    }

    pub(crate) fn emit_in(self, namespace: &Namespace, event: Arguments) -> usize {
        match self.server.recovery().filter(|_| !self.is_volatile) {
            Some(_) => self.emit_logged(namespace, event),
            None => self.emit_unlogged(namespace, event),
        }
    }

    fn emit_unlogged(self, namespace: &Namespace, event: Arguments) -> usize {
        let frames: Frames = self.server.encode(&namespace.name, None, event).into();
        let bytes = len(&frames);
        let order = |frames| if self.is_volatile { Order::SendVolatile(frames) } else { Order::Send(frames) };
        let hall = namespace.lock();
        let keys = hall.select(&self.target);
        keys.iter().filter(|key| self.push(&hall, **key, order(frames.clone()), bytes)).count()
    }

    fn emit_logged(self, namespace: &Namespace, event: Arguments) -> usize {
        let mut hall = namespace.lock();
        let seq = self.server.0.seq.fetch_add(1, Ordering::Relaxed) + 1;
        let event = event.with_last(&offset(seq)).unwrap_or(event);
        let frames: Frames = self.server.encode(&namespace.name, None, event.clone()).into();
        let bytes = len(&frames);
        let keys = hall.select(&self.target);
        let mut reached = 0;
        for key in keys {
            if let Some(member) = hall.members.get_mut(key) {
                member.marks.last = seq;
            }
            reached += usize::from(self.push(&hall, key, Order::Send(frames.clone()), bytes));
        }
        self.log(namespace, &mut hall, seq, event, frames);
        reached
    }

    fn log(self, namespace: &Namespace, hall: &mut Hall, seq: u64, event: Arguments, frames: Frames) {
        let Self { server, target, .. } = self;
        let Some(recovery) = server.recovery() else { return };
        let now = server.now();
        let bytes = len(&frames);
        let entry = Entry { seq, at: now.mono, target, frames, bytes };
        let journal = server.0.journal.as_ref();
        let target = journal.map(|_| entry.target.clone());
        for (dropped, was_young) in hall.log.append(entry, recovery) {
            if let Some(journal) = journal {
                journal.remove(EVENTS, &event_key(dropped));
            }
            if was_young {
                add(&server.0.counters.log_dropped);
            }
        }
        if let Some((journal, target)) = journal.zip(target) {
            let record = EventRecord::new(seq, hall.log.floor(), &namespace.name, &target, &event);
            journal.put(EVENTS, &event_key(seq), record.encode(), now.wall + RecoveryOptions::event_life(recovery));
        }
    }

    /// Asks them all and collects their answers: those that come within `timeout`.
    pub fn ask(self, event: Arguments, timeout: Duration) -> impl Future<Output = Answers> + Send + 'static {
        let asked = self.ask_now(event, timeout);
        async move {
            let Some((mut answers, asked)) = asked else { return Answers::default() };
            let mut lists = Vec::new();
            while let Some(answer) = answers.recv().await {
                lists.extend(answer);
            }
            Answers { missing: asked.saturating_sub(lists.len()), lists }
        }
    }

    fn ask_now(self, event: Arguments, timeout: Duration) -> Option<(mpsc::Receiver<Option<Arguments>>, usize)> {
        let namespace = self.server.namespace(&self.namespace)?;
        let ack = self.server.next_ack();
        let name: Text = namespace.name.clone();
        let frames: Frames = self.server.encode(&name, Some(ack.0), event).into();
        let bytes = len(&frames);
        let hall = namespace.lock();
        let keys = hall.select(&self.target);
        // Nobody answers twice: the channel is never full.
        let (answers, receiver) = mpsc::channel(keys.len().max(1));
        let question = Arc::new(Question { namespace: name, frames, ack, timeout, answers });
        for key in &keys {
            self.push(&hall, *key, Order::Ask(question.clone()), bytes);
        }
        Some((receiver, keys.len()))
    }

    fn push(&self, hall: &Hall, key: usize, order: Order, bytes: usize) -> bool {
        let Some(member) = hall.members.get(key) else { return false };
        let is_volatile = matches!(order, Order::SendVolatile(_));
        let pushed = member.outbox.push(order, bytes);
        if pushed == Pushed::NoRoom && is_volatile {
            add(&self.server.0.counters.volatile_dropped);
        }
        pushed == Pushed::Waits
    }
}

/// Bytes of all frames together.
pub(crate) fn len(frames: &Frames) -> usize {
    frames.iter().map(sangam_types::Frame::len).sum()
}
