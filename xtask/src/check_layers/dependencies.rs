use super::Violation;
use super::graph::{Graph, Package};
use super::storey::{Storey, is_allowed_exception, is_in};

/// Every dependency that points the wrong way.
pub(super) fn violations(graph: &Graph) -> Vec<Violation> {
    graph.members().flat_map(|package| of_package(graph, package)).collect()
}

fn of_package(graph: &Graph, package: &Package) -> Vec<Violation> {
    let Some(storey) = Storey::of(&package.name, package.lies_in_crates()) else {
        let what = "has no storey: name it after the table in xtask/src/check_layers/storey.rs".to_owned();
        return vec![Violation { at: package.name.clone(), what }];
    };
    let mut found: Vec<_> =
        graph.direct(package).filter_map(|dependency| of_edge(package, storey, dependency)).collect();
    found.extend(of_tree(graph, package, storey));
    found
}

/// A dependency on another crate of this house.
fn of_edge(package: &Package, storey: Storey, dependency: &Package) -> Option<Violation> {
    let below = dependency.is_member.then(|| Storey::of(&dependency.name, dependency.lies_in_crates()))??;
    if storey.may_use().contains(&below) || is_allowed_exception(&package.name, &dependency.name) {
        return None;
    }
    let what = format!("depends on {}, but {storey:?} may not depend on {below:?}", dependency.name);
    Some(Violation { at: package.name.clone(), what })
}

/// Packages from outside, at any depth.
fn of_tree(graph: &Graph, package: &Package, storey: Storey) -> Vec<Violation> {
    let (banned, reason) = storey.banned_outside();
    if banned.is_empty() {
        return Vec::new();
    }
    let ways = graph.tree(package).into_iter();
    ways.filter(|way| way.last().is_some_and(|name| is_in(banned, name)))
        .map(|way| Violation {
            at: package.name.clone(),
            what: format!("has {} in its dependency tree; {reason}", way.join(" -> ")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A metadata file with these packages (`crates/<name>` for ours, `registry` for others) and edges
    /// `(from, to, kind)`, where kind is `null`, `"build"` or `"dev"`.
    fn graph(packages: &[&str], edges: &[(&str, &str, &str)]) -> Graph {
        let ours = |name: &&&str| name.starts_with("sangam");
        let quoted = |name: &str| format!("\"{name}\"");
        let listed = packages.iter().map(|name| {
            let folder = if ours(&name) { name.strip_prefix("sangam-").unwrap_or(name) } else { name };
            let place = if ours(&name) { "/house/crates" } else { "/registry" };
            format!(r#"{{"id":"{name}","name":"{name}","manifest_path":"{place}/{folder}/Cargo.toml"}}"#)
        });
        let node = |name: &&str| {
            let deps = edges.iter().filter(|(from, _, _)| from == name);
            let deps = deps.map(|(_, to, kind)| format!(r#"{{"pkg":"{to}","dep_kinds":[{{"kind":{kind}}}]}}"#));
            format!(r#"{{"id":"{name}","deps":[{}]}}"#, deps.collect::<Vec<_>>().join(","))
        };
        let json = format!(
            r#"{{"packages":[{}],"workspace_members":[{}],"resolve":{{"nodes":[{}]}}}}"#,
            listed.collect::<Vec<_>>().join(","),
            packages.iter().filter(ours).map(|name| quoted(name)).collect::<Vec<_>>().join(","),
            packages.iter().map(node).collect::<Vec<_>>().join(","),
        );
        Graph::parse(&json).unwrap()
    }

    /// One edge between two crates; the violations it makes.
    fn edge(from: &str, to: &str, kind: &str) -> Vec<Violation> {
        violations(&graph(&[from, to], &[(from, to, kind)]))
    }

    #[track_caller]
    fn refused(from: &str, to: &str) {
        let found = edge(from, to, "null");
        assert_eq!(found.len(), 1, "{from} -> {to}: {found:?}");
        assert!(found[0].at == from && found[0].what.contains(to), "{found:?}");
    }

    #[track_caller]
    fn allowed(from: &str, to: &str) {
        assert_eq!(edge(from, to, "null"), [], "{from} -> {to}");
    }

    #[test]
    fn dependencies_point_down() {
        allowed("sangam-turn-proto", "sangam-types");
        allowed("sangam-relay-server", "sangam-turn-proto");
        allowed("sangam-relay-server", "sangam-net");
        allowed("sangam-storage-sqlite", "sangam-storage");
        allowed("sangam", "sangam-storage-sqlite");
        allowed("sangam", "sangam-config");
        allowed("sangam-config", "sangam-auth");
        allowed("sangam-socketio-proto", "sangam-engineio-proto");
    }

    #[test]
    fn what_points_up_or_sideways_is_refused() {
        refused("sangam-types", "sangam-auth");
        refused("sangam-turn-proto", "sangam-signal-proto");
        refused("sangam-engineio-proto", "sangam-socketio-proto");
        refused("sangam-turn-proto", "sangam-net");
        refused("sangam-turn-proto", "sangam-relay-server");
        refused("sangam-net", "sangam-relay-server");
        refused("sangam-relay-server", "sangam-signal-server");
        refused("sangam-sync-server", "sangam-storage-sqlite");
        refused("sangam-sync-server", "sangam-config");
        refused("sangam-relay-server", "sangam");
        refused("sangam-storage", "sangam-storage-sqlite");
        refused("sangam-config", "sangam-net");
        refused("sangam", "sangam-testkit");
    }

    #[test]
    fn cores_have_no_runtime_or_socket_anywhere_below_them() {
        for banned in ["tokio", "tokio-util", "mio", "socket2", "hyper", "axum", "reqwest", "sqlx", "config"] {
            refused("sangam-auth", banned);
        }
        let deep = graph(
            &["sangam-turn-proto", "innocent", "deeper", "mio"],
            &[
                ("sangam-turn-proto", "innocent", "null"),
                ("innocent", "deeper", "null"),
                ("deeper", "mio", "\"build\""),
            ],
        );
        let found = violations(&deep);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].what.contains("innocent -> deeper -> mio"), "{found:?}");
    }

    #[test]
    fn ports_and_drivers_have_no_backend() {
        refused("sangam-storage", "sqlx");
        refused("sangam-bus", "redis");
        refused("sangam-sync-server", "rusqlite");
        allowed("sangam-storage-postgres", "sqlx");
    }

    #[test]
    fn build_dependencies_count_and_dev_dependencies_do_not() {
        assert_eq!(edge("sangam-turn-proto", "tokio", "\"build\"").len(), 1);
        assert_eq!(edge("sangam-turn-proto", "tokio", "\"dev\""), []);
        assert_eq!(edge("sangam", "sangam-testkit", "\"dev\""), []);
    }

    #[test]
    fn a_crate_that_no_rule_knows_is_refused() {
        let found = violations(&graph(&["sangam-glue"], &[]));
        assert!(found.len() == 1 && found[0].what.contains("no storey"), "{found:?}");
    }
}
