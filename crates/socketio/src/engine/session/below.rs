use sangam_engineio_proto::{Input, Session, TransportKind};
use sangam_types::{Frame, Mono};

use crate::engine::socket::Socket;
use crate::upper::Lower;

/// A session as what stands on it sees it.
pub(super) struct Below<'a> {
    core: &'a mut Session,
    now: Mono,
    /// Bytes that wait for the WebSocket, with those sent just now.
    socket_bytes: usize,
    is_socket_writable: bool,
}

impl<'a> Below<'a> {
    pub(super) fn new(core: &'a mut Session, socket: Option<&Socket>, now: Mono) -> Self {
        let socket_bytes = socket.map_or(0, Socket::queued_bytes);
        Self { core, now, socket_bytes, is_socket_writable: socket.is_none_or(Socket::is_writable) }
    }
}

impl Lower for Below<'_> {
    fn send(&mut self, packet: Frame) {
        if self.core.transport() == TransportKind::WebSocket {
            self.socket_bytes += packet.len();
        }
        self.core.handle_input(self.now, Input::Send(packet));
    }

    fn is_writable(&self) -> bool {
        self.is_socket_writable && self.core.is_writable()
    }

    fn queued_bytes(&self) -> usize {
        self.socket_bytes + self.core.queued_bytes()
    }

    fn close(&mut self) {
        self.core.handle_input(self.now, Input::Close);
    }
}
