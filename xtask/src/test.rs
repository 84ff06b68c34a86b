use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::counts::Counts;
use crate::lint::Licences;
use crate::repository::Repository;
use crate::steps::Steps;
use crate::{Verdict, bench, lint, process, setup};

#[derive(Args)]
pub(crate) struct Test {
    /// Need nothing but Rust: leave out the tests against other people's clients and servers, and install nothing
    #[arg(long)]
    fast: bool,
}

/// The package whose tests need coturn, Chromium, Node and Python.
const INTEROP: &str = "sangam-interop";

impl Test {
    pub(crate) fn run(&self, repository: &Repository) -> Result<Verdict> {
        let mut steps = Steps::new();
        let mut counts = Counts::default();
        if !self.fast {
            steps.run("setup", || setup::everything(repository).map(|()| true))?;
        }
        let licences = if self.fast { Licences::CheckedIfInstalled } else { Licences::Checked };
        lint::check(repository, &mut steps, licences)?;
        if steps.run("build", || process::passes(&mut self.scoped(repository, &["build"], &["--all-targets"])))? {
            self.run_tests(repository, &mut steps, &mut counts)?;
        }
        let verdict = steps.finish();
        println!("Summary: {} tests run: {counts}", counts.ran());
        Ok(verdict)
    }

    fn run_tests(&self, repository: &Repository, steps: &mut Steps, counts: &mut Counts) -> Result<()> {
        let mut counted = |command: &mut Command| {
            process::passes_watched(command, |line| {
                if let Some(more) = Counts::of_line(line) {
                    *counts += more;
                }
            })
        };
        let nextest = !self.fast || process::answers(&mut repository.cargo(&["nextest", "--version"]));
        if nextest {
            steps.run("documentation tests", || counted(&mut self.scoped(repository, &["test"], &["--doc"])))?;
        }
        if self.fast {
            steps.leave_out("tests of the pages", "--fast needs nothing but Rust");
        } else {
            let files = node_tests(&repository.path("web"))?;
            ensure!(!files.is_empty(), "there are no tests under web/, although its pages need some");
            steps.run("tests of the pages", || counted(&mut node_test(repository, &files)))?;
        }
        steps.run("measurements work", || bench::smoke(repository).map(|()| true))?;
        // Last, so that its summary stands at the end. Replaying the fuzz corpora is among these tests.
        let runner: &[&str] = if nextest { &["nextest", "run"] } else { &["test"] };
        steps.run("tests", || counted(&mut self.scoped(repository, runner, &["--no-fail-fast"])))?;
        Ok(())
    }

    /// The same packages and features in every step, so that each is built once.
    fn scoped(&self, repository: &Repository, subcommand: &[&str], flags: &[&str]) -> Command {
        let mut command = repository.cargo(subcommand);
        command.args(["--workspace", "--locked"]);
        if self.fast {
            command.args(["--exclude", INTEROP]);
        }
        command.args(flags);
        command
    }
}

fn node_test(repository: &Repository, files: &[PathBuf]) -> Command {
    let mut command = repository.command("node");
    command.args(["--test", "--test-reporter=tap"]).args(files);
    command
}

/// Every `*.test.js` and `*.test.mjs` under a directory, in order. Node's own search differs between versions.
fn node_tests(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = dir.read_dir().with_context(|| format!("cannot list {}", dir.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "node_modules" {
            found.extend(node_tests(&path)?);
        } else if name.ends_with(".test.js") || name.ends_with(".test.mjs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
