mod traffic;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use sangam_bench_common::process::Meter;
use serde::Serialize;

use self::traffic::Traffic;
use crate::service::Service;

#[derive(Args)]
pub(crate) struct Load {
    #[command(flatten)]
    service: Service,
    /// Which way packets go
    #[arg(long)]
    mode: Mode,
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Payload of each packet; a channel header of 4 bytes comes on top
    #[arg(long, default_value_t = 160)]
    payload_bytes: usize,
    /// Packets under way at most
    #[arg(long, default_value_t = 256)]
    window: u64,
    /// Packets sent each second, instead of as many as the window lets through
    #[arg(long)]
    rate: Option<u64>,
    #[arg(long, default_value_t = 300)]
    warm_up_millis: u64,
    #[arg(long, default_value_t = 2_000)]
    millis: u64,
}

/// Which way packets go. A packet counts when it has come to the end of its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// client, server, peer
    Up,
    /// peer, server, client
    Down,
    /// client, server, peer and all the way back
    Echo,
    /// client, server, another client of the server
    Pair,
}

/// What one step showed.
#[derive(Debug, Serialize)]
struct Outcome {
    seconds: f64,
    /// Delivered in the measured time.
    packets: u64,
    /// CPU time of the server in the measured time.
    cpu_nanos: u64,
    /// In the whole step, warm-up and all: sent, and never seen again.
    sent: u64,
    lost: u64,
}

/// After this long without a packet what is under way is lost.
const SILENCE: Duration = Duration::from_millis(50);

impl Load {
    pub(crate) fn run(&self) -> Result<impl Serialize + use<>> {
        let mut traffic = Traffic::set_up(&self.service, self.mode, self.clients, self.payload_bytes)?;
        self.drive(&mut traffic, Duration::from_millis(self.warm_up_millis))?;
        let (meter, before) = (Meter::start(self.service.pid)?, traffic.delivered());
        self.drive(&mut traffic, Duration::from_millis(self.millis))?;
        let (cost, after) = (meter.read()?, traffic.delivered());
        traffic.drain(SILENCE)?;
        ensure!(after > before, "not one packet came through");
        let outcome = Outcome {
            seconds: cost.took.as_secs_f64(),
            packets: after - before,
            cpu_nanos: u64::try_from(cost.cpu.as_nanos())?,
            sent: traffic.sent(),
            lost: traffic.sent().saturating_sub(traffic.delivered()),
        };
        traffic.release()?;
        Ok(outcome)
    }

    fn drive(&self, traffic: &mut Traffic, time: Duration) -> Result<()> {
        let began = Instant::now();
        let before = traffic.sent();
        loop {
            let elapsed = began.elapsed();
            if elapsed >= time {
                return Ok(());
            }
            match self.rate {
                None => traffic.keep_under_way(self.window)?,
                Some(rate) => {
                    let due = u64::try_from(u128::from(rate) * elapsed.as_micros() / 1_000_000)?;
                    traffic.send((before + due).saturating_sub(traffic.sent()))?;
                    traffic.receive(Duration::ZERO)?;
                }
            }
        }
    }
}
