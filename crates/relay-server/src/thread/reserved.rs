//! Relay sockets that one thread keeps in reserve and another's client takes.

use sangam_turn_proto::{AllocationKey, OpenError, Opened, RequestId, ReservationToken};

use super::RelayThread;
use crate::counters::Counter;
use crate::handover::{Handover, NotHandedOver, ReservedAnswer, ReservedQuestion};

impl RelayThread {
    /// Asks the thread that gave the token.
    pub(super) fn ask_for_reserved(
        &mut self,
        token: ReservationToken,
        username: String,
        request: RequestId,
        allocation: AllocationKey,
    ) {
        let owner = usize::from(token.server_index());
        let question = ReservedQuestion { token, username, asker: self.incarnation.owner, request, allocation };
        if let Err(error) = self.outbox.push(owner, Handover::TakeReserved(question)) {
            self.count_not_handed_over(error);
            self.tell_opened(request, Err(OpenError::NotReserved));
        }
    }

    /// Gives the socket to the thread that asks, or says that there is none.
    pub(super) fn give_reserved(&mut self, question: &ReservedQuestion) {
        let key = self.core.release_reserved(self.now, question.token, &question.username);
        self.drain();
        let socket = key.and_then(|key| self.relays.take(&self.poller, key));
        let local = socket.as_ref().map(sangam_net::udp::Socket::local);
        // It counts on without a break, wherever it is.
        let hold = key.and_then(|key| self.incarnation.holds.take(key));
        let ReservedQuestion { request, allocation, asker, .. } = *question;
        let answer = Handover::Reserved(ReservedAnswer { asker, request, allocation, reserved: socket.zip(hold) });
        if let Err(error) = self.outbox.push(usize::from(asker.thread), answer) {
            // The socket is closed; whoever asked gives up after a while.
            self.count_not_handed_over(error);
            local.inspect(|local| self.shared.directory.release(*local, self.incarnation.owner));
        }
    }

    /// The answer to our question.
    pub(super) fn take_reserved(&mut self, answer: ReservedAnswer) {
        let ReservedAnswer { asker, request, allocation, reserved } = answer;
        if asker != self.incarnation.owner {
            // Whoever asked had our place before us.
            return reserved.into_iter().for_each(|(socket, _)| self.relays.discard(socket));
        }
        let result = match reserved {
            Some((socket, hold)) => {
                let adopted = self.relays.adopt(&self.poller, allocation, socket).map(Opened::from);
                adopted.inspect(|_| self.incarnation.holds.keep(allocation, hold))
            }
            None => Err(OpenError::NotReserved),
        };
        self.tell_opened(request, result);
        self.drain();
    }

    fn count_not_handed_over(&mut self, error: NotHandedOver) {
        self.counters.count(match error {
            NotHandedOver::QueueFull => Counter::DropHandoverFull,
            NotHandedOver::ThreadGone => Counter::DropHandoverGone,
        });
    }
}
