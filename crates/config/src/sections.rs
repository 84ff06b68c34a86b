//! The sections of the configuration, one file each.
//!
//! A key is a field: its doc is the text of the schema and of the reference page, `x-reload` says whether a new value
//! takes effect while the server runs (`live`) or at its next start (`restart`).

pub mod admin;
pub mod auth;
pub mod data;
pub mod devices;
pub mod http;
pub mod ice;
pub mod log;
pub mod node;
pub mod relay;
pub mod server;
pub mod signal;
pub mod sync;
pub mod telemetry;
pub mod tls;

/// Collects what the sections find wrong with their own values.
#[derive(Debug, Default)]
pub(crate) struct Check {
    /// Key inside the section and what is wrong with it: cause and mend.
    pub(crate) wrong: Vec<(&'static str, String)>,
}

impl Check {
    /// Notes `cause` against `key` unless it is `fine`.
    pub(crate) fn require(&mut self, fine: bool, key: &'static str, cause: impl Into<String>) {
        if !fine {
            self.wrong.push((key, cause.into()));
        }
    }

    /// As [`Check::require`], for a number that must lie between two others.
    pub(crate) fn within<T: PartialOrd + std::fmt::Display>(&mut self, key: &'static str, value: T, least: T, most: T) {
        let fine = least <= value && value <= most;
        self.require(fine, key, format!("{value} is out of range; write {least} to {most}"));
    }
}
