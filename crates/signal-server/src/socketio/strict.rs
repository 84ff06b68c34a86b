use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sangam_signal_proto::SocketId;
use sangam_socketio::upper::{Forbidden, Opening};
use sangam_socketio::{Application, DisconnectReason, Entering, Entry, Event, Gone, Server, Socket};

use super::NAMESPACE;
use crate::clock::Clock;
use crate::dialect::socketio::{Original, Sent};

/// The guide's own server, for comparing: one lock, no task, no limits but the model's own. On loopback alone.
#[derive(Debug)]
pub(crate) struct Strict {
    model: Mutex<Model>,
    clock: Clock,
}

#[derive(Debug)]
struct Model {
    original: Original,
    sids: HashMap<SocketId, Arc<str>>,
    next: u64,
}

impl Strict {
    pub(crate) fn new(clock: Clock) -> Self {
        let original = Original::new(clock.mono());
        Self { model: Mutex::new(Model { original, sids: HashMap::new(), next: 0 }), clock }
    }

    /// Sessions and participants, as the original counts them.
    pub(crate) fn active(&self) -> (usize, usize) {
        self.lock().original.active()
    }

    /// Ticks the timers until the server is gone.
    pub(crate) async fn tick(self: Arc<Self>, server: Server) {
        loop {
            let due = self.lock().original.deadline();
            tokio::time::sleep_until(self.clock.instant(due)).await;
            let mut model = self.lock();
            let sent = model.original.tick(self.clock.now());
            model.send(&server, sent);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Model {
    /// Under the lock, so that everybody hears everything in the same order.
    fn send(&self, server: &Server, sent: Vec<Sent>) {
        for Sent { to, event } in sent {
            for sid in to.iter().filter_map(|socket| self.sids.get(socket)) {
                server.of(NAMESPACE).to(sid).emit(event.arguments.clone());
            }
        }
    }
}

impl Application for Strict {
    /// Its number in the model, once it is in the namespace.
    type Guest = Option<(SocketId, Server)>;

    fn open(&self, _opening: &Opening) -> Result<Self::Guest, Forbidden> {
        Ok(None)
    }

    fn enter(&self, entering: &mut Entering<'_, Self::Guest>) -> Entry {
        if entering.namespace == NAMESPACE { Entry::Accept } else { Entry::invalid_namespace() }
    }

    fn connected(&self, socket: &mut Socket<'_, Self::Guest>) {
        let mut model = self.lock();
        model.next += 1;
        let id = SocketId(model.next);
        model.sids.insert(id, socket.sid().clone());
        *socket.guest() = Some((id, socket.server().clone()));
    }

    fn event(&self, socket: &mut Socket<'_, Self::Guest>, event: Event) {
        let Some((id, server)) = socket.guest().clone() else { return };
        let mut model = self.lock();
        let sent = model.original.hear(id, &event.arguments, self.clock.now());
        model.send(&server, sent);
    }

    fn disconnected(&self, guest: &mut Self::Guest, _gone: &Gone, _reason: DisconnectReason, _recoverable: bool) {
        let Some((id, server)) = guest.take() else { return };
        let mut model = self.lock();
        model.sids.remove(&id);
        let sent = model.original.disconnected(id);
        model.send(&server, sent);
    }
}
