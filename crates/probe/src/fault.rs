use std::fmt;
use std::net::SocketAddr;

use crate::finding::Finding;
use crate::uri::Transport;

/// Why a server did not do what it was asked: the answer is no.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing listens there: connection refused, or ICMP port unreachable.
    Refused,
    /// No answer within the limit.
    Silent,
    /// The network says that it cannot be reached.
    Unreachable {
        /// What the system said.
        said: String,
    },
    /// It ended the connection.
    Closed,
    /// The TLS handshake failed.
    Tls {
        /// What was wrong.
        said: String,
    },
    /// What came is of another protocol.
    OtherProtocol,
    /// STUN, but broken.
    Malformed {
        /// What is wrong with it.
        said: String,
    },
    /// A STUN error response (RFC 8489 §14.8).
    Error {
        /// 300 to 699.
        code: u16,
        /// The server's words.
        reason: String,
    },
    /// The response is not signed with our key: whoever answered does not know the password.
    Unsigned,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("refused: nothing listens there"),
            Self::Silent => f.write_str("no answer in time"),
            Self::Unreachable { said } => write!(f, "it cannot be reached ({said})"),
            Self::Closed => f.write_str("the server closed the connection"),
            Self::Tls { said } => write!(f, "the TLS handshake failed ({said})"),
            Self::OtherProtocol => f.write_str("what answers speaks another protocol"),
            Self::Malformed { said } => write!(f, "the answer is malformed ({said})"),
            Self::Error { code, reason } => write!(f, "error {code} {reason}"),
            Self::Unsigned => f.write_str("the answer is not signed with the password"),
        }
    }
}

impl Fault {
    /// From what the system said of a socket.
    pub(crate) fn of_io(error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::TimedOut => Self::Silent,
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::Unreachable { said: error.to_string() },
        }
    }

    /// The finding it makes at a server, before credentials are in play.
    #[must_use]
    pub fn finding(&self, subject: &str, server: SocketAddr, transport: Transport) -> Finding {
        let (cause, mend) = self.explanation(server, transport);
        Finding::failed(subject, format!("{server} over {transport}: {self}")).because(cause, mend)
    }

    pub(crate) fn explanation(&self, server: SocketAddr, transport: Transport) -> (String, String) {
        let port = server.port();
        let (cause, mend) = match self {
            Self::Refused => (
                format!("the host is there, but nothing listens on {transport} port {port}"),
                "start the server, or give the port it listens on; a firewall that rejects looks the same".to_owned(),
            ),
            Self::Silent if transport == Transport::Udp => (
                format!("the server is down, {port} is no STUN port, or a firewall drops UDP on the way or back"),
                format!(
                    "open udp/{port} to the server; try `--transport tcp` or `--tcp` to tell a firewall from a server that is down"
                ),
            ),
            Self::Silent => (
                format!(
                    "the host is down, or a firewall drops {transport} port {port}; a server of another protocol may also wait in silence"
                ),
                format!("check that the server runs and that tcp/{port} is open to it"),
            ),
            Self::Unreachable { .. } => (
                "a router or this machine has no way to that address".to_owned(),
                "check the address and the routes to it".to_owned(),
            ),
            Self::Closed => (
                format!("port {port} speaks another protocol, wants TLS, or refuses this address"),
                "check the port; a TLS port needs turns:, stuns: or `--transport tls`; see the server's log".to_owned(),
            ),
            Self::Tls { said } => tls_explanation(said),
            Self::OtherProtocol => (
                format!("it is no STUN server: another service has port {port}, or the port wants TLS"),
                "give the STUN port: 3478, or 5349 with TLS".to_owned(),
            ),
            Self::Malformed { .. } => (
                "the server breaks RFC 8489, or something on the way rewrites packets".to_owned(),
                "try from another network or over TLS, which nothing on the way can rewrite".to_owned(),
            ),
            Self::Error { .. } => {
                ("the server refuses this request".to_owned(), "see the server's log for this address".to_owned())
            }
            Self::Unsigned => (
                "whoever answers does not know the password: another server, or one on the way".to_owned(),
                "check that the name leads to the right server".to_owned(),
            ),
        };
        (cause, mend)
    }

    /// Cause and mend at a server of HTTP or WebSocket.
    pub(crate) fn web_explanation(&self) -> (String, String) {
        let (cause, mend) = match self {
            Self::Tls { said } => return tls_explanation(said),
            Self::OtherProtocol => {
                ("what listens there speaks no HTTP, or wants TLS", "check the port; try https:// or wss://")
            }
            Self::Silent => {
                ("the server hangs, or a firewall drops the packets", "see the server's log; check the firewall")
            }
            Self::Malformed { .. } => ("this is no answer of such a server", "check the URL"),
            Self::Refused | Self::Unreachable { .. } | Self::Closed | Self::Error { .. } | Self::Unsigned => {
                ("the server is down, or listens elsewhere", "start it; check address and port")
            }
        };
        (cause.to_owned(), mend.to_owned())
    }
}

/// What a certificate check says, in an operator's words.
fn tls_explanation(said: &str) -> (String, String) {
    let contains = |word: &str| said.contains(word);
    let (cause, mend) = if contains("UnknownIssuer") {
        (
            "the certificate is signed by no authority trusted here",
            "serve the whole chain, or give the authority with `--ca-file`",
        )
    } else if contains("Expired") || contains("expired") {
        ("the certificate has expired, or this machine's clock is wrong", "renew the certificate; check the clock")
    } else if contains("not valid for name") || contains("NotValidForName") {
        ("the certificate is for other names", "ask for a name that it holds, or put this name into it")
    } else if contains("corrupt") || contains("InvalidContentType") || contains("InvalidMessage") {
        ("the port does not speak TLS", "use the TLS port, or the plain transport")
    } else {
        ("server and probe agree on no version, cipher or certificate", "see the server's TLS settings and log")
    };
    (cause.to_owned(), mend.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_of_a_socket_is_told_from_the_others() {
        let fault = |kind: std::io::ErrorKind| Fault::of_io(&kind.into());
        assert_eq!(fault(std::io::ErrorKind::ConnectionRefused), Fault::Refused);
        assert_eq!(fault(std::io::ErrorKind::ConnectionReset), Fault::Closed);
        assert_eq!(fault(std::io::ErrorKind::TimedOut), Fault::Silent);
        assert!(matches!(fault(std::io::ErrorKind::HostUnreachable), Fault::Unreachable { .. }));
    }

    #[test]
    fn certificates_are_explained_by_what_is_wrong_with_them() {
        let cause = |said: &str| tls_explanation(said).0;
        assert!(cause("invalid peer certificate: UnknownIssuer").contains("no authority"));
        assert!(cause("invalid peer certificate: certificate expired: …").contains("clock"));
        assert!(cause("certificate not valid for name \"a\"").contains("other names"));
        assert!(cause("received corrupt message of type InvalidContentType").contains("does not speak TLS"));
    }

    #[test]
    fn a_silent_udp_server_points_at_the_firewall() {
        let finding = Fault::Silent.finding("reach", "192.0.2.1:3478".parse().unwrap(), Transport::Udp);
        assert!(finding.mend.unwrap().contains("udp/3478"));
    }
}
