//! Proves that every crate keeps to its storey: dependencies from `cargo metadata`, the rest from the sources.

mod dependencies;
mod graph;
mod sources;
mod storey;

use std::fmt;

use anyhow::Result;

use self::graph::Graph;
use crate::Verdict;
use crate::repository::Repository;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    /// The crate or file.
    at: String,
    /// What is wrong and what to do instead.
    what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

/// # Errors
/// Metadata or sources cannot be read.
pub(crate) fn run(repository: &Repository) -> Result<Verdict> {
    let graph = Graph::load(repository)?;
    let mut violations = dependencies::violations(&graph);
    violations.extend(sources::violations(repository.root(), &graph)?);
    violations.sort();
    violations.dedup();
    for violation in &violations {
        println!("{violation}");
    }
    if violations.is_empty() {
        println!("{} crates keep to their storeys", graph.members().count());
        Ok(Verdict::Pass)
    } else {
        println!("{} rules broken; ARCHITECTURE.md says why each stands", violations.len());
        Ok(Verdict::Fail)
    }
}
