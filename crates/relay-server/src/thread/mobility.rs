//! Moves to and from other threads (RFC 8016): the allocation stays with its thread, and what comes from its client's
//! new address, which the kernel may steer elsewhere, is handed over. Data for a client over UDP leaves from here, for
//! each thread has a socket of each listening address; what is for a stream goes back to the thread that has it.

use sangam_turn_proto::{FiveTuple, Input, MoveRefusal, RequestId};

use super::RelayThread;
use super::packets::Parcel;
use crate::counters::Counter;
use crate::handover::{ClientMessage, Handover, MessageForClient, NotHandedOver};

impl RelayThread {
    /// Gives a message to the thread that keeps the allocation of its client. `false` if it is ours to deal with.
    pub(super) fn pass_on(&mut self, from: &FiveTuple, index: usize) -> bool {
        let Some(keeper) = self.moved.keeper(from) else { return false };
        let Some(datagram) = self.batch.datagram(index) else { return false };
        let message = ClientMessage { from: *from, bytes: datagram.bytes.to_vec(), host: self.index };
        match self.outbox.push(keeper, Handover::FromClient(message)) {
            Ok(()) => true,
            Err(NotHandedOver::QueueFull) => {
                self.counters.count(Counter::DropHandoverFull);
                true
            }
            // With its allocation: it is a client of ours like any other.
            Err(NotHandedOver::ThreadGone) => {
                self.moved.take_back(from, keeper);
                false
            }
        }
    }

    /// Gives the request that moves an allocation to the thread that keeps it, and all that comes after it.
    pub(super) fn hand_over_move(&mut self, request: RequestId, keeper: usize, from: FiveTuple, bytes: Vec<u8>) {
        let message = ClientMessage { from, bytes, host: self.index };
        let clients_max = self.shared.live.load().limits.allocations;
        // A client is handed over once: what reaches us through another thread is for us alone.
        let has_room = self.moved.host(&from).is_none() && self.moved.has_room(clients_max);
        let pushed =
            if has_room { self.outbox.push(keeper, Handover::Move(message)) } else { Err(NotHandedOver::QueueFull) };
        let result = match pushed {
            Ok(()) => {
                self.moved.send_away(from, keeper);
                Ok(())
            }
            Err(NotHandedOver::QueueFull) => Err(MoveRefusal::Busy),
            Err(NotHandedOver::ThreadGone) => Err(MoveRefusal::Gone),
        };
        self.core.handle_input(self.now, Input::HandedOver { request, result });
    }

    /// A request to move one of our allocations to a client that another thread hears.
    pub(super) fn take_move(&mut self, message: &ClientMessage) {
        self.moved.welcome(message.from, message.host);
        self.deal_with(message);
        if !self.core.has_allocation(&message.from) {
            self.end_path(&message.from);
        }
    }

    /// What a client says that another thread hears. Without an allocation here it is that thread's own client again,
    /// which that thread had not heard when it handed this over.
    pub(super) fn take_from_client(&mut self, message: ClientMessage) {
        let ClientMessage { from: client, host, .. } = message;
        if self.core.has_allocation(&client) {
            return self.deal_with(&message);
        }
        let ended = Handover::PathEnded { client, keeper: self.index };
        if self.outbox.push(host, ended).and_then(|()| self.outbox.push(host, Handover::Returned(message))).is_err() {
            self.counters.count(Counter::DropHandoverFull);
        }
    }

    /// A message that another thread handed over.
    pub(super) fn deal_with(&mut self, message: &ClientMessage) {
        self.make_room(1);
        // There is room, and it was in a batch before.
        let Some(index) = self.batch.put(message.from.client.0, &message.bytes) else { return };
        self.judge_from_client(message.from, index);
    }

    /// The client has no allocation here any more, so its messages go to no other thread than the one that hears them.
    pub(super) fn end_path(&mut self, client: &FiveTuple) {
        if let Some(host) = self.moved.dismiss(client) {
            // If that is not heard, it is said again when the client's next message comes.
            self.outbox.push(host, Handover::PathEnded { client: *client, keeper: self.index }).ok();
        }
    }

    /// Sends a message to a client over TCP or TLS whose connection another thread has.
    pub(super) fn push_to_guest(&mut self, to: &FiveTuple, parcel: Parcel) {
        let Some(host) = self.moved.host(to) else { return self.counters.count(Counter::DropNoConnection) };
        let (bytes, is_answer) = self.stream_bytes(parcel);
        let message = MessageForClient { to: *to, bytes, is_answer };
        if self.outbox.push(host, Handover::ToClient(message)).is_err() {
            self.counters.count(Counter::DropHandoverFull);
        }
    }

    /// A message from another thread for a client whose connection is here.
    pub(super) fn send_for_keeper(&mut self, message: MessageForClient) {
        let MessageForClient { to, bytes, is_answer } = message;
        self.push_to_client(&to, if is_answer { Parcel::Answer(bytes) } else { Parcel::Owned(bytes) });
    }

    /// Tells the thread that keeps the allocation of a client that its connection is closed.
    pub(super) fn tell_keeper_of_end(&mut self, client: FiveTuple) {
        if let Some(keeper) = self.moved.keeper(&client) {
            self.moved.take_back(&client, keeper);
            // If that is not heard, what is for the client is dropped here instead of there.
            self.outbox.push(keeper, Handover::ConnectionClosed(client)).ok();
        }
    }

    /// The connection of one of our clients, which another thread had, is closed.
    pub(super) fn lose_guest(&mut self, client: FiveTuple) {
        self.moved.dismiss(&client);
        self.core.handle_input(self.now, Input::ConnectionClosed(client));
        self.drain();
    }
}
