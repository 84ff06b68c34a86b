//! `cargo xtask natlab`: calls between peers at sites of every kind, with and without our relay, as a table.
//!
//! Exit code 0: every call went as the kinds of site make it go. 1: one did not. 2: could not run.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use sangam_interop::exit_code;
use sangam_interop::natlab::{Help, Matrix, PeerKind, Row, Summary};
use sangam_testkit::network::{Impairment, SiteKind};

#[derive(Parser)]
#[command(
    name = "cargo xtask natlab",
    about = "Calls between peers at sites of every kind, with and without our relay. Exit code 1 if one does not go as it must"
)]
struct Arguments {
    /// Calls of each pair, every other one the other way round
    #[arg(long, default_value_t = 1)]
    runs: u32,
    /// Kinds of site: public, cone, addr, port, sym, cgnat, cgnatsym, noudp, web, v6
    #[arg(long, value_delimiter = ',', default_values_t = SiteKind::ALL)]
    kinds: Vec<SiteKind>,
    /// With the relay alone; left out: with it, then without
    #[arg(long, conflicts_with = "stun_only")]
    relay: bool,
    /// Without the relay alone: it answers STUN
    #[arg(long)]
    stun_only: bool,
    /// Percent of the packets that each site's link loses, each way
    #[arg(long, default_value_t = 0.0)]
    loss: f64,
    /// Milliseconds that each site's link takes, each way: four times that for a round trip between two peers
    #[arg(long, default_value_t = 0)]
    delay: u64,
    /// Milliseconds that it takes on top now and then
    #[arg(long, default_value_t = 0)]
    jitter: u64,
    /// What decides which packets are lost
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What the peers are: sangam, chromium, libwebrtc, aiortc; two: the caller, then the called
    #[arg(long, value_delimiter = ',', num_args = 1..=2, default_value = "libwebrtc")]
    peers: Vec<PeerKind>,
    /// Seconds a call may take
    #[arg(long, default_value_t = 30)]
    limit: u64,
    /// Pairs that call at the same time
    #[arg(long, default_value_t = 1)]
    parallel: usize,
}

impl Arguments {
    fn matrix(&self) -> Matrix {
        let helps = match (self.relay, self.stun_only) {
            (true, _) => vec![Help::Relay],
            (_, true) => vec![Help::StunOnly],
            _ => vec![Help::Relay, Help::StunOnly],
        };
        let (delay, jitter) = (Duration::from_millis(self.delay), Duration::from_millis(self.jitter));
        let impairment =
            Impairment { delay, jitter, loss: self.loss / 100.0, seed: self.seed, ..Impairment::default() };
        let is_impaired = !delay.is_zero() || !jitter.is_zero() || self.loss > 0.0;
        let caller = self.peers.first().copied().unwrap_or(PeerKind::Libwebrtc);
        Matrix {
            kinds: self.kinds.clone(),
            peers: [caller, self.peers.last().copied().unwrap_or(caller)],
            helps,
            runs: self.runs,
            impairment: is_impaired.then_some(impairment),
            limit: Duration::from_secs(self.limit),
            parallel: self.parallel,
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool> {
    let mut out = std::io::stdout();
    writeln!(out, "{}", Row::HEAD)?;
    let mut shown = Ok(());
    let matrix = arguments.matrix();
    let rows = matrix.run(|row| {
        if shown.is_ok() {
            shown = writeln!(out, "{}", row.line());
        }
    })?;
    shown?;
    for help in matrix.helps {
        let told = if help == Help::Relay { "Told of the relay" } else { "Told of STUN alone" };
        writeln!(out, "\n{told}: {}.", Summary::of(&rows, help).line())?;
    }
    Ok(rows.iter().all(Row::is_as_expected))
}

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}
