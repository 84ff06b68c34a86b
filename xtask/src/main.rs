//! Tests, checks and benches of this repository: `cargo xtask <command>`.
//!
//! Exit code 0: fine. 1: the answer is no (a test failed, a rule is broken, a goal is missed).
//! 2: could not run (something is missing; the message says what and how to get it).

mod bench;
mod check_layers;
mod counts;
mod device_durability;
mod fuzz;
mod lint;
mod natlab;
mod process;
mod repository;
mod setup;
mod steps;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::repository::Repository;

/// The answer of a command that could run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Pass,
    Fail,
}

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Tests, checks and benches of this repository")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what the tests need, check everything and run every test
    Test(test::Test),
    /// Check formatting, lints, layers and licences
    Lint,
    /// Prove from `cargo metadata` and the sources that every crate keeps to its storey
    CheckLayers,
    /// Install what the tests need, and nothing more
    Setup,
    /// Search for inputs that break a decoder
    Fuzz(fuzz::Fuzz),
    /// Make calls between peers behind NATs of every kind, and print a table of how they went; needs root
    #[command(name = "natlab")]
    NatLab(natlab::NatLab),
    /// Make calls past missing routes in networks of namespaces, and print how they went; needs root
    #[command(name = "natlab-routes")]
    NatLabRoutes(natlab::NatLabRoutes),
    /// Cut, restart and move two linked nodes, and print how long their link takes to return; needs root
    Links(natlab::Links),
    /// Kill the server of devices and cut its power many times under load: nothing acknowledged is lost; needs root
    DeviceDurability(device_durability::DeviceDurability),
    /// Measure
    #[command(subcommand)]
    Bench(bench::Bench),
}

impl Command {
    fn run(&self, repository: &Repository) -> Result<Verdict> {
        match self {
            Self::Test(test) => test.run(repository),
            Self::Lint => lint::run(repository),
            Self::CheckLayers => check_layers::run(repository),
            Self::Setup => setup::everything(repository).map(|()| Verdict::Pass),
            Self::Fuzz(fuzz) => fuzz.run(repository),
            Self::NatLab(lab) => lab.run(repository),
            Self::NatLabRoutes(lab) => lab.run(repository),
            Self::Links(links) => links.run(repository),
            Self::DeviceDurability(durability) => durability.run(repository),
            Self::Bench(bench) => bench.run(repository),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match Repository::of_this_build().and_then(|repository| arguments.command.run(&repository)) {
        Ok(Verdict::Pass) => ExitCode::SUCCESS,
        Ok(Verdict::Fail) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
