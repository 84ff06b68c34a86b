use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sangam_types::Wall;
use serde::{Deserialize, Serialize};

use crate::relay_events::RelayEventSubscription;
use crate::timestamp;

/// Sees the relay's sessions and ends them. A session is one allocation (RFC 8656 §2).
///
/// Each question goes to every relay thread at once. One that does not answer within a second is named in the answer
/// rather than waited for; what it was told to do it does when it comes to it.
pub trait RelaySessions: Send + Sync {
    /// One page of the sessions that a filter describes, in the order of threads and tables.
    fn list(&self, page: SessionPage) -> BoxFuture<'_, SessionList>;

    /// The sessions that relayed most within the last [`SessionList::interval`], the busiest first.
    fn top(&self, by: TopBy, count: usize) -> BoxFuture<'_, SessionList>;

    /// One session; the list is empty if there is none of that name.
    fn find(&self, id: SessionId) -> BoxFuture<'_, SessionList>;

    /// Ends these sessions. Their clients may come again: see [`revoke`](Self::revoke).
    fn kick(&self, whom: Kick) -> BoxFuture<'_, Ended>;

    /// Whether new allocations are refused while those there are go on.
    fn is_draining(&self) -> bool;

    /// Refuses new allocations (508), or takes them again.
    fn set_draining(&self, draining: bool);

    /// The revocations in force, users before labels.
    fn revocations(&self) -> Vec<Revocation>;

    /// Ends the sessions of a name and refuses its requests (401), from now on and after a restart. Another revocation of
    /// the same name is replaced.
    fn revoke(&self, order: RevocationOrder) -> BoxFuture<'_, Result<Revoked, RevocationError>>;

    /// Takes a revocation back; `false` if there was none.
    fn restore(&self, whose: RevokedName) -> BoxFuture<'_, Result<bool, RevocationError>>;

    /// What happens to sessions from now on. `None` if as many listen as may, or the relay has stopped.
    fn subscribe(&self) -> Option<RelayEventSubscription>;
}

/// Names a session in this process: `THREAD-START-ALLOCATION`, of which the latter two are hexadecimal and START tells apart
/// the threads that had that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId {
    /// The relay thread.
    pub thread: u16,
    /// Drawn at random when that thread began.
    pub start: u32,
    /// What that thread calls the allocation.
    pub allocation: u64,
}

/// Who and where sessions are: of each that is given, exactly that. Nothing given: all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionFilter {
    /// The name in the user name, or the whole of it: `alice/laptop` and `1700000000:alice/laptop` alike.
    pub user: Option<String>,
    /// The label: the name up to its first `/`.
    pub label: Option<String>,
    /// The client's address, whatever its port.
    pub client: Option<IpAddr>,
}

/// Which sessions are to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kick {
    /// This one.
    One(SessionId),
    /// All that the filter describes.
    Each(SessionFilter),
}

/// A page of sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionPage {
    /// Which of them.
    pub filter: SessionFilter,
    /// Where the page before said that the next begins.
    pub from: SessionCursor,
    /// How many at most.
    pub limit: usize,
}

/// A place in the tables of the relay threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionCursor {
    /// The relay thread.
    pub thread: u16,
    /// The place in its table.
    pub place: u32,
}

/// By what sessions are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TopBy {
    /// Payload bytes per second, both ways together.
    #[default]
    Bytes,
    /// Datagrams per second, both ways together.
    Packets,
}

/// Sessions, and how whole their list is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionList {
    /// The sessions.
    pub sessions: Vec<RelaySession>,
    /// Where the next page begins, if there are more.
    pub next: Option<SessionCursor>,
    /// Allocations alive in the whole relay.
    pub allocations: u64,
    /// Threads that did not answer in time: their sessions are missing.
    pub silent_threads: Vec<usize>,
    /// Over which time rates are taken.
    pub interval: Duration,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RelaySession {
    /// Its name, good for as long as it lives and never used again.
    pub id: SessionId,
    /// The USERNAME it was made with.
    pub username: String,
    /// That without the expiry of a time-limited credential.
    pub user: String,
    /// The user up to the first `/`.
    pub label: String,
    /// Where the client sends from.
    pub client: SocketAddr,
    /// Which address of ours it sends to.
    pub server: SocketAddr,
    /// Between them.
    pub transport: SessionTransport,
    /// The relayed address as bound here.
    pub relayed: SocketAddr,
    /// The relayed address as clients and peers see it.
    pub external: SocketAddr,
    /// The relayed address of the other family as clients and peers see it, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional: Option<SocketAddr>,
    /// When it began.
    #[serde(with = "timestamp")]
    pub begun_at: Wall,
    /// Until it ends unless refreshed, seconds.
    pub expires_in_secs: u64,
    /// Peer addresses permitted now.
    pub permissions: usize,
    /// Channels bound now.
    pub channels: usize,
    /// Relayed from client to peers so far.
    pub to_peer: RelayTraffic,
    /// Relayed from peers to client so far.
    pub to_client: RelayTraffic,
    /// From client to peers, in each second of the last interval.
    pub to_peer_per_sec: RelayTraffic,
    /// From peers to client, in each second of the last interval.
    pub to_client_per_sec: RelayTraffic,
}

/// What carries a client's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionTransport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// A stream inside TLS.
    Tls,
}

/// Datagrams and their payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayTraffic {
    /// Datagrams.
    pub packets: u64,
    /// Payload bytes, without any header.
    pub bytes: u64,
}

/// What came of an order to end sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// Sessions that ended.
    pub ended: usize,
    /// Threads that did not answer in time.
    pub silent_threads: Vec<usize>,
}

/// Whose credentials are revoked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokedName {
    /// A user, as [`SessionFilter::user`] has it.
    User(String),
    /// All users of a label.
    Label(String),
}

impl fmt::Display for RevokedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user {name:?}"),
            Self::Label(name) => write!(f, "label {name:?}"),
        }
    }
}

/// A name whose credentials are good no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation<N = RevokedName> {
    /// Whose.
    #[serde(flatten)]
    pub name: N,
    /// Since when.
    #[serde(with = "timestamp")]
    pub since: Wall,
    /// Until when; none for ever.
    #[serde(with = "timestamp::option")]
    pub until: Option<Wall>,
}

/// Asks for a revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationOrder {
    /// Whose.
    pub name: RevokedName,
    /// Until when. `None`: for as long as a credential of that name that exists now could be good, which for a long-term
    /// user is for ever.
    pub until: Option<Wall>,
}

/// What came of a revocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Revoked {
    /// As it is in force.
    #[serde(flatten)]
    pub revocation: Revocation,
    /// What it ended.
    #[serde(flatten)]
    pub sessions: Ended,
}

/// Why revocations did not change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevocationError {
    /// There is a bound.
    #[error("{max} names are revoked and no more may be: take one back, or remove its users or secret instead")]
    Full {
        /// The bound.
        max: usize,
    },
    /// The end has passed.
    #[error("a revocation until a time that has passed would revoke nothing")]
    Over,
    /// It would not last over a restart.
    #[error("the revocation could not be saved and is not in force: {cause}")]
    NotSaved {
        /// What the system said.
        cause: String,
    },
}

/// Where revocations last over a restart.
pub trait RevocationStore<N = RevokedName>: fmt::Debug + Send + Sync {
    /// Keeps these and no others. They are on the disk when it returns. May block.
    ///
    /// # Errors
    ///
    /// They could not be written; then the former ones are kept.
    fn save(&self, revocations: &[Revocation<N>]) -> std::io::Result<()>;
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08x}-{:x}", self.thread, self.start, self.allocation)
    }
}

/// What was read is no name of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session is named THREAD-START-ALLOCATION, as the list of sessions names it")]
pub struct NotASessionId;

impl std::str::FromStr for SessionId {
    type Err = NotASessionId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('-');
        let mut next = || parts.next().ok_or(NotASessionId);
        let (thread, start, allocation) = (next()?, next()?, next()?);
        let id = Self {
            thread: thread.parse().map_err(|_| NotASessionId)?,
            start: u32::from_str_radix(start, 16).map_err(|_| NotASessionId)?,
            allocation: u64::from_str_radix(allocation, 16).map_err(|_| NotASessionId)?,
        };
        // One session has one name.
        if id.to_string() == text { Ok(id) } else { Err(NotASessionId) }
    }
}

impl Serialize for SessionId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl SessionFilter {
    /// Whether nothing is given, so that it describes every session.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_found_by_the_name_it_shows() {
        let id = SessionId { thread: 3, start: 0x12, allocation: 0x1_0000_0007 };
        assert_eq!(id.to_string(), "3-00000012-100000007");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "3", "3-12-100000007", "3-00000012-100000007-1", "-00000012-1", "+3-00000012-1", "3-00000012-"]
        {
            assert_eq!(text.parse::<SessionId>(), Err(NotASessionId), "{text:?}");
        }
    }

    #[test]
    fn a_revocation_is_written_and_read_alike() {
        for until in [None, Some(Wall::from_unix_secs(1_700_000_000))] {
            let revocation = Revocation {
                name: RevokedName::Label("alice".to_owned()),
                since: Wall::from_unix_millis(1_600_000_000_007),
                until,
            };
            let text = serde_json::to_string(&revocation).unwrap();
            assert!(text.starts_with(r#"{"label":"alice","since":"2020-09-13T12:26:40.007Z","until":"#), "{text}");
            assert_eq!(serde_json::from_str::<Revocation>(&text).unwrap(), revocation);
        }
    }
}
