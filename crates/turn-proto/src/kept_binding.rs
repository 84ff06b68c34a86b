use std::net::SocketAddr;

use crate::address::FiveTuple;
use crate::attribute::AttributeType;

/// A binding that a device keeps open so that it can be asked for a session through it (TR-069 Amendment 6 Annex G.2.1.3), as a
/// Binding request of its marked it. Nothing of it is proven: whoever can send a datagram can send such a one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptBinding {
    /// Where datagrams for it go.
    pub client: SocketAddr,
    /// The address of ours that it was opened towards: from there they have to come.
    pub server: SocketAddr,
    /// The USERNAME of the request (`ManagementServer.STUNUsername`), at most [`Self::USERNAME_BYTES_MAX`] bytes.
    pub username: Option<Box<str>>,
    /// Whether the device says that it is another than before.
    pub is_changed: bool,
}

impl KeptBinding {
    /// Longer user names are left out (TR-181: `STUNUsername` has 256 characters at most).
    pub const USERNAME_BYTES_MAX: usize = 256;

    /// CONNECTION-REQUEST-BINDING.
    const MARK: AttributeType = AttributeType(0xC001);
    /// Its value, always this.
    const MARK_VALUE: &[u8] = b"dslforum.org/TR-111 ";
    /// BINDING-CHANGE.
    const CHANGED: AttributeType = AttributeType(0xC002);

    /// Of a request from there; `None`: it marks none.
    pub(crate) fn of<'a>(
        from: &FiveTuple,
        client: SocketAddr,
        find: impl Fn(AttributeType) -> Option<&'a [u8]>,
    ) -> Option<Self> {
        find(Self::MARK).filter(|value| *value == Self::MARK_VALUE)?;
        let is_changed = find(Self::CHANGED).is_some();
        // What was filled up to a multiple of four (RFC 3489 §11.2.6) was so with blanks or zeros.
        let username = find(AttributeType::USERNAME).and_then(|value| std::str::from_utf8(value).ok());
        let username = username.map(|name| name.trim_end_matches(['\0', ' ']));
        let fits = |name: &&str| !name.is_empty() && name.len() <= Self::USERNAME_BYTES_MAX;
        Some(Self { client, server: from.server, username: username.filter(fits).map(Into::into), is_changed })
    }
}
