#![allow(unsafe_code, reason = "reads and writes control messages, which only C macros describe")]

use std::net::IpAddr;

use super::raw_addr::{decode_v4, decode_v6, encode_v4, encode_v6};

/// Room for one control message that names a local address: `in6_pktinfo` is the larger with 20 bytes after a header
/// of 16. Words, so that it is aligned as `cmsghdr` asks.
pub(super) type Control = [u64; 8];

/// Bytes of [`Control`].
pub(super) const CONTROL_BYTES: usize = size_of::<Control>();

/// The local address that the datagram of `header` was sent to, where the socket was asked to tell.
///
/// # Safety
///
/// `header.msg_control` is null, or points to `header.msg_controllen` readable bytes, aligned for `cmsghdr`, that the
/// kernel wrote.
pub(super) unsafe fn decode_local(header: &libc::msghdr) -> Option<IpAddr> {
    // SAFETY: the caller vouches for the control buffer; CMSG_FIRSTHDR gives null or a header that lies wholly inside.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !message.is_null() {
        // SAFETY: not null, so a whole header inside the buffer.
        let (level, kind) = unsafe { ((*message).cmsg_level, (*message).cmsg_type) };
        match (level, kind) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                // SAFETY: the kernel wrote a whole in_pktinfo after a header of this kind; no alignment is assumed.
                let info: libc::in_pktinfo =
                    unsafe { libc::CMSG_DATA(message).cast::<libc::in_pktinfo>().read_unaligned() };
                return Some(IpAddr::V4(decode_v4(info.ipi_addr)));
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                // SAFETY: as above, with an in6_pktinfo.
                let info: libc::in6_pktinfo =
                    unsafe { libc::CMSG_DATA(message).cast::<libc::in6_pktinfo>().read_unaligned() };
                return Some(IpAddr::V6(decode_v6(info.ipi6_addr)));
            }
            // SAFETY: `message` came from these macros over the same header.
            _ => message = unsafe { libc::CMSG_NXTHDR(header, message) },
        }
    }
    None
}

/// Writes the control message that makes a datagram leave from `ip`, and gives the bytes used.
pub(super) fn encode_source(control: &mut Control, ip: IpAddr) -> usize {
    match ip {
        IpAddr::V4(v4) => {
            // The source is `ipi_spec_dst`; interface 0 leaves the route to the kernel.
            let info = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: encode_v4(v4), ipi_addr: encode_v4(v4) };
            encode(control, libc::IPPROTO_IP, libc::IP_PKTINFO, info)
        }
        IpAddr::V6(v6) => {
            let info = libc::in6_pktinfo { ipi6_addr: encode_v6(v6), ipi6_ifindex: 0 };
            encode(control, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info)
        }
    }
}

/// Writes the control message that has the bytes of one message leave as datagrams of `bytes` each, and gives the bytes used.
pub(super) fn encode_segment(control: &mut Control, bytes: u16) -> usize {
    encode(control, libc::SOL_UDP, libc::UDP_SEGMENT, bytes)
}

fn encode<T: Copy>(control: &mut Control, level: libc::c_int, kind: libc::c_int, info: T) -> usize {
    let data_bytes = size_of::<T>() as libc::c_uint;
    // SAFETY: both macros only compute.
    let (len, space) = unsafe { (libc::CMSG_LEN(data_bytes) as usize, libc::CMSG_SPACE(data_bytes) as usize) };
    assert!(space <= CONTROL_BYTES, "a control message of {space} bytes fits into {CONTROL_BYTES}");
    *control = Control::default();
    let message = control.as_mut_ptr().cast::<libc::cmsghdr>();
    // SAFETY: the buffer is aligned for cmsghdr (words) and, as asserted, has room for header and data; CMSG_DATA
    // computes the data's place behind the header.
    unsafe {
        (*message).cmsg_len = len as _;
        (*message).cmsg_level = level;
        (*message).cmsg_type = kind;
        libc::CMSG_DATA(message).cast::<T>().write_unaligned(info);
    }
    space
}
