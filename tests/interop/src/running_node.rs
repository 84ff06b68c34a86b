//! `sangam node` as its users start it, on a host of a test's network.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use sangam_testkit::network::Host;
use sangam_testkit::{Program, Signal, WAIT_MAX, http, sangam_binary, wait_until};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A running node. Others reach it on port 8000: it has its host for itself.
#[derive(Debug)]
pub struct RunningNode<'a> {
    program: Program,
    host: &'a Host,
    home: TempDir,
    start: Start,
    /// Who it is.
    pub id: String,
}

#[derive(Debug)]
struct Start {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

/// Where only programs of its own host reach it: they may do everything.
const PRIVILEGED: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8001);
const LISTEN: &str = "node.listen=0.0.0.0:8000,127.0.0.1:8001";

impl<'a> RunningNode<'a> {
    /// Starts one with these words on its command line.
    ///
    /// # Errors
    /// No binary, or it does not get ready: the message holds its log.
    pub fn start(host: &'a Host, arguments: &[&str]) -> Result<Self> {
        Self::start_with(host, arguments, &[])
    }

    /// The same with these environment variables.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with(host: &'a Host, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Self> {
        let arguments = arguments.iter().map(|&word| word.to_owned()).collect();
        let environment = environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self::start_in(host, tempfile::tempdir()?, Start { arguments, environment })
    }

    fn start_in(host: &'a Host, home: TempDir, start: Start) -> Result<Self> {
        let mut command = Command::new(sangam_binary()?);
        command.current_dir(home.path()).args(["node", "--json", "--data-dir"]).arg(home.path().join("data"));
        command
            .args(["--set", LISTEN])
            .args(&start.arguments)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(start.environment.iter().map(|(name, value)| (name, value)));
        command.env("LOG_LEVEL", "debug");
        let mut program = host.inside(|| Program::start(&mut command))?;
        let id = program.wait_for_line("its id", WAIT_MAX, |line| {
            Some(serde_json::from_str::<Value>(line).ok()?.get("node_id")?.as_str()?.to_owned())
        })?;
        Ok(Self { program, host, home, start, id })
    }

    /// Stops it as an operator does, and starts it again with its data.
    ///
    /// # Errors
    /// It has to be killed, or does not start again.
    pub fn restart(self) -> Result<Self> {
        let Self { program, host, home, start, .. } = self;
        program.stop()?;
        Self::start_in(host, home, start)
    }

    /// Kills it without a word, and starts it again with its data.
    ///
    /// # Errors
    /// It does not start again.
    pub fn kill_and_restart(self) -> Result<Self> {
        let Self { mut program, host, home, start, .. } = self;
        program.signal(Signal::KILL)?;
        program.wait(WAIT_MAX)?;
        Self::start_in(host, home, start)
    }

    /// Stops it as an operator does.
    ///
    /// # Errors
    /// It had to be killed.
    pub fn stop(self) -> Result<()> {
        self.program.stop().map(drop)
    }

    /// What it answers to a `GET`, as JSON.
    ///
    /// # Errors
    /// It does not answer 200 with JSON.
    pub fn get(&self, path: &str) -> Result<Value> {
        let answer = self.host.inside(|| http::get(PRIVILEGED, path))?;
        ensure!(answer.status == 200, "{path}: {answer:?}");
        serde_json::from_str(&answer.body).with_context(|| format!("{path}: {}", answer.body))
    }

    /// What it answers to a `POST` of JSON: status and body.
    ///
    /// # Errors
    /// It does not answer.
    pub fn post(&self, path: &str, body: &Value) -> Result<(u16, String)> {
        let headers = [("Content-Type", "application/json")];
        let answer = self.host.inside(|| http::send(PRIVILEGED, "POST", path, &headers, &body.to_string()))?;
        Ok((answer.status, answer.body))
    }

    /// Has it seek a link with a peer.
    ///
    /// # Errors
    /// It does not want to.
    pub fn dial(&self, peer: &str) -> Result<()> {
        let (status, body) = self.post("/api/v1/dial", &json!({ "peer": peer }))?;
        ensure!(status == 202, "{status} {body}");
        Ok(())
    }

    /// Waits until `look` finds something in what it answers to a `GET`.
    ///
    /// # Errors
    /// Nothing is found in time: the message holds the last answer and its log.
    pub fn until<T>(&self, what: &str, path: &str, look: impl Fn(&Value) -> Option<T>) -> Result<T> {
        let mut last = Value::Null;
        let found = wait_until(what, WAIT_MAX, || {
            last = self.get(path)?;
            Ok(look(&last))
        });
        found.with_context(|| format!("{path} of the node: {last}; it said:\n{}", self.program.output()))
    }

    /// Waits until there is one link with that peer, with an open channel. Its entry in `/api/v1/links`.
    ///
    /// # Errors
    /// It does not come about in time.
    pub fn linked_with(&self, peer: &str) -> Result<Value> {
        self.until(&format!("a link with {peer}"), "/api/v1/links", |answer| {
            let mut links = answer["links"].as_array()?.iter().filter(|link| link["peer"] == peer);
            let link = links.next().filter(|link| link["state"] == "open" && link["channel_open"] == true)?;
            links.next().is_none().then(|| link.clone())
        })
    }

    /// Waits for one of its events or log lines.
    ///
    /// # Errors
    /// It does not come in time.
    pub fn said<T>(&mut self, what: &str, look: impl Fn(&Value) -> Option<T>) -> Result<T> {
        self.program.wait_for_line(what, WAIT_MAX, |line| look(&serde_json::from_str(line).ok()?))
    }

    /// What it has said.
    #[must_use]
    pub fn output(&self) -> String {
        self.program.output()
    }
}
