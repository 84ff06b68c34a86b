use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sangam_bench_common::process::cpu_time;
use sangam_testkit::{Program, WAIT_MAX, wait_until};
use tempfile::TempDir;

use super::disk;
use super::step::Outcome;
use crate::bench::place::{Core, Priority, Raised};
use crate::process;
use crate::repository::Repository;

/// Whom it runs as where we are root, which it refuses to be.
const USER: &str = "postgres";

/// The two tables that any such server has at least, as those of SQLite (`floor`).
const SCHEMA: &str = "
    CREATE TABLE log (cursor BIGINT PRIMARY KEY, device BIGINT, op_id BIGINT, collection BIGINT, entity TEXT,
                      version BIGINT, at BIGINT, body BYTEA);
    CREATE UNIQUE INDEX known ON log (device, op_id, collection, entity);
    CREATE TABLE entity (collection BIGINT, name TEXT, version BIGINT, cursor BIGINT, PRIMARY KEY (collection, name));
    CREATE SEQUENCE op CACHE 1000;";

/// A server with an empty cluster of its own, as Debian's package sets it up but for where it listens.
pub(super) struct Postgres {
    program: Program,
    bin: PathBuf,
    home: TempDir,
}

/// Its newest programs; `None`: not installed.
fn bin() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let dirs = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    dirs.filter(|dir| ["initdb", "postgres", "pgbench", "psql"].iter().all(|name| dir.join(name).exists())).max()
}

pub(super) fn is_installed() -> bool {
    bin().is_some()
}

impl Postgres {
    /// Makes the cluster and starts the server.
    ///
    /// # Errors
    /// It is not installed, cannot reach its directory, or does not start.
    pub(super) fn start(repository: &Repository, dir: &Path) -> Result<Self> {
        let bin = bin().context("PostgreSQL is not installed: `apt-get install postgresql`")?;
        let home = disk::place(dir)?;
        let data = home.path().join("data");
        give_away(home.path())?;
        let mut initdb = as_its_user(repository.command(bin.join("initdb")));
        initdb
            .args(["--no-sync", "--auth=trust", "--username", USER, "--encoding=UTF8", "--locale=C", "--pgdata"])
            .arg(&data);
        process::output_of(&mut initdb).context("it needs to reach its directory under target/")?;
        let mut command = on_core(repository, as_its_user(repository.command(bin.join("postgres"))));
        command.arg("-D").arg(&data).arg("-k").arg(home.path());
        command.args(["-c", "listen_addresses=", "-c", "fsync=on", "-c", "synchronous_commit=on"]);
        let program = Program::start(&mut command)?;
        let postgres = Self { program, bin, home };
        wait_until("PostgreSQL", WAIT_MAX, || {
            Ok(process::answers(postgres.psql(repository).args(["-c", "SELECT 1"])).then_some(()))
        })
        .with_context(|| format!("it said:\n{}", postgres.program.output()))?;
        Ok(postgres)
    }

    /// As it calls itself.
    pub(super) fn version(&self, repository: &Repository) -> Result<String> {
        Ok(format!("PostgreSQL {}", self.ask(repository, "SHOW server_version")?))
    }

    /// Commits of so many operations each, into empty tables.
    pub(super) fn push(&self, repository: &Repository, priority: Priority, load: &Load) -> Result<Outcome> {
        self.ask(repository, &format!("DROP TABLE IF EXISTS log, entity; DROP SEQUENCE IF EXISTS op; {SCHEMA}"))?;
        self.ask(repository, "CHECKPOINT")?;
        let script = self.home.path().join("push.sql");
        fs::write(&script, load.script())?;
        let _raised = self.raise(repository, priority)?;
        // It knows whole seconds only.
        if load.warm_up >= Duration::from_secs(1) {
            self.pgbench(repository, priority, &script, load, load.warm_up)?;
        }
        let (rows_before, cpu_before) = (self.rows(repository)?, self.cpu()?);
        let said = self.pgbench(repository, priority, &script, load, load.lasting)?;
        let (rows, cpu) = (self.rows(repository)?, self.cpu()?);
        let ran = Ran::read(&said).with_context(|| format!("pgbench said {said}"))?;
        let operations = ran.commits * load.operations;
        ensure!(rows - rows_before == operations, "{} rows of {operations} are there", rows - rows_before);
        let bytes = "SELECT pg_total_relation_size('log') + pg_total_relation_size('entity')";
        let disk_bytes: u64 = self.ask(repository, bytes)?.parse()?;
        Ok(Outcome {
            operations,
            seconds: operations as f64 / (ran.commits_per_second * load.operations as f64),
            cpu_nanos: u64::try_from((cpu.saturating_sub(cpu_before)).as_nanos()).ok(),
            disk_bytes_each: Some(disk_bytes as f64 / rows as f64),
            ..Outcome::default()
        })
    }

    fn pgbench(
        &self,
        repository: &Repository,
        priority: Priority,
        script: &Path,
        load: &Load,
        lasting: Duration,
    ) -> Result<String> {
        let mut command = priority.command(repository, Core::Generator, self.bin.join("pgbench"));
        command.args(["-n", "-M", "prepared", "-j", "1", "-c", &load.clients.to_string()]);
        command.args(["-T", &lasting.as_secs().max(1).to_string(), "-U", USER, "-h"]).arg(self.home.path());
        command.arg("-f").arg(script).arg("postgres");
        process::output_of(&mut command)
    }

    fn rows(&self, repository: &Repository) -> Result<u64> {
        Ok(self.ask(repository, "SELECT count(*) FROM log JOIN entity USING (cursor)")?.parse()?)
    }

    fn psql(&self, repository: &Repository) -> Command {
        let mut command = repository.command(self.bin.join("psql"));
        command
            .args(["-q", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", USER, "-d", "postgres", "-h"])
            .arg(self.home.path());
        command
    }

    fn ask(&self, repository: &Repository, sql: &str) -> Result<String> {
        let said =
            process::output_of(self.psql(repository).args(["-c", "SET client_min_messages = warning", "-c", sql]))?;
        Ok(said.trim().to_owned())
    }

    /// It and what it has started; what it starts from now on has the same priority.
    fn raise<'a>(&self, repository: &'a Repository, priority: Priority) -> Result<Vec<Raised<'a>>> {
        let pids = [vec![self.program.pid()], children(self.program.pid())?].concat();
        Ok(pids.into_iter().map(|pid| priority.raise(repository, pid)).collect())
    }

    /// CPU time of it, of what it has started, and of what has ended since.
    fn cpu(&self) -> Result<Duration> {
        let pid = self.program.pid();
        let mut sum = cpu_time(pid)? + ended_children(pid)?;
        for child in children(pid)? {
            sum += cpu_time(child).unwrap_or_default();
        }
        Ok(sum)
    }
}

/// What pgbench does.
pub(super) struct Load {
    pub(super) clients: u64,
    /// Of each commit.
    pub(super) operations: u64,
    pub(super) warm_up: Duration,
    pub(super) lasting: Duration,
}

impl Load {
    /// One statement that makes all rows of a commit: a client that sends each of them would be slower.
    fn script(&self) -> String {
        format!(
            "WITH new AS MATERIALIZED (SELECT nextval('op') AS n FROM generate_series(1, {})), \
             logged AS (INSERT INTO log SELECT n, :client_id, n, n % 10, 'e-floor-' || n, 1, 1702569600000, \
             decode(repeat(md5(n::text), 16), 'hex') FROM new RETURNING collection, entity, cursor) \
             INSERT INTO entity SELECT collection, entity, 1, cursor FROM logged \
             ON CONFLICT (collection, name) DO UPDATE SET version = excluded.version, cursor = excluded.cursor;\n",
            self.operations
        )
    }
}

/// What pgbench says at its end.
#[derive(Debug, PartialEq)]
struct Ran {
    commits: u64,
    commits_per_second: f64,
}

impl Ran {
    fn read(said: &str) -> Option<Self> {
        let after = |what: &str| {
            said.lines().find_map(|line| line.strip_prefix(what)).and_then(|rest| rest.split_whitespace().next())
        };
        let failed = after("number of failed transactions: ").map_or(Ok(0), str::parse::<u64>).ok()?;
        let commits = after("number of transactions actually processed: ")?.split('/').next()?.parse().ok()?;
        let commits_per_second = after("tps = ")?.parse().ok()?;
        (failed == 0).then_some(Self { commits, commits_per_second })
    }
}

/// A directory that is ours becomes its user's, if we are root.
fn give_away(dir: &Path) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let id = |flag: &str| -> Result<u32> {
        let said = process::output_of(Command::new("id").args([flag, USER]))?;
        Ok(said.trim().parse()?)
    };
    chown(dir, Some(id("-u")?), Some(id("-g")?)).with_context(|| format!("cannot give {} to {USER}", dir.display()))
}

/// The same command as its user, if we are root.
fn as_its_user(command: Command) -> Command {
    if rustix::process::geteuid().is_root() {
        before(&["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--"], command)
    } else {
        command
    }
}

fn on_core(repository: &Repository, command: Command) -> Command {
    let mut pinned = Core::Server.command(repository);
    // Its user may not look into ours.
    pinned.arg(command.get_program()).args(command.get_args()).current_dir("/");
    pinned
}

fn before(words: &[&str], command: Command) -> Command {
    let mut all = Command::new(words[0]);
    all.args(&words[1..]).arg(command.get_program()).args(command.get_args()).stdin(std::process::Stdio::null());
    all.current_dir("/");
    all
}

fn children(pid: u32) -> Result<Vec<u32>> {
    let file = format!("/proc/{pid}/task/{pid}/children");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
    Ok(text.split_whitespace().filter_map(|child| child.parse().ok()).collect())
}

/// CPU time of children that were waited for: proc(5), `stat`, fields 16 and 17, in ticks of 10 ms.
fn ended_children(pid: u32) -> Result<Duration> {
    let file = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
    let ticks = ended_ticks(&text).with_context(|| format!("{file} says {text}"))?;
    Ok(Duration::from_millis(10 * ticks))
}

fn ended_ticks(stat: &str) -> Option<u64> {
    // The second field is a name in parentheses that may hold spaces.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(13);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pgbench_says_is_read_and_a_failed_commit_is_no_result() {
        let said = "transaction type: push.sql\nnumber of transactions actually processed: 24600\n\
                    number of failed transactions: 0 (0.000%)\nlatency average = 3.2 ms\n\
                    tps = 4920.5 (without initial connection time)\n";
        assert_eq!(Ran::read(said), Some(Ran { commits: 24_600, commits_per_second: 4_920.5 }));
        assert_eq!(Ran::read(&said.replace("transactions: 0", "transactions: 3")), None);
        assert_eq!(Ran::read("nothing"), None);
    }

    #[test]
    fn the_time_of_ended_children_is_found_behind_any_name() {
        let stat = "7 (a b) c) S 1 1 1 0 -1 0 0 0 0 0 11 12 100 23 20 0 1 0";
        assert_eq!(ended_ticks(stat), Some(123));
    }

    #[test]
    fn every_commit_makes_as_many_rows_as_it_should() {
        let load = Load { clients: 1, operations: 100, warm_up: Duration::ZERO, lasting: Duration::ZERO };
        assert!(load.script().contains("generate_series(1, 100)"));
        assert_eq!(load.script().lines().count(), 1);
    }
}
