//! From a TCP listener on the runtime to the relay thread of each client.

use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;

use sangam_net::{Arrived, DetachedStream, LiveRules, TcpFront, Tls};
use sangam_turn_proto::{ClientAddr, FiveTuple, Transport};
use tokio::task::{AbortHandle, JoinSet};

use crate::probe::{Door, Layer, reachable};
use crate::shared::Shared;

/// A connection that is ready for its first message.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) stream: DetachedStream,
    pub(crate) five_tuple: FiveTuple,
}

/// A TCP listener that is served, as its owner and health checks see it.
#[derive(Clone, Debug)]
pub(crate) struct StreamListener {
    pub(crate) addr: SocketAddr,
    layer: Layer,
    /// Whose PROXY v2 header is believed, if it wants one.
    proxies: Option<LiveRules>,
    task: AbortHandle,
}

/// The way to all threads.
#[derive(Debug)]
pub(crate) struct Doorway {
    pub(crate) shared: Arc<Shared>,
    /// Which thread a client belongs to must not be a stranger's choice.
    pub(crate) hasher: RandomState,
}

impl StreamListener {
    /// Serves a listener until it is [stopped](Self::stop). Called from within a tokio runtime.
    pub(crate) fn start(front: TcpFront, doorway: Arc<Doorway>) -> Self {
        let addr = front.local_addr();
        let layer = match front.tls() {
            Tls::Off => Layer::Plain,
            Tls::On(_) | Tls::Auto(_) => Layer::Tls,
        };
        let proxies = front.wants_proxy_header().then(|| front.rules().clone());
        let task = tokio::spawn(accept(front, doorway)).abort_handle();
        Self { addr, layer, proxies, task }
    }

    /// How a client on this host comes in; `None` if it must come through a proxy, which this host is not trusted to be.
    pub(crate) fn door(&self) -> Option<Door> {
        let is_trusted = |rules: &LiveRules| rules.current().trusted_proxies.contains(reachable(self.addr).ip());
        let may_enter = self.proxies.as_ref().is_none_or(is_trusted);
        may_enter.then_some(Door { addr: self.addr, layer: self.layer, wants_proxy_header: self.proxies.is_some() })
    }

    /// Closes the listener, and the connections that are not established yet.
    pub(crate) fn stop(&self) {
        self.task.abort();
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }
}

async fn accept(front: TcpFront, doorway: Arc<Doorway>) {
    let mut establishing = JoinSet::new();
    loop {
        tokio::select! {
            arrived = front.accept() => {
                let doorway = Arc::clone(&doorway);
                establishing.spawn(async move { doorway.establish(arrived).await });
            }
            Some(_) = establishing.join_next() => {}
        }
    }
}

impl Doorway {
    async fn establish(&self, arrived: Arrived) {
        // Refusals are counted and logged where they happen.
        let Ok(accepted) = arrived.establish().await else { return };
        let transport = if accepted.tls.is_some() { Transport::Tls } else { Transport::Tcp };
        let five_tuple = FiveTuple { client: ClientAddr(accepted.peer), server: accepted.local, transport };
        match accepted.stream.detach() {
            Ok(stream) => self.hand_over(Arrival { stream, five_tuple }),
            Err(error) => tracing::debug!(client = %five_tuple.client.0, %error, "connection lost"),
        }
    }

    /// One thread for all connections of a client's address and port.
    fn hand_over(&self, arrival: Arrival) {
        let threads = self.shared.threads.len() as u64;
        let client = arrival.five_tuple.client.0;
        let index = usize::try_from(self.hasher.hash_one(client) % threads).expect("less than the number of threads");
        let thread = &self.shared.threads[index];
        if thread.arrivals.post(arrival).is_ok() {
            thread.waker.wake();
        } else {
            self.shared.count_turned_away();
            tracing::debug!(%client, thread = index, "connection closed: its relay thread is behind");
        }
    }
}
