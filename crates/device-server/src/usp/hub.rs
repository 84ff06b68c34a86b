use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use sangam_telemetry::metrics::devices::BrokerMetrics;
use sangam_usp_proto::EndpointId;
use sangam_usp_proto::controller::Controller;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::admit::{Door, at_the_door};
use super::agents::{Agent, transport};
use super::broker::account::Clocks;
use super::desk::{Desk, Talk};
use super::link::{Closing, Link, LinkRefused, Shown};
use super::options::UspOptions;
use crate::service::Service;

/// In how long all are told to go, if the limit of the stop leaves as long.
const DISMISS_WITHIN: Duration = Duration::from_secs(2);
/// Agents that are woken at the same time.
const WAKE_AT_ONCE: usize = 256;
/// From one agent that is told to go to the next one.
const DISMISS_FASTEST: Duration = Duration::from_micros(50);
const DISMISS_SLOWEST: Duration = Duration::from_millis(10);
/// Where nothing is due the clock looks anyway.
const CLOCK_MAX: Duration = Duration::from_secs(3_600);

/// The agents that are connected, whatever the transport.
pub(crate) struct Hub {
    pub(super) service: Arc<Service>,
    us: EndpointId,
    openings: Semaphore,
    draining: AtomicBool,
    /// What is done beside what agents say.
    chores: TaskTracker,
}

impl Hub {
    /// `None`: agents are not served.
    pub(crate) fn new(service: Arc<Service>) -> Option<Arc<Self>> {
        let options = &service.options.usp;
        let us = options.endpoint.clone()?;
        let openings = Semaphore::new(options.opening_max.max(1));
        Some(Arc::new(Self { us, openings, draining: AtomicBool::new(false), chores: TaskTracker::new(), service }))
    }

    /// Our own endpoint id: the `to_id` of what agents send.
    pub(crate) fn endpoint(&self) -> &EndpointId {
        &self.us
    }

    /// The clocks of the process.
    pub(super) fn clocks(&self) -> Clocks {
        Clocks { began: self.service.began, wall: Arc::clone(&self.service.clock) }
    }

    /// Where what brokers do is counted.
    pub(super) fn broker_metrics(&self) -> BrokerMetrics {
        self.service.metrics.brokers.clone()
    }

    /// Bytes of the largest record that is taken.
    pub(super) fn record_bytes_max(&self) -> usize {
        self.options().limits.record_bytes_max
    }

    /// Whether passwords may come where the connection is not encrypted.
    pub(super) fn takes_plain_passwords(&self) -> bool {
        self.service.live.load().basic_without_tls
    }

    pub(super) fn options(&self) -> &UspOptions {
        &self.service.options.usp
    }

    /// A way to an agent is open. What it proves decides as which device it is served; a second way of the same endpoint takes
    /// the place of the first.
    ///
    /// # Errors
    /// Why it is not served. Dropping the future before its end leaves nothing behind.
    pub(crate) async fn open(
        self: &Arc<Self>,
        endpoint: EndpointId,
        shown: Shown,
        link: Arc<dyn Link>,
    ) -> Result<Way, LinkRefused> {
        let opened = Box::pin(self.let_in(endpoint, shown, link)).await;
        if let Err(refused) = &opened {
            self.service.metrics.usp.refused(refused.label());
            tracing::debug!(reason = refused.label(), "an agent is not let in");
        }
        opened
    }

    async fn let_in(
        self: &Arc<Self>,
        endpoint: EndpointId,
        shown: Shown,
        link: Arc<dyn Link>,
    ) -> Result<Way, LinkRefused> {
        let service = &self.service;
        if endpoint == self.us {
            return Err(LinkRefused::Ourselves);
        }
        if self.draining.load(Ordering::Acquire) {
            return Err(LinkRefused::Draining);
        }
        let agents = &service.agents;
        if agents.len() >= self.options().agents_max && !agents.is_connected(&endpoint) {
            return Err(LinkRefused::TooMany);
        }
        let turn = tokio::time::timeout(self.options().opening_timeout, self.openings.acquire()).await;
        let _turn = turn.map_err(|_| LinkRefused::Busy)?.map_err(|_| LinkRefused::Draining)?;
        let door = at_the_door(service, &endpoint, &shown).await?;
        let agent = self.place(endpoint, door, shown, link);
        if self.draining.load(Ordering::Acquire) {
            self.retire(&agent, Some(Closing::Draining)).await;
            return Err(LinkRefused::Draining);
        }
        Ok(Way { hub: Arc::clone(self), agent })
    }

    /// Gives an agent its place, in that of another if there is one.
    fn place(self: &Arc<Self>, endpoint: EndpointId, door: Door, shown: Shown, link: Arc<dyn Link>) -> Arc<Agent> {
        let service = &self.service;
        let now = service.mono();
        let mut options = self.options().controller(service.began_ms);
        options.subscriptions.extend(door.wanted);
        let mut controller =
            Controller::new(options, self.us.clone(), endpoint.clone(), door.known, rand::random::<u64>() >> 16);
        controller.handle_channel_open(now);
        let device = door.standing.device();
        let patience = now + self.options().stranger_timeout;
        let desk = Desk::new(controller, door.standing, door.seen, shown, patience);
        let agent = Arc::new(Agent::new(service.agents.number(), endpoint, link, desk));
        service.metrics.usp.connected(transport(&agent.link.connect()));
        let before = service.agents.insert(&agent);
        let other = device.and_then(|device| service.agents.is_device(&agent, device));
        for before in before.into_iter().chain(other) {
            self.replace(before);
        }
        if device.is_none() {
            service.agents.wake_at(&agent, Some(patience));
        }
        agent
    }

    /// Another way is there in its place. What it was asked is settled beside: tasks of one device are claimed one at a time, in the store.
    pub(super) fn replace(self: &Arc<Self>, before: Arc<Agent>) {
        before.link.close(Closing::Replaced);
        let hub = Arc::clone(self);
        self.chores.spawn(async move { hub.retire(&before, Some(Closing::Replaced)).await });
    }

    /// The way to an agent is gone, or goes.
    pub(super) async fn retire(self: &Arc<Self>, agent: &Arc<Agent>, why: Option<Closing>) {
        let mut desk = agent.desk.lock().await;
        Box::pin(Talk { hub: self, agent, desk: &mut desk }.close(why)).await;
    }

    /// The time of an agent has come.
    async fn wake(self: &Arc<Self>, agent: &Arc<Agent>) {
        let mut desk = agent.desk.lock().await;
        Box::pin(Talk { hub: self, agent, desk: &mut desk }.wake()).await;
    }

    /// Tells all agents to go, one after the other within `limit`, those that are in the middle of something last; nobody is let in any more.
    /// Who has nothing under way goes soon: agents come again after 5 to 10 seconds (R-MTP.5) and find whoever comes after us, which
    /// they would not if they were told to go and found us still here.
    pub(crate) async fn dismiss(self: &Arc<Self>, limit: Duration) {
        self.draining.store(true, Ordering::Release);
        let mut agents = self.service.agents.all();
        agents.sort_by_cached_key(|agent| agent.desk.try_lock().map_or(true, |desk| desk.is_busy()));
        let pace = limit.mul_f64(0.8).min(DISMISS_WITHIN) / u32::try_from(agents.len().max(1)).unwrap_or(u32::MAX);
        let mut ticks = tokio::time::interval(pace.clamp(DISMISS_FASTEST, DISMISS_SLOWEST));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        for agent in agents {
            ticks.tick().await;
            self.retire(&agent, Some(Closing::Draining)).await;
        }
        self.chores.close();
        self.chores.wait().await;
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("us", &self.us).finish_non_exhaustive()
    }
}

/// Wakes agents whose time has come, for as long as there is a hub.
pub(crate) async fn watch(hub: Weak<Hub>, service: Weak<Service>) {
    loop {
        let Some(strong) = service.upgrade() else { return };
        let Some(this) = hub.upgrade() else { return };
        let now = strong.mono();
        let (due, next) = strong.agents.due(now, WAKE_AT_ONCE);
        let is_more = due.len() == WAKE_AT_ONCE;
        for agent in due {
            let hub = Arc::clone(&this);
            this.chores.spawn(async move { hub.wake(&agent).await });
        }
        if is_more {
            tokio::task::yield_now().await;
            continue;
        }
        let wait = next.map_or(CLOCK_MAX, |next| next.saturating_since(now).min(CLOCK_MAX));
        let agents = Arc::clone(&strong.agents);
        drop((this, strong));
        // Sooner than that somebody says so.
        let _: Result<(), _> = tokio::time::timeout(wait, agents.sooner()).await;
    }
}

/// An open way; dropping it closes it. `from_id` of every record must be the endpoint it was opened for.
#[derive(Debug)]
pub(crate) struct Way {
    hub: Arc<Hub>,
    agent: Arc<Agent>,
}

impl Way {
    /// A record came. Returns when what it says is done: a transport that reads no further meanwhile holds its agent back.
    ///
    /// # Errors
    /// It was not taken. After [`LinkRefused::Record`] the way goes on, unless
    /// [`close_code`](sangam_usp_proto::mtp::websocket::close_code) has one for it; after any other error there is no way.
    pub(crate) async fn record(&self, bytes: Bytes) -> Result<(), LinkRefused> {
        let mut desk = self.agent.desk.lock().await;
        Box::pin(Talk { hub: &self.hub, agent: &self.agent, desk: &mut desk }.record(bytes)).await
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        let (hub, agent) = (Arc::clone(&self.hub), Arc::clone(&self.agent));
        // Without a runtime the process ends: the store is looked through at the next start.
        if tokio::runtime::Handle::try_current().is_ok() {
            self.hub.chores.spawn(async move { hub.retire(&agent, None).await });
        }
    }
}
