use std::process::ExitCode;

use anyhow::Result;

/// How a program that measures or calls ends: 0 if all is as it must be, 1 if not, 2 if it could not run, which is said.
#[must_use]
pub fn exit_code(outcome: Result<bool>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
