use crate::wire::structure;
use crate::{Secret, Url};

/// Somebody behind the CPE followed a link there (TR-069 Amendment 6 Annex A.4.2.1 and D).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kicked {
    /// What was asked for. At most 32 characters.
    pub command: String,
    /// The page that the link was on. At most 64 characters.
    pub referer: String,
    /// What the link hands on. At most 256 characters.
    pub argument: Secret,
    /// Where the browser wants to go afterwards.
    pub next: Url,
}

/// Where the browser is to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KickedResponse {
    /// At most 1024 characters.
    pub next_url: Url,
}

structure!(Kicked { "Command" => command, "Referer" => referer, "Arg" => argument, "Next" => next, });
structure!(KickedResponse { "NextURL" => next_url, });
