/// Why an allocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndCause {
    /// Its client said so: a Refresh with LIFETIME 0 (RFC 8656 §8.2).
    Client,
    /// Its time ran out.
    Expired,
    /// The connection over TCP or TLS that carried it was closed (RFC 8656 §3.1).
    ConnectionClosed,
    /// An operator ended it.
    Kicked,
    /// The credential that it was made with is good no longer, although it has not expired.
    Revoked,
}

impl EndCause {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Client, Self::Expired, Self::ConnectionClosed, Self::Kicked, Self::Revoked];

    /// The cause's name, for a label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Expired => "expired",
            Self::ConnectionClosed => "connection_closed",
            Self::Kicked => "kicked",
            Self::Revoked => "revoked",
        }
    }
}
