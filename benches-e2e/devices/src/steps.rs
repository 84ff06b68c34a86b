use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use sangam_bench_common::process::{Cost, Meter, resident_bytes};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::device::Device;
use crate::latency::Latencies;
use crate::session::{Manner, hold};

/// Every device is enrolled once; then all hold sessions of one kind after the other.
#[derive(Parser)]
#[command(about = "Load generator for `cargo xtask bench devices`")]
pub(crate) struct Steps {
    /// Where devices are answered
    #[arg(long)]
    server: SocketAddr,
    /// The server's process
    #[arg(long)]
    pid: u32,
    /// How many devices
    #[arg(long)]
    devices: u32,
    /// Sessions under way at once
    #[arg(long)]
    at_once: u32,
    /// What devices come with from the factory, `user:password`
    #[arg(long)]
    login: String,
    /// How long each kind warms up
    #[arg(long)]
    warm_up_millis: u64,
    /// How long each kind counts
    #[arg(long)]
    millis: u64,
    /// Only this kind, after enrolment
    #[arg(long)]
    only: Option<String>,
}

/// What one kind of sessions cost.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    name: &'static str,
    sessions: u64,
    requests: u64,
    seconds: f64,
    cpu_nanos: u64,
    p50_ms: f64,
    p99_ms: f64,
    resident_bytes: u64,
}

/// The kinds in their order. A device that keeps its connection comes last: the others would find it open.
const KINDS: [(&str, Manner); 5] = [
    ("boot", Manner { events: &["1 BOOT"], is_changed: false, keeps_nonce: false, keeps_connection: false }),
    ("change", Manner { events: &["4 VALUE CHANGE"], is_changed: true, keeps_nonce: false, keeps_connection: false }),
    ("periodic", Manner { events: &["2 PERIODIC"], is_changed: false, keeps_nonce: false, keeps_connection: false }),
    ("nonce", Manner { events: &["2 PERIODIC"], is_changed: false, keeps_nonce: true, keeps_connection: false }),
    ("connection", Manner { events: &["2 PERIODIC"], is_changed: false, keeps_nonce: true, keeps_connection: true }),
];
const FIRST: Manner =
    Manner { events: &["0 BOOTSTRAP", "1 BOOT"], is_changed: false, keeps_nonce: false, keeps_connection: false };

/// Devices that take turns, and what their sessions took.
struct Worker {
    devices: Vec<Device>,
    latencies: Latencies,
    requests: u64,
}

impl Steps {
    pub(crate) async fn run(&self) -> Result<Vec<Step>> {
        let (user, password) = self.login.split_once(':').context("a login is `user:password`")?;
        ensure!((1..=self.devices).contains(&self.at_once), "each of those at once needs a device of its own");
        let mut workers: Vec<Worker> = (0..self.at_once).map(|_| Worker::new()).collect();
        for (number, at) in (0..self.devices).zip((0..workers.len()).cycle()) {
            workers[at].devices.push(Device::new(number, user, password));
        }
        let (first, mut workers) = self.enrol(workers).await?;
        let mut steps = vec![first];
        for (name, manner) in KINDS {
            if self.only.as_deref().is_none_or(|only| only == name) {
                let (step, back) = self.step(name, manner, workers).await?;
                workers = back;
                steps.push(step);
            }
        }
        Ok(steps)
    }

    /// The first session of each.
    async fn enrol(&self, workers: Vec<Worker>) -> Result<(Step, Vec<Worker>)> {
        let meter = Meter::start(self.pid)?;
        let mut tasks = JoinSet::new();
        for worker in workers {
            tasks.spawn(worker.each_once(self.server));
        }
        let workers = all(tasks).await?;
        self.told("first", meter.read()?, workers)
    }

    /// Sessions of one kind, for the time that is given.
    async fn step(&self, name: &'static str, manner: Manner, workers: Vec<Worker>) -> Result<(Step, Vec<Worker>)> {
        let from = Instant::now() + Duration::from_millis(self.warm_up_millis);
        let to = from + Duration::from_millis(self.millis);
        let mut tasks = JoinSet::new();
        for worker in workers {
            tasks.spawn(worker.turns(self.server, manner, from, to));
        }
        tokio::time::sleep_until(from.into()).await;
        let meter = Meter::start(self.pid)?;
        tokio::time::sleep_until(to.into()).await;
        let cost = meter.read()?;
        self.told(name, cost, all(tasks).await?)
    }

    fn told(&self, name: &'static str, cost: Cost, mut workers: Vec<Worker>) -> Result<(Step, Vec<Worker>)> {
        let (mut latencies, mut requests) = (Latencies::default(), 0);
        for worker in &mut workers {
            latencies.append(std::mem::take(&mut worker.latencies));
            requests += std::mem::take(&mut worker.requests);
        }
        let step = Step {
            name,
            sessions: latencies.len() as u64,
            requests,
            seconds: cost.took.as_secs_f64(),
            cpu_nanos: u64::try_from(cost.cpu.as_nanos()).unwrap_or(u64::MAX),
            p50_ms: latencies.quantile_ms(0.5),
            p99_ms: latencies.quantile_ms(0.99),
            resident_bytes: resident_bytes(self.pid)?,
        };
        Ok((step, workers))
    }
}

impl Worker {
    fn new() -> Self {
        Self { devices: Vec::new(), latencies: Latencies::default(), requests: 0 }
    }

    async fn each_once(mut self, server: SocketAddr) -> Result<Self> {
        for device in &mut self.devices {
            let began = Instant::now();
            self.requests += u64::from(hold(device, server, FIRST).await?);
            self.latencies.add(began.elapsed());
        }
        Ok(self)
    }

    /// Counts sessions that ended between the two moments.
    async fn turns(mut self, server: SocketAddr, manner: Manner, from: Instant, to: Instant) -> Result<Self> {
        loop {
            for device in &mut self.devices {
                let began = Instant::now();
                let requests = hold(device, server, manner).await?;
                let ended = Instant::now();
                if ended >= to {
                    return Ok(self);
                }
                if ended >= from {
                    self.latencies.add(ended - began);
                    self.requests += u64::from(requests);
                }
            }
        }
    }
}

async fn all(mut tasks: JoinSet<Result<Worker>>) -> Result<Vec<Worker>> {
    let mut workers = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        workers.push(ended.context("a device broke")??);
    }
    Ok(workers)
}
