use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};

use super::server::ReferenceServer;
use super::transcript::Transcript;
use crate::script::{LIMIT, Script};

const RUNNER: &str = "clients/socketio_suite/run.mjs";
const SETS: &str = "clients/socketio_suite/sets.json";

/// So many servers, each with its clients, run at once: most of the time all of them wait.
const AT_ONCE: usize = 3;

/// The options of a server, and by that the cases that are run against it.
#[derive(Debug, Clone)]
pub struct OptionSet {
    name: String,
    flags: Vec<String>,
}

impl OptionSet {
    /// Every set there is, as `sets.json` names them.
    ///
    /// # Errors
    /// That file cannot be read.
    pub fn all() -> Result<Vec<Self>> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SETS);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let sets: BTreeMap<String, Vec<String>> = serde_json::from_str(&text)?;
        Ok(sets.into_iter().map(|(name, flags)| Self { name, flags }).collect())
    }

    /// The set of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn named(name: &str) -> Result<Self> {
        Self::all()?.into_iter().find(|set| set.name == name).with_context(|| format!("no set is named {name}"))
    }

    /// Runs the cases of this set whose names hold `only` against a server that `start` starts with its flags.
    ///
    /// # Errors
    /// The server does not start, dies, or the suite itself breaks. A case that fails is part of the transcript.
    pub fn run(&self, start: impl Fn(&[String]) -> Result<ReferenceServer>, only: Option<&str>) -> Result<Transcript> {
        let server = start(&self.flags).with_context(|| format!("a server with the options of {}", self.name))?;
        let mut runner = Script::node(RUNNER).argument(server.url()).option("set", &self.name);
        if let Some(only) = only {
            runner = runner.option("only", only);
        }
        let ended = runner.start()?.wait(LIMIT)?;
        ensure!(ended.status.success(), "{RUNNER} ended with {}:\n{}", ended.status, ended.output);
        let said = server.stop().with_context(|| format!("the server with the options of {}", self.name))?;
        let transcript = Transcript::read(&self.name, &ended.output)?;
        ensure!(!transcript.is_empty(), "no case of {} was run; the server said:\n{said}", self.name);
        Ok(transcript)
    }

    /// Runs all cases of all sets, some sets at once.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_all(start: impl Fn(&[String]) -> Result<ReferenceServer> + Sync) -> Result<Transcript> {
        let waiting = Mutex::new(Self::all()?);
        let worker = || {
            let mut transcript = Transcript::default();
            // Nothing panics while it holds the lock.
            while let Some(set) = waiting.lock().map_err(|_| anyhow!("a worker died"))?.pop() {
                transcript.append(set.run(&start, None)?);
            }
            Ok::<_, anyhow::Error>(transcript)
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(worker)).collect();
            let mut whole = Transcript::default();
            for worker in workers {
                whole.append(worker.join().map_err(|_| anyhow!("a worker died"))??);
            }
            Ok(whole)
        })
    }
}
