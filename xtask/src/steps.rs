use std::time::{Duration, Instant};

use anyhow::Result;

use crate::Verdict;

/// Runs named steps one after the other, prints how each ended and how long it took, and remembers which failed.
pub(crate) struct Steps {
    began: Instant,
    failed: Vec<&'static str>,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), failed: Vec::new() }
    }

    /// Runs a step; `false` marks it failed and the steps after it still run.
    ///
    /// # Errors
    /// That of the step: it could not run at all, which ends the whole command.
    pub(crate) fn run(&mut self, name: &'static str, step: impl FnOnce() -> Result<bool>) -> Result<bool> {
        println!("==> {name}");
        let began = Instant::now();
        let passed = step()?;
        let ended = if passed { "ok" } else { "FAILED" };
        println!("<== {name}: {ended}, {}", seconds(began.elapsed()));
        if !passed {
            self.failed.push(name);
        }
        Ok(passed)
    }

    /// Says that a step is left out, and why.
    pub(crate) fn leave_out(&self, name: &str, why: &str) {
        println!("<== {name}: left out, {why}");
    }

    pub(crate) fn finish(&self) -> Verdict {
        let took = seconds(self.began.elapsed());
        if self.failed.is_empty() {
            println!("All steps passed in {took}.");
            Verdict::Pass
        } else {
            println!("Failed after {took}: {}.", self.failed.join(", "));
            Verdict::Fail
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_step_fails_the_run_and_the_next_still_runs() {
        let mut steps = Steps::new();
        assert!(!steps.run("bad", || Ok(false)).unwrap());
        assert!(steps.run("good", || Ok(true)).unwrap());
        assert_eq!(steps.finish(), Verdict::Fail);
    }

    #[test]
    fn a_step_that_cannot_run_ends_the_run() {
        let mut steps = Steps::new();
        assert!(steps.run("impossible", || anyhow::bail!("no such tool")).is_err());
    }
}
