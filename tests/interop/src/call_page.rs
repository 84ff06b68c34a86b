use anyhow::Result;
use sangam_testkit::{Program, WAIT_MAX};
use serde_json::Value;

use crate::Script;

/// The page of a session with a call (`call_page/`), on an origin of its own.
#[derive(Debug)]
pub struct CallPage {
    _program: Program,
    origin: String,
}

impl CallPage {
    /// Serves it on a free port.
    ///
    /// # Errors
    /// Node is not installed.
    pub fn start() -> Result<Self> {
        let mut program = Script::node("call_page/serve.mjs").start()?;
        let port = |line: &str| serde_json::from_str::<Value>(line).ok()?.get("port")?.as_u64();
        let port = program.wait_for_line("its port", WAIT_MAX, port)?;
        Ok(Self { _program: program, origin: format!("http://127.0.0.1:{port}") })
    }

    /// Where it is.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
}
