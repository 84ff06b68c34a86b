#![allow(unsafe_code, reason = "reads and writes the socket addresses that the kernel reads and writes")]

use std::ffi::c_void;
use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// A socket address in the kernel's form: 28 bytes, where `sockaddr_storage` has 128 to clear for each datagram.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) union RawAddr {
    family: libc::sa_family_t,
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

impl RawAddr {
    /// The room there is, for `msg_namelen` of a receive call.
    pub(super) const LEN: libc::socklen_t = size_of::<Self>() as libc::socklen_t;

    /// No address: family 0.
    pub(super) fn zeroed() -> Self {
        // SAFETY: all three variants are plain integers and arrays of them, for which zero is a valid value.
        unsafe { mem::zeroed() }
    }

    /// The address, and its length for `msg_namelen` of a send call.
    pub(super) fn encode(addr: &SocketAddr) -> (Self, libc::socklen_t) {
        let mut raw = Self::zeroed();
        match addr {
            SocketAddr::V4(v4) => {
                raw.v4 = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: v4.port().to_be(),
                    sin_addr: encode_v4(*v4.ip()),
                    sin_zero: [0; 8],
                };
                (raw, size_of::<libc::sockaddr_in>() as libc::socklen_t)
            }
            SocketAddr::V6(v6) => {
                raw.v6 = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: v6.port().to_be(),
                    sin6_flowinfo: v6.flowinfo(),
                    sin6_addr: encode_v6(*v6.ip()),
                    sin6_scope_id: v6.scope_id(),
                };
                (raw, Self::LEN)
            }
        }
    }

    /// The address that the kernel wrote; `None` for a family other than the two.
    pub(super) fn decode(&self) -> Option<SocketAddr> {
        // SAFETY: every variant begins with the family, and any bytes are a valid integer.
        match i32::from(unsafe { self.family }) {
            libc::AF_INET => {
                // SAFETY: the family says that the kernel wrote this variant; any bytes are valid for it.
                let v4 = unsafe { self.v4 };
                let ip = decode_v4(v4.sin_addr);
                Some(SocketAddr::V4(SocketAddrV4::new(ip, u16::from_be(v4.sin_port))))
            }
            libc::AF_INET6 => {
                // SAFETY: the family says that the kernel wrote this variant; any bytes are valid for it.
                let v6 = unsafe { self.v6 };
                let ip = decode_v6(v6.sin6_addr);
                // The flow label is the sender's affair: with it, one client would look like several.
                Some(SocketAddr::V6(SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), 0, v6.sin6_scope_id)))
            }
            _ => None,
        }
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut c_void {
        (&raw mut *self).cast()
    }
}

pub(super) fn encode_v4(ip: Ipv4Addr) -> libc::in_addr {
    libc::in_addr { s_addr: u32::from(ip).to_be() }
}

pub(super) fn encode_v6(ip: Ipv6Addr) -> libc::in6_addr {
    libc::in6_addr { s6_addr: ip.octets() }
}

pub(super) fn decode_v4(raw: libc::in_addr) -> Ipv4Addr {
    Ipv4Addr::from(u32::from_be(raw.s_addr))
}

pub(super) fn decode_v6(raw: libc::in6_addr) -> Ipv6Addr {
    Ipv6Addr::from(raw.s6_addr)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_way_to_the_kernels_form_and_back() {
        for text in ["127.0.0.1:3478", "255.255.255.255:65535", "[::1]:1", "[fe80::1%7]:3478"] {
            let addr: SocketAddr = text.parse().unwrap();
            let (raw, len) = RawAddr::encode(&addr);
            assert_eq!(raw.decode(), Some(addr));
            assert_eq!(len, if addr.is_ipv4() { 16 } else { 28 });
        }
        assert_eq!(RawAddr::zeroed().decode(), None);
    }
}
