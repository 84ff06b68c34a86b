//! Nodes that behave as Synapse-NG's do on the wire (`peers/synapse_original.py`).

use std::net::IpAddr;

use anyhow::{Context as _, Result};
use sangam_testkit::network::Host;
use sangam_testkit::{Program, Signal, WAIT_MAX, wait_until};
use serde_json::Value;
use tempfile::TempDir;

use crate::script::Script;

/// One that runs.
#[derive(Debug)]
pub struct Original<'a> {
    program: Program,
    host: &'a Host,
    address: IpAddr,
    data: TempDir,
    options: Vec<(String, String)>,
    /// Who it is.
    pub id: String,
    /// Where its HTTP API is.
    pub url: String,
}

impl<'a> Original<'a> {
    /// Starts one at this address of a host, with `--name value` for each option. Unless told otherwise it does nothing by
    /// itself: `--pace 0`.
    ///
    /// # Errors
    /// Its interpreter or its libraries are not installed.
    pub fn start(host: &'a Host, address: IpAddr, options: &[(&str, &str)]) -> Result<Self> {
        let mut all = vec![("port".to_owned(), "8000".to_owned()), ("pace".to_owned(), "0".to_owned())];
        all.extend(options.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        Self::start_in(host, address, tempfile::tempdir()?, all)
    }

    fn start_in(host: &'a Host, address: IpAddr, data: TempDir, options: Vec<(String, String)>) -> Result<Self> {
        let script = Script::python("peers/synapse_original.py")?.option("address", address.to_string());
        let script = script.option("data", data.path().to_string_lossy());
        let script = options.iter().fold(script, |script, (name, value)| script.option(name, value));
        let mut program = host.inside(|| script.start())?;
        let (id, url) = program.wait_for_line("its id", WAIT_MAX, |line| {
            let line: Value = serde_json::from_str(line).ok()?;
            Some((line["node"].as_str()?.to_owned(), line["url"].as_str()?.to_owned()))
        })?;
        Ok(Self { program, host, address, data, options, id, url })
    }

    /// Kills it, and starts it again with its key.
    ///
    /// # Errors
    /// It does not start again.
    pub fn restart(self) -> Result<Self> {
        let Self { mut program, host, address, data, options, .. } = self;
        program.signal(Signal::KILL)?;
        program.wait(WAIT_MAX)?;
        Self::start_in(host, address, data, options)
    }

    /// Gives it an order: `dial ID`, `gossip ID`, `task CHANNEL`, `say ID TEXT`.
    ///
    /// # Errors
    /// It has ended.
    pub fn order(&mut self, line: &str) -> Result<()> {
        self.program.tell(line)
    }

    /// Everything it has said.
    #[must_use]
    pub fn said(&self) -> Vec<Value> {
        self.program.output().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits until as many things as this were said that fit. The last of them.
    ///
    /// # Errors
    /// They are not said in time: the message holds what was said.
    pub fn until_said(&self, what: &str, times: usize, fits: impl Fn(&Value) -> bool) -> Result<Value> {
        let said = wait_until(what, WAIT_MAX, || Ok(self.said().into_iter().filter(&fits).nth(times - 1)));
        said.with_context(|| format!("the original said:\n{}", self.program.output()))
    }

    /// Waits until it has had so many open channels with a peer. The label of the last.
    ///
    /// # Errors
    /// It has not in time.
    pub fn linked_with(&self, peer: &str, times: usize) -> Result<String> {
        let what = format!("open channel {times} with {peer}");
        let open = self.until_said(&what, times, |said| said["open"].is_string() && said["peer"] == peer)?;
        Ok(open["open"].as_str().unwrap_or_default().to_owned())
    }
}
