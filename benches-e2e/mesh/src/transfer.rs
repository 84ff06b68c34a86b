use std::thread;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use sangam_bench_common::process::Meter;
use serde::Serialize;

use crate::driver::{Pair, Way};
use crate::line::Order;
use crate::process::{self, Kind};

/// One link that is kept full in one direction.
#[derive(Args)]
pub(crate) struct Transfer {
    #[command(flatten)]
    kind: Kind,
    #[command(flatten)]
    way: Way,
    /// Bytes of a message
    #[arg(long, default_value_t = 16_384)]
    message_bytes: usize,
    /// Before it counts, so that windows have grown
    #[arg(long, default_value_t = 3_000)]
    warm_up_millis: u64,
    /// While it counts
    #[arg(long, default_value_t = 5_000)]
    millis: u64,
}

/// What arrived, and what it took.
#[derive(Debug, Serialize)]
pub(crate) struct Transferred {
    bytes: u64,
    seconds: f64,
    sender_cpu_nanos: u64,
    receiver_cpu_nanos: u64,
}

impl Transfer {
    pub(crate) fn run(&self) -> Result<Transferred> {
        let mut pair = Pair::start(&self.kind, self.way)?;
        process::raise_threads(&self.kind)?;
        pair.connect(0)?;
        pair.offerer.order(&Order::Send { link: 0, message_bytes: self.message_bytes })?;
        thread::sleep(Duration::from_millis(self.warm_up_millis));
        let meters = [Meter::start(pair.offerer.pid())?, Meter::start(pair.answerer.pid())?];
        let before = pair.answerer.counted()?;
        thread::sleep(Duration::from_millis(self.millis));
        let bytes = pair.answerer.counted()? - before;
        let [sender, receiver] = [meters[0].read()?, meters[1].read()?];
        let nanos = |cpu: Duration| u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX);
        Ok(Transferred {
            bytes,
            seconds: receiver.took.as_secs_f64(),
            sender_cpu_nanos: nanos(sender.cpu),
            receiver_cpu_nanos: nanos(receiver.cpu),
        })
    }
}
