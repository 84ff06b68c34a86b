use sangam_cwmp_proto::connection_request::Verdict;

/// What came of calling a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Called {
    /// It will begin a session.
    Accepted,
    /// Nothing waits for it any more: it came by itself.
    NotNeeded,
    /// Nobody answers there, or not in HTTP.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// It did not believe who we are, or has no login of ours.
    RefusedLogin,
    /// It takes no calls now.
    Busy,
    /// It answered otherwise, a redirect among that.
    Refused,
    /// It has not told where it is called, or nothing that can be called.
    NoAddress,
    /// Where it wants to be called is not where its last session came from, or it is none of ours.
    NotAllowed,
    /// There is no login of ours that it would believe.
    NoLogin,
    /// No STUN listener runs in this process that its NAT would let through.
    NoSocket,
    /// There is no connection with an XMPP server.
    NotConnected,
    /// As many calls wait as may.
    Overloaded,
    /// The store could not be asked.
    Failed,
}

impl Called {
    /// One word, for the API and for a counter.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::NotNeeded => "not_needed",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::RefusedLogin => "refused_login",
            Self::Busy => "busy",
            Self::Refused => "refused",
            Self::NoAddress => "no_address",
            Self::NotAllowed => "not_allowed",
            Self::NoLogin => "no_login",
            Self::NoSocket => "no_socket",
            Self::NotConnected => "not_connected",
            Self::Overloaded => "overloaded",
            Self::Failed => "failed",
        }
    }

    /// Whether the device may have heard of the call.
    pub(super) const fn was_asked(self) -> bool {
        match self {
            Self::Accepted | Self::Unreachable | Self::Timeout | Self::RefusedLogin | Self::Busy | Self::Refused => {
                true
            }
            Self::NotNeeded
            | Self::NoAddress
            | Self::NotAllowed
            | Self::NoLogin
            | Self::NoSocket
            | Self::NotConnected
            | Self::Overloaded
            | Self::Failed => false,
        }
    }

    /// For people.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Accepted => "the device was called and comes",
            Self::NotNeeded => "the device came before it was called",
            Self::Unreachable => {
                "the device was called and nobody answered; it is done when the device comes by itself"
            }
            Self::Timeout => {
                "the device was called and did not answer in time; it is done when the device comes by itself"
            }
            Self::RefusedLogin => {
                "the device was called and did not take our login; it is done when the device comes by itself"
            }
            Self::Busy => "the device was called and is busy; it is done when the device comes by itself",
            Self::Refused => "the device was called and refused; it is done when the device comes by itself",
            Self::NoAddress => "the device has told of no address to call it at; it is done when it comes by itself",
            Self::NotAllowed => {
                "the device may not be called at the address that it told; it is done when it comes by itself"
            }
            Self::NoLogin => "the device has no login of ours to be called with; it is done when it comes by itself",
            Self::NoSocket => {
                "the device is behind a NAT, and the STUN listener that could reach it runs in no relay of this process; \
                 it is done when the device comes by itself"
            }
            Self::NotConnected => {
                "the device is called through an XMPP server, and there is no connection with one; it is done when the \
                 device comes by itself"
            }
            Self::Overloaded => "too many calls wait; it is done when the device comes by itself",
            Self::Failed => "the device could not be looked up; it is done when the device comes by itself",
        }
    }
}

impl From<Verdict> for Called {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accepted => Self::Accepted,
            Verdict::AuthenticationRefused => Self::RefusedLogin,
            Verdict::Busy { .. } => Self::Busy,
            Verdict::Unreachable => Self::Unreachable,
            Verdict::Redirected | Verdict::NotFound | Verdict::Refused => Self::Refused,
        }
    }
}
