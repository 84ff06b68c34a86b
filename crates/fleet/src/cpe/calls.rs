//! How a fleet answers those who want a device to come: by HTTP, or by a datagram through a NAT.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use sangam_auth::digest::{Authorization, Credential, DigestServer, Refusal, RequestLine};
use sangam_cwmp_proto::Secret;
use sangam_cwmp_proto::connection_request::udp::{MessageOrder, UdpRequest};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::connection_requests::{Asked, Said};
use super::device::{Context, Device};
use super::noise::Dice;
use super::udp::{Binding, Heard, KEEP_ALIVE};

/// The devices' end of connection requests.
pub(super) struct Calls {
    pub(super) digest: Option<DigestServer>,
    pub(super) dice: Dice,
    pub(super) binding: Option<Binding>,
    /// What the socket of the binding heard. Without a binding nothing comes.
    pub(super) heard: Option<mpsc::Receiver<Heard>>,
    taken: HashMap<u32, MessageOrder>,
    /// Devices that keep their binding open, by turns.
    bound: VecDeque<u32>,
    refresh_at: Instant,
}

impl Calls {
    pub(super) fn new(digest: Option<DigestServer>, binding: Option<(Binding, mpsc::Receiver<Heard>)>) -> Self {
        let (binding, heard) = binding.unzip();
        Self {
            digest,
            dice: Dice::new(&[rand::random()]),
            binding,
            heard,
            taken: HashMap::new(),
            bound: VecDeque::new(),
            refresh_at: Instant::now() + KEEP_ALIVE,
        }
    }

    /// A device asked for over HTTP. Its login is what the ACS set.
    pub(super) fn said(&mut self, cx: &mut Context<'_>, device: &mut Device, asked: &Asked) -> Said {
        let (user, password) = device.call_login(cx);
        if let (Some(digest), false) = (&mut self.digest, user.is_empty() && password.is_empty()) {
            let verdict = asked.authorization.as_deref().ok_or(Refusal::Missing).and_then(Authorization::parse);
            let line = RequestLine { method: &asked.method, target: &asked.target };
            let verdict = verdict.and_then(|answer| {
                let credential = (answer.username == user).then(|| Credential::password(password));
                digest.verify(line, &answer, credential.as_ref(), cx.now.wall)
            });
            if let Err(refusal) = verdict {
                let salt = self.dice.throw().to_be_bytes();
                return Said::Challenge(digest.challenges(cx.now.wall, salt, refusal));
            }
        }
        if device.request_connection(cx) { Said::Accepted } else { Said::Busy }
    }

    /// A device asked for by a datagram; what became of it. Nothing is ever answered.
    pub(super) fn take(&mut self, cx: &mut Context<'_>, device: &mut Device, request: &UdpRequest) -> &'static str {
        let (user, password) = device.call_login(cx);
        if request.verify(user, &Secret::new(password)).is_err() {
            return "udp_bad_signature";
        }
        if self.taken.entry(device.facts.number).or_default().take(request.stamp).is_err() {
            return "udp_copy";
        }
        if device.request_connection(cx) { "udp_accepted" } else { "udp_busy" }
    }

    /// Has a device find out where it is seen, if it is to.
    pub(super) fn bind(&mut self, cx: &Context<'_>, device: &Device) {
        if let Some(binding) = &self.binding
            && device.wants_binding(cx)
        {
            binding.ask(device.facts.number, device.call_login(cx).0, false);
        }
    }

    /// Where a device is seen. Said again if it is elsewhere than before, as the server is to know.
    pub(super) fn mapped(&mut self, cx: &mut Context<'_>, device: &mut Device, address: SocketAddr) {
        let Some(binding) = &self.binding else { return };
        // Who cannot be asked by HTTP is as one behind a NAT.
        let is_behind_nat = binding.is_translated(address) || cx.world.requests.is_none();
        if device.bound(cx, address, is_behind_nat) {
            binding.ask(device.facts.number, device.call_login(cx).0, true);
            if !self.bound.contains(&device.facts.number) {
                self.bound.push_back(device.facts.number);
            }
        }
    }

    /// Who is to refresh the binding now.
    pub(super) fn refreshes(&mut self) -> Option<u32> {
        if Instant::now() < self.refresh_at {
            return None;
        }
        self.refresh_at = Instant::now() + KEEP_ALIVE;
        let number = self.bound.pop_front()?;
        self.bound.push_back(number);
        Some(number)
    }

    pub(super) fn refresh(&self, cx: &Context<'_>, device: &Device) {
        if let Some(binding) = &self.binding {
            binding.ask(device.facts.number, device.call_login(cx).0, false);
        }
    }
}

/// What the socket of the binding heard next; never ends without one.
pub(super) async fn next_heard(heard: &mut Option<mpsc::Receiver<Heard>>) -> Heard {
    match heard {
        Some(receiver) => match receiver.recv().await {
            Some(heard) => heard,
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}
