//! Relay sockets are opened for whoever has quota left, which all threads count together.

use sangam_turn_proto::{AddressFamily, AllocationKey, OpenError, Opened, PortWish};

use super::RelayThread;

impl RelayThread {
    pub(super) fn open_within_quota(
        &mut self,
        allocation: AllocationKey,
        family: AddressFamily,
        port: PortWish,
        username: &str,
    ) -> Result<Opened, OpenError> {
        let sockets = match port {
            PortWish::Any | PortWish::Even => 1,
            PortWish::EvenAndNext { .. } => 2,
        };
        let hold = self.shared.quotas.take(username, sockets, &self.shared.live.load().limits)?;
        let opened = self.relays.open(&self.poller, allocation, family, port)?;
        match opened.next {
            Some((next, _)) => self.incarnation.holds.keep_both(allocation, next, hold),
            None => self.incarnation.holds.keep(allocation, hold),
        }
        Ok(opened)
    }

    pub(super) fn close_relayed(&mut self, allocation: AllocationKey) {
        self.relays.close(&self.poller, allocation);
        self.incarnation.holds.take(allocation);
    }
}
