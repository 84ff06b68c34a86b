//! `sangam serve`: start, serve, reload, stop.

use std::time::Instant;

use anyhow::Context as _;
use sangam_config::Loaded;
use sangam_telemetry::logs::Logs;
use tokio::signal::unix::SignalKind;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::Verdict;
use crate::bind_check::check_binds;
use crate::cli::ConfigArgs;
use crate::clock::Clock;
use crate::data_dir::DataDir;
use crate::descriptor_limit;
use crate::drain::drain;
use crate::external_address::ExternalAddresses;
use crate::generated_secrets::GeneratedSecrets;
use crate::host_addresses::Machine;
use crate::options::log::log_options;
use crate::reload::Reloader;
use crate::server::{Ground, Server};
use crate::start_report::StartReport;
use crate::stop_signals::{StopSignals, listen};

pub(crate) fn run(args: &ConfigArgs) -> anyhow::Result<Verdict> {
    let began = Instant::now();
    let loaded = args.load()?;
    let machine = Machine::read();
    let notices = check_binds(&loaded, &machine.addresses)?;
    let data_dir = DataDir::open(&loaded.config.data.dir)?;
    let generated = GeneratedSecrets::open(data_dir.path())?;
    let logs = Logs::begin(&log_options(&loaded.config.log))?;
    for notice in loaded.notices.iter().chain(&notices) {
        tracing::warn!("{notice}");
    }
    if let Some(complaint) = descriptor_limit::complaint(&loaded.config) {
        tracing::warn!("{complaint}");
    }
    // Every part names its provider; this is for libraries that ask for the process's own.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(loaded.config.server.worker_threads)
        .enable_all()
        .build()
        .context("the system refused threads for the server; raise the limit of processes (`ulimit -u`)")?;
    runtime.block_on(serve(Process { args, loaded, machine, data_dir, generated, logs, began }))?;
    // Whatever still blocks a thread must not keep the process.
    runtime.shutdown_background();
    Ok(Verdict::Fine)
}

/// What a process has before it serves.
struct Process<'a> {
    args: &'a ConfigArgs,
    loaded: Loaded,
    machine: Machine,
    data_dir: DataDir,
    generated: GeneratedSecrets,
    logs: Logs,
    began: Instant,
}

async fn serve(process: Process<'_>) -> anyhow::Result<()> {
    let Process { args, loaded, machine, data_dir, generated, logs, began } = process;
    let mut stop = StopSignals::listen()?;
    let mut hangup = listen(SignalKind::hangup())?;
    let external = ExternalAddresses::of(&loaded.config, &machine);
    if let Some(external) = &external {
        external.ask().await;
    }
    let ground = Ground {
        external,
        config: &loaded.config,
        machine: &machine,
        generated: &generated,
        data_dir: data_dir.path().to_owned(),
        logs: &logs,
        clock: Clock::start(),
    };
    let server = Server::start(&ground).await?;
    let report = StartReport {
        data_dir: data_dir.path().to_owned(),
        file: loaded.file.clone(),
        listeners: server.rows.clone(),
        took: began.elapsed(),
    };
    let watch_interval = loaded.config.server.watch_interval.get();
    // Before anybody is told that it is ready: a file that is changed from then on is seen as changed.
    let mut reloader = Reloader::new(args, loaded, &machine, &generated, &logs);
    report.print(&machine);
    let mut watch = (!watch_interval.is_zero()).then(|| interval(watch_interval));
    if let Some(watch) = &mut watch {
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    loop {
        tokio::select! {
            name = stop.recv() => {
                tracing::info!(signal = name, "stopping: listeners close, clients are told");
                break;
            }
            _ = hangup.recv() => reloader.reload(&server),
            () = tick(watch.as_mut()) => reloader.reload_if_changed(&server),
        }
    }
    let drain_limit = reloader.relay_drain_limit();
    tokio::select! {
        () = drain(server, drain_limit) => tracing::info!("stopped"),
        name = stop.recv() => tracing::warn!(signal = name, "stopped at once: clients were cut off"),
    }
    Ok(())
}

/// The next look at the files; never, if they are not watched.
async fn tick(watch: Option<&mut Interval>) {
    match watch {
        Some(watch) => drop(watch.tick().await),
        None => std::future::pending().await,
    }
}
