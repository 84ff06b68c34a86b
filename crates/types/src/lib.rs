//! Words that several protocols share: time and who somebody is.
//!
//! Nothing here reads a clock, a socket or a file: values come from a driver.

mod principal;
mod time;

pub use principal::{Principal, PrincipalKind, Tenant};
pub use time::{Mono, Now, Wall};
