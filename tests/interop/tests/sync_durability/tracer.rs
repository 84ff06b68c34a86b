use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use sangam_testkit::{Program, Server, WAIT_MAX};

/// strace at the server's system calls, with all its threads; it lets go when it is dropped.
pub(crate) struct Tracer(Program);

impl Tracer {
    /// Takes hold of the server; what is traced goes to `output`.
    pub(crate) fn attach(server: &Server, output: &Path, options: &[&str]) -> Result<Self> {
        ensure!(
            rustix::process::geteuid().is_root(),
            "this traces a server that runs, which only root may: run it as root, or leave it out with \
             `cargo xtask test --fast`"
        );
        let mut command = Command::new("strace");
        command.args(["-f", "-e", "signal=none", "-o"]).arg(output).args(options);
        let mut program = Program::start(command.args(["-p", &server.pid().to_string()]))?;
        program.wait_for_line("the tracer to stand", WAIT_MAX, |line| line.contains("attached").then_some(()))?;
        Ok(Self(program))
    }

    /// Lets go.
    pub(crate) fn detach(self) -> Result<()> {
        self.0.stop().map(drop)
    }
}
