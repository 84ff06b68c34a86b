//! The packet path: from a socket through the core to a socket.

use std::net::SocketAddr;
use std::ops::Range;
use std::rc::Rc;

use sangam_net::udp::{BATCH_MAX, Filled, Slice, Socket};
use sangam_turn_proto::{
    AllocationKey, ClientAddr, FiveTuple, Forward, FromClient, FromPeer, Input, PeerAddr, RelayedAddr, Route, Transport,
};

use super::{RELAY_BATCH, RelayThread};
use crate::counters::Counter;
use crate::handover::{Handover, NotHandedOver, OwnDatagram};

impl RelayThread {
    pub(super) fn serve_listener(&mut self, index: usize) {
        let Some(listener) = self.listeners.get(index).map(Rc::clone) else { return };
        for datagram in self.receive(&listener, BATCH_MAX) {
            self.relay_datagram_from_client(listener.local(), datagram);
        }
    }

    pub(super) fn serve_relay(&mut self, allocation: AllocationKey) {
        // Closed earlier in the same wake.
        let Some(socket) = self.relays.get(allocation).map(Rc::clone) else { return };
        for datagram in self.receive(&socket, RELAY_BATCH) {
            self.relay_from_peer(allocation, datagram);
        }
    }

    fn receive(&mut self, socket: &Socket, max: usize) -> Range<usize> {
        if self.incarnation.is_superseded() {
            // What waits there is the successor's.
            return 0..0;
        }
        self.make_room(max);
        match self.batch.fill(socket, max) {
            Ok(Filled { datagrams, oversized, errors_cleared }) => {
                self.counters.add(Counter::DropOversized, oversized);
                self.counters.add(Counter::SocketErrors, errors_cleared);
                datagrams
            }
            Err(error) => {
                // The socket stays: the next datagram may fare better.
                self.counters.count(Counter::SocketErrors);
                socket.clear_error();
                if self.log.may_write(self.now.mono) {
                    tracing::debug!(local = %socket.local(), %error, "a socket could not be read");
                }
                0..0
            }
        }
    }

    /// A message from a client that reached the listening socket bound to `local`.
    fn relay_datagram_from_client(&mut self, local: SocketAddr, index: usize) {
        let Some(datagram) = self.batch.datagram(index) else { return };
        let from = FiveTuple {
            client: ClientAddr(datagram.from),
            server: SocketAddr::new(datagram.to.unwrap_or(local.ip()), local.port()),
            transport: Transport::Udp,
        };
        self.relay_from_client(from, index);
    }

    /// A message from a client, which lies in the batch.
    pub(super) fn relay_from_client(&mut self, from: FiveTuple, index: usize) {
        if !(self.moved.is_any_away() && self.pass_on(&from, index)) {
            self.judge_from_client(from, index);
        }
    }

    /// As [`relay_from_client`](Self::relay_from_client), whichever thread has heard it.
    pub(super) fn judge_from_client(&mut self, from: FiveTuple, index: usize) {
        let Some(datagram) = self.batch.datagram(index) else { return };
        self.counters.count(Counter::ClientMessagesIn);
        self.counters.add(Counter::ClientBytesIn, datagram.bytes.len() as u64);
        match self.core.relay_from_client(self.now, &from, datagram.bytes) {
            FromClient::Forward(forward) => self.forward(index, forward),
            // Here and not before: what an allocation relays is not judged again.
            FromClient::Control if !self.clients.admit(&from) => self.refuse_client(&from, Counter::RefusedDatagrams),
            FromClient::Control => {
                self.core.handle_input(self.now, Input::Client { from, bytes: datagram.bytes });
                self.drain();
            }
            FromClient::Dropped(_) => {}
        }
    }

    /// A client of a network that may not use the relay: it is told nothing.
    pub(super) fn refuse_client(&mut self, from: &FiveTuple, counter: Counter) {
        self.counters.count(counter);
        if tracing::enabled!(tracing::Level::INFO) && self.log.may_write(self.now.mono) {
            tracing::info!(client = %from.client.0, "refused: the client's network is not in `relay.allow_from`");
        }
    }

    fn forward(&mut self, index: usize, forward: Forward) {
        match forward.route {
            Route::Wire => self.send_to_peer(index, forward),
            Route::OwnOnly | Route::OwnOrWire => match self.shared.directory.owner(forward.peer.0) {
                Some(owner) if owner == self.index => self.deliver_here(index, &forward),
                Some(owner) => self.hand_over(owner, index, forward),
                None if forward.route == Route::OwnOrWire => self.send_to_peer(index, forward),
                None => self.counters.count(Counter::DropOwnGone),
            },
        }
    }

    fn send_to_peer(&mut self, index: usize, forward: Forward) {
        let Some(socket) = self.relays.get(forward.allocation) else { return };
        let slice = self.batch.slice(index, forward.payload);
        if forward.dont_fragment {
            self.sends.push_unfragmented(Rc::clone(socket), forward.peer.0, slice);
        } else {
            self.sends.push_received(Rc::clone(socket), forward.peer.0, None, slice);
        }
    }

    fn deliver_here(&mut self, index: usize, forward: &Forward) {
        self.counters.count(Counter::HairpinSameThread);
        let payload = forward.payload.clone();
        let to = RelayedAddr(forward.peer.0);
        let verdict = self.core.relay_from_own(self.now, to, forward.relayed, payload.len());
        self.send_to_client(index, payload, verdict);
    }

    fn hand_over(&mut self, owner: usize, index: usize, forward: Forward) {
        let Some(datagram) = self.batch.datagram(index) else { return };
        let payload = datagram.bytes[forward.payload].to_vec();
        let datagram = OwnDatagram { to: RelayedAddr(forward.peer.0), from: forward.relayed, payload };
        self.counters.count(match self.outbox.push(owner, Handover::Datagram(datagram)) {
            Ok(()) => Counter::HairpinOtherThread,
            Err(NotHandedOver::QueueFull) => Counter::DropHandoverFull,
            Err(NotHandedOver::ThreadGone) => Counter::DropHandoverGone,
        });
    }

    fn relay_from_peer(&mut self, allocation: AllocationKey, index: usize) {
        let Some(datagram) = self.batch.datagram(index) else { return };
        let len = datagram.bytes.len();
        let verdict = self.core.relay_from_peer(self.now, allocation, PeerAddr(datagram.from), len);
        self.send_to_client(index, 0..len, verdict);
    }

    fn send_to_client(&mut self, index: usize, payload: Range<usize>, verdict: FromPeer) {
        match verdict {
            FromPeer::Forward { to, header, padding } => {
                let slice = self.batch.wrap(index, payload, header.as_bytes(), padding);
                self.push_to_client(&to, Parcel::Received(slice));
            }
            FromPeer::Dropped(_) => {}
        }
    }

    /// A datagram that another thread's client sent to an allocation of ours.
    pub(super) fn deliver_handed_over(&mut self, datagram: &OwnDatagram) {
        let OwnDatagram { to, from, payload } = datagram;
        match self.core.relay_from_own(self.now, *to, *from, payload.len()) {
            FromPeer::Forward { to, header, padding } => {
                let header = header.as_bytes();
                let mut bytes = Vec::with_capacity(header.len() + payload.len() + padding);
                bytes.extend_from_slice(header);
                bytes.extend_from_slice(payload);
                bytes.resize(bytes.len() + padding, 0);
                self.push_to_client(&to, Parcel::Owned(bytes));
            }
            FromPeer::Dropped(_) => {}
        }
    }

    /// Queues a message for a client, to leave from the address that the client speaks to.
    pub(super) fn push_to_client(&mut self, to: &FiveTuple, parcel: Parcel) {
        let len = match &parcel {
            Parcel::Received(slice) => self.batch.bytes(slice).len(),
            Parcel::Owned(bytes) | Parcel::Answer(bytes) => bytes.len(),
        };
        self.counters.count(Counter::ClientMessagesOut);
        self.counters.add(Counter::ClientBytesOut, len as u64);
        if to.transport != Transport::Udp {
            return self.push_to_stream(to, parcel);
        }
        let is_its = |listener: &&Rc<Socket>| {
            let local = listener.local();
            local.port() == to.server.port()
                && (local.ip() == to.server.ip() || (listener.is_wildcard() && local.is_ipv4() == to.server.is_ipv4()))
        };
        let Some(listener) = self.listeners.iter().find(is_its) else { return };
        let from = listener.is_wildcard().then_some(to.server.ip());
        let (socket, client) = (Rc::clone(listener), to.client.0);
        match parcel {
            Parcel::Received(slice) => self.sends.push_received(socket, client, from, slice),
            Parcel::Owned(bytes) | Parcel::Answer(bytes) => self.sends.push_owned(socket, client, from, bytes),
        }
    }
}

/// What is sent to a client.
pub(super) enum Parcel {
    /// Lies in the receive batch.
    Received(Slice),
    /// Relayed data of its own.
    Owned(Vec<u8>),
    /// An answer to a request: never dropped for relayed data.
    Answer(Vec<u8>),
}
