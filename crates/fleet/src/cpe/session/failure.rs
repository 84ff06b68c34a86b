use std::fmt;

use super::super::mishap::Mishap;

/// Why a session failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Failure {
    /// No connection.
    Unreached,
    /// The connection ended before the answer.
    Closed,
    /// No answer in time.
    Timeout,
    /// What came is no HTTP.
    Http,
    /// 503.
    Busy,
    /// Another status.
    Status(u16),
    /// It asks for a login, and there is none.
    NoLogin,
    /// It does not take the login.
    LoginRefused,
    /// Chunks, for a device that cannot read them.
    Chunked,
    /// A fault of the ACS.
    Fault(u16),
    /// Not a message.
    Soap(&'static str),
    /// The direct answer to an Inform was something else.
    NoInformResponse,
    /// Nothing came on a request of ours.
    NoAnswer,
    /// Something else than the answer came on it, or an answer to nothing.
    WrongAnswer,
    /// An answer has another `ID` than its request.
    WrongId,
    /// A device that said which versions of CWMP it speaks was not told which one is used.
    NoVersion,
    /// There was no end.
    Endless,
    /// It was made to go wrong.
    Mishap(Mishap),
}

impl Failure {
    /// Whether an ACS must never do so.
    pub(crate) fn is_broken(self) -> bool {
        matches!(
            self,
            Self::Http
                | Self::Soap(_)
                | Self::NoInformResponse
                | Self::NoAnswer
                | Self::WrongAnswer
                | Self::WrongId
                | Self::NoVersion
                | Self::Endless
                | Self::Chunked
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreached => "no connection",
            Self::Closed => "the connection was closed amid it",
            Self::Timeout => "no answer in time",
            Self::Http => "an answer that is no HTTP",
            Self::Busy => "HTTP 503",
            Self::Status(status) => return write!(f, "HTTP {status}"),
            Self::NoLogin => "a login is wanted, and there is none",
            Self::LoginRefused => "the login was refused",
            Self::Chunked => "chunks, which the device cannot read",
            Self::Fault(code) => return write!(f, "fault {code}"),
            Self::Soap(reason) => return write!(f, "an answer that cannot be read: {reason}"),
            Self::NoInformResponse => "no InformResponse on an Inform",
            Self::NoAnswer => "no answer on a request of the device",
            Self::WrongAnswer => "an answer that nothing was asked for",
            Self::WrongId => "an answer with another ID than its request",
            Self::NoVersion => "no UseCWMPVersion for a device of CWMP 1.4",
            Self::Endless => "more than 1,000 messages",
            Self::Mishap(mishap) => return write!(f, "made to go wrong: {}", mishap.name()),
        })
    }
}
