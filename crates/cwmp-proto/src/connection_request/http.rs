//! The connection request over HTTP (TR-069 Amendment 6 §3.2.2): one GET of the ConnectionRequestURL, without a body,
//! repeated with an answer when the CPE challenges.

mod request;
mod url;

pub use request::{Answer, Authorizer, Exchange, HttpRequest, Step};
pub use url::{ConnectionRequestUrl, UrlOffence};
