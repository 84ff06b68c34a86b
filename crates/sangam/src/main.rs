//! The binary: commands, wiring, start and stop order.

mod bind_check;
mod cli;
mod clock;
mod commands;
mod data_dir;
mod data_dir_part;
mod descriptor_limit;
mod devices_start;
mod drain;
mod durable_file;
mod external_address;
mod generated_secrets;
mod host_addresses;
mod host_figures;
mod listener_plan;
mod listeners;
mod minted_tokens;
mod node_key;
mod node_part;
mod node_start;
mod options;
mod output;
mod relay_streams;
mod reload;
mod revocation_file;
mod server;
mod start_report;
mod stomp_listeners;
mod stop_signals;
mod sync_start;
mod wall_text;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};

/// What a command answers when it could run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// All is well.
    Fine,
    /// The answer is no.
    No,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Serve(args) => commands::serve::run(&args),
        Command::Node(args) => commands::node::run(&args),
        Command::Init(args) => commands::init::run(&args),
        Command::Config(args) => commands::config::run(&args),
        Command::Credentials(args) => commands::credentials::run(&args),
        Command::Token(args) => commands::token::run(&args),
        Command::Probe(args) => commands::probe::run(&args),
        Command::Simulate(args) => commands::simulate::run(args),
        Command::Relay(args) => commands::relay::run(&args),
        Command::Rooms(args) => commands::rooms::run(&args),
        Command::Sync(args) => commands::sync::run(&args),
        Command::Devices(args) => commands::devices::run(&args),
    };
    match outcome {
        Ok(Verdict::Fine) => ExitCode::SUCCESS,
        Ok(Verdict::No) => ExitCode::from(1),
        Err(error) => {
            eprintln!("sangam: {}", sentence(&error));
            ExitCode::from(2)
        }
    }
}

/// The thing, the cause, the mend; what the system itself said stands in brackets.
fn sentence(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    for cause in error.chain() {
        match (cause.downcast_ref::<std::io::Error>(), sentence.is_empty()) {
            (Some(said), false) => sentence.push_str(&format!(" ({said})")),
            (None, false) => sentence.push_str(&format!(": {cause}")),
            (_, true) => sentence = cause.to_string(),
        }
    }
    sentence
}
