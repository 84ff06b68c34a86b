//! How a generator ends.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

/// Writes what a measurement showed as one line of JSON on standard output.
///
/// # Errors
/// Standard output is closed.
pub fn print(outcome: &impl Serialize) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{}", serde_json::to_string(outcome)?)?;
    Ok(())
}

/// The exit code of a generator: 2 when it could not measure, with the reason on standard error.
pub fn exit_code(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
