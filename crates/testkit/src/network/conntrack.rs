use anyhow::{Context, Result, ensure};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

/// The answer to a request (`linux/netlink.h`).
const NLMSG_ERROR: u16 = 2;

/// Forgets every connection that this network namespace knows of, and with them every mapping of its NAT.
///
/// One message of `linux/netfilter/nfnetlink_conntrack.h`: delete, and no word about which.
pub(super) fn flush() -> Result<()> {
    const CONNTRACK_DELETE: u16 = 1 << 8 | 2;
    const REQUEST_AND_ACKNOWLEDGE: u16 = 1 | 4;
    let mut request = Vec::new();
    request.extend_from_slice(&20_u32.to_ne_bytes());
    request.extend_from_slice(&CONNTRACK_DELETE.to_ne_bytes());
    request.extend_from_slice(&REQUEST_AND_ACKNOWLEDGE.to_ne_bytes());
    // Its number, the sender's port, then family, version and subsystem: all as zeros.
    request.resize(20, 0);

    let (family, protocol) = (AddressFamily::NETLINK, Some(netlink::NETFILTER));
    let socket = rustix::net::socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
    let kernel = netlink::SocketAddrNetlink::new(0, 0);
    rustix::net::sendto(&socket, &request, SendFlags::empty(), &kernel)?;
    let mut answer = [0; 1_024];
    let (_, length) = rustix::net::recv(&socket, &mut answer[..], RecvFlags::empty())?;
    let number = |at: usize| Some(i32::from_ne_bytes(answer[..length].get(at..at + 4)?.try_into().ok()?));
    let kind = u16::from_ne_bytes([answer[4], answer[5]]);
    let error = number(16).filter(|_| kind == NLMSG_ERROR).context("no acknowledgement for a flush of connections")?;
    ensure!(error == 0, "a flush of connections failed: {}", std::io::Error::from_raw_os_error(-error));
    Ok(())
}
