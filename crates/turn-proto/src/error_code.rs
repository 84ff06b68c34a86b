/// The error codes that this server answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorCode {
    /// 300, RFC 8489 §14.8
    TryAlternate,
    /// 400, RFC 8489 §14.8
    BadRequest,
    /// 401, RFC 8489 §14.8
    Unauthenticated,
    /// 403, RFC 8656 §19
    Forbidden,
    /// 405, RFC 8016 §3.4
    MobilityForbidden,
    /// 420, RFC 8489 §14.8
    UnknownAttribute,
    /// 437, RFC 8656 §19
    AllocationMismatch,
    /// 438, RFC 8489 §14.8
    StaleNonce,
    /// 440, RFC 8656 §19
    AddressFamilyNotSupported,
    /// 441, RFC 8656 §19
    WrongCredentials,
    /// 442, RFC 8656 §19
    UnsupportedTransportProtocol,
    /// 443, RFC 8656 §19
    PeerAddressFamilyMismatch,
    /// 486, RFC 8656 §19
    AllocationQuotaReached,
    /// 508, RFC 8656 §19
    InsufficientCapacity,
}

impl ErrorCode {
    /// All of them, ascending.
    pub const ALL: [Self; 14] = [
        Self::TryAlternate,
        Self::BadRequest,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::MobilityForbidden,
        Self::UnknownAttribute,
        Self::AllocationMismatch,
        Self::StaleNonce,
        Self::AddressFamilyNotSupported,
        Self::WrongCredentials,
        Self::UnsupportedTransportProtocol,
        Self::PeerAddressFamilyMismatch,
        Self::AllocationQuotaReached,
        Self::InsufficientCapacity,
    ];

    /// The number on the wire: 300 to 699.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::TryAlternate => 300,
            Self::BadRequest => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::MobilityForbidden => 405,
            Self::UnknownAttribute => 420,
            Self::AllocationMismatch => 437,
            Self::StaleNonce => 438,
            Self::AddressFamilyNotSupported => 440,
            Self::WrongCredentials => 441,
            Self::UnsupportedTransportProtocol => 442,
            Self::PeerAddressFamilyMismatch => 443,
            Self::AllocationQuotaReached => 486,
            Self::InsufficientCapacity => 508,
        }
    }

    /// The reason phrase on the wire, as the RFCs name the code.
    #[must_use]
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::TryAlternate => "Try Alternate",
            Self::BadRequest => "Bad Request",
            Self::Unauthenticated => "Unauthenticated",
            Self::Forbidden => "Forbidden",
            Self::MobilityForbidden => "Mobility Forbidden",
            Self::UnknownAttribute => "Unknown Attribute",
            Self::AllocationMismatch => "Allocation Mismatch",
            Self::StaleNonce => "Stale Nonce",
            Self::AddressFamilyNotSupported => "Address Family not Supported",
            Self::WrongCredentials => "Wrong Credentials",
            Self::UnsupportedTransportProtocol => "Unsupported Transport Protocol",
            Self::PeerAddressFamilyMismatch => "Peer Address Family Mismatch",
            Self::AllocationQuotaReached => "Allocation Quota Reached",
            Self::InsufficientCapacity => "Insufficient Capacity",
        }
    }
}
