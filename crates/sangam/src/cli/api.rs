//! What every command has that asks the administration API of a running server.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

/// What the help of such a command ends with.
pub(super) const TOKEN_HELP: &str = "Reading needs no token on the server's own machine; changing something needs one with the scope \
    admin:write. It never stands on the command line: it comes from a file, from standard input (`-` for a file's name), or \
    from SANGAM_API_TOKEN.";

/// Whom to ask, and how.
#[derive(Debug, Args)]
pub(crate) struct ApiArgs {
    /// The server's main HTTP listener
    #[arg(long, global = true, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,
    /// A file with a token
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Believes the certificate authorities of this PEM file instead of the system's
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Longest wait for the answer: 500ms, 5s
    #[arg(long, global = true, value_name = "DURATION", default_value = "5s", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
    /// Prints what the API answers
    #[arg(long, global = true)]
    pub(crate) json: bool,
}
