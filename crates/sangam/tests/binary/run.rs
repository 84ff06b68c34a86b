//! Running the binary, once to its end or as a server.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use sangam_testkit::{Program, WAIT_MAX};
use serde_json::Value;

/// The binary in `dir`, without any setting of whoever runs the tests.
pub(crate) fn sangam(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sangam"));
    command.args(arguments).current_dir(dir).env_clear();
    command
}

/// What one run came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs it to its end.
pub(crate) fn run(dir: &Path, arguments: &[&str]) -> Outcome {
    outcome(sangam(dir, arguments).output().unwrap())
}

/// Runs it to its end with something on standard input.
pub(crate) fn run_with_input(dir: &Path, arguments: &[&str], input: &str) -> Outcome {
    let mut command = sangam(dir, arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    outcome(child.wait_with_output().unwrap())
}

pub(crate) fn outcome(output: Output) -> Outcome {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// What puts every listener on a free port.
pub(crate) const FREE_PORTS: [&str; 10] = [
    "--set",
    "http.listen=127.0.0.1:0",
    "--set",
    "signal.listen=127.0.0.1:0",
    "--set",
    "signal.socketio.listen=127.0.0.1:0",
    "--set",
    "devices.listen=127.0.0.1:0",
    "--set",
    "relay.listen=127.0.0.1:0",
];

/// A server that has said it is ready.
pub(crate) struct Serving {
    pub(crate) program: Program,
    pub(crate) ready: Value,
}

impl Serving {
    /// Starts it in `dir` on free ports and waits for its line.
    pub(crate) fn start(dir: &Path, arguments: &[&str]) -> Self {
        Self::start_command(sangam(dir, &["serve"]).args(FREE_PORTS).args(arguments))
    }

    pub(crate) fn start_command(command: &mut Command) -> Self {
        let mut program = Program::start(command).unwrap();
        let ready = program
            .wait_for_line("the line with its listeners", WAIT_MAX, |line| {
                serde_json::from_str::<Value>(line).ok().filter(|line| line["message"] == "ready")
            })
            .unwrap();
        Self { program, ready }
    }

    /// Where the listeners really are, by name.
    pub(crate) fn listeners(&self) -> BTreeMap<String, SocketAddr> {
        let listed = self.ready["listeners"].as_array().unwrap().iter();
        listed
            .map(|it| (it["name"].as_str().unwrap().to_owned(), it["addr"].as_str().unwrap().parse().unwrap()))
            .collect()
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.listeners()["http"]
    }

    /// Waits for a line of the log that holds `part`.
    pub(crate) fn wait_for_log(&mut self, part: &str) -> String {
        let found = |line: &str| line.contains(part).then(|| line.to_owned());
        self.program.wait_for_line(part, WAIT_MAX, found).unwrap()
    }
}
