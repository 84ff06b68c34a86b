use std::net::SocketAddr;

use sangam_cwmp_proto::EventCode;

use super::super::tree::Slot;
use super::{Context, Device};

impl Device {
    /// What it is called with: the user and the password that the ACS gave it for that.
    pub(crate) fn call_login<'a>(&'a self, cx: &Context<'_>) -> (&'a str, &'a str) {
        let named = cx.world.model(self.facts.number).named;
        let held = |index| self.differences.get(Slot::fixed(index)).unwrap_or_default();
        (held(named.request_user), held(named.request_password))
    }

    /// Where its binding at the NAT is; whether that is elsewhere than before (Annex G.2.1.2, TR-181
    /// `ManagementServer.UDPConnectionRequestAddress`, whose change is told at once).
    pub(crate) fn bound(&mut self, cx: &mut Context<'_>, address: SocketAddr, is_behind_nat: bool) -> bool {
        let named = cx.world.model(self.facts.number).named;
        let slot = Slot::fixed(named.udp_address);
        let address = address.to_string();
        if self.differences.get(slot) == Some(address.as_str()) {
            return false;
        }
        self.differences.set(slot, &address);
        self.differences.set(Slot::fixed(named.nat_detected), if is_behind_nat { "1" } else { "0" });
        self.binding_changed = true;
        self.raise(cx.tally, EventCode::ValueChange, "");
        true
    }

    /// Whether it is to find out where its binding is: it has a login for calls, and no binding yet.
    pub(crate) fn wants_binding(&self, cx: &Context<'_>) -> bool {
        let named = cx.world.model(self.facts.number).named;
        !self.call_login(cx).0.is_empty() && self.differences.get(Slot::fixed(named.udp_address)).is_none()
    }
}
