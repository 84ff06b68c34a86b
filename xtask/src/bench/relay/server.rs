use std::fmt;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use sangam_testkit::{Program, WAIT_MAX, free_tcp_port, free_udp_port, http, wait_until};
use tempfile::TempDir;

use super::plan::Mode;
use crate::bench::place::Core;
use crate::process;
use crate::repository::Repository;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Ours,
    Coturn,
    /// A program that receives and sends, and does nothing else.
    Floor,
}

/// Where our programs are.
pub(super) struct Programs {
    sangam: PathBuf,
    pub(super) generator: PathBuf,
}

impl Programs {
    pub(super) fn in_dir(dir: &Path) -> Self {
        Self { sangam: dir.join("sangam"), generator: dir.join("sangam-bench-relay") }
    }
}

impl Kind {
    /// All; without coturn where it is not installed.
    pub(super) fn available() -> Vec<Self> {
        let coturn = process::find_program("turnserver").map(|_| Self::Coturn);
        [Some(Self::Ours), coturn, Some(Self::Floor)].into_iter().flatten().collect()
    }

    pub(super) fn speaks_turn(self) -> bool {
        self != Self::Floor
    }

    /// The versions of what is not ours.
    pub(super) fn versions(repository: &Repository) -> String {
        let said = repository.command("turnserver").arg("--version").output();
        let version = said
            .ok()
            .and_then(|said| String::from_utf8_lossy(&said.stdout).lines().last().map(|line| line.trim().to_owned()));
        version.map_or_else(|| "no coturn".to_owned(), |version| format!("coturn {version}"))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "sangam",
            Self::Coturn => "coturn",
            Self::Floor => "floor",
        })
    }
}

/// A server on the server's core, with one relay thread.
pub(super) struct RelayServer {
    kind: Kind,
    addr: SocketAddr,
    program: Program,
    _home: TempDir,
}

/// Of the servers we start, on loopback, for the length of the run.
const SECRET: &str = "b8e1c2f09a4d4f7e93d05c6a71e84b2d";

impl RelayServer {
    /// Starts it and waits until it takes clients.
    pub(super) fn start(repository: &Repository, programs: &Programs, kind: Kind) -> Result<Self> {
        let home = tempfile::tempdir().context("cannot make a directory for data")?;
        let (program, addr) = match kind {
            Kind::Ours => start_ours(repository, &programs.sangam, home.path())?,
            Kind::Coturn => start_coturn(repository, home.path())?,
            Kind::Floor => start_floor(repository, &programs.generator)?,
        };
        Ok(Self { kind, addr, program, _home: home })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// What the generator is told of it.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![format!("--server={}", self.addr), format!("--pid={}", self.pid())];
        if self.kind.speaks_turn() {
            arguments.push(format!("--secret={SECRET}"));
        }
        arguments
    }
}

fn start_ours(repository: &Repository, binary: &Path, home: &Path) -> Result<(Program, SocketAddr)> {
    let web = SocketAddr::from((Ipv4Addr::LOCALHOST, free_tcp_port()?));
    let relay = SocketAddr::from((Ipv4Addr::LOCALHOST, free_udp_port()?));
    let secrets = home.join("secrets");
    fs::write(&secrets, SECRET)?;
    let mut command = Core::Server.command(repository);
    command.arg(binary).args(["serve", "--roles", "relay", "--data-dir"]).arg(home.join("data"));
    command.current_dir(home);
    for setting in [
        &format!("http.listen={web}"),
        &format!("relay.listen={relay}"),
        &format!("relay.secrets_file={}", secrets.display()),
        "relay.threads=1",
        // Caps are not what is measured.
        "relay.allocations_per_user_max=16384",
        "relay.challenges_per_sec=1000000",
    ] {
        command.args(["--set", setting]);
    }
    let program = Program::start(&mut command)?;
    wait_until("sangam to be ready", WAIT_MAX, || {
        Ok(http::get(web, "/ready").is_ok_and(|answer| answer.status == 200).then_some(()))
    })
    .with_context(|| format!("sangam said:\n{}", program.output()))?;
    Ok((program, relay))
}

fn start_coturn(repository: &Repository, home: &Path) -> Result<(Program, SocketAddr)> {
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, free_udp_port()?));
    let mut command: Command = Core::Server.command(repository);
    command.args(["turnserver", "-n", "--no-cli", "--no-tls", "--no-dtls", "--no-tcp", "--relay-threads=1"]);
    command.args(["--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--allow-loopback-peers", "--realm=sangam"]);
    command.args(["--use-auth-secret", &format!("--static-auth-secret={SECRET}"), "--log-file=stdout"]);
    command.arg(format!("--listening-port={}", addr.port()));
    for (option, file) in [("pidfile", "coturn.pid"), ("userdb", "coturn.db")] {
        command.arg(format!("--{option}={}", home.join(file).display()));
    }
    let program = Program::start(&mut command)?;
    wait_until("coturn to answer a Binding request", WAIT_MAX, || Ok(answers_binding(addr).then_some(())))
        .with_context(|| format!("coturn said:\n{}", program.output()))?;
    Ok((program, addr))
}

/// Whether a STUN Binding request (RFC 8489 §2) is answered soon.
fn answers_binding(server: SocketAddr) -> bool {
    let answer = || -> std::io::Result<usize> {
        let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(std::time::Duration::from_millis(200)))?;
        // A connected socket hears of a closed port.
        socket.connect(server)?;
        let mut request = [0; 20];
        request[..8].copy_from_slice(&[0x00, 0x01, 0, 0, 0x21, 0x12, 0xA4, 0x42]);
        socket.send(&request)?;
        socket.recv(&mut [0; 128])
    };
    answer().is_ok()
}

fn start_floor(repository: &Repository, generator: &Path) -> Result<(Program, SocketAddr)> {
    let mut command = Core::Server.command(repository);
    command.arg(generator).arg("floor");
    let mut program = Program::start(&mut command)?;
    let addr =
        program.wait_for_line("the floor's address", WAIT_MAX, |line| line.strip_prefix("listening ")?.parse().ok())?;
    Ok((program, addr))
}

/// The goals of a mode, as CPU for each packet against coturn's.
pub(super) fn goal(mode: Mode) -> f64 {
    match mode {
        Mode::Up | Mode::Down | Mode::Echo => 1.0,
        Mode::Pair => 0.5,
    }
}
