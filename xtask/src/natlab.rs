use std::ffi::OsString;

use anyhow::Result;
use clap::Args;

use crate::repository::Repository;
use crate::{Verdict, process, setup};

#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct NatLab {
    /// Which pairs, how often, over what links: `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Links {
    /// What happens, how often, and how long: `--help` lists it
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

#[derive(Args)]
pub(crate) struct NatLabRoutes {
    /// Calls for each kind of route
    #[arg(long, default_value_t = 5)]
    calls: u32,
    /// Also through coturn, as the control
    #[arg(long)]
    coturn: bool,
}

impl NatLab {
    pub(crate) fn run(&self, repository: &Repository) -> Result<Verdict> {
        run(repository, "natlab", &self.arguments)
    }
}

impl Links {
    pub(crate) fn run(&self, repository: &Repository) -> Result<Verdict> {
        run(repository, "link_returns", &self.arguments)
    }
}

impl NatLabRoutes {
    pub(crate) fn run(&self, repository: &Repository) -> Result<Verdict> {
        let mut arguments = vec![format!("--calls={}", self.calls).into()];
        arguments.extend(self.coturn.then(|| "--coturn".into()));
        run(repository, "natlab_routes", &arguments)
    }
}

fn run(repository: &Repository, program: &str, arguments: &[OsString]) -> Result<Verdict> {
    setup::everything(repository)?;
    process::must_pass(&mut repository.cargo(&["build", "--locked", "-p", "sangam", "-p", "sangam-interop"]))?;
    let mut lab = repository.command(repository.target().join("debug").join(program));
    process::passes(lab.args(arguments)).map(|passed| if passed { Verdict::Pass } else { Verdict::Fail })
}
