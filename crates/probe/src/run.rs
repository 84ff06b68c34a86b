//! The course of a probe that goes step by step: what it found, how long each step took, and why it stopped.

use std::time::Instant;

use serde::Serialize;

use crate::bounds::Bounds;
use crate::error::ProbeError;
use crate::finding::Finding;
use crate::spread::milliseconds;

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// What was done.
    pub name: &'static str,
    /// From asking to having it.
    pub took_ms: f64,
}

pub(crate) struct Run<'a> {
    pub(crate) bounds: Bounds<'a>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) steps: Vec<Step>,
}

/// Nothing more can be tried.
#[derive(Debug)]
pub(crate) enum Stop {
    Found(Box<Finding>),
    Error(ProbeError),
}

impl Stop {
    pub(crate) fn into_finding(self) -> Result<Finding, ProbeError> {
        match self {
            Self::Found(finding) => Ok(*finding),
            Self::Error(error) => Err(error),
        }
    }
}

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Self {
        Self::Found(Box::new(finding))
    }
}

impl From<ProbeError> for Stop {
    fn from(error: ProbeError) -> Self {
        Self::Error(error)
    }
}

impl<'a> Run<'a> {
    pub(crate) fn new(bounds: Bounds<'a>) -> Self {
        Self { bounds, findings: Vec::new(), steps: Vec::new() }
    }

    /// Runs a step and notes how long it took.
    pub(crate) async fn timed<T, E: Into<Stop>>(
        &mut self,
        name: &'static str,
        said: &str,
        step: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Stop> {
        (self.bounds.progress)(name);
        let began = Instant::now();
        let value = step.await.map_err(Into::into)?;
        let took_ms = milliseconds(began.elapsed());
        self.steps.push(Step { name, took_ms });
        self.findings.push(Finding::fine(name, format!("{said} in {took_ms:.1} ms")));
        Ok(value)
    }
}
