//! What each path does once the gate has let a request in.

mod body;
mod handshake;
mod names;
mod pull;
mod push;
mod stats;
mod version;

pub(crate) use body::Received;
pub(crate) use handshake::handshake;
pub(crate) use pull::pull;
pub(crate) use push::push;
pub(crate) use stats::stats;
pub(crate) use version::version;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header;
use sangam_sync_proto::message::{Bounds, Malformed};

use crate::options::Options;
use crate::problem::Problem;

/// A message.
fn cbor(body: impl Into<Bytes>) -> Response {
    ([(header::CONTENT_TYPE, "application/cbor")], body.into()).into_response()
}

fn malformed(what: &str, error: &Malformed) -> Problem {
    Problem::invalid("malformed", format!("Invalid {what} request: {error}"))
}

/// Limits of what is read. More operations than are looked at in one push may be sent: the rest of them stays with the replica.
fn bounds(options: &Options) -> Bounds {
    let bounds = Bounds::default();
    Bounds { ops_max: bounds.ops_max.max(options.rules.push_ops_max), ..bounds }
}
