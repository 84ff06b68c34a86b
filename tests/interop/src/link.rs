use anyhow::{Context, Result};
use sangam_testkit::{Program, WAIT_MAX};
use serde_json::Value;

use crate::script::Script;

/// A node made after Synapse-NG's (`clients/synapse_node.py`), not started yet.
///
/// # Errors
/// The test was moved out of the build directory.
pub fn synapse_node(id: &str, rendezvous: &str) -> Result<Script> {
    Ok(Script::python("clients/synapse_node.py")?.option("id", id).option("rendezvous", rendezvous))
}

/// A client that sets up links and says in lines of JSON what happens to it, and its id.
#[derive(Debug)]
pub struct Linking {
    /// It runs.
    pub program: Program,
    /// What it greets its peers as.
    pub id: String,
}

impl Linking {
    /// Starts it.
    ///
    /// # Errors
    /// Its interpreter is not installed.
    pub fn start(id: &str, script: Script) -> Result<Self> {
        Ok(Self { program: script.start()?, id: id.to_owned() })
    }

    /// Waits until it says this of itself.
    ///
    /// # Errors
    /// It ends, or does not say it for long: the message holds what it said.
    pub fn said(&mut self, name: &str, value: &str) -> Result<()> {
        self.program.wait_for_line(&format!("{name}: {value}"), WAIT_MAX, |line| {
            let line: Value = serde_json::from_str(line).ok()?;
            (line[name] == value).then_some(())
        })
    }

    /// Waits until both hear each other over their link.
    ///
    /// # Errors
    /// One does not: the message holds what both said.
    pub fn linked_with(&mut self, other: &mut Self) -> Result<()> {
        self.hears(other)?;
        other.hears(self)
    }

    fn hears(&mut self, other: &Self) -> Result<()> {
        let heard = self.said("heard", &format!("from {}", other.id));
        heard.with_context(|| format!("{} said:\n{}", other.id, other.program.output()))
    }
}
