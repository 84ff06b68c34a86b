//! Words that several protocols share: time, who somebody is, and what a WebSocket carries.
//!
//! Nothing here reads a clock, a socket or a file: values come from a driver.

mod frame;
mod principal;
mod time;

pub use frame::{Frame, Text};
pub use principal::{Principal, PrincipalKind, Tenant};
pub use time::{Mono, Now, Wall};
