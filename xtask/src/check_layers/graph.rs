use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;
use crate::repository::Repository;

/// The packages that a build of this workspace takes, and who depends on whom. Dev-dependencies are left out.
#[derive(Debug, Default)]
pub(super) struct Graph {
    packages: BTreeMap<String, Package>,
}

/// One package of the graph.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) manifest: PathBuf,
    pub(super) is_member: bool,
    /// Keys of the packages it depends on to build and to run.
    dependencies: BTreeSet<String>,
}

impl Package {
    /// The folder of the manifest.
    pub(super) fn dir(&self) -> &Path {
        self.manifest.parent().unwrap_or(Path::new("."))
    }

    pub(super) fn lies_in_crates(&self) -> bool {
        self.dir().parent().is_some_and(|parent| parent.ends_with("crates"))
    }
}

impl Graph {
    /// As cargo resolves it for the machine we run on.
    pub(super) fn load(repository: &Repository) -> Result<Self> {
        let version = process::output_of(repository.command("rustc").arg("-vV"))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("`rustc -vV` names no host")?;
        let arguments = ["metadata", "--format-version=1", "--locked", "--filter-platform", host];
        Self::parse(&process::output_of(&mut repository.cargo(&arguments))?)
    }

    /// From the output of `cargo metadata --format-version=1`.
    pub(super) fn parse(json: &str) -> Result<Self> {
        let metadata: Metadata = serde_json::from_str(json).context("cargo metadata printed an unknown shape")?;
        let members: BTreeSet<_> = metadata.workspace_members.into_iter().collect();
        let edges: BTreeMap<_, _> = metadata.resolve.nodes.into_iter().map(|node| (node.id, node.deps)).collect();
        let package = |found: FoundPackage| {
            let deps = edges.get(&found.id).map(Vec::as_slice).unwrap_or_default();
            let dependencies = deps.iter().filter(|dep| dep.ships()).map(|dep| dep.pkg.clone()).collect();
            let is_member = members.contains(&found.id);
            (found.id, Package { name: found.name, manifest: found.manifest_path, is_member, dependencies })
        };
        Ok(Self { packages: metadata.packages.into_iter().map(package).collect() })
    }

    /// The packages of this workspace, in order of their keys.
    pub(super) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.values().filter(|package| package.is_member)
    }

    /// What a package names in its own manifest.
    pub(super) fn direct<'a>(&'a self, package: &'a Package) -> impl Iterator<Item = &'a Package> {
        package.dependencies.iter().filter_map(|key| self.packages.get(key))
    }

    /// Everything below a package, each with the way it came in: `[child, grandchild, …, itself]`.
    pub(super) fn tree<'a>(&'a self, top: &'a Package) -> Vec<Vec<&'a str>> {
        let mut seen = BTreeSet::new();
        let mut ways: Vec<Vec<&str>> = Vec::new();
        let mut open: Vec<(&Package, Vec<&str>)> = vec![(top, Vec::new())];
        while let Some((package, way)) = open.pop() {
            for child in self.direct(package) {
                if seen.insert(&child.manifest) {
                    let mut further = way.clone();
                    further.push(child.name.as_str());
                    ways.push(further.clone());
                    open.push((child, further));
                }
            }
        }
        ways
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<FoundPackage>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct FoundPackage {
    id: String,
    name: String,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    kind: Option<String>,
}

impl Dependency {
    /// Needed to build or to run: not only by tests.
    fn ships(&self) -> bool {
        self.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev"))
    }
}
