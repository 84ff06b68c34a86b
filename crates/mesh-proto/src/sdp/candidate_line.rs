use std::fmt;
use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

use crate::CandidateKind;

/// A candidate's transport (RFC 8839 §5.1, RFC 6544 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

/// Who opens the connection of a TCP candidate (RFC 6544 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TcpType {
    /// Its owner.
    Active,
    /// Its owner's peer.
    Passive,
    /// Both at once.
    SimultaneousOpen,
}

/// Where a candidate is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CandidateHost {
    /// At an address.
    Address(IpAddr),
    /// At a name below `.local`, in lower case, to be asked by multicast DNS. Other names are not taken: nobody else shall
    /// choose what we look up.
    Name(String),
}

/// One candidate of ICE component 1, as SDP has it (RFC 8839 §5.1).
///
/// `Display` writes it as it is to be sent by itself: `candidate:…`, without `a=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateLine {
    /// Groups candidates of one kind, base and server. RFC 8839 has 32 characters at most.
    pub foundation: String,
    /// What it runs over.
    pub transport: Transport,
    /// The larger, the sooner.
    pub priority: u32,
    /// Where.
    pub host: CandidateHost,
    /// The port; 9 for active TCP candidates.
    pub port: u16,
    /// Where the address comes from.
    pub kind: CandidateKind,
    /// `raddr` and `rport`, if both are there and an address.
    pub related: Option<SocketAddr>,
    /// Of TCP candidates.
    pub tcptype: Option<TcpType>,
    /// The ICE generation it belongs to, where its maker says so.
    pub ufrag: Option<String>,
}

/// Why a text is no candidate that we can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CandidateLineError {
    /// It is longer than [`CandidateLine::BYTES_MAX`].
    #[error("a candidate has at most 1024 bytes")]
    TooLong,
    /// It does not begin with `candidate:`, or ends before its port.
    #[error("not a candidate")]
    Malformed,
    /// It is for a component other than 1: data channels have none.
    #[error("a component other than 1")]
    Component,
    /// Neither UDP nor TCP.
    #[error("a transport other than UDP and TCP")]
    Transport,
    /// Neither an address nor a name below `.local`.
    #[error("neither an address nor a .local name")]
    Address,
    /// Not one of `host`, `srflx`, `prflx`, `relay`.
    #[error("an unknown type of candidate")]
    Kind,
}

/// Whether a candidate's text is the marker that browsers send after their last: empty, `candidate:` alone, or
/// `end-of-candidates`, with `a=` or without.
#[must_use]
pub fn is_end_marker(text: &str) -> bool {
    let text = text.trim();
    matches!(text.strip_prefix("a=").unwrap_or(text), "" | "candidate:" | "end-of-candidates")
}

impl CandidateLine {
    /// The longest text, in bytes. RFC 8839 sets none; a line with every extension we know has 250.
    pub const BYTES_MAX: usize = 1024;

    /// Reads `candidate:…`, also with `a=` before it, and with words in any case. What follows the port may be missing:
    /// without `typ` it is a host candidate. Extensions that are not known are skipped.
    ///
    /// # Errors
    /// It is too long, ends before its port, or is of a kind we cannot use.
    pub fn parse(text: &str) -> Result<Self, CandidateLineError> {
        if text.len() > Self::BYTES_MAX {
            return Err(CandidateLineError::TooLong);
        }
        let text = text.trim();
        let text = text.strip_prefix("a=").unwrap_or(text);
        let rest = text.strip_prefix("candidate:").ok_or(CandidateLineError::Malformed)?;
        let mut words = rest.split_ascii_whitespace();
        let mut word = || words.next().ok_or(CandidateLineError::Malformed);
        let foundation = word()?.to_owned();
        if !foundation.bytes().all(|byte| byte.is_ascii_graphic()) || foundation.len() > FOUNDATION_BYTES_MAX {
            return Err(CandidateLineError::Malformed);
        }
        if word()? != "1" {
            return Err(CandidateLineError::Component);
        }
        let transport = transport(word()?)?;
        let priority = word()?.parse().map_err(|_| CandidateLineError::Malformed)?;
        let host = host(word()?)?;
        let port = word()?.parse().map_err(|_| CandidateLineError::Malformed)?;
        let kind = CandidateKind::Host;
        let mut line =
            Self { foundation, transport, priority, host, port, kind, related: None, tcptype: None, ufrag: None };
        line.read_extensions(words)?;
        Ok(line)
    }

    /// Its address and port, unless it has a name.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match self.host {
            CandidateHost::Address(ip) => Some(SocketAddr::new(ip, self.port)),
            CandidateHost::Name(_) => None,
        }
    }

    /// The same candidate at the address that its name stands for.
    #[must_use]
    pub fn at(&self, ip: IpAddr) -> Self {
        Self { host: CandidateHost::Address(ip), ..self.clone() }
    }

    fn read_extensions<'a>(&mut self, mut words: impl Iterator<Item = &'a str>) -> Result<(), CandidateLineError> {
        let (mut related_ip, mut related_port) = (None, None);
        while let (Some(key), Some(value)) = (words.next(), words.next()) {
            match key.to_ascii_lowercase().as_str() {
                "typ" => self.kind = kind(value)?,
                "raddr" => related_ip = address(value),
                "rport" => related_port = value.parse().ok(),
                "tcptype" => self.tcptype = tcptype(value),
                "ufrag" => self.ufrag = Some(value.to_owned()),
                _ => {}
            }
        }
        self.related = related_ip.zip(related_port).map(|(ip, port)| SocketAddr::new(ip, port));
        Ok(())
    }
}

impl fmt::Display for CandidateLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        };
        write!(f, "candidate:{} 1 {transport} {} ", self.foundation, self.priority)?;
        match &self.host {
            CandidateHost::Address(ip) => write!(f, "{ip}")?,
            CandidateHost::Name(name) => f.write_str(name)?,
        }
        write!(f, " {} typ {}", self.port, self.kind.as_str())?;
        if let Some(related) = self.related {
            write!(f, " raddr {} rport {}", related.ip(), related.port())?;
        }
        match self.tcptype {
            Some(TcpType::Active) => f.write_str(" tcptype active")?,
            Some(TcpType::Passive) => f.write_str(" tcptype passive")?,
            Some(TcpType::SimultaneousOpen) => f.write_str(" tcptype so")?,
            None => {}
        }
        if let Some(ufrag) = &self.ufrag {
            write!(f, " ufrag {ufrag}")?;
        }
        Ok(())
    }
}

fn transport(word: &str) -> Result<Transport, CandidateLineError> {
    if word.eq_ignore_ascii_case("udp") {
        Ok(Transport::Udp)
    } else if word.eq_ignore_ascii_case("tcp") {
        Ok(Transport::Tcp)
    } else {
        Err(CandidateLineError::Transport)
    }
}

fn kind(word: &str) -> Result<CandidateKind, CandidateLineError> {
    match word.to_ascii_lowercase().as_str() {
        "host" => Ok(CandidateKind::Host),
        "srflx" => Ok(CandidateKind::ServerReflexive),
        "prflx" => Ok(CandidateKind::PeerReflexive),
        "relay" => Ok(CandidateKind::Relayed),
        _ => Err(CandidateLineError::Kind),
    }
}

fn tcptype(word: &str) -> Option<TcpType> {
    match word.to_ascii_lowercase().as_str() {
        "active" => Some(TcpType::Active),
        "passive" => Some(TcpType::Passive),
        "so" => Some(TcpType::SimultaneousOpen),
        _ => None,
    }
}

/// An address, its zone (`%eth0`) left off: it means nothing here.
fn address(word: &str) -> Option<IpAddr> {
    word.split('%').next().and_then(|word| word.parse().ok())
}

fn host(word: &str) -> Result<CandidateHost, CandidateLineError> {
    if let Some(ip) = address(word) {
        return Ok(CandidateHost::Address(ip));
    }
    let name = word.to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let is_local = name.len() <= 253
        && name.strip_suffix(".local").is_some_and(|labels| !labels.is_empty() && labels.split('.').all(label));
    if is_local { Ok(CandidateHost::Name(name)) } else { Err(CandidateLineError::Address) }
}

/// RFC 8839 §5.1 has 32; some are longer.
const FOUNDATION_BYTES_MAX: usize = 64;
