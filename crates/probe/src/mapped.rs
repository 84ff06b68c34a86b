use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::timeout;

use crate::bounds::Bounds;
use crate::dial::resolve_beside;
use crate::link::Link;
use crate::stun::binding;
use crate::trust::Trust;

/// How the STUN server at `host` and UDP port `port` sees a new socket that is bound to `local` (Binding, RFC 8489 §2):
/// the socket's own address and port, and those that the server sees. A name is looked up anew, for an address of the family of `local`. Takes no longer than `limit`.
///
/// # Errors
/// Why there is no answer, in words.
pub async fn mapped_address(
    local: IpAddr,
    host: &str,
    port: u16,
    limit: Duration,
) -> Result<(SocketAddr, SocketAddr), String> {
    let trust = Trust::nobody();
    let bounds = Bounds { timeout: limit, trust: &trust, progress: &|_| {} };
    let ask = async {
        let server = resolve_beside(host, port, local, bounds).await.map_err(|error| error.to_string())?;
        let mut link = Link::datagrams_from(local, server).await.map_err(|error| error.to_string())?;
        let bound = binding(&mut link, bounds).await;
        bound.map(|bound| (link.local, bound.mapped)).map_err(|fault| fault.to_string())
    };
    timeout(limit, ask).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}
