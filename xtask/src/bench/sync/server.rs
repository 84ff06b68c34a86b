use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use sangam_testkit::{Program, WAIT_MAX, free_tcp_port, http};
use serde::Deserialize;
use tempfile::TempDir;

use super::contender::Contender;
use super::disk;
use super::step::Bench;
use crate::bench::place::Core;
use crate::process;
use crate::repository::Repository;
use crate::setup::node;

/// What would otherwise be measured is how soon a limit is met: all clients come from one address. Lines about each request
/// go nowhere, on either server.
const SETTINGS: [&str; 9] = [
    "http.connections_max=20000",
    "http.connections_per_address_max=20000",
    "sync.rate.requests_per_sec=1000000",
    "sync.rate.burst=1000000",
    "sync.sse.connections_max=20000",
    "sync.streams.per_database_max=20000",
    "sync.replicas_max=100000",
    "sync.log_requests=false",
    "log.level=warn",
];

/// A server that replicas speak to, on the server's core, with a directory of its own.
pub(super) struct Server {
    contender: Contender,
    program: Program,
    pub(super) addr: SocketAddr,
    /// From just before the process was made until it answered.
    pub(super) ready_after: Duration,
    home: TempDir,
}

impl Server {
    /// Starts it with nothing in it, and waits until it answers.
    pub(super) fn start(bench: &Bench<'_>, contender: Contender) -> Result<Self> {
        Self::start_in(bench, contender, disk::place(&bench.disk)?)
    }

    fn start_in(bench: &Bench<'_>, contender: Contender, home: TempDir) -> Result<Self> {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, free_tcp_port()?));
        let (mut command, asked) = match contender {
            Contender::Ours | Contender::OursSmall => (ours(bench, addr, home.path()), "/ready"),
            Contender::Pouch => (pouch(bench.repository, addr, home.path())?, "/"),
            Contender::Postgres | Contender::PostgresAlone | Contender::Sqlite => {
                bail!("{contender} is no server for replicas")
            }
        };
        let began = Instant::now();
        let program = Program::start(&mut command)?;
        while !http::get(addr, asked).is_ok_and(|answer| answer.status == 200) {
            if began.elapsed() > WAIT_MAX {
                bail!("{contender} was not ready within {WAIT_MAX:?}; it said:\n{}", program.output());
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(Self { contender, program, addr, ready_after: began.elapsed(), home })
    }

    /// Kills it without notice and starts it again on the same data; `meanwhile` runs until it has noticed.
    pub(super) fn cut<T: Send>(
        self,
        bench: &Bench<'_>,
        after: Duration,
        meanwhile: impl FnOnce(&[String]) -> Result<T> + Send,
    ) -> Result<(Self, T)> {
        let target = self.target();
        let Self { contender, mut program, home, .. } = self;
        let noticed = thread::scope(|scope| {
            let load = scope.spawn(move || meanwhile(&target));
            thread::sleep(after);
            program.signal(rustix::process::Signal::KILL)?;
            load.join().map_err(|_| anyhow::anyhow!("what ran meanwhile panicked"))?
        })?;
        drop(program);
        Ok((Self::start_in(bench, contender, home)?, noticed))
    }

    /// How the generator is told of it.
    pub(super) fn target(&self) -> Vec<String> {
        let kind = if self.contender == Contender::Pouch { "couch" } else { "ours" };
        vec![format!("--server={}", self.addr), format!("--pid={}", self.pid()), format!("--kind={kind}")]
    }

    pub(super) fn pid(&self) -> u32 {
        self.program.pid()
    }

    pub(super) fn contender(&self) -> Contender {
        self.contender
    }

    /// Documents that pouchdb-server says it holds.
    pub(super) fn documents(&self) -> Result<u64> {
        #[derive(Deserialize)]
        struct About {
            doc_count: u64,
        }
        let about = http::get(self.addr, "/bench")?;
        ensure!(about.status == 200, "asked about its database, {} answered {}", self.contender, about.status);
        Ok(serde_json::from_str::<About>(&about.body)?.doc_count)
    }

    /// Stops it, and counts the bytes of the file that holds all of it then.
    pub(super) fn stop_and_weigh(self) -> Result<u64> {
        let ended = self.program.stop()?;
        ensure!(ended.status.success(), "{} ended with {}:\n{}", self.contender, ended.status, ended.output);
        // A log that was laid down ahead holds nothing: it was copied into the file.
        disk::bytes(self.home.path(), |name| name.ends_with(".sqlite3"))
    }
}

fn ours(bench: &Bench<'_>, addr: SocketAddr, home: &Path) -> Command {
    let mut command = Core::Server.command(bench.repository);
    command.arg(&bench.programs.sangam).args(["serve", "--roles", "sync", "--data-dir"]).arg(home.join("data"));
    command.args(["--set", &format!("http.listen={addr}")]);
    for setting in SETTINGS {
        command.args(["--set", setting]);
    }
    command.env("JWT_SECRET", &bench.secret);
    command
}

fn pouch(repository: &Repository, addr: SocketAddr, home: &Path) -> Result<Command> {
    let (data, config) = (home.join("data"), home.join("config.json"));
    fs::create_dir_all(&data)?;
    let log = home.join("log.txt");
    fs::write(&config, serde_json::json!({ "log": { "file": log, "level": "none" } }).to_string())?;
    let mut command = Core::Server.command(repository);
    command
        .current_dir(home)
        .arg("node")
        .arg(pouch_dir(repository).join("node_modules/pouchdb-server/bin/pouchdb-server"));
    command.args(["--port", &addr.port().to_string(), "--host", "127.0.0.1", "--no-stdout-logs", "--dir"]);
    command.arg(data).arg("--config").arg(config);
    Ok(command)
}

/// Where pouchdb-server is installed.
fn pouch_dir(repository: &Repository) -> PathBuf {
    repository.target().join("bench-sync-peer")
}

/// Puts pouchdb-server, exactly as locked, under `target/`. LevelDB comes built, within its package.
///
/// # Errors
/// There is no npm, or it cannot get the packages.
pub(super) fn install_pouch(repository: &Repository) -> Result<()> {
    let (from, into) = (repository.path("benches-e2e/sync/peer"), pouch_dir(repository));
    fs::create_dir_all(&into).with_context(|| format!("cannot make {}", into.display()))?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(from.join(file), into.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    node::install(repository, &into)
}

pub(super) fn is_pouch_installed(repository: &Repository) -> bool {
    node::is_installed(&pouch_dir(repository))
}

/// Its version, and that of what it runs on.
pub(super) fn pouch_versions(repository: &Repository) -> Result<String> {
    #[derive(Deserialize)]
    struct Package {
        version: String,
    }
    let node = process::output_of(repository.command("node").arg("--version"))?;
    let file = pouch_dir(repository).join("node_modules/pouchdb-server/package.json");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let package: Package = serde_json::from_str(&text)?;
    Ok(format!("pouchdb-server {} on Node {}", package.version, node.trim()))
}
