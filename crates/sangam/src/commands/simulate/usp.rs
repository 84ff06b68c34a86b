//! `sangam simulate usp`.

mod show;

use std::time::Duration;

use sangam_fleet::{Trust, UspMtp, UspOptions, simulate_usp};

use super::{Outcome, run_fleet};
use crate::Verdict;
use crate::cli::simulate::usp::{MtpChoice, UspArgs};
use crate::commands::probe::given::Given;
use crate::stop_signals::StopSignals;

pub(super) fn run(args: &UspArgs) -> anyhow::Result<Verdict> {
    let options = options(args)?;
    options.check()?;
    let seed = options.seed;
    let trust = Trust::load(args.common.ca_file.as_deref())?;
    // A file that comes or goes is a connection beside that of its agent; few do at once.
    let files = u64::from(options.devices) + u64::from(options.devices) / 64;
    run_fleet(&args.common, files, async |show| {
        let mut signals = StopSignals::listen()?;
        let stop = async {
            signals.recv().await;
        };
        let report = simulate_usp(options, &trust, &|progress| show(progress.into()), stop).await?;
        let (json, table) = (show::json(&report, seed)?, show::table(&report, seed));
        Ok(Outcome { is_fine: report.is_fine(), json, table })
    })
}

fn options(args: &UspArgs) -> anyhow::Result<UspOptions> {
    Ok(UspOptions {
        mtp: args.mtp.map_or_else(|| mtp_of(&args.url), MtpChoice::mtp),
        controller: args.controller.clone(),
        destination: args.destination.clone(),
        own_destination: args.own_destination.clone(),
        devices: args.devices,
        first: args.first,
        boot_within: args.boot_within,
        duration: Duration::from_secs(args.seconds),
        interval: args.interval,
        change_interval: args.change_every,
        quirks: args.quirks,
        sessions: args.sessions,
        faults: args.faults,
        are_known: args.known,
        is_idle: args.idle,
        user: args.user.clone(),
        password: Given::SIMULATE_PASSWORD.read(args.password_file.as_deref())?,
        open_timeout: args.open_timeout,
        settle_timeout: args.settle,
        seed: args.seed.unwrap_or_else(rand::random),
        ..UspOptions::new(args.url.clone())
    })
}

/// What a URL of this scheme is spoken to with.
fn mtp_of(url: &str) -> UspMtp {
    match url.split_once("://").map(|(scheme, _)| scheme) {
        Some("stomp" | "stomps") => UspMtp::Stomp,
        Some("mqtt" | "mqtts") => UspMtp::Mqtt5,
        Some(_) | None => UspMtp::WebSocket,
    }
}

impl MtpChoice {
    const fn mtp(self) -> UspMtp {
        match self {
            Self::Websocket => UspMtp::WebSocket,
            Self::Stomp => UspMtp::Stomp,
            Self::Mqtt5 => UspMtp::Mqtt5,
            Self::Mqtt311 => UspMtp::Mqtt311,
        }
    }
}
