use anyhow::Result;
use clap::Args;

use crate::repository::Repository;
use crate::{Verdict, process};

/// The tests that every run does with few cuts, with many.
#[derive(Args)]
pub(crate) struct DeviceDurability {
    /// How often the server is killed, and how often its power is cut
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    cuts: u32,
}

impl DeviceDurability {
    pub(crate) fn run(&self, repository: &Repository) -> Result<Verdict> {
        process::must_pass(&mut repository.cargo(&["build", "--locked", "--package", "sangam"]))?;
        // Not by nextest: it ends what takes so long.
        let mut tests = repository.cargo(&["test", "--locked", "-p", "sangam-interop", "--test", "device_durability"]);
        tests.args(["--", "--test-threads", "1", "--nocapture"]).env("SANGAM_CUTS", self.cuts.to_string());
        process::passes(&mut tests).map(|passed| if passed { Verdict::Pass } else { Verdict::Fail })
    }
}
