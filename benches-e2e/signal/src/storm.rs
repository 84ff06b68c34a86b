use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use sangam_bench_common::process::{Meter, forget_peak, peak_bytes, resident_bytes};
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::accept_queue;
use crate::client::{Client, Opened, Session};
use crate::crowd::{Gate, all};
use crate::packet::event;
use crate::reconnect::{OPEN_MAX, Reconnect};
use crate::returns::Returns;
use crate::target::Target;

#[derive(Args)]
pub(crate) struct Storm {
    #[command(flatten)]
    target: Target,
    #[arg(long, default_value_t = 15_000)]
    clients: usize,
    /// How long after the cut clients may still come back
    #[arg(long, default_value_t = 60)]
    limit_seconds: u64,
}

/// What the storm showed.
#[derive(Debug, Serialize)]
struct Outcome {
    clients: usize,
    back: usize,
    /// After five attempts in vain.
    gave_up: usize,
    /// Got their session again.
    recovered: usize,
    attempts_failed: usize,
    /// Of these: not open within the time of an attempt. The others were refused or cut off.
    attempts_timed_out: usize,
    /// Of the whole machine.
    accept_queue_overflows: u64,
    seconds_to_50: Option<f64>,
    seconds_to_99: Option<f64>,
    seconds_to_100: Option<f64>,
    /// From the cut until the last is back, gives up or is out of time.
    cpu_nanos: u64,
    resident_bytes_before: u64,
    resident_bytes_peak: u64,
}

/// Where the whole of the clients is. Each client waits for the next stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Gathering,
    Cut(Instant),
    Over,
}

/// How one client came out of it.
#[derive(Debug, Default)]
struct Story {
    back_after: Option<Duration>,
    gave_up: bool,
    recovered: bool,
    attempts_failed: usize,
    attempts_timed_out: usize,
}

impl Storm {
    pub(crate) async fn run(&self) -> Result<impl Serialize + use<>> {
        self.target.check(self.clients)?;
        ensure!(self.clients > 0, "no client, no storm");
        let pid = self.target.pid;
        let (stage, seen) = watch::channel(Stage::Gathering);
        let (gate, counts) = (Gate::new(), Arc::new(Counts::default()));
        let mut tasks = JoinSet::new();
        for index in 0..self.clients {
            tasks.spawn(live(self.target, index, gate.clone(), seen.clone(), Arc::clone(&counts)));
        }
        counts.wait(&counts.ready, self.clients, &mut tasks).await?;
        forget_peak(pid)?;
        let (resident_bytes_before, overflows) = (resident_bytes(pid)?, accept_queue::overflows()?);
        let meter = Meter::start(pid)?;
        stage.send(Stage::Cut(Instant::now())).context("every client is gone")?;
        let limit = Duration::from_secs(self.limit_seconds);
        let settled = counts.wait(&counts.settled, self.clients, &mut tasks);
        // Whoever is not back by then is not back.
        timeout(limit, settled).await.unwrap_or(Ok(()))?;
        let (cost, resident_bytes_peak) = (meter.read()?, peak_bytes(pid)?);
        stage.send(Stage::Over).context("every client is gone")?;
        let stories = all(tasks).await?;
        let returns = Returns::new(stories.iter().filter_map(|story| story.back_after).collect(), self.clients);
        let count = |is: fn(&Story) -> bool| stories.iter().filter(|story| is(story)).count();
        Ok(Outcome {
            clients: self.clients,
            back: count(|story| story.back_after.is_some()),
            gave_up: count(|story| story.gave_up),
            recovered: count(|story| story.recovered),
            attempts_failed: stories.iter().map(|story| story.attempts_failed).sum(),
            attempts_timed_out: stories.iter().map(|story| story.attempts_timed_out).sum(),
            accept_queue_overflows: accept_queue::overflows()?.saturating_sub(overflows),
            seconds_to_50: returns.seconds_to(50),
            seconds_to_99: returns.seconds_to(99),
            seconds_to_100: returns.seconds_to(100),
            cpu_nanos: u64::try_from(cost.cpu.as_nanos())?,
            resident_bytes_before,
            resident_bytes_peak,
        })
    }
}

/// How many clients are where.
#[derive(Debug, Default)]
struct Counts {
    /// Connected, with an event received: what their recovery needs.
    ready: AtomicUsize,
    /// Back, or given up.
    settled: AtomicUsize,
}

impl Counts {
    /// Until `count` clients are counted; an error of one that ends before is everybody's.
    async fn wait(&self, of: &AtomicUsize, count: usize, tasks: &mut JoinSet<Result<Story>>) -> Result<()> {
        const LOOK_AGAIN: Duration = Duration::from_millis(10);
        while of.load(Ordering::Relaxed) < count {
            // No client ends by itself before the end unless it fails.
            if let Some(ended) = tasks.try_join_next() {
                ended.context("a client panicked")??;
            }
            sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }
}

async fn live(
    target: Target,
    index: usize,
    gate: Gate,
    mut stage: watch::Receiver<Stage>,
    counts: Arc<Counts>,
) -> Result<Story> {
    let mut client = gate.pass(first_connect(&target, index)).await?;
    counts.ready.fetch_add(1, Ordering::Relaxed);
    let cut_at = tokio::select! {
        cut = cut(&mut stage) => cut?,
        error = client.linger() => return Err(error.context("before the cut")),
    };
    let mut story = Story::default();
    let session = client.reset();
    let returned = tokio::select! {
        client = come_back(&target, index, session, &mut story) => client,
        over = over(&mut stage) => return over.map(|()| story),
    };
    match &returned {
        Some(_) => story.back_after = Some(cut_at.elapsed()),
        None => story.gave_up = true,
    }
    counts.settled.fetch_add(1, Ordering::Relaxed);
    match returned {
        // Stays, so that the server has them all.
        Some(mut client) => tokio::select! {
            over = over(&mut stage) => over?,
            _lost_again = client.linger() => over(&mut stage).await?,
        },
        None => over(&mut stage).await?,
    }
    Ok(story)
}

/// Connects and gets one event: nobody recovers without its offset.
async fn first_connect(target: &Target, index: usize) -> Result<Client> {
    let mut client = Client::connect(target, index).await?;
    client.send(event("message", &[index.into()])).await?;
    client.next_event("message-back").await?;
    Ok(client)
}

/// As socket.io-client does it. `None`: it gave up.
async fn come_back(target: &Target, index: usize, session: Session, story: &mut Story) -> Option<Client> {
    let mut reconnect = Reconnect::default();
    while let Some(delay) = reconnect.next_delay(rand::random()) {
        sleep(delay).await;
        match timeout(OPEN_MAX, Opened::open(target, index)).await {
            Ok(Ok(opened)) => {
                reconnect.opened();
                if let Ok((client, recovered)) = opened.enter(Some(session.clone())).await {
                    story.recovered = recovered;
                    return Some(client);
                }
            }
            Ok(Err(_)) => {}
            Err(_) => story.attempts_timed_out += 1,
        }
        story.attempts_failed += 1;
    }
    None
}

async fn cut(stage: &mut watch::Receiver<Stage>) -> Result<Instant> {
    let reached = stage.wait_for(|stage| *stage != Stage::Gathering).await.context("the storm is off")?;
    match *reached {
        Stage::Cut(at) => Ok(at),
        Stage::Gathering | Stage::Over => anyhow::bail!("over before it began"),
    }
}

async fn over(stage: &mut watch::Receiver<Stage>) -> Result<()> {
    stage.wait_for(|stage| *stage == Stage::Over).await.context("the storm is off").map(drop)
}
