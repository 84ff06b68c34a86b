//! Where a measured server and its load run, and how they share the machine with others.

use std::ffi::OsStr;
use std::fmt;
use std::process::Command;

use crate::process;
use crate::repository::Repository;

/// How generator and server share the machine with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Priority {
    Ordinary,
    /// SCHED_RR: others of ordinary priority wait, but for the share that the kernel keeps for them
    /// (`kernel.sched_rt_runtime_us`).
    Realtime,
}

impl Priority {
    /// Real time, unless the system refuses it.
    pub(super) fn realtime_if_allowed(repository: &Repository) -> Self {
        if process::answers(repository.command("chrt").args(["-r", "10", "true"])) {
            Self::Realtime
        } else {
            eprintln!("SCHED_RR is not permitted here: measuring at ordinary priority");
            Self::Ordinary
        }
    }

    /// A command that runs `program` on one core at this priority.
    pub(super) fn command(self, repository: &Repository, core: Core, program: impl AsRef<OsStr>) -> Command {
        let mut command = core.command(repository);
        if self == Self::Realtime {
            command.args(["chrt", "-r", "10"]);
        }
        command.arg(program);
        command
    }

    /// Gives a running process and all its threads this priority until the value returned is dropped.
    pub(super) fn raise(self, repository: &Repository, pid: u32) -> Raised<'_> {
        if self == Self::Realtime {
            set_priority(repository, pid, &["-r", "10"]);
        }
        Raised { repository, pid, priority: self }
    }
}

/// A process that has another priority than usual for the length of a step.
pub(super) struct Raised<'a> {
    repository: &'a Repository,
    pid: u32,
    priority: Priority,
}

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        if self.priority == Priority::Realtime {
            set_priority(self.repository, self.pid, &["-o", "0"]);
        }
    }
}

fn set_priority(repository: &Repository, pid: u32, policy: &[&str]) {
    let mut command = repository.command("chrt");
    if !process::answers(command.args(["-a", "-p"]).args(policy).arg(pid.to_string())) {
        eprintln!("the priority of process {pid} could not be changed");
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ordinary => "ordinary priority",
            Self::Realtime => "SCHED_RR",
        })
    }
}

/// Generator and server each have a core, so that neither waits for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Core {
    Generator,
    Server,
}

impl Core {
    /// What to put before a program and its arguments.
    pub(super) fn command(self, repository: &Repository) -> Command {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let core = match self {
            Self::Generator => 0,
            Self::Server => 1.min(cores - 1),
        };
        let mut command = repository.command("taskset");
        command.args(["-c", &core.to_string()]);
        command
    }
}
