use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sangam_testkit::{Program, WAIT_MAX};
use serde::Deserialize;

use crate::bench::place::Core;
use crate::process;
use crate::repository::Repository;
use crate::setup::node;

/// What is compared: programs with the same options and the same application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The example `reference` of our Socket.IO server.
    Ours,
    Node,
    /// Node's server where ours would be.
    NodeInOurPlace,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "sangam",
            Self::Node => "Node",
            Self::NodeInOurPlace => "Node in our place",
        })
    }
}

/// Who takes part.
pub(super) struct Peers {
    /// Of the first column.
    pub(super) first: Kind,
    pub(super) with_node: bool,
    /// Also the whole of ours, with idle clients.
    pub(super) with_product: bool,
}

impl Peers {
    /// In the order of their turns.
    pub(super) fn kinds(&self) -> impl Iterator<Item = Kind> + use<> {
        [Some(self.first), self.with_node.then_some(Kind::Node)].into_iter().flatten()
    }
}

/// What builds our reference server, and so says what it is called.
///
/// # Errors
/// It is not in the repository.
pub(super) fn reference_build(repository: &Repository) -> Result<[&'static str; 4]> {
    const SOURCE: &str = "crates/socketio/examples/reference";
    let is_there = [".rs", "/main.rs"].iter().any(|end| repository.path(&format!("{SOURCE}{end}")).exists());
    ensure!(is_there, "there is no {SOURCE} to measure; `--node-twice` measures Node against itself");
    Ok(["--package", "sangam-socketio", "--example", "reference"])
}

/// Where our reference server lies in a directory that cargo builds into.
fn reference(dir: &Path) -> PathBuf {
    dir.join("examples/reference")
}

/// Where our programs are.
pub(super) struct Programs {
    reference: PathBuf,
    pub(super) sangam: PathBuf,
    pub(super) generator: PathBuf,
}

impl Programs {
    pub(super) fn in_dir(dir: &Path) -> Self {
        let (sangam, generator) = (dir.join("sangam"), dir.join("sangam-bench-signal"));
        Self { reference: reference(dir), sangam, generator }
    }

    pub(super) fn has_reference(&self) -> bool {
        self.reference.exists()
    }
}

/// The files of Node's server in the repository.
const NODE_FILES: &str = "benches-e2e/signal/peer";

/// Where it is installed.
fn node_dir(repository: &Repository) -> PathBuf {
    repository.target().join("bench-signal-peer")
}

/// Puts Node's socket.io, exactly as locked, and its application under `target/`.
///
/// # Errors
/// There is no npm, or it cannot get the packages.
pub(in crate::bench) fn install_node(repository: &Repository) -> Result<()> {
    let (from, into) = (repository.path(NODE_FILES), node_dir(repository));
    fs::create_dir_all(&into).with_context(|| format!("cannot make {}", into.display()))?;
    for file in ["package.json", "package-lock.json", "server.mjs"] {
        fs::copy(from.join(file), into.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    node::install(repository, &into)
}

pub(super) fn is_node_installed(repository: &Repository) -> bool {
    node::is_installed(&node_dir(repository)) && node_dir(repository).join("server.mjs").exists()
}

/// The versions of what is not ours.
pub(super) fn versions(repository: &Repository) -> Result<String> {
    #[derive(Deserialize)]
    struct Package {
        version: String,
    }
    if !is_node_installed(repository) {
        return Ok("no Node".to_owned());
    }
    let node = process::output_of(repository.command("node").arg("--version"))?;
    let read = |package: &str| -> Result<String> {
        let file = node_dir(repository).join("node_modules").join(package).join("package.json");
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(serde_json::from_str::<Package>(&text)?.version)
    };
    Ok(format!("Node {}, socket.io {}, ws {}", node.trim(), read("socket.io")?, read("ws")?))
}

/// A server on the server's core.
pub(super) struct Peer {
    addr: SocketAddr,
    program: Program,
}

/// The defaults of Node's library, said aloud to both.
const OPTIONS: [&str; 8] =
    ["--ping-interval", "25000", "--ping-timeout", "20000", "--max-payload", "1000000", "--connect-timeout", "45000"];
/// The default of Node's library where recovery is on.
const RECOVERY: [&str; 2] = ["--recovery", "120000"];

impl Peer {
    /// Starts it and waits until it takes clients.
    pub(super) fn start(repository: &Repository, programs: &Programs, kind: Kind, with_recovery: bool) -> Result<Self> {
        let mut command = Core::Server.command(repository);
        match kind {
            Kind::Ours => command.arg(&programs.reference),
            Kind::Node | Kind::NodeInOurPlace => command.arg("node").arg(node_dir(repository).join("server.mjs")),
        };
        command.args(OPTIONS).args(if with_recovery { &RECOVERY[..] } else { &[] });
        let mut program = Program::start(&mut command)?;
        let addr = program.wait_for_line("its address", WAIT_MAX, listening)?;
        Ok(Self { addr, program })
    }

    pub(super) fn pid(&self) -> u32 {
        self.program.pid()
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

/// What a peer prints when it is ready.
fn listening(line: &str) -> Option<SocketAddr> {
    line.strip_prefix("listening http://")?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_in_the_line_that_says_so() {
        assert_eq!(listening("listening http://127.0.0.1:81"), Some(SocketAddr::from(([127, 0, 0, 1], 81))));
        assert_eq!(listening("warning: listening"), None);
    }
}
