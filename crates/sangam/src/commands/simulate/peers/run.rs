use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use sangam_mesh_node::node::Command;
use tokio::time::{sleep, sleep_until};

use super::Plan;
use super::fleet::{Fleet, topic};
use super::ledger::{Account, Ledger};
use super::mesh_shape::MeshShape;
use super::process::Usage;
use super::report::{Degrees, Report};
use crate::commands::simulate::progress::Far;

/// How often is looked at what is waited for. Asking all nodes costs them.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The simulation under way.
struct Simulation<'a> {
    plan: &'a Plan<'a>,
    fleet: Fleet,
    rng: StdRng,
    report: Report,
    /// Memory in use before the first node.
    resident_before: u64,
    show: &'a dyn Fn(Far),
}

/// Starts all nodes, has them publish, and holds what each heard against what was said.
pub(super) async fn simulate(plan: &Plan<'_>, show: &dyn Fn(Far)) -> anyhow::Result<Report> {
    let count = plan.args.peers as usize;
    let fleet = Fleet { peers: Vec::new(), ledger: Arc::new(Mutex::new(Ledger::new(count))), began: Instant::now() };
    let report = Report { seed: plan.seed, peers: count, links_max: plan.args.links_max as usize, ..Report::default() };
    let (rng, resident_before) = (StdRng::seed_from_u64(plan.seed), Usage::now().resident_bytes);
    let mut simulation = Simulation { plan, fleet, rng, report, resident_before, show };
    simulation.form().await?;
    if simulation.report.formed_secs.is_some() {
        simulation.idle().await;
        simulation.publish().await?;
        simulation.settle().await;
    }
    simulation.end().await
}

impl Simulation<'_> {
    async fn form(&mut self) -> anyhow::Result<()> {
        let before = Usage::now();
        let deadline = self.fleet.began + self.plan.args.connect;
        for _ in 0..self.plan.args.peers {
            self.fleet.add(self.plan, &mut self.rng).await?;
            self.progress("starting", self.plan.args.connect, self.fleet.began, self.fleet.peers.len());
        }
        loop {
            let shape = self.shape().await;
            if shape.is_connected() {
                self.report.formed_secs = Some(self.fleet.began.elapsed().as_secs_f64());
            }
            self.report.degrees = Degrees::of(&shape);
            if shape.is_connected() || Instant::now() > deadline {
                break;
            }
            self.progress("forming", self.plan.args.connect, self.fleet.began, shape.together);
            sleep(LOOK_EVERY).await;
        }
        self.report.cores_forming = Usage::now().cores_since(&before);
        Ok(())
    }

    /// What it costs when nobody says anything.
    async fn idle(&mut self) {
        let (before, bytes, began) = (Usage::now(), self.sent_bytes().await, Instant::now());
        let until = began + self.plan.args.idle;
        while Instant::now() < until {
            self.progress("idle", self.plan.args.idle, began, self.fleet.peers.len());
            sleep(LOOK_EVERY.min(until.saturating_duration_since(Instant::now()))).await;
        }
        let (after, elapsed) = (Usage::now(), began.elapsed().as_secs_f64());
        let sent = self.sent_bytes().await.saturating_sub(bytes) as f64;
        self.report.cores_idle = after.cores_since(&before);
        self.report.idle_bytes_per_sec_per_peer = sent / elapsed.max(0.001) / self.report.peers as f64;
        // What nodes found out about each other and links they made in this time count.
        let shape = self.shape().await;
        let grown = after.resident_bytes.saturating_sub(self.resident_before);
        self.report.bytes_per_peer = grown / self.report.peers as u64;
        self.report.bytes_per_link_end = grown / (shape.ends() as u64).max(1);
        self.report.degrees = Degrees::of(&shape);
    }

    async fn publish(&mut self) -> anyhow::Result<()> {
        let (before, bytes, began) = (Usage::now(), self.sent_bytes().await, Instant::now());
        let mut deaths = deaths(self.fleet.peers.len(), self.plan.args.dying, self.plan.duration(), &mut self.rng);
        let pause = Duration::from_secs_f64(1.0 / self.plan.args.messages_per_second);
        let mut at = began;
        while began.elapsed() < self.plan.duration() {
            while let Some((_, peer)) = deaths.pop_if(|(after, _)| *after <= began.elapsed()) {
                self.fleet.kill(peer).await;
                self.report.died += 1;
            }
            self.say().await?;
            self.progress("publishing", self.plan.duration(), began, self.report.peers - self.report.died);
            at += pause;
            sleep_until(at.min(began + self.plan.duration()).into()).await;
        }
        for (_, peer) in deaths {
            self.fleet.kill(peer).await;
            self.report.died += 1;
        }
        self.report.cores_publishing = Usage::now().cores_since(&before);
        let sent = self.sent_bytes().await.saturating_sub(bytes) as f64;
        let delivered = self.account().delivered as f64 * f64::from(self.plan.args.message_bytes);
        self.report.sent_bytes_per_delivered_byte = sent / delivered.max(1.0);
        Ok(())
    }

    async fn say(&mut self) -> anyhow::Result<()> {
        let alive: Vec<usize> = (0..self.fleet.peers.len()).filter(|peer| !self.fleet.peers[*peer].is_dead).collect();
        let Some(from) = alive.get(self.rng.random_range(0..alive.len())).copied() else { return Ok(()) };
        let (topic, payload) = {
            let mut ledger = self.ledger();
            let topic = topic(ledger.said() as u32 % self.plan.args.topics);
            (topic, ledger.say(from, self.plan.args.message_bytes as usize, self.fleet.began.elapsed()))
        };
        let node = &self.fleet.peers[from].node;
        let said = node.ask(|reply| Command::Publish { topic, payload: payload.into(), reply }).await;
        match said.with_context(|| format!("node {from} has ended by itself"))? {
            Ok(_) => self.report.published += 1,
            Err(_) => self.report.unpublished += 1,
        }
        Ok(())
    }

    /// Until everything that is owed has come, or nobody waits any longer.
    async fn settle(&mut self) {
        let (began, settle) = (Instant::now(), self.plan.args.settle);
        loop {
            let Account { owed, delivered, .. } = self.account();
            if owed == delivered || began.elapsed() >= settle {
                break;
            }
            self.progress("settling", settle, began, self.report.peers - self.report.died);
            sleep(LOOK_EVERY).await;
        }
        // A mesh that lost nodes closes its gaps.
        while began.elapsed() < settle && !self.shape().await.is_connected() {
            sleep(LOOK_EVERY).await;
        }
        // What comes again comes late.
        sleep(LOOK_EVERY).await;
    }

    async fn end(mut self) -> anyhow::Result<Report> {
        let shape = self.shape().await;
        self.report.together = shape.together;
        self.report.degrees_at_end = Degrees::of(&shape);
        let account = self.account();
        self.report.set_account(account);
        self.report.took_secs = self.fleet.began.elapsed().as_secs_f64();
        let (latencies, foreign) = {
            let mut ledger = self.ledger();
            (std::mem::take(&mut ledger.latencies), ledger.foreign)
        };
        self.report.set_latencies(&latencies);
        self.report.foreign = foreign;
        let Self { fleet, report, .. } = self;
        fleet.stop().await;
        Ok(report)
    }

    async fn shape(&self) -> MeshShape {
        let links = self.fleet.links().await;
        let ids: Vec<_> = self.fleet.peers.iter().map(|peer| peer.id.clone()).collect();
        MeshShape::of(&ids, &links, |peer| !self.fleet.peers[peer].is_dead)
    }

    async fn sent_bytes(&self) -> u64 {
        self.fleet.topics().await.iter().map(|view| view.stats.sent_bytes).sum()
    }

    fn account(&self) -> Account {
        self.ledger().account(|peer| !self.fleet.peers[peer].is_dead)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.fleet.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn progress(&self, phase: &str, total: Duration, began: Instant, nodes: usize) {
        let words = format!("{nodes} nodes, {} published", self.report.published);
        (self.show)(Far::new(phase, began.elapsed(), total, &words));
    }
}

/// Who of so many nodes dies when, the last first: in the middle part, while messages flow. One lives at least.
fn deaths(nodes: usize, share: f64, duration: Duration, rng: &mut StdRng) -> Vec<(Duration, usize)> {
    let mut numbers: Vec<usize> = (0..nodes).collect();
    numbers.shuffle(rng);
    let count = ((share * nodes as f64).round() as usize).min(nodes.saturating_sub(1));
    let at = |peer| (duration.mul_f64(rng.random_range(0.2..0.8)), peer);
    let mut deaths: Vec<(Duration, usize)> = numbers.into_iter().take(count).map(at).collect();
    deaths.sort_unstable_by(|one, other| other.cmp(one));
    deaths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_asked_share_of_nodes_dies_in_the_middle_part_and_one_lives_whatever_is_asked() {
        let duration = Duration::from_secs(10);
        let deaths = |nodes, share| deaths(nodes, share, duration, &mut StdRng::seed_from_u64(1));
        assert_eq!([deaths(12, 0.0).len(), deaths(12, 0.1).len(), deaths(100, 0.29).len()], [0, 1, 29]);
        // Nine tenths of so few are all of them, when rounded.
        assert_eq!([2, 3, 4, 5].map(|nodes| deaths(nodes, 0.9).len()), [1, 2, 3, 4]);
        let deaths = deaths(50, 0.5);
        assert!(deaths.is_sorted_by(|one, other| one > other), "{deaths:?}");
        assert!(deaths.iter().all(|(at, _)| (duration / 5..duration * 4 / 5).contains(at)), "{deaths:?}");
    }
}
