use anyhow::Result;
use clap::Args;

use crate::repository::Repository;
use crate::{Verdict, process, setup};

#[derive(Args)]
pub(crate) struct NatLab {
    /// Calls for each kind of route
    #[arg(long, default_value_t = 5)]
    calls: u32,
    /// Also through coturn, as the control
    #[arg(long)]
    coturn: bool,
}

impl NatLab {
    pub(crate) fn run(&self, repository: &Repository) -> Result<Verdict> {
        setup::everything(repository)?;
        process::must_pass(&mut repository.cargo(&["build", "--locked", "-p", "sangam", "-p", "sangam-interop"]))?;
        let mut lab = repository.command(repository.target().join("debug/natlab"));
        lab.arg(format!("--calls={}", self.calls)).args(self.coturn.then_some("--coturn"));
        process::passes(&mut lab).map(|passed| if passed { Verdict::Pass } else { Verdict::Fail })
    }
}
