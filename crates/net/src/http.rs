//! The HTTP front: from an accepted stream to a request whose sender is known.

mod activity;
mod body;
mod client;
mod connection;
mod endless;
mod forwarded;
mod handover;
mod head_end;
mod host;
mod lingering;
mod options;
mod origin;
mod percent;
mod request;
mod request_body;
mod serve;
mod trust;

pub use body::FrontBody;
pub use client::{Client, Scheme};
pub use endless::Endless;
pub use options::HttpOptions;
pub use origin::{AllowedOrigins, InvalidOrigin, WebOrigin};
pub use percent::percent_encoded;
pub use request_body::RequestBody;
pub use serve::{Drained, serve};
