use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Violation;
use super::graph::{Graph, Package};
use super::storey::Storey;

/// Above this a file holds more than one idea.
const LINES_MAX: usize = 600;

/// File names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = ["common", "helper", "helpers", "manager", "misc", "util", "utils"];

/// The one crate that may speak to the kernel on its own terms.
const UNSAFE_CRATE: &str = "sangam-net";

/// Every rule broken by a file of a member, below `root`.
pub(super) fn violations(root: &Path, graph: &Graph) -> Result<Vec<Violation>> {
    let mut found = Vec::new();
    for package in graph.members() {
        let at = relative(root, &package.manifest);
        found.extend(of_manifest(&at, &read(&package.manifest)?));
        found.extend(of_lint_file(root, package));
        for file in rust_files(package.dir())? {
            let at = relative(root, &file);
            found.extend(of_name(&at));
            found.extend(of_text(&at, &read(&file)?, package.name == UNSAFE_CRATE));
        }
    }
    Ok(found)
}

/// The workspace's lints hold in every crate.
fn of_manifest(at: &str, text: &str) -> Option<Violation> {
    let manifest: Option<toml::Table> = text.parse().ok();
    let inherits = manifest.as_ref().and_then(|table| table.get("lints")?.get("workspace")?.as_bool());
    (inherits != Some(true)).then(|| violation(at, "lacks `[lints] workspace = true`"))
}

/// A core's clippy.toml is the link that bans clocks, sockets, files and randomness.
fn of_lint_file(root: &Path, package: &Package) -> Option<Violation> {
    if !Storey::of(&package.name, package.lies_in_crates())?.is_core() {
        return None;
    }
    let link = package.dir().join("clippy.toml");
    let wanted = root.join("lints/core/clippy.toml").canonicalize().ok();
    let linked = link.is_symlink() && wanted.is_some() && link.canonicalize().ok() == wanted;
    (!linked).then(|| violation(&relative(root, &link), "is not a link to ../../lints/core/clippy.toml"))
}

fn of_name(at: &str) -> Option<Violation> {
    let stem = Path::new(at).file_stem()?.to_str()?;
    if stem == "mod" {
        return Some(violation(at, "is a mod.rs: put `foo.rs` beside `foo/`"));
    }
    let empty = EMPTY_NAMES.contains(&stem);
    empty.then(|| violation(at, "is named after nothing: name the file after the noun it defines"))
}

fn of_text(at: &str, text: &str, may_be_unsafe: bool) -> Vec<Violation> {
    let mut found = Vec::new();
    let lines = text.lines().count();
    if lines > LINES_MAX {
        found.push(violation(at, &format!("has {lines} lines, more than {LINES_MAX}: split it by noun")));
    }
    if !may_be_unsafe && let Some(line) = text.lines().position(has_unsafe_code) {
        found.push(violation(&format!("{at}:{}", line + 1), "has unsafe code: only crates/net may"));
    }
    found
}

/// Whether a line opens unsafe code or lifts the lint against it. Comments and the contents of strings do not count.
fn has_unsafe_code(line: &str) -> bool {
    let code = code_of(line);
    let lifts_lint =
        ["allow(unsafe_code", "expect(unsafe_code", "warn(unsafe_code"].iter().any(|lift| code.contains(lift));
    let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
    lifts_lint || words.any(|word| word == "unsafe")
}

/// A line without its string contents and without its comment. A string of several lines is seen line by line.
fn code_of(line: &str) -> String {
    let mut code = String::new();
    let mut characters = line.chars().peekable();
    let mut in_string = false;
    while let Some(character) = characters.next() {
        match character {
            '\\' if in_string => drop(characters.next()),
            '"' => in_string = !in_string,
            '/' if !in_string && characters.peek() == Some(&'/') => break,
            _ if !in_string => code.push(character),
            _ => {}
        }
    }
    code
}

fn rust_files(dir: &Path) -> Result<Vec<PathBuf>> {
    const NOT_SOURCES: [&str; 4] = ["target", "node_modules", "artifacts", "corpus"];
    let mut files = Vec::new();
    for entry in dir.read_dir().with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry?.path();
        let skipped = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| NOT_SOURCES.contains(&name));
        if path.is_dir() && !skipped {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn relative(root: &Path, file: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}

fn violation(at: &str, what: &str) -> Violation {
    Violation { at: at.to_owned(), what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A house of one core, built wrong in every way that `spoil` says.
    fn house(spoil: impl FnOnce(&Path)) -> Vec<Violation> {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let package = root.join("crates/turn-proto");
        fs::create_dir_all(package.join("src")).unwrap();
        fs::create_dir_all(root.join("lints/core")).unwrap();
        fs::write(root.join("lints/core/clippy.toml"), "").unwrap();
        symlink("../../lints/core/clippy.toml", package.join("clippy.toml")).unwrap();
        fs::write(package.join("Cargo.toml"), "[lints]\nworkspace = true\n").unwrap();
        fs::write(package.join("src/lib.rs"), "//! A core without unsafe code.\n").unwrap();
        spoil(&package);
        let manifest = package.join("Cargo.toml").display().to_string();
        let json = format!(
            r#"{{"packages":[{{"id":"p","name":"sangam-turn-proto","manifest_path":"{manifest}"}}],
            "workspace_members":["p"],"resolve":{{"nodes":[{{"id":"p","deps":[]}}]}}}}"#
        );
        violations(&root, &Graph::parse(&json).unwrap()).unwrap()
    }

    #[track_caller]
    fn refused(at: &str, what: &str, spoil: impl FnOnce(&Path)) {
        let found = house(spoil);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].at.ends_with(at) && found[0].what.contains(what), "{found:?}");
    }

    #[test]
    fn a_house_in_order_passes() {
        assert_eq!(house(|_| {}), []);
    }

    #[test]
    fn a_core_whose_lints_are_a_copy_is_refused() {
        refused("crates/turn-proto/clippy.toml", "is not a link", |package| {
            fs::remove_file(package.join("clippy.toml")).unwrap();
            fs::write(package.join("clippy.toml"), "").unwrap();
        });
    }

    #[test]
    fn a_crate_with_lints_of_its_own_is_refused() {
        refused("crates/turn-proto/Cargo.toml", "lints", |package| {
            fs::write(package.join("Cargo.toml"), "[lints.clippy]\nall = \"allow\"\n").unwrap();
        });
    }

    #[test]
    fn long_files_and_empty_names_are_refused() {
        refused("src/long.rs", "601 lines", |package| {
            fs::write(package.join("src/long.rs"), "//\n".repeat(LINES_MAX + 1)).unwrap();
        });
        refused("src/codec/mod.rs", "mod.rs", |package| {
            fs::create_dir(package.join("src/codec")).unwrap();
            fs::write(package.join("src/codec/mod.rs"), "").unwrap();
        });
        refused("src/utils.rs", "named after nothing", |package| {
            fs::write(package.join("src/utils.rs"), "").unwrap();
        });
    }

    #[test]
    fn unsafe_code_is_found_where_it_stands() {
        let text = "//! Nothing unsafe.\nfn f() {\n    unsafe { g() }\n}\n";
        refused("src/fast.rs:3", "unsafe", |package| fs::write(package.join("src/fast.rs"), text).unwrap());
        assert_eq!(of_text("crates/net/src/fast.rs", text, true), []);
    }

    #[test]
    fn words_in_comments_strings_and_lint_names_are_not_unsafe_code() {
        for line in ["// unsafe { }", "let s = \"unsafe \\\" fn\";", "unsafe_code = 1", "f(\"//\"); // unsafe"] {
            assert!(!has_unsafe_code(line), "{line}");
        }
        for line in ["unsafe impl Send for X {}", "#![allow(unsafe_code)]", "f(\"//\"); unsafe {"] {
            assert!(has_unsafe_code(line), "{line}");
        }
    }
}
