use anyhow::Result;
use sangam_testkit::{Program, WAIT_MAX};
use serde_json::Value;

use crate::Script;

/// Node's own Socket.IO server, with the session events of Vrinda Sangha's front ends (`clients/socketio_server.mjs`).
#[derive(Debug)]
pub struct SocketIoServer {
    _program: Program,
    url: String,
}

impl SocketIoServer {
    /// Starts it with options of the script, on a free port.
    ///
    /// # Errors
    /// Node or its packages are not installed.
    pub fn start(options: &[(&str, &str)]) -> Result<Self> {
        let script = Script::node("clients/socketio_server.mjs");
        let script = options.iter().fold(script, |script, (name, value)| script.option(name, value));
        let mut program = script.start()?;
        let port = |line: &str| serde_json::from_str::<Value>(line).ok()?.get("port")?.as_u64();
        let port = program.wait_for_line("its port", WAIT_MAX, port)?;
        Ok(Self { _program: program, url: format!("http://127.0.0.1:{port}") })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}
