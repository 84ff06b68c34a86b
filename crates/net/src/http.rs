//! The HTTP front: from an accepted stream to a request whose sender is known.

mod body;
mod client;
mod connection;
mod forwarded;
mod host;
mod options;
mod origin;
mod percent;
mod request;
mod serve;
mod trust;

pub use body::FrontBody;
pub use client::{Client, Scheme};
pub use options::HttpOptions;
pub use origin::{AllowedOrigins, InvalidOrigin, WebOrigin};
pub use percent::percent_encoded;
pub use serve::{Drained, serve};
