/// Why a request begins or continues no session. Its numbers and texts are those of Node's engine.io, which clients show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// `transport` is missing or none of ours.
    TransportUnknown,
    /// There is no session of that `sid`, or no longer.
    SessionUnknown,
    /// A session begins with a method that is not GET.
    BadHandshakeMethod,
    /// A request that makes no sense in the session's state.
    BadRequest,
    /// The server does not want it.
    Forbidden,
    /// `EIO` is not 4.
    UnsupportedVersion,
}

impl Refusal {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 6] = [
        Self::TransportUnknown,
        Self::SessionUnknown,
        Self::BadHandshakeMethod,
        Self::BadRequest,
        Self::Forbidden,
        Self::UnsupportedVersion,
    ];

    /// The code: 0 to 5.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The text that goes with it.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::TransportUnknown => "Transport unknown",
            Self::SessionUnknown => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden => "Forbidden",
            Self::UnsupportedVersion => "Unsupported protocol version",
        }
    }

    /// The status of the HTTP response.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Forbidden => 403,
            Self::TransportUnknown
            | Self::SessionUnknown
            | Self::BadHandshakeMethod
            | Self::BadRequest
            | Self::UnsupportedVersion => 400,
        }
    }

    /// The body of the HTTP response, `application/json`.
    #[must_use]
    pub fn body(self) -> String {
        format!(r#"{{"code":{},"message":"{}"}}"#, self.code(), self.message())
    }
}
