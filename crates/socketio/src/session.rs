use std::sync::Arc;

use sangam_engineio_proto::CloseReason;
use sangam_socketio_proto::{Arguments, Connection, ConnectionInput, ConnectionOutput};
use sangam_types::{Frame, Mono, Text};

use crate::application::{Application, DisconnectReason, Entering, Entry, Event};
use crate::figures::add;
use crate::line::{Asker, Line};
use crate::outbox::{Order, Outbox};
use crate::recovery::{Claim, Place, Readmission};
use crate::server::{Detached, Server};
use crate::socket::{Leaving, Seat, Socket};
use crate::upper::{Forbidden, Lower, Opening, Upper};

/// One client: its sockets in the namespaces it has entered.
pub struct Session<A: Application> {
    application: Arc<A>,
    guest: A::Guest,
    line: Line,
    seats: Vec<Seat>,
    /// What it asked for and gets when its old session is gone.
    waiting: Vec<(Text, Option<Arguments>)>,
    deadline: Option<Mono>,
    /// When its records are to be written again.
    refresh_at: Option<Mono>,
}

/// How often a session looks for new orders before others have their turn. Whoever left one more has woken it.
const ROUNDS_MAX: usize = 4;

impl<A: Application> Session<A> {
    pub(crate) fn open(application: Arc<A>, server: Server, opening: &Opening) -> Result<Self, Forbidden> {
        let guest = application.open(opening)?;
        let options = &server.0.options;
        let connection = Connection::new(options.parser, options.connection, opening.now);
        let outbox = Arc::new(Outbox::new(opening.waker.clone(), options.outbox_bytes_max));
        let deadline = Some(opening.now + options.connection.connect_timeout);
        let (asked, deferred) = (Default::default(), Vec::new());
        let line = Line { server, connection, outbox, asked, deferred, closing: None };
        let (seats, waiting) = (Vec::new(), Vec::new());
        Ok(Self { application, guest, line, seats, waiting, deadline, refresh_at: None })
    }

    /// Does what there is to do: orders of others, then what the connection wants.
    fn settle(&mut self, now: Mono, lower: &mut dyn Lower) {
        for _ in 0..ROUNDS_MAX {
            self.line.flush(now, lower);
            for order in std::mem::take(&mut self.line.deferred) {
                self.obey(now, order, lower);
            }
            self.drain(now, lower);
            self.line.flush(now, lower);
            if let Some(reason) = self.line.closing {
                return self.end(reason, lower);
            }
            if self.line.deferred.is_empty() {
                break;
            }
        }
    }

    fn drain(&mut self, now: Mono, lower: &mut dyn Lower) {
        loop {
            match self.line.connection.poll_output() {
                ConnectionOutput::Wait(deadline) => return self.deadline = deadline,
                output => self.act(now, output, lower),
            }
        }
    }

    fn act(&mut self, now: Mono, output: ConnectionOutput, lower: &mut dyn Lower) {
        match output {
            ConnectionOutput::Send(frames) => Line::send_messages(frames, lower),
            ConnectionOutput::Entering { namespace, auth } => self.enter(now, namespace, auth, lower),
            ConnectionOutput::Event { namespace, arguments, id } => {
                // Node's parser lets an event without a list pass, and has nobody to give it to.
                let Some(arguments) = arguments else { return };
                let event = Event { arguments, id };
                self.with_socket(now, &namespace, lower, |application, socket| application.event(socket, event));
            }
            ConnectionOutput::Acknowledged { ack, arguments } => match self.line.asked.remove(&ack) {
                Some(Asker::Socket(namespace)) => self.with_socket(now, &namespace, lower, |application, socket| {
                    application.acknowledged(socket, ack, arguments);
                }),
                Some(Asker::Many(question)) => {
                    // Whoever asked may have lost interest.
                    question.answers.try_send(arguments).ok();
                }
                None => {}
            },
            ConnectionOutput::Unacknowledged { ack } => {
                if let Some(Asker::Socket(namespace)) = self.line.asked.remove(&ack) {
                    let tell = |application: &A, socket: &mut Socket<'_, _>| application.unacknowledged(socket, ack);
                    self.with_socket(now, &namespace, lower, tell);
                }
            }
            ConnectionOutput::Left { namespace } => {
                self.vacate(&namespace, DisconnectReason::ClientNamespaceDisconnect);
            }
            ConnectionOutput::Close(_) => {
                self.line.closing = self.line.closing.or(Some(DisconnectReason::ParseError));
            }
            ConnectionOutput::Wait(_) => {}
        }
    }

    fn enter(&mut self, now: Mono, namespace: Text, auth: Option<Arguments>, lower: &mut dyn Lower) {
        if let Some(claim) = Claim::from_auth(auth.as_ref()) {
            match self.line.server.readmit(&namespace, &claim, &self.line.outbox) {
                Readmission::In(place) => return self.seat(now, place, auth.as_ref(), lower),
                Readmission::Wait => return self.waiting.push((namespace, auth)),
                Readmission::Refused(Some(gone)) => self.application.expired(&gone),
                Readmission::Refused(None) => {}
            }
        }
        let (name, guest) = (namespace.as_str(), &mut self.guest);
        match self.application.enter(&mut Entering { namespace: name, auth: auth.as_ref(), guest }) {
            Entry::Accept => {
                let place = self.line.server.admit(&namespace, &self.line.outbox);
                self.seat(now, place, auth.as_ref(), lower);
            }
            Entry::Refuse { message, data } => {
                self.line.connection.handle_input(now, ConnectionInput::Refuse { namespace, message, data });
            }
        }
    }

    fn seat(&mut self, now: Mono, place: Place, auth: Option<&Arguments>, lower: &mut dyn Lower) {
        let Place { namespace, key, sid, pid, missed } = place;
        let name = namespace.name.clone();
        let (sid_text, pid) = (Text::from(&*sid), pid.map(|pid| Text::from(&*pid)));
        let recovered = missed.is_some();
        self.seats.push(Seat { namespace, key, sid, recovered });
        // As Node does: its client holds back what comes before it is connected, and gives it out then.
        for frames in missed.into_iter().flatten() {
            frames.iter().for_each(|frame| lower.send(frame.clone()));
        }
        let accept = ConnectionInput::Accept { namespace: name.clone(), sid: sid_text, pid };
        self.line.connection.handle_input(now, accept);
        // Its answer goes out before anything else that is for this socket.
        let answer = self.line.connection.poll_output();
        self.act(now, answer, lower);
        if self.refresh_at.is_none() && self.line.server.0.journal.is_some() {
            self.refresh_at = self.line.server.recovery().map(|recovery| now + recovery.refresh());
        }
        self.with_arriving(now, &name, auth, lower, |application, socket| application.connected(socket));
    }

    fn obey(&mut self, now: Mono, order: Order, lower: &mut dyn Lower) {
        match order {
            Order::Disconnect { namespace, sid, close } => {
                if self.seats.iter().any(|seat| seat.sid == sid && seat.namespace.name == namespace) {
                    let leaving = if close { Leaving::Session } else { Leaving::Namespace };
                    self.put_out(now, &namespace, leaving, lower);
                }
            }
            Order::Supersede => self.line.closing = self.line.closing.or(Some(DisconnectReason::Superseded)),
            Order::Resume { namespace } => {
                if let Some(at) = self.waiting.iter().position(|(waiting, _)| *waiting == namespace) {
                    let (namespace, auth) = self.waiting.swap_remove(at);
                    self.enter(now, namespace, auth, lower);
                }
            }
            Order::Send(_) | Order::SendVolatile(_) | Order::Ask(_) => {}
        }
    }

    fn with_socket(
        &mut self,
        now: Mono,
        namespace: &Text,
        lower: &mut dyn Lower,
        callback: impl FnOnce(&A, &mut Socket<'_, A::Guest>),
    ) {
        self.with_arriving(now, namespace, None, lower, callback);
    }

    fn with_arriving(
        &mut self,
        now: Mono,
        namespace: &Text,
        auth: Option<&Arguments>,
        lower: &mut dyn Lower,
        callback: impl FnOnce(&A, &mut Socket<'_, A::Guest>),
    ) {
        let Some(seat) = self.seats.iter().find(|seat| seat.namespace.name == *namespace) else { return };
        let (line, guest) = (&mut self.line, &mut self.guest);
        let mut socket = Socket { seat, line, lower, guest, now, auth, leaving: None };
        callback(&self.application, &mut socket);
        let leaving = socket.leaving;
        if let Some(leaving) = leaving {
            self.put_out(now, namespace, leaving, lower);
        }
    }

    /// Puts a socket out, behind everything that was sent to it; or all of them, and the session ends.
    fn put_out(&mut self, now: Mono, namespace: &Text, leaving: Leaving, lower: &mut dyn Lower) {
        let names = match leaving {
            Leaving::Interrupted => {
                self.line.closing = self.line.closing.or(Some(DisconnectReason::Interrupted));
                return;
            }
            Leaving::Namespace => vec![namespace.clone()],
            Leaving::Session => self.seats.iter().map(|seat| seat.namespace.name.clone()).collect(),
        };
        for namespace in names {
            self.vacate(&namespace, DisconnectReason::ServerNamespaceDisconnect);
            self.line.flush(now, lower);
            self.line.connection.handle_input(now, ConnectionInput::Leave { namespace });
        }
        self.drain(now, lower);
        if leaving == Leaving::Session {
            self.line.closing = self.line.closing.or(Some(DisconnectReason::ServerNamespaceDisconnect));
        }
    }

    /// Takes its socket out of a namespace and tells the application.
    fn vacate(&mut self, namespace: &Text, reason: DisconnectReason) {
        let Some(at) = self.seats.iter().position(|seat| seat.namespace.name == *namespace) else { return };
        let seat = self.seats.swap_remove(at);
        let detached = self.line.server.detach(&seat.namespace, seat.key, reason.is_recoverable());
        let Some(Detached { gone, kept }) = detached else { return };
        self.application.disconnected(&mut self.guest, &gone, reason, kept.is_some());
        if let Some((pid, absent)) = kept {
            self.line.server.release(&seat.namespace, pid, absent);
        }
    }

    /// Ends the session from this side.
    fn end(&mut self, reason: DisconnectReason, lower: &mut dyn Lower) {
        if reason == DisconnectReason::TooSlow && !self.seats.is_empty() {
            add(&self.line.server.0.counters.too_slow);
        }
        self.vacate_all(reason);
        lower.close();
    }

    fn vacate_all(&mut self, reason: DisconnectReason) {
        self.line.outbox.close();
        self.line.asked.clear();
        self.waiting.clear();
        while let Some(namespace) = self.seats.first().map(|seat| seat.namespace.name.clone()) {
            self.vacate(&namespace, reason);
        }
        (self.deadline, self.refresh_at) = (None, None);
    }
}

impl<A: Application> Upper for Session<A> {
    fn received(&mut self, now: Mono, message: Frame, lower: &mut dyn Lower) {
        if self.line.closing.is_none() {
            self.line.connection.handle_input(now, ConnectionInput::Received(message));
            self.drain(now, lower);
            self.settle(now, lower);
        }
    }

    fn woken(&mut self, now: Mono, lower: &mut dyn Lower) {
        if self.line.closing.is_some() {
            return;
        }
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.line.connection.handle_input(now, ConnectionInput::Timeout);
        }
        if self.refresh_at.is_some_and(|at| at <= now) {
            self.refresh_at = self.line.server.recovery().map(|recovery| now + recovery.refresh());
            for Seat { namespace, key, .. } in &self.seats {
                self.line.server.write_member(&namespace.name, &mut namespace.lock(), *key);
            }
        }
        self.settle(now, lower);
    }

    fn deadline(&self) -> Option<Mono> {
        [self.deadline, self.refresh_at].into_iter().flatten().min()
    }

    fn closed(&mut self, _now: Mono, reason: CloseReason) {
        let reason = self.line.closing.unwrap_or(DisconnectReason::Session(reason));
        self.vacate_all(reason);
    }
}

impl<A: Application> Drop for Session<A> {
    /// A session whose task ends without a last word leaves no socket behind.
    fn drop(&mut self) {
        self.vacate_all(self.line.closing.unwrap_or(DisconnectReason::Session(CloseReason::TransportClose)));
    }
}
