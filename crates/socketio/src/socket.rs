use std::sync::Arc;
use std::time::Duration;

use sangam_socketio_proto::{AckId, Arguments, ConnectionInput, PacketKind};
use sangam_types::Mono;
use thiserror::Error;

use crate::audience::Audience;
use crate::figures::add;
use crate::line::{Asker, Line};
use crate::namespace::Namespace;
use crate::server::Server;
use crate::upper::Lower;

/// One client in one namespace, while the application deals with it in its session's task.
pub struct Socket<'a, G> {
    pub(crate) seat: &'a Seat,
    pub(crate) line: &'a mut Line,
    pub(crate) lower: &'a mut dyn Lower,
    pub(crate) guest: &'a mut G,
    pub(crate) now: Mono,
    pub(crate) auth: Option<&'a Arguments>,
    pub(crate) leaving: Option<Leaving>,
}

/// A session's place in a namespace.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) namespace: Arc<Namespace>,
    pub(crate) key: usize,
    pub(crate) sid: Arc<str>,
    pub(crate) recovered: bool,
}

/// What is to happen to a socket after its callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaving {
    Namespace,
    Session,
    /// The session, which may be recovered.
    Interrupted,
}

/// A socket is in as many rooms as it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("in as many rooms as it may be")]
pub struct TooManyRooms;

impl<G> Socket<'_, G> {
    /// Names it, also as a room of its own.
    #[must_use]
    pub fn sid(&self) -> &Arc<str> {
        &self.seat.sid
    }

    /// Where it is.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.seat.namespace.name.as_str()
    }

    /// What the application keeps of its client.
    #[must_use]
    pub fn guest(&mut self) -> &mut G {
        self.guest
    }

    /// What the client showed when it entered: there in [`Application::connected`](crate::Application::connected) alone.
    #[must_use]
    pub fn auth(&self) -> Option<&Arguments> {
        self.auth
    }

    /// Whether it is back with its sid and rooms, and gets what it missed.
    #[must_use]
    pub fn recovered(&self) -> bool {
        self.seat.recovered
    }

    /// The server it is on.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.line.server
    }

    /// The others in a room.
    pub fn to(&self, room: &str) -> Audience {
        self.others().to(room)
    }

    /// The others in its namespace.
    pub fn others(&self) -> Audience {
        self.line.server.of(self.namespace()).except(&self.seat.sid)
    }

    /// Sends it an event: a list, its name first.
    pub fn emit(&mut self, event: Arguments) {
        if self.line.server.recovery().is_some() {
            Audience::here(&self.line.server, &self.seat.sid).emit_in(&self.seat.namespace, event);
            return self.line.flush(self.now, self.lower);
        }
        let frames = self.line.server.encode(&self.seat.namespace.name, None, event);
        self.line.send(self.now, &frames, self.lower);
    }

    /// Sends it an event if its transport takes it at once. It is not sent again after a recovery.
    pub fn emit_volatile(&mut self, event: Arguments) {
        self.line.flush(self.now, self.lower);
        if self.lower.is_writable() {
            let frames = self.line.server.encode(&self.seat.namespace.name, None, event);
            self.line.send(self.now, &frames, self.lower);
        } else {
            add(&self.line.server.0.counters.volatile_dropped);
        }
    }

    /// Sends it an event and expects an answer within `timeout`:
    /// [`Application::acknowledged`](crate::Application::acknowledged) or
    /// [`Application::unacknowledged`](crate::Application::unacknowledged) follows.
    pub fn ask(&mut self, event: Arguments, timeout: Duration) -> AckId {
        let ack = self.line.server.next_ack();
        let namespace = self.seat.namespace.name.clone();
        let frames = self.line.server.encode(&namespace, Some(ack.0), event);
        self.line.asked.insert(ack, Asker::Socket(namespace.clone()));
        self.line.connection.handle_input(self.now, ConnectionInput::Await { namespace, timeout, ack });
        self.line.send(self.now, &frames, self.lower);
        ack
    }

    /// Answers an event that asked for it, with a list.
    pub fn answer(&mut self, id: u64, answer: Arguments) {
        let frames = self.line.server.encode_as(PacketKind::Ack, &self.seat.namespace.name, Some(id), answer);
        self.line.send(self.now, &frames, self.lower);
    }

    /// The rooms it is in, its own not counted.
    #[must_use]
    pub fn rooms(&self) -> Vec<Arc<str>> {
        self.seat.namespace.lock().members.get(self.seat.key).map_or_else(Vec::new, |member| member.rooms.clone())
    }

    /// Puts it into a room; into one where it is already is fine.
    ///
    /// # Errors
    /// [`TooManyRooms`]
    pub fn join(&mut self, room: &str) -> Result<(), TooManyRooms> {
        let (server, seat) = (&self.line.server, self.seat);
        let mut hall = seat.namespace.lock();
        let Some(member) = hall.members.get(seat.key) else { return Ok(()) };
        let is_there = *member.sid == *room || member.rooms.iter().any(|known| **known == *room);
        if !is_there && member.rooms.len() >= server.0.options.rooms_max {
            add(&server.0.counters.rooms_refused);
            return Err(TooManyRooms);
        }
        if hall.join(seat.key, room) {
            server.write_member(&seat.namespace.name, &mut hall, seat.key);
        }
        Ok(())
    }

    /// Takes it out of a room.
    pub fn leave(&mut self, room: &str) {
        let mut hall = self.seat.namespace.lock();
        if hall.leave(self.seat.key, room) {
            self.line.server.write_member(&self.seat.namespace.name, &mut hall, self.seat.key);
        }
    }

    /// Puts it out of its namespace when the callback is over. It does not come back by itself.
    pub fn disconnect(&mut self) {
        self.leaving = self.leaving.or(Some(Leaving::Namespace));
    }

    /// Ends its client's session when the callback is over, as if the connection had been lost: the client comes back by
    /// itself, and if it can be recovered it misses nothing.
    pub fn interrupt(&mut self) {
        self.leaving = self.leaving.or(Some(Leaving::Interrupted));
    }

    /// Puts it and its client's other sockets out, and closes the session, when the callback is over.
    pub fn close_session(&mut self) {
        self.leaving = Some(Leaving::Session);
    }
}
