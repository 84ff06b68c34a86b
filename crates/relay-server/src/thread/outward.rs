//! What others send through the listening sockets, and the bindings that they want to hear of.

use std::rc::Rc;

use sangam_control::{KeptBinding as Told, StunDatagram};
use sangam_turn_proto::KeptBinding;

use super::RelayThread;
use crate::counters::Counter;
use crate::stun_sender::leaves_from;

impl RelayThread {
    /// Sends somebody's datagram from the listening sockets that it names.
    pub(super) fn send_outward(&mut self, datagram: StunDatagram) {
        let from = datagram.from.map(|from| from.ip());
        for index in 0..self.listeners.len() {
            let Some(listener) = self.listeners.get(index).filter(|it| leaves_from(it.local(), &datagram)) else {
                continue;
            };
            let from = if listener.is_wildcard() { from } else { None };
            let socket = Rc::clone(listener);
            self.counters.count(Counter::OutwardDatagrams);
            self.sends.push_owned(socket, datagram.to, from, datagram.bytes.clone());
        }
    }

    /// A device keeps a binding open.
    pub(super) fn tell_binding(&mut self, kept: KeptBinding) {
        let Some(bindings) = &self.options.kept_bindings else { return };
        let KeptBinding { client, server, username, is_changed } = kept;
        let is_told = bindings.tell(Told { client, server, username, is_changed });
        self.counters.count(if is_told { Counter::BindingsTold } else { Counter::BindingsMissed });
    }
}
