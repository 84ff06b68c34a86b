use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use sangam_interop::TurnService;
use sangam_mesh_node::endpoint::{Endpoint, EndpointOptions, IceServer, LocalCandidate, Woken};
use sangam_testkit::WAIT_MAX;
use tokio::time::timeout;

/// Takes relayed addresses alone, and is quick to notice that one is gone.
pub(crate) fn options(servers: Vec<IceServer>) -> EndpointOptions {
    EndpointOptions {
        servers,
        with_loopback: true,
        relay_only: true,
        gather_timeout: WAIT_MAX,
        relay_check_interval: Duration::from_millis(200),
        retry_pause: Duration::from_millis(100),
        retry_pause_max: Duration::from_millis(200),
        interfaces_interval: None,
        ..EndpointOptions::default()
    }
}

/// The service as an ICE server, by a URL like `turn:{}?transport=tcp`.
pub(crate) fn ice_server(relay: &TurnService, url: &str) -> Result<Vec<IceServer>> {
    let (username, credential) = relay.credentials()?;
    let url = url.replace("{}", &relay.addr.to_string());
    let json = serde_json::json!([{ "urls": url, "username": username, "credential": credential }]);
    Ok(IceServer::list_from_value(&json)?.servers)
}

/// An endpoint, and what it received.
pub(crate) struct Node {
    pub(crate) endpoint: Endpoint,
    pub(crate) received: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
}

impl Node {
    pub(crate) async fn start(options: EndpointOptions) -> Result<Self> {
        Ok(Self { endpoint: Endpoint::start(options).await?, received: vec![] })
    }

    /// One that has gathered.
    pub(crate) async fn gathered(options: EndpointOptions) -> Result<Self> {
        let mut node = Self::start(options).await?;
        node.wait("the end of gathering", |woken| (*woken == Woken::Gathered).then_some(())).await?;
        Ok(node)
    }

    /// The relayed address of that family.
    pub(crate) fn relayed(&self, is_ipv4: bool) -> Result<SocketAddr> {
        let candidates = self.endpoint.candidates();
        let found = candidates.iter().find(|candidate| candidate.address.is_ipv4() == is_ipv4);
        found.map(|candidate| candidate.base).with_context(|| format!("{candidates:?} {:?}", self.endpoint.figures()))
    }

    /// The first event that `wanted` takes; packets before it are kept, other events are dropped.
    pub(crate) async fn wait<T>(&mut self, what: &str, mut wanted: impl FnMut(&Woken) -> Option<T>) -> Result<T> {
        let waited = timeout(WAIT_MAX, async {
            loop {
                let woken = self.endpoint.wait().await;
                if let Some(found) = wanted(&woken) {
                    return found;
                }
                if woken == Woken::Packets {
                    let received = &mut self.received;
                    let mut keep = |local, from, bytes: &[u8]| received.push((local, from, bytes.to_vec()));
                    self.endpoint.drain(64, &mut |packet| keep(packet.local, packet.from, packet.bytes));
                }
            }
        });
        let waited = waited.await;
        waited.with_context(|| format!("waited for {what}, in vain: {:?}", self.endpoint.figures()))
    }

    /// The next address told.
    pub(crate) async fn candidate(&mut self) -> Result<LocalCandidate> {
        self.wait("a candidate", |woken| match woken {
            Woken::Candidate(candidate) => Some(candidate.clone()),
            _ => None,
        })
        .await
    }

    /// Does what is to be done until `count` packets came.
    pub(crate) async fn receive(&mut self, count: usize) -> Result<()> {
        while self.received.len() < count {
            let before = self.received.len();
            let one_more = timeout(WAIT_MAX, async {
                while self.received.len() == before {
                    let _woken: Woken = self.endpoint.wait().await;
                    let received = &mut self.received;
                    let mut keep = |local, from, bytes: &[u8]| received.push((local, from, bytes.to_vec()));
                    self.endpoint.drain(64, &mut |packet| keep(packet.local, packet.from, packet.bytes));
                }
            });
            one_more.await.with_context(|| format!("{before} of {count}: {:?}", self.endpoint.figures()))?;
        }
        Ok(())
    }
}

/// Lets both use each other's address, and has every packet of one come back from the other, one at a time; more of them than a
/// channel takes to be bound.
pub(crate) async fn echo(one: &mut Node, other: &mut Node, is_ipv4: bool) -> Result<()> {
    let (here, there) = (one.relayed(is_ipv4)?, other.relayed(is_ipv4)?);
    one.endpoint.permit(there);
    other.endpoint.permit(here);
    meet(one, other, here, there).await?;
    for n in 0..100_u16 {
        let bytes = vec![u8::try_from(n)?; 1 + usize::from(n) * 12];
        pass(one, other, (here, there), &bytes).await.with_context(|| format!("packet {n} there"))?;
        pass(other, one, (there, here), &bytes).await.with_context(|| format!("packet {n} back"))?;
    }
    Ok(())
}

/// One packet.
async fn pass(from: &mut Node, to: &mut Node, (local, remote): (SocketAddr, SocketAddr), bytes: &[u8]) -> Result<()> {
    to.received.clear();
    anyhow::ensure!(from.endpoint.send(local, remote, bytes), "{:?}", from.endpoint.figures());
    tokio::select! {
        received = to.receive(1) => received?,
        // The sender's own requests have to go on.
        never = from.wait("nothing", |_| None::<()>) => never?,
    }
    assert_eq!(to.received, [(remote, local, bytes.to_vec())]);
    Ok(())
}

/// Both ask for permissions at their own pace: sends until something came through in each direction.
async fn meet(one: &mut Node, other: &mut Node, here: SocketAddr, there: SocketAddr) -> Result<()> {
    let met = timeout(WAIT_MAX, async {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        while one.received.is_empty() || other.received.is_empty() {
            tokio::select! {
                _ = tick.tick() => {
                    one.endpoint.send(here, there, b"hello");
                    other.endpoint.send(there, here, b"hello");
                }
                received = one.receive(1), if one.received.is_empty() => received?,
                received = other.receive(1), if other.received.is_empty() => received?,
            }
        }
        // What is still under way.
        for _ in 0..3 {
            tick.tick().await;
            for node in [&mut *one, &mut *other] {
                let received = &mut node.received;
                node.endpoint
                    .drain(64, &mut |packet| received.push((packet.local, packet.from, packet.bytes.to_vec())));
            }
        }
        anyhow::Ok(())
    });
    met.await.context("nothing passes")??;
    one.received.clear();
    other.received.clear();
    Ok(())
}
