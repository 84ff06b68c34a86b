//! What the core wants done, and what the server wants of its threads.

use std::mem;

use sangam_turn_proto::{Input, Limits, OpenError, Opened, Output, RequestId};

use super::RelayThread;
use super::packets::Parcel;
use crate::client_networks::ClientNetworks;
use crate::counters::Counter;
use crate::handover::Handover;

/// Handovers taken from other threads in one wake. More wait for the next.
const HANDOVERS_MAX: usize = 256;

impl RelayThread {
    /// Does what the core wants, until it wants nothing more.
    pub(super) fn drain(&mut self) {
        loop {
            match self.core.poll_output() {
                Output::Transmit { to, bytes } => self.push_to_client(&to, Parcel::Answer(bytes)),
                Output::OpenRelayed { request, allocation, family, port, username } => {
                    let result = self.open_within_quota(allocation, family, port, &username);
                    self.tell_opened(request, result);
                }
                Output::TakeReserved { request, allocation, token, username } => {
                    self.ask_for_reserved(token, username, request, allocation);
                }
                Output::CloseRelayed { allocation, relayed: _ } => self.close_relayed(allocation),
                Output::FindKey { request, username, algorithm } => {
                    let result = self.credentials.keys_for(&username, algorithm, self.now.wall);
                    if let Err(refusal) = result {
                        self.counters.count(refusal.into());
                    }
                    self.core.handle_input(self.now, Input::KeyFound { request, result });
                }
                Output::FindUser { request, userhash, algorithm } => {
                    let result = self.credentials.user_for(&userhash, algorithm, self.now.wall);
                    if let Err(refusal) = result {
                        self.counters.count(refusal.into());
                    }
                    self.core.handle_input(self.now, Input::UserFound { request, result });
                }
                Output::HandOver { request, server_index, from, bytes } => {
                    self.hand_over_move(request, usize::from(server_index), from, bytes);
                }
                Output::PathEnded(five_tuple) => self.end_path(&five_tuple),
                Output::BindingKept(kept) => self.tell_binding(kept),
                Output::Event(event) => self.note(&event),
                Output::Wait(deadline) => {
                    self.deadline = deadline;
                    break;
                }
            }
        }
    }

    pub(super) fn tell_opened(&mut self, request: RequestId, result: Result<Opened, OpenError>) {
        if let Err(error) = result
            && let Some(counter) = Counter::of_open_error(error)
        {
            self.counters.count(counter);
        }
        self.core.handle_input(self.now, Input::RelayedOpened { request, result });
    }

    pub(super) fn time_out(&mut self) {
        self.core.handle_input(self.now, Input::Timeout);
        self.drain();
    }

    /// Somebody has woken this thread: to hand datagrams over, to change the rules, or to see whether it lives.
    pub(super) fn heed_waker(&mut self) {
        self.face().waker.clear();
        self.is_called = true;
        self.heed_rules();
        let has_all_arrivals = self.take_arrivals();
        let mut mail = mem::take(&mut self.mail);
        let has_all_mail = self.face().inbox.collect(self.incarnation.owner, HANDOVERS_MAX, &mut mail);
        for handover in mail.drain(..) {
            match handover {
                Handover::Datagram(datagram) => self.deliver_handed_over(&datagram),
                Handover::TakeReserved(question) => self.give_reserved(&question),
                Handover::Reserved(answer) => self.take_reserved(answer),
                Handover::Move(message) => self.take_move(&message),
                Handover::FromClient(message) => self.take_from_client(message),
                Handover::Returned(message) => self.deal_with(&message),
                Handover::ToClient(message) => self.send_for_keeper(message),
                Handover::PathEnded { client, keeper } => self.moved.take_back(&client, keeper),
                Handover::ConnectionClosed(client) => self.lose_guest(client),
                Handover::Outward(datagram) => self.send_outward(datagram),
            }
        }
        self.mail = mail;
        if !has_all_arrivals || !has_all_mail {
            self.face().waker.wake();
        }
    }

    /// Puts the rules in force that have changed since they were last looked at.
    pub(super) fn heed_rules(&mut self) {
        let version = self.shared.version();
        if version != self.version {
            self.version = version;
            self.apply_live();
        }
    }

    fn apply_live(&mut self) {
        let live = self.shared.live.load_full();
        let addresses = self.shared.relay_addresses.load_full();
        let policy = self.premises.policy(&live, &addresses);
        self.core.replace_relay_addresses(addresses.to_vec(), policy);
        self.core.replace_alternates(live.alternates.clone());
        self.clients = ClientNetworks::new(live.allowed_clients.clone());
        let limits = live.limits;
        // Whoever comes while we drain is refused with 508 and goes elsewhere.
        let allocations = if self.shared.is_draining() { 0 } else { limits.allocations };
        self.core.replace_limits(Limits { allocations, ..limits });
        self.drain();
    }
}
