use std::net::SocketAddr;

use hashbrown::HashMap;
use sangam_mesh_proto::LinkId;

/// A base of ours, and an address of a peer.
pub(super) type Path = (SocketAddr, SocketAddr);

/// Whose a packet is: by the user fragment that a connectivity check names (RFC 8445 §7.3), else by the path.
#[derive(Debug, Default)]
pub(super) struct Routes {
    fragments: HashMap<String, LinkId>,
    paths: HashMap<Path, Vec<LinkId>>,
}

impl Routes {
    /// `fragment` is one of ours, told to the peer of this link.
    pub(super) fn name(&mut self, fragment: &str, link: LinkId) {
        self.fragments.insert(fragment.to_owned(), link);
    }

    /// A fragment that is used no longer.
    pub(super) fn unname(&mut self, fragment: &str) {
        self.fragments.remove(fragment);
    }

    /// The link uses this path; the last to be added is the newest there.
    pub(super) fn add(&mut self, path: Path, link: LinkId) {
        let links = self.paths.entry(path).or_default();
        if !links.contains(&link) {
            links.push(link);
        }
    }

    /// The link is gone from this path.
    pub(super) fn remove(&mut self, path: Path, link: LinkId) {
        if let Some(links) = self.paths.get_mut(&path) {
            links.retain(|other| *other != link);
            if links.is_empty() {
                self.paths.remove(&path);
            }
        }
    }

    /// Who uses this path, the newest last.
    pub(super) fn on(&self, path: Path) -> &[LinkId] {
        self.paths.get(&path).map_or(&[], Vec::as_slice)
    }

    /// Who told the fragment.
    pub(super) fn named(&self, fragment: &str) -> Option<LinkId> {
        self.fragments.get(fragment).copied()
    }
}

/// What kind of STUN message a datagram is (RFC 8489 §5), as far as the way to its link needs it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stun<'a> {
    /// A binding request, for the link that told this fragment.
    Request(&'a str),
    /// An answer to a request of ours.
    Response,
    /// Nothing for links.
    Other,
}

impl<'a> Stun<'a> {
    const HEAD_BYTES: usize = 20;
    const USERNAME: u16 = 0x0006;

    /// None if it is no STUN message.
    pub(super) fn read(datagram: &'a [u8]) -> Option<Self> {
        let head = datagram.get(..Self::HEAD_BYTES)?;
        if head[0] > 3 {
            return None;
        }
        Some(match u16::from_be_bytes([head[0], head[1]]) {
            0x0001 => Self::fragment(datagram).map_or(Self::Other, Stun::Request),
            0x0101 | 0x0111 => Self::Response,
            _ => Self::Other,
        })
    }

    /// The first part of `USERNAME`, which is `<the receiver's fragment>:<the sender's>` (RFC 8445 §7.2.2).
    fn fragment(datagram: &'a [u8]) -> Option<&'a str> {
        let mut rest = datagram.get(Self::HEAD_BYTES..)?;
        loop {
            let kind = u16::from_be_bytes([*rest.first()?, *rest.get(1)?]);
            let length = usize::from(u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?]));
            let value = rest.get(4..4 + length)?;
            if kind == Self::USERNAME {
                return std::str::from_utf8(value).ok()?.split_once(':').map(|(ours, _)| ours);
            }
            rest = rest.get(4 + length.next_multiple_of(4)..)?;
        }
    }
}
