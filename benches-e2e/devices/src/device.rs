use crate::digest::Nonce;
use crate::http::Connection;

/// A device between its sessions.
pub(crate) struct Device {
    pub(crate) number: u32,
    pub(crate) user: String,
    pub(crate) password: String,
    /// What the server gave last.
    pub(crate) nonce: Option<Nonce>,
    pub(crate) connection: Option<Connection>,
    /// How often its address changed.
    pub(crate) changes: u32,
}

impl Device {
    pub(crate) fn new(number: u32, user: &str, password: &str) -> Self {
        Self { number, user: user.to_owned(), password: password.to_owned(), nonce: None, connection: None, changes: 0 }
    }
}
