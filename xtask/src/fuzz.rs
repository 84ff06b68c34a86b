use anyhow::{Result, bail};
use clap::Args;

use crate::repository::Repository;
use crate::setup::{self, Tool};
use crate::steps::Steps;
use crate::{Verdict, process};

#[derive(Args)]
pub(crate) struct Fuzz {
    /// A file in fuzz/targets, without `.rs`; all of them one after the other if left out
    target: Option<String>,
    /// How long to search, per target
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Afterwards keep only inputs that each reach something no other does
    #[arg(long)]
    minimise: bool,
}

const CARGO_FUZZ: Tool = Tool { subcommand: "fuzz", version: "0.13.1" };

impl Fuzz {
    pub(crate) fn run(&self, repository: &Repository) -> Result<Verdict> {
        setup::install_cargo_tool(repository, &CARGO_FUZZ)?;
        let mut steps = Steps::new();
        for target in self.targets(repository)? {
            let name = target.clone().leak();
            steps.run(name, || self.search(repository, &target))?;
        }
        Ok(steps.finish())
    }

    fn targets(&self, repository: &Repository) -> Result<Vec<String>> {
        let mut all: Vec<String> = Vec::new();
        for entry in repository.path("fuzz/targets").read_dir()? {
            if let Some(name) = entry?.file_name().to_str().and_then(|name| name.strip_suffix(".rs")) {
                all.push(name.to_owned());
            }
        }
        all.sort();
        match &self.target {
            None => Ok(all),
            Some(one) if all.contains(one) => Ok(vec![one.clone()]),
            Some(one) => bail!("there is no fuzz target `{one}`; there are: {}", all.join(", ")),
        }
    }

    fn search(&self, repository: &Repository, target: &str) -> Result<bool> {
        let limit = format!("-max_total_time={}", self.seconds);
        let searched = process::passes(cargo_fuzz(repository, "run", target).args(["--", &limit, "-timeout=10"]))?;
        if !searched || !self.minimise {
            return Ok(searched);
        }
        // By edges reached and not by how often: small enough to be replayed in every test run.
        process::passes(cargo_fuzz(repository, "cmin", target).args(["--", "-use_counters=0"]))
    }
}

/// cargo-fuzz needs the compiler's unstable switches, which the pinned stable toolchain opens when asked this way.
fn cargo_fuzz(repository: &Repository, subcommand: &str, target: &str) -> std::process::Command {
    // Without the address sanitizer: the targets have no unsafe code, and the search is several times faster.
    let mut command = repository.cargo(&["fuzz", subcommand, "--sanitizer", "none", "--features", "libfuzzer", target]);
    command.env("RUSTC_BOOTSTRAP", "1");
    command
}
