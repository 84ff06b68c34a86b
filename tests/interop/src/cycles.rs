//! A node that stays while another comes and goes, over and over, and what is left behind of that.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use sangam_mesh_node::NodeOptions;
use sangam_mesh_node::node::Command;
use sangam_mesh_proto::PeerId;
use sangam_mesh_proto::identity::Identity;
use sangam_testkit::{Server, WAIT_MAX};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::mpsc;

use crate::mesh::{TestNode, options_on_loopback, signaling};

/// What the process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Tasks of the runtime of the node that stays.
    pub tasks: usize,
    /// Open files of the process, sockets among them.
    pub files: usize,
    /// Resident memory, in bytes.
    pub memory: u64,
}

/// A node that stays, and who comes and goes.
#[derive(Debug)]
pub struct Cycles {
    server: Server,
    stays: TestNode,
    identity: Identity,
    number: u64,
}

/// How the other node goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Going {
    /// The one that stays hangs up, dials again, and the other stops.
    HungUp,
    /// Without a word.
    Crashed,
    /// With a goodbye.
    Stopped,
}

const TOPIC: &str = "cycles";

impl Held {
    /// What this process holds, in the runtime it is asked in.
    ///
    /// # Errors
    /// There is no `/proc`.
    pub fn now() -> Result<Self> {
        let status = fs::read_to_string("/proc/self/status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        let files = fs::read_dir("/proc/self/fd")?.count();
        Ok(Self { tasks: Handle::current().metrics().num_alive_tasks(), files, memory: kib * 1024 })
    }
}

/// More than cycles there are.
const WAITING_MAX: usize = 65_536;

impl Cycles {
    /// Starts the server and the node that stays.
    ///
    /// # Errors
    /// One does not start.
    pub async fn start() -> Result<Self> {
        let server = Server::start()?;
        let identity = Identity::generate(&mut rand::rng());
        let stays = TestNode::start(options(&server, None)?).await?;
        Ok(Self { server, stays, identity, number: 0 })
    }

    /// So many more times.
    ///
    /// # Errors
    /// No link comes about, or no message passes.
    pub async fn run(&mut self, times: u32) -> Result<()> {
        for _ in 0..times {
            self.number += 1;
            let going = [Going::HungUp, Going::Crashed, Going::Stopped][(self.number % 3) as usize];
            self.cycle(going).await.with_context(|| format!("cycle {} ({going:?})", self.number))?;
        }
        Ok(())
    }

    /// What is held once every link is gone and there are not more tasks and files than `before`; what is held at the end of the
    /// wait if there are.
    ///
    /// # Errors
    /// There is no `/proc`, or the node has stopped.
    pub async fn held_at_rest(&self, before: Option<Held>) -> Result<Held> {
        let deadline = tokio::time::Instant::now() + WAIT_MAX;
        loop {
            let held = Held::now()?;
            let is_less = before.is_none_or(|before| held.tasks <= before.tasks && held.files <= before.files);
            let is_quiet = self.stays.links().await?.is_empty();
            if (before.is_some() && is_less && is_quiet) || tokio::time::Instant::now() >= deadline {
                return Ok(held);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            if before.is_none() && is_quiet {
                // Goodbyes take up to two seconds.
                tokio::time::sleep(Duration::from_secs(4)).await;
                return Held::now();
            }
        }
    }

    /// Stops the node that stays.
    ///
    /// # Errors
    /// It has stopped before.
    pub async fn stop(self) -> Result<()> {
        self.stays.stop().await
    }

    async fn cycle(&self, going: Going) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let gone = self.come_and_go(&runtime, going).await;
        // Whatever came of it: a runtime must not be dropped here.
        runtime.shutdown_background();
        gone
    }

    async fn come_and_go(&self, runtime: &Runtime, going: Going) -> Result<()> {
        let other = self.linked(runtime).await?;
        match going {
            Going::Crashed => Ok(()),
            Going::Stopped => other.stop().await,
            Going::HungUp => {
                self.hang_up_and_dial(&other.id).await?;
                other.stop().await
            }
        }
    }

    async fn linked(&self, runtime: &Runtime) -> Result<TestNode> {
        let options = options(&self.server, Some(self.identity.clone()))?;
        let other = runtime.spawn(TestNode::start(options)).await??;
        // Whoever comes hears all that was said in the last minutes.
        let (to, mut heard) = mpsc::channel(WAITING_MAX);
        let subscribe = |reply| Command::Subscribe { topic: TOPIC.to_owned(), to, reply };
        ensure!(other.node.ask(subscribe).await.is_some(), "it has stopped");
        other.linked_with(&self.stays.id).await.context("no link")?;
        // What was said to the one before may come late; a link of the one before may still seem to be there.
        let said = Bytes::from(self.number.to_string());
        let payload = said.clone();
        let publish = |reply| Command::Publish { topic: TOPIC.to_owned(), payload, reply };
        self.stays.node.ask(publish).await.transpose()?;
        let hears = async {
            while let Some(delivery) = heard.recv().await {
                if delivery.payload == said {
                    return true;
                }
            }
            false
        };
        let Ok(heard) = tokio::time::timeout(WAIT_MAX, hears).await else {
            let (ours, theirs) = (&self.stays.node, &other.node);
            let topics = (ours.ask(Command::Topics).await, theirs.ask(Command::Topics).await);
            let links = (ours.ask(Command::Links).await, theirs.ask(Command::Links).await);
            bail!("a message that does not come: {topics:#?} {links:#?}");
        };
        ensure!(heard, "the other has stopped");
        Ok(other)
    }

    async fn hang_up_and_dial(&self, id: &PeerId) -> Result<()> {
        self.stays.node.tell(Command::Hang(id.clone())).await;
        let is_gone = async || Ok(self.stays.links().await?.is_empty().then_some(()));
        self.stays.until("end of the link", is_gone).await?;
        self.stays.node.tell(Command::Dial(id.clone())).await;
        self.stays.linked_with(id).await.map(drop)
    }
}

fn options(server: &Server, identity: Option<Identity>) -> Result<NodeOptions> {
    let mut options = options_on_loopback();
    options.identity = identity.unwrap_or(options.identity);
    options.discovery.signaling = vec![signaling(format!("ws://{}/", server.listener("signal")?))];
    Ok(options)
}
