mod member;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use sangam_bench_common::process::Meter;
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use self::member::{Member, Stage, Story, Tally};
use crate::client::Client;
use crate::crowd::{Gate, all};
use crate::ledger::Missing;
use crate::packet::event;
use crate::target::Target;

#[derive(Args)]
pub(crate) struct Jitter {
    #[command(flatten)]
    target: Target,
    #[arg(long, default_value_t = 500)]
    clients: usize,
    #[arg(long, default_value_t = 50)]
    rooms: usize,
    /// Said in each room each second
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rate: u32,
    /// How long rooms are spoken to and clients are cut
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// How long a client is left alone between two cuts, on the average
    #[arg(long, default_value_t = 5.0)]
    cut_every_seconds: f64,
    /// How long what is still missing is waited for in the end
    #[arg(long, default_value_t = 10)]
    settle_seconds: u64,
}

/// What cutting clients at random showed.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    /// Deliveries that should be: what was said in each room, to each of its members.
    expected: u64,
    missing: u64,
    missing_after_reset: u64,
    missing_after_silence: u64,
    missing_otherwise: u64,
    duplicates: u64,
    out_of_order: u64,
    resets: u64,
    silences: u64,
    recovered_from_reset: u64,
    recovered_from_silence: u64,
    /// Transports that the server ended by itself.
    ended_by_server: u64,
    cpu_nanos: u64,
}

impl Jitter {
    pub(crate) async fn run(&self) -> Result<impl Serialize + use<>> {
        self.target.check(self.descriptors())?;
        ensure!(self.rooms > 0 && self.clients >= self.rooms, "a room without a member hears nothing");
        ensure!(self.cut_every_seconds > 0.0, "clients that are always cut hear nothing");
        let (stage, seen) = watch::channel(Stage::Gathering);
        let (gate, tally) = (Gate::new(), Arc::new(Tally::default()));
        let mut speaker = Client::connect(&self.target, self.clients).await?;
        let mut tasks = JoinSet::new();
        for index in 0..self.clients {
            let member = Member::new(self.target, index, room(index % self.rooms), self.cut_every_seconds);
            tasks.spawn(member.live(gate.clone(), seen.clone(), Arc::clone(&tally)));
        }
        wait_for(|| tally.joined() == self.clients, &mut tasks).await?;
        let meter = Meter::start(self.target.pid)?;
        // Nobody recovers without having heard something.
        self.say(&mut speaker, 0).await?;
        wait_for(|| tally.heard() == self.clients, &mut tasks).await?;
        stage.send(Stage::Cutting).context("every client is gone")?;
        let total = self.speak(&mut speaker).await?;
        stage.send(Stage::Settling { total }).context("every client is gone")?;
        let settled = wait_for(|| tally.complete() == self.clients, &mut tasks);
        timeout(Duration::from_secs(self.settle_seconds), settled).await.unwrap_or(Ok(()))?;
        let cost = meter.read()?;
        stage.send(Stage::Over).context("every client is gone")?;
        let stories = all(tasks).await?;
        let mut outcome = Outcome { cpu_nanos: u64::try_from(cost.cpu.as_nanos())?, ..Outcome::default() };
        stories.iter().for_each(|story| outcome.add(story, total));
        Ok(outcome)
    }

    /// Each silence keeps a socket until the end.
    fn descriptors(&self) -> usize {
        let cuts = (f64::from(self.seconds) / self.cut_every_seconds).ceil();
        // Saturates far above every limit.
        self.clients * (1 + cuts as usize) + 1
    }

    /// Says the numbers from 1 on in every room, at the rate; how many numbers there are then.
    async fn speak(&self, speaker: &mut Client) -> Result<usize> {
        let mut ticks = interval(Duration::from_secs(1) / self.rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let total = usize::try_from(self.rate * self.seconds)?;
        for number in 1..total {
            tokio::select! {
                _ = ticks.tick() => {}
                error = speaker.linger() => return Err(error.context("the speaker was cut")),
            }
            self.say(speaker, number).await?;
        }
        Ok(total.max(1))
    }

    async fn say(&self, speaker: &mut Client, number: usize) -> Result<()> {
        for index in 0..self.rooms {
            speaker.send(event("say", &[room(index).into(), number.into()])).await?;
        }
        Ok(())
    }
}

fn room(index: usize) -> String {
    format!("room-{index}")
}

/// Until it is so; an error of a client that ends before is everybody's.
async fn wait_for(is_so: impl Fn() -> bool, tasks: &mut JoinSet<Result<Story>>) -> Result<()> {
    const LOOK_AGAIN: Duration = Duration::from_millis(10);
    const LONGEST: Duration = Duration::from_secs(120);
    let waiting = async {
        while !is_so() {
            // No client ends by itself before the end unless it fails.
            if let Some(ended) = tasks.try_join_next() {
                ended.context("a client panicked")??;
            }
            sleep(LOOK_AGAIN).await;
        }
        Ok(())
    };
    timeout(LONGEST, waiting).await.context("not all clients came so far in time")?
}

impl Outcome {
    fn add(&mut self, story: &Story, total: usize) {
        let Missing { after_reset, after_silence, otherwise } = story.ledger.missing(total);
        self.expected += total as u64;
        self.missing += after_reset + after_silence + otherwise;
        self.missing_after_reset += after_reset;
        self.missing_after_silence += after_silence;
        self.missing_otherwise += otherwise;
        self.duplicates += story.ledger.duplicates();
        self.out_of_order += story.ledger.out_of_order();
        self.resets += story.resets;
        self.silences += story.silences;
        self.recovered_from_reset += story.recovered_from_reset;
        self.recovered_from_silence += story.recovered_from_silence;
        self.ended_by_server += story.ended_by_server;
    }
}
