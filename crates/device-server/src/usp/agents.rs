use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sangam_device_proto::DeviceId;
use sangam_types::Mono;
use sangam_usp_proto::{Connect, EndpointId};
use tokio::sync::{Mutex as AsyncMutex, Notify};

use super::desk::Desk;
use super::link::Link;

/// An agent that is connected.
pub(super) struct Agent {
    /// Which way to it this is: no two have the same.
    pub(super) number: u64,
    pub(super) endpoint: EndpointId,
    pub(super) link: Arc<dyn Link>,
    /// The device that it is; 0: nobody knows yet.
    device: AtomicU64,
    /// Somebody changed what is to be done with it.
    poked: AtomicBool,
    /// When it is looked at again, as the clock has it.
    due: Mutex<Option<Mono>>,
    pub(super) desk: AsyncMutex<Desk>,
}

impl Agent {
    pub(super) fn new(number: u64, endpoint: EndpointId, link: Arc<dyn Link>, desk: Desk) -> Self {
        Self {
            number,
            endpoint,
            link,
            device: AtomicU64::new(0),
            poked: AtomicBool::new(false),
            due: Mutex::new(None),
            desk: AsyncMutex::new(desk),
        }
    }

    /// Whether somebody has changed what is to be done with it since this was asked last.
    pub(super) fn take_poke(&self) -> bool {
        self.poked.swap(false, Ordering::AcqRel)
    }

    fn device(&self) -> Option<DeviceId> {
        Some(self.device.load(Ordering::Acquire)).filter(|id| *id != 0).map(DeviceId)
    }
}

/// The agents that are connected: one way to each endpoint, and to each device.
#[derive(Default)]
pub(crate) struct Agents {
    next: AtomicU64,
    board: Mutex<Board>,
    clock: Mutex<BTreeMap<(Mono, u64), Arc<Agent>>>,
    /// The clock rings sooner than it did.
    sooner: Notify,
}

#[derive(Default)]
struct Board {
    by_endpoint: HashMap<EndpointId, Arc<Agent>>,
    by_device: HashMap<DeviceId, Arc<Agent>>,
    strangers: usize,
}

impl Agents {
    /// How many are connected.
    pub(crate) fn len(&self) -> usize {
        self.board().by_endpoint.len()
    }

    pub(super) fn is_connected(&self, endpoint: &EndpointId) -> bool {
        self.board().by_endpoint.contains_key(endpoint)
    }

    /// Those of whom nobody knows yet who they are.
    pub(super) fn strangers(&self) -> usize {
        self.board().strangers
    }

    /// Over what a device's agent is connected; `None`: it is not.
    pub(crate) fn connected_over(&self, device: DeviceId) -> Option<&'static str> {
        self.board().by_device.get(&device).map(|agent| transport(&agent.link.connect()))
    }

    /// What is to be done with a device, or whether it is served, may be another than before.
    pub(crate) fn poke(&self, device: DeviceId, now: Mono) {
        let agent = self.board().by_device.get(&device).map(Arc::clone);
        if let Some(agent) = agent {
            agent.poked.store(true, Ordering::Release);
            self.wake_by(&agent, now);
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The agent is there; the one in whose place it came is to be closed by whoever calls.
    pub(super) fn insert(&self, agent: &Arc<Agent>) -> Option<Arc<Agent>> {
        let mut board = self.board();
        board.strangers += 1;
        let before = board.by_endpoint.insert(agent.endpoint.clone(), Arc::clone(agent));
        if let Some(before) = &before {
            board.forget_device(before);
        }
        before
    }

    /// It is known as which device the agent is served; another agent that was that device is to be closed by whoever calls.
    pub(super) fn is_device(&self, agent: &Arc<Agent>, device: DeviceId) -> Option<Arc<Agent>> {
        let mut board = self.board();
        let is_there = board.by_endpoint.get(&agent.endpoint).is_some_and(|it| it.number == agent.number);
        if !is_there || agent.device() == Some(device) {
            return None;
        }
        board.forget_device(agent);
        agent.device.store(device.0, Ordering::Release);
        board.by_device.insert(device, Arc::clone(agent)).filter(|before| before.number != agent.number)
    }

    /// It is gone; whether it was there.
    pub(super) fn remove(&self, agent: &Arc<Agent>) -> bool {
        self.wake_at(agent, None);
        let mut board = self.board();
        let is_there = board.by_endpoint.get(&agent.endpoint).is_some_and(|it| it.number == agent.number);
        if is_there {
            board.forget_device(agent);
            board.by_endpoint.remove(&agent.endpoint);
        }
        is_there
    }

    pub(super) fn all(&self) -> Vec<Arc<Agent>> {
        self.board().by_endpoint.values().map(Arc::clone).collect()
    }

    /// The agent is looked at then, and not before.
    pub(super) fn wake_at(&self, agent: &Arc<Agent>, at: Option<Mono>) {
        let mut clock = self.clock();
        let before = std::mem::replace(&mut *lock(&agent.due), at);
        if before == at {
            return;
        }
        if let Some(before) = before {
            clock.remove(&(before, agent.number));
        }
        if let Some(at) = at {
            let is_first = clock.keys().next().is_none_or(|first| (at, agent.number) < *first);
            clock.insert((at, agent.number), Arc::clone(agent));
            if is_first {
                self.sooner.notify_one();
            }
        }
    }

    /// The agent is looked at then, or before.
    pub(super) fn wake_by(&self, agent: &Arc<Agent>, at: Mono) {
        let is_later = lock(&agent.due).is_none_or(|due| at < due);
        if is_later {
            self.wake_at(agent, Some(at));
        }
    }

    /// Those whose time has come, at most so many; and when the next one's comes.
    pub(super) fn due(&self, now: Mono, max: usize) -> (Vec<Arc<Agent>>, Option<Mono>) {
        let mut clock = self.clock();
        let mut due = Vec::new();
        while due.len() < max {
            let Some(first) = clock.first_entry().filter(|first| first.key().0 <= now) else { break };
            let agent = first.remove();
            *lock(&agent.due) = None;
            due.push(agent);
        }
        let next = clock.keys().next().map(|(at, _)| *at);
        (due, next)
    }

    /// Ends when the clock rings sooner than it did.
    pub(super) async fn sooner(&self) {
        self.sooner.notified().await;
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        lock(&self.board)
    }

    fn clock(&self) -> MutexGuard<'_, BTreeMap<(Mono, u64), Arc<Agent>>> {
        lock(&self.clock)
    }
}

impl Board {
    /// It is no device any more.
    fn forget_device(&mut self, agent: &Arc<Agent>) {
        match agent.device() {
            None => self.strangers = self.strangers.saturating_sub(1),
            Some(device) => {
                if self.by_device.get(&device).is_some_and(|it| it.number == agent.number) {
                    self.by_device.remove(&device);
                }
            }
        }
    }
}

impl std::fmt::Debug for Agents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agents").field("connected", &self.len()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// The word for a transport, as metrics and the API have it.
pub(crate) const fn transport(connect: &Connect) -> &'static str {
    match connect {
        Connect::WebSocket => "websocket",
        Connect::Mqtt { .. } => "mqtt",
        Connect::Stomp { .. } => "stomp",
        Connect::Uds => "uds",
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
