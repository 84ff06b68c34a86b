//! Health, readiness, metrics, the version 1 API and the pages.
//!
//! [`router`] makes the routes; the binary joins them with other drivers' and serves them through `net`, which
//! puts a [`sangam_net::http::Client`] into each request. Nothing here listens.
//!
//! | Route | Who | What |
//! |---|---|---|
//! | `/health` | everybody | 200 as long as the process answers |
//! | `/ready` | everybody; detail for the privileged | 200 if every part takes work, else 503 |
//! | `/metrics` | the privileged (`metrics:read`) | Prometheus or OpenMetrics text |
//! | `/api/v1/*` | the privileged (`admin:read`); to change something, a token with `admin:write` everywhere | the API |
//! | `/api/v1/tokens/renew` | a good token for signaling | a later one |
//! | `/`, `/check/` | everybody | pages |
//!
//! Privileged is a trusted loopback request, an address in `admin.allow`, or a token with the scope.

mod access;
mod assets;
mod certificate;
mod check;
mod exposition;
mod guard;
mod problem;
mod renewal_pace;
mod router;
mod routes;
mod state;
mod telemetry;
mod timestamp;

pub use access::Access;
pub use certificate::CertificatePart;
pub use router::{not_found, router};
pub use state::{AdminOptions, AdminState, Clock};
pub use telemetry::Telemetry;
