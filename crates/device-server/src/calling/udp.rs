//! Calls by datagrams (TR-069 Amendment 6 Annex G): what a device behind NAT keeps a binding open for.
//!
//! They leave from the socket that the device's STUN requests come to, as its NAT lets in only that. Nothing comes back, so a few
//! copies are sent, and the call is answered by the session that begins.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use sangam_control::{KeptBinding, StunDatagram, StunNotSent, StunSocket};
use sangam_cwmp_proto::Secret;
use sangam_cwmp_proto::connection_request::Host;
use sangam_cwmp_proto::connection_request::udp::{UdpAddress, UdpRequest};
use sangam_device_proto::DeviceId;
use sangam_device_proto::device::Device;
use tokio::sync::{Notify, mpsc};

use super::reach::Rule;
use super::{Called, Calls};
use crate::service::Service;

/// Where a device is asked, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Goal {
    to: SocketAddr,
    /// `None`: which of our addresses its binding is towards is not known.
    from: Option<SocketAddr>,
    /// As the device is to read it in the datagram.
    named: UdpAddress,
}

/// Calls a device through its binding.
pub(super) async fn call(service: &Service, device: &Device) -> Called {
    let calls = &service.calls;
    let Some(socket) = service.stun.as_deref() else { return Called::NoSocket };
    let Some(login) = &device.access.to_device else { return Called::NoLogin };
    let goals = match goals(calls, device).await {
        Ok(goals) => goals,
        Err(why) => return why,
    };
    let stamp = calls.stamps.next_stamp(service.now()).await;
    let request = UdpRequest::new(stamp, &login.user, &Secret::new(login.secret.expose()), rand::random());
    let came = calls.arrivals.expect(device.id);
    for copy in 0..calls.options.udp_copies {
        if copy > 0 && came.within(calls.options.udp_copy_interval).await {
            return Called::Accepted;
        }
        if let Err(why) = send(socket, &request, &goals) {
            return why;
        }
    }
    if came.within(calls.options.answer_timeout).await { Called::Accepted } else { Called::Timeout }
}

/// One copy to each place; fails if none was taken.
fn send(socket: &dyn StunSocket, request: &UdpRequest, goals: &[Goal]) -> Result<(), Called> {
    let mut failed = None;
    let mut is_sent = false;
    for goal in goals {
        match socket.send(StunDatagram { from: goal.from, to: goal.to, bytes: request.encode(&goal.named) }) {
            Ok(()) => is_sent = true,
            Err(StunNotSent::Busy) => failed = Some(Called::Overloaded),
            Err(StunNotSent::NoSocket | StunNotSent::Stopped | StunNotSent::Unsendable) => {
                failed = failed.or(Some(Called::NoSocket));
            }
        }
    }
    failed.filter(|_| !is_sent).map_or(Ok(()), Err)
}

/// Where its binding was heard of last, and where the device itself said. Neither is proven, so each is asked only where the device may
/// be called, and the first, which anybody can claim, only at an address that the device itself is known by.
async fn goals(calls: &Calls, device: &Device) -> Result<Vec<Goal>, Called> {
    let rule = Rule { origin: calls.origin(device.id), any_address: calls.options.any_address };
    let (told, mut why) = match told(calls, device, rule).await {
        Ok(told) => (told, Called::NotAllowed),
        Err(why) => (Vec::new(), why),
    };
    let is_known = |address: IpAddr| {
        Rule { any_address: false, ..rule }.admits(address) || told.iter().any(|goal| goal.to.ip() == address)
    };
    let mut goals = Vec::new();
    if let Some(kept) = calls.heard_binding(device) {
        if is_known(kept.client.ip()) {
            goals.push(goal_of(&kept));
        } else {
            why = Called::NotAllowed;
        }
    }
    // Of two that are the same place, the one that was heard knows where to send from.
    for goal in told {
        if goals.iter().all(|known: &Goal| known.to != goal.to) && goals.len() < GOALS_MAX {
            goals.push(goal);
        }
    }
    if goals.is_empty() { Err(why) } else { Ok(goals) }
}

/// Where the device said that it is asked.
async fn told(calls: &Calls, device: &Device, rule: Rule) -> Result<Vec<Goal>, Called> {
    let told = device.reach.udp_address.as_deref().and_then(|told| UdpAddress::parse(told).ok());
    let named = told.ok_or(Called::NoAddress)?;
    let addresses = calls.addresses(&named.host, named.port, rule).await?;
    Ok(addresses.into_iter().map(|to| Goal { to, from: None, named: named.clone() }).collect())
}

/// Places asked at once, at most: the binding, and addresses of one name.
const GOALS_MAX: usize = 4;

fn goal_of(kept: &KeptBinding) -> Goal {
    let named = UdpAddress { host: Host::Ip(kept.client.ip()), port: kept.client.port() };
    Goal { to: kept.client, from: Some(kept.server), named }
}

impl Calls {
    /// A device keeps a binding open. Without a name nobody knows whose it is.
    pub(super) fn heard_of(&self, mut kept: KeptBinding) {
        if let Some(name) = kept.username.take() {
            self.bindings.lock().unwrap_or_else(PoisonError::into_inner).note(name, kept);
        }
    }

    /// By the names that a device may log in to STUN with: its own, or the one that connection requests have.
    fn heard_binding(&self, device: &Device) -> Option<KeptBinding> {
        let access = &device.access;
        let logins = [&access.to_device, &access.from_device, &access.from_device_next];
        let names = logins.into_iter().flatten().map(|login| &*login.user);
        let key = device.key.to_string();
        let bindings = self.bindings.lock().unwrap_or_else(PoisonError::into_inner);
        names.chain([key.as_str()]).find_map(|name| bindings.get(name))
    }
}

/// Takes what the STUN listener tells, until it ends.
pub(crate) async fn hear_bindings(service: Weak<Service>, mut heard: mpsc::Receiver<KeptBinding>) {
    while let Some(kept) = heard.recv().await {
        let Some(service) = service.upgrade() else { return };
        service.metrics.binding_heard(kept.username.is_some(), kept.is_changed);
        service.calls.heard_of(kept);
    }
}

/// Who waits for a device to begin a session.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    awaited: Mutex<HashMap<DeviceId, Arc<Notify>>>,
}

/// Somebody who waits for one; when dropped, nobody does.
#[derive(Debug)]
pub(super) struct Awaited<'a> {
    arrivals: &'a Arrivals,
    device: DeviceId,
    came: Arc<Notify>,
}

impl Arrivals {
    /// From now on. One call of a device is under way at a time, so one waits for it.
    pub(super) fn expect(&self, device: DeviceId) -> Awaited<'_> {
        let came = Arc::new(Notify::new());
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner).insert(device, Arc::clone(&came));
        Awaited { arrivals: self, device, came }
    }

    /// It has begun one.
    pub(super) fn came(&self, device: DeviceId) {
        if let Some(came) = self.awaited.lock().unwrap_or_else(PoisonError::into_inner).get(&device) {
            came.notify_one();
        }
    }
}

impl Awaited<'_> {
    async fn within(&self, time: Duration) -> bool {
        tokio::time::timeout(time, self.came.notified()).await.is_ok()
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        self.arrivals.awaited.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.device);
    }
}
