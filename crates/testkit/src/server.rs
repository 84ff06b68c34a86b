use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Ended, Program};
use crate::waiting::{WAIT_MAX, wait_until};
use crate::{http, sangam_binary};

/// A `sangam serve` of the test's own: free ports on loopback, a data directory that goes with it.
#[derive(Debug)]
pub struct Server {
    program: Program,
    listeners: BTreeMap<String, SocketAddr>,
    home: TempDir,
    builder: ServerBuilder,
}

/// How to start a [`Server`].
#[derive(Debug, Default)]
pub struct ServerBuilder {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    data_dir: Option<PathBuf>,
}

/// A [`Server`] that was killed: its ports and its data, for another in its place.
#[derive(Debug)]
pub struct Killed {
    home: TempDir,
    builder: ServerBuilder,
}

/// What puts every listener of the default roles on a free port.
const FREE_PORTS: [&str; 5] = [
    "http.listen=127.0.0.1:0",
    "signal.listen=127.0.0.1:0",
    "signal.socketio.listen=127.0.0.1:0",
    "devices.listen=127.0.0.1:0",
    "relay.listen=127.0.0.1:0",
];

const DATA_DIR: &str = "data";

impl ServerBuilder {
    /// Adds `--set key=value`.
    #[must_use]
    pub fn set(self, key: &str, value: &str) -> Self {
        self.argument("--set").argument(&format!("{key}={value}"))
    }

    /// Adds one word to the command line.
    #[must_use]
    pub fn argument(mut self, word: &str) -> Self {
        self.arguments.push(word.to_owned());
        self
    }

    /// Adds an environment variable; the server sees no others but PATH.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Has it keep its data there, on a disk of the test's own.
    #[must_use]
    pub fn data_dir(mut self, path: PathBuf) -> Self {
        self.data_dir = Some(path);
        self
    }

    /// Starts it and waits until `/ready` answers 200.
    ///
    /// # Errors
    /// No binary, a server that ends or does not get ready: the message holds its log.
    pub fn start(self) -> Result<Server> {
        self.start_in(tempfile::tempdir()?)
    }

    fn start_in(self, home: TempDir) -> Result<Server> {
        let server = self.start_unready_in(home)?;
        server.wait_ready()?;
        Ok(server)
    }

    fn start_unready_in(self, home: TempDir) -> Result<Server> {
        // The server makes its data directory itself, closed to others.
        let mut program = Program::start(&mut self.command(home.path())?)?;
        let listeners = program.wait_for_line("the line with its listeners", WAIT_MAX, listeners_of)?;
        Ok(Server { program, listeners, home, builder: self })
    }

    fn command(&self, home: &Path) -> Result<Command> {
        let mut command = Command::new(sangam_binary()?);
        // Settings of whoever runs the tests must not reach it, neither a sangam.toml of theirs nor a variable.
        command.current_dir(home).arg("serve").arg("--data-dir").arg(self.data_dir_in(home));
        for free_port in FREE_PORTS {
            command.args(["--set", free_port]);
        }
        command.args(&self.arguments);
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }

    fn data_dir_in(&self, home: &Path) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(|| home.join(DATA_DIR))
    }
}

impl Server {
    /// With default settings but for the ports.
    ///
    /// # Errors
    /// As [`ServerBuilder::start`].
    pub fn start() -> Result<Self> {
        Self::builder().start()
    }

    /// To set something first.
    #[must_use]
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// Where the listener of that name (`http`, `signal`, `relay`) really listens.
    ///
    /// # Errors
    /// The server named no such listener: the message lists those it did.
    pub fn listener(&self, name: &str) -> Result<SocketAddr> {
        let known = || self.listeners.keys().cloned().collect::<Vec<_>>().join(", ");
        self.listeners.get(name).copied().with_context(|| format!("no listener `{name}`, only {}", known()))
    }

    /// `GET` on the main HTTP listener.
    ///
    /// # Errors
    /// As [`http::get`].
    pub fn get(&self, path: &str) -> Result<http::Answer> {
        http::get(self.listener("http")?, path)
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// Its data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.builder.data_dir_in(self.home.path())
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.program.output()
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// The system refuses.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        self.program.signal(signal)
    }

    /// Its resident memory, in bytes.
    ///
    /// # Errors
    /// It no longer runs.
    pub fn resident_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the server has ended")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024)
    }

    /// Asks it to stop and waits for its end.
    ///
    /// # Errors
    /// It had to be killed.
    pub fn stop(self) -> Result<Ended> {
        self.program.stop()
    }

    /// Kills it without a word (SIGKILL) and waits for its end.
    ///
    /// # Errors
    /// The system refuses.
    pub fn kill(self) -> Result<Killed> {
        let Self { mut program, listeners, home, mut builder } = self;
        program.signal(Signal::KILL)?;
        program.wait(WAIT_MAX)?;
        for (section, name) in
            [("http", "http"), ("signal", "signal"), ("signal.socketio", "socketio"), ("devices", "devices")]
        {
            if let Some(addr) = listeners.get(name) {
                builder = builder.set(&format!("{section}.listen"), &addr.to_string());
            }
        }
        Ok(Killed { home, builder })
    }

    /// [`Self::kill`], then [`Killed::replace`].
    ///
    /// # Errors
    /// As [`ServerBuilder::start`].
    pub fn kill_and_replace(self) -> Result<Self> {
        self.kill()?.replace()
    }

    fn wait_ready(&self) -> Result<()> {
        let ready = wait_until("/ready to answer 200", WAIT_MAX, || {
            Ok(self.get("/ready").is_ok_and(|answer| answer.status == 200).then_some(()))
        });
        ready.with_context(|| format!("the server said:\n{}", self.log()))
    }
}

impl Killed {
    /// Where its data is.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.builder.data_dir_in(self.home.path())
    }

    /// Starts another in its place: on its TCP ports, with its data. The relay's port is another: nobody in such a test is at
    /// it, and another test's socket may have it by then.
    ///
    /// # Errors
    /// As [`ServerBuilder::start`].
    pub fn replace(self) -> Result<Server> {
        self.builder.start_in(self.home)
    }

    /// The same, but it is enough that it listens: something may keep it from being ready.
    ///
    /// # Errors
    /// As [`ServerBuilder::start`].
    pub fn replace_unready(self) -> Result<Server> {
        self.builder.start_unready_in(self.home)
    }
}

/// Reads the one log line that lists every listener with its real port.
fn listeners_of(line: &str) -> Option<BTreeMap<String, SocketAddr>> {
    let line: Value = serde_json::from_str(line).ok()?;
    let listed = line.get("listeners")?.as_array()?;
    let of_entry = |entry: &Value| {
        let name = entry.get("name")?.as_str()?.to_owned();
        Some((name, entry.get("addr")?.as_str()?.parse().ok()?))
    };
    listed.iter().map(of_entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_read_from_their_line_and_from_no_other() {
        let line = r#"{"level":"INFO","listeners":[{"name":"http","addr":"127.0.0.1:8080"}]}"#;
        let listeners = listeners_of(line).unwrap();
        assert_eq!(listeners["http"], "127.0.0.1:8080".parse().unwrap());
        assert_eq!(listeners_of("listening"), None);
        assert_eq!(listeners_of(r#"{"message":"listening"}"#), None);
    }
}
