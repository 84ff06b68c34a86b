use std::collections::BTreeMap;
use std::sync::Arc;

use sangam_engineio_proto::Packet as EnginePacket;
use sangam_socketio_proto::{AckId, Connection, ConnectionInput};
use sangam_types::{Frame, Mono, Text};

use crate::application::DisconnectReason;
use crate::figures::add;
use crate::outbox::{Order, Outbox, Overflowed, Question};
use crate::server::Server;
use crate::upper::Lower;

/// The wire side of a session: what it sends, in which order, and which answers it waits for.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) server: Server,
    pub(crate) connection: Connection,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) asked: BTreeMap<AckId, Asker>,
    /// Orders that concern more than the wire.
    pub(crate) deferred: Vec<Order>,
    /// The session ends for this.
    pub(crate) closing: Option<DisconnectReason>,
}

/// Who asked.
#[derive(Debug)]
pub(crate) enum Asker {
    /// The socket in this namespace.
    Socket(Text),
    /// Somebody who asked many.
    Many(Arc<Question>),
}

impl Line {
    /// Sends packets of the session below, behind what others have left for this session.
    pub(crate) fn send(&mut self, now: Mono, frames: &[Frame], lower: &mut dyn Lower) {
        self.flush(now, lower);
        frames.iter().for_each(|frame| lower.send(frame.clone()));
    }

    /// Sends messages as the connection has written them.
    pub(crate) fn send_messages(frames: Vec<Frame>, lower: &mut dyn Lower) {
        frames.into_iter().for_each(|frame| lower.send(EnginePacket::Message(frame).encode()));
    }

    /// Sends what others have left for this session, in order.
    pub(crate) fn flush(&mut self, now: Mono, lower: &mut dyn Lower) {
        let orders = match self.outbox.take() {
            Ok(orders) if orders.is_empty() => return,
            Ok(orders) => orders,
            Err(Overflowed) => return self.closing = self.closing.or(Some(DisconnectReason::TooSlow)),
        };
        for order in orders {
            match order {
                Order::Send(frames) => frames.iter().for_each(|frame| lower.send(frame.clone())),
                Order::SendVolatile(frames) if lower.is_writable() => {
                    frames.iter().for_each(|frame| lower.send(frame.clone()));
                }
                Order::SendVolatile(_) => add(&self.server.0.counters.volatile_dropped),
                Order::Ask(question) => self.ask(now, &question, lower),
                Order::Disconnect { .. } | Order::Supersede | Order::Resume { .. } => self.deferred.push(order),
            }
        }
        if lower.queued_bytes() > self.server.0.options.outbox_bytes_max {
            self.closing = self.closing.or(Some(DisconnectReason::TooSlow));
        }
    }

    fn ask(&mut self, now: Mono, question: &Arc<Question>, lower: &mut dyn Lower) {
        let (namespace, timeout, ack) = (question.namespace.clone(), question.timeout, question.ack);
        self.asked.insert(ack, Asker::Many(question.clone()));
        self.connection.handle_input(now, ConnectionInput::Await { namespace, timeout, ack });
        question.frames.iter().for_each(|frame| lower.send(frame.clone()));
    }
}
