use std::io;

use crate::uri::UriError;

/// Why a probe could not run: nothing is known of the server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The target is no address of such a service.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// The URL is none that this probe can ask.
    #[error("`{url}` is no {expected} URL: write for example {example}")]
    Url {
        /// As given.
        url: String,
        /// Its schemes.
        expected: &'static str,
        /// One that would do.
        example: &'static str,
    },
    /// The name stands for no address.
    #[error("the name `{host}` could not be resolved: check its spelling and this machine's DNS")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// No socket, no route.
    #[error("this machine cannot send to {to}: check its network")]
    Network {
        /// The address.
        to: std::net::SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Certificates to trust could not be read.
    #[error("no certificate to trust could be read from {from}: give a PEM file with `--ca-file`")]
    Roots {
        /// The file or the system's store.
        from: String,
    },
    /// A token or name that cannot stand in a header.
    #[error("the token has characters that no HTTP header can hold: check its file")]
    Token,
    /// A key that cannot stand in a header.
    #[error("the idempotency key has characters that no HTTP header can hold: use letters and digits")]
    IdempotencyKey,
    /// It is not known which database to ask for.
    #[error("the token names no database: give its name with `--db`")]
    Database,
    /// No credentials could be made or fetched.
    #[error("no TURN credentials: {why}")]
    Credentials {
        /// The cause and the mend.
        why: String,
    },
}
