//! `sangam node`: start, serve, stop.

use std::io::{self, Write as _};
use std::time::Instant;

use anyhow::Context as _;
use sangam_config::Loaded;
use sangam_mesh_proto::agent_event::AgentEvent;
use sangam_telemetry::logs::Logs;
use serde_json::{Value, json};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::Verdict;
use crate::cli::node::NodeArgs;
use crate::clock::Clock;
use crate::data_dir::DataDir;
use crate::generated_secrets::GeneratedSecrets;
use crate::host_addresses::Machine;
use crate::node_key::NodeKey;
use crate::node_start::{NodeGround, RunningNode};
use crate::options::log::log_options;
use crate::start_report::StartReport;
use crate::stop_signals::StopSignals;

pub(crate) fn run(args: &NodeArgs) -> anyhow::Result<Verdict> {
    let began = Instant::now();
    let loaded = args.load()?;
    let machine = Machine::read();
    let notices = sangam_config::check_node_binds(&loaded, &machine.addresses);
    let data_dir = DataDir::open(&loaded.config.data.dir)?;
    let generated = GeneratedSecrets::open(data_dir.path())?;
    let key = NodeKey::open(loaded.config.node.key_file.as_deref(), data_dir.path())?;
    let logs = Logs::begin(&log_options(&loaded.config.log))?;
    for notice in loaded.notices.iter().chain(&notices) {
        tracing::warn!("{notice}");
    }
    if let Some(notice) = &key.notice {
        tracing::warn!("{notice}");
    }
    // Every part names its provider; this is for libraries that ask for the process's own.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(loaded.config.server.worker_threads)
        .enable_all()
        .build()
        .context("the system refused threads for the node; raise the limit of processes (`ulimit -u`)")?;
    let process = Process { loaded, machine, data_dir, generated, key, logs, began, json: args.json };
    runtime.block_on(process.serve())?;
    // Whatever still blocks a thread must not keep the process.
    runtime.shutdown_background();
    Ok(Verdict::Fine)
}

/// What a process has before it serves.
struct Process {
    loaded: Loaded,
    machine: Machine,
    data_dir: DataDir,
    generated: GeneratedSecrets,
    key: NodeKey,
    logs: Logs,
    began: Instant,
    json: bool,
}

impl Process {
    async fn serve(self) -> anyhow::Result<()> {
        let Self { loaded, machine, data_dir, generated, key, logs, began, json } = self;
        let mut stop = StopSignals::listen()?;
        let data_dir_path = data_dir.path().to_owned();
        let id = key.identity.id().to_string();
        let running = RunningNode::start(NodeGround {
            config: &loaded.config,
            key,
            generated: &generated,
            data_dir: data_dir_path.clone(),
            logs: &logs,
            clock: Clock::start(),
        })
        .await?;
        let events = json.then(|| running.node.events());
        let (rows, took) = (running.rows.clone(), began.elapsed());
        let report = StartReport { data_dir: data_dir_path, file: loaded.file, listeners: rows, took };
        report.print_node(&machine, &id, json);
        if let Some(events) = events {
            // Whoever reads them may be slow: that holds up a thread that does nothing else.
            tokio::task::spawn_blocking(move || print_events(events));
        }
        let has_ended = tokio::select! {
            name = stop.recv() => {
                tracing::info!(signal = name, "stopping: links, the local network and servers are told");
                false
            }
            () = running.node.stopped() => true,
        };
        tokio::select! {
            () = running.stop() => tracing::info!("stopped"),
            name = stop.recv() => tracing::warn!(signal = name, "stopped at once: peers notice by themselves"),
        }
        anyhow::ensure!(!has_ended, "the node has ended by itself; the log says why");
        Ok(())
    }
}

/// Each event as a line, until nobody reads them.
fn print_events(mut events: Receiver<AgentEvent>) {
    loop {
        let line = match events.blocking_recv() {
            Ok(event) => event.to_json(),
            Err(RecvError::Lagged(lost)) => json!({ "event": "lagged", "lost": lost }),
            Err(RecvError::Closed) => return,
        };
        if print_line(&line).is_err() {
            return;
        }
    }
}

fn print_line(line: &Value) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush())
}
