use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use sangam_testkit::{Program, profile_dir};
use serde_json::Value;
use tempfile::TempDir;

/// A client script of this package that is about to run.
#[derive(Debug)]
pub struct Script {
    command: Command,
    name: &'static str,
    built: Option<TempDir>,
}

/// Above the limit each script sets itself, so that it can say what it waited for.
pub(crate) const LIMIT: Duration = Duration::from_secs(150);

impl Script {
    /// A Node script, by its path in this package.
    #[must_use]
    pub fn node(name: &'static str) -> Self {
        Self::new("node".into(), name)
    }

    /// A program of this package, built beside the one that runs.
    ///
    /// # Errors
    /// It is not built, or this program was moved out of the build directory.
    pub fn built(name: &'static str) -> Result<Self> {
        let program = profile_dir()?.join(name);
        ensure!(program.is_file(), "no {}: run `cargo build -p sangam-interop`", program.display());
        Ok(Self { command: Command::new(program), name, built: None })
    }

    /// A Python script, run in the environment that `cargo xtask setup` makes.
    ///
    /// # Errors
    /// The test was moved out of the build directory.
    pub fn python(name: &'static str) -> Result<Self> {
        let target = profile_dir()?.parent().context("a profile lies in the build directory")?.to_owned();
        Ok(Self::new(target.join("interop-venv/bin/python"), name))
    }

    /// A C program, compiled with the library that pkg-config knows by this name.
    ///
    /// # Errors
    /// No compiler or no such library: the message holds what was said.
    pub fn c(name: &'static str, library: &str) -> Result<Self> {
        let built = tempfile::tempdir()?;
        let program = built.path().join("client");
        let flags = Command::new("pkg-config").args(["--cflags", "--libs", library]).output();
        let flags = flags.context("pkg-config is not installed")?;
        ensure!(flags.status.success(), "no {library}: {}", String::from_utf8_lossy(&flags.stderr));
        let mut compiler = Command::new("cc");
        compiler.args(["-Wall", "-o"]).arg(&program).arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(name));
        compiler.args(String::from_utf8(flags.stdout)?.split_whitespace());
        let ended = Program::start(&mut compiler)?.wait(LIMIT)?;
        ensure!(ended.status.success(), "{name} does not compile:\n{}", ended.output);
        Ok(Self { command: Command::new(program), name, built: Some(built) })
    }

    fn new(interpreter: PathBuf, name: &'static str) -> Self {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(interpreter);
        command.current_dir(package).arg(package.join(name));
        Self { command, name, built: None }
    }

    /// Adds an argument that has no name.
    #[must_use]
    pub fn argument(mut self, value: impl AsRef<str>) -> Self {
        self.command.arg(value.as_ref());
        self
    }

    /// Adds `--name=value`: a value may begin with a dash, as one id in sixty-four does.
    #[must_use]
    pub fn option(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.command.arg(format!("--{name}={}", value.as_ref()));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn environment(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.command.env(name, value.as_ref());
        self
    }

    /// Starts it without waiting for its end.
    ///
    /// # Errors
    /// Its interpreter is not installed.
    pub fn start(mut self) -> Result<Program> {
        Program::start(&mut self.command)
    }

    /// Runs it to its end and reads the line of JSON it ends with.
    ///
    /// # Errors
    /// It fails or takes too long: the message holds its output.
    pub fn run(mut self) -> Result<Value> {
        let name = self.name;
        // A program that was compiled for this run lies there until its end.
        let _built = self.built.take();
        let ended = self.start()?.wait(LIMIT)?;
        if !ended.status.success() {
            bail!("{name} ended with {}:\n{}", ended.status, ended.output);
        }
        let last = ended.output.lines().rfind(|line| line.starts_with('{'));
        let result = last.and_then(|line| serde_json::from_str(line).ok());
        result.with_context(|| format!("{name} printed no result:\n{}", ended.output))
    }
}
