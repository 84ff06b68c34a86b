use anyhow::{Context as _, Result, bail};
use sangam_mesh_node::discovery::{Discovered, Discovery, Options, Us};
use sangam_mesh_proto::PeerId;
use sangam_testkit::WAIT_MAX;
use tokio::sync::mpsc;

/// A discovery, and what it has told.
pub(crate) struct Seeker {
    pub(crate) discovery: Discovery,
    events: mpsc::Receiver<Discovered>,
}

/// An id as nodes have it, with this beginning.
pub(crate) fn node_id(beginning: &str) -> PeerId {
    let mut text = format!("{beginning:A<43}");
    // The last of 43 characters has two bits that mean nothing.
    text.replace_range(42.., "A=");
    PeerId::new(&text).expect("44 characters")
}

pub(crate) fn us(id: &PeerId) -> Us {
    Us {
        id: id.clone(),
        agent_id: id.to_string(),
        url: None,
        channels: vec!["sviluppo_ui".to_owned(), "global".to_owned()],
        port: 8000,
    }
}

/// Without the LAN, for those who are not on one of their own.
pub(crate) fn no_lan() -> Options {
    let mut options = Options::default();
    options.mdns.enabled = false;
    options
}

impl Seeker {
    pub(crate) async fn start(options: Options, us: Us) -> Result<Self> {
        let (into, events) = mpsc::channel(1024);
        Ok(Self { discovery: Discovery::start(options, us, into).await?, events })
    }

    /// The first event from now on that is what is waited for.
    pub(crate) async fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(Discovered) -> Option<T>) -> Result<T> {
        let found = async {
            while let Some(event) = self.events.recv().await {
                if let Some(found) = wanted(event) {
                    return Ok(found);
                }
            }
            bail!("discovery ended")
        };
        tokio::time::timeout(WAIT_MAX, found).await.with_context(|| format!("waited for {what}"))?
    }
}

/// A runtime for one test, on the thread it is called on: sockets and threads made in it are in that thread's namespace.
pub(crate) fn run<T>(test: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(test)
}
