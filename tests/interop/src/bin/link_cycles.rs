//! Links two nodes over and over, ends it by hanging up, by a crash and by a stop, and prints what is left behind.
//!
//! Exit code 0: no task and no file. 1: some. 2: could not run.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use sangam_interop::cycles::Cycles;
use sangam_interop::exit_code;

#[derive(Parser)]
#[command(about = "What links that came and went leave behind. Exit code 1 if tasks or files")]
struct Arguments {
    /// How often
    #[arg(long, default_value_t = 1000)]
    cycles: u32,
}

async fn run(arguments: &Arguments) -> Result<bool> {
    /// Caches are full by then.
    const FIRST: u32 = 30;
    let mut cycles = Cycles::start().await?;
    cycles.run(FIRST).await?;
    let before = cycles.held_at_rest(None).await?;
    println!("after {FIRST} cycles: {before:?}");
    cycles.run(arguments.cycles).await?;
    let after = cycles.held_at_rest(Some(before)).await?;
    println!("after {} more: {after:?}", arguments.cycles);
    cycles.stop().await?;
    Ok(after.tasks <= before.tasks && after.files <= before.files)
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(std::io::stderr).init();
    exit_code(run(&Arguments::parse()).await)
}
