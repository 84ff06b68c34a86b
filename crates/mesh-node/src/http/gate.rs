use std::fmt;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use sangam_net::http::Client;

use super::answer::Problem;

/// What a privileged request is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// To see links, peers, addresses and events.
    Read,
    /// To publish, to dial, to hang up.
    Write,
}

/// Decides who is privileged.
pub trait Gate: fmt::Debug + Send + Sync {
    /// Decides about one request. A request that `net` did not describe is from nowhere.
    ///
    /// # Errors
    /// The answer to whoever may not.
    fn admit(&self, client: Option<&Client>, headers: &HeaderMap, need: Need) -> Result<(), Box<Response>>;
}

/// Trusted loopback requests and no others: for who uses the library without tokens.
#[derive(Clone, Copy, Debug)]
pub struct LoopbackGate;

impl Gate for LoopbackGate {
    fn admit(&self, client: Option<&Client>, _: &HeaderMap, _: Need) -> Result<(), Box<Response>> {
        if client.is_some_and(|client| client.trusted_loopback) {
            return Ok(());
        }
        let detail = "This is for programs of the node's own machine.";
        Err(Box::new(Problem::new(StatusCode::FORBIDDEN, "loopback_only", detail).into_response()))
    }
}
